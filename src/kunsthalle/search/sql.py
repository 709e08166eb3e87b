"""Turn a query into a condition on the rows of one kind of resource: what matches, neither more nor less.

A field is a constant of the kind, a text that SQL can say, a moment, or tags. Constants are decided here; the rest is
the database's work, which its time budget bounds (docs/decisions/0021-bounded-work.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Any, assert_never

from sqlalchemy import CTE, ColumnElement, Text, and_, case, false, func, literal, or_, true, type_coerce

from kunsthalle.api.query_language import And, Everything, Exists, Node, Not, Or, Phrase, Range, Term, Word, refused
from kunsthalle.core.clock import moment
from kunsthalle.core.crn import parse as parse_crn
from kunsthalle.core.loop_turns import LOOP_TURNS
from kunsthalle.core.records import dataclass
from kunsthalle.core.regions import REGIONS
from kunsthalle.db.session import Session
from kunsthalle.db.tag_tables import tag_links
from kunsthalle.db.unscoped import ids_where, worked_out
from kunsthalle.db.wildcards import (
    Pattern,
    Wild,
    any_item,
    fold,
    folded,
    folded_pattern,
    glob_of,
    matches,
    matches_any,
    spaced,
    words,
)
from kunsthalle.search.searchable_resources import Searched

Condition = ColumnElement[bool]
_KEPT = 2_000
"""Expressions that are kept, one for each kind and account: a search needs each of its account three times."""
_ALIASES = {
    "tag": "tags",
    "access_tag": "access_tags",
    "service_tag": "service_tags",
    "id": "resource_id",
    "doc.resource_group_id": "resource_group_id",
}


@dataclass(frozen=True)
class _Constant:
    """A value that all resources of a kind share."""

    value: str


@dataclass(frozen=True, eq=False)
class _Text:
    """A text of each row. `exact` texts tell case apart."""

    expression: ColumnElement[Any]
    exact: bool = False


@dataclass(frozen=True, eq=False)
class _Id(_Text):
    """The CRN: a whole one is looked up by the id in it, which has an index."""


@dataclass(frozen=True)
class _Moment:
    """A moment in microseconds."""

    column: ColumnElement[Any]


@dataclass(frozen=True)
class _Tags:
    """The names of tags, which are rows of their own: `having` makes the condition that one of them meets another."""

    having: Callable[[Callable[[ColumnElement[Any]], Condition] | None], Condition]


Field = _Constant | _Text | _Moment | _Tags


@cache
def location(searched: Searched) -> ColumnElement[Any]:
    """Where a resource is, as its CRN says it: a zone, a region, `global`, or nothing."""
    columns = searched.kind.table.c
    if searched.location is not None:
        return literal(searched.location)
    for name in ("zone", "location"):
        if name in columns:
            return columns[name]
    prefixes = {region.prefix: region.name for region in REGIONS.values()}
    return case(prefixes, value=func.substr(columns.id, 1, 4), else_="")


@lru_cache(_KEPT)
def crn(searched: Searched, account_id: str) -> ColumnElement[Any]:
    """The CRN of a row."""
    columns = searched.kind.table.c
    begin = literal(f"crn:v1:bluemix:public:{searched.service}:") + location(searched) + literal(f":a/{account_id}:")
    instance = columns[searched.instance] if searched.instance else literal("")
    resource: ColumnElement[Any] = literal("") if searched.whole else columns.id
    for above in reversed(searched.above):
        resource = columns[above] + literal("/") + resource
    return begin + instance + literal(f":{searched.crn_type}:") + resource


def constants(searched: Searched, account_id: str) -> dict[str, str]:
    """The fields that all resources of a kind share."""
    return {
        "type": searched.type,
        "family": searched.family,
        "service_name": searched.service,
        "account_id": account_id,
    }


def condition(session: Session, node: Node, searched: Searched) -> Condition:
    """The condition on the kind's table. 400 for a value that a field cannot have, such as a word for a date."""
    compiler = _Compiler(session, searched)
    compiled = compiler.compile(node)
    return and_(compiled, compiler.joined) if compiler.joined is not None else compiled


class _Compiler:
    """Compiles for one kind of resource."""

    def __init__(self, session: Session, searched: Searched) -> None:
        self._session = session
        self._one = searched
        self._table = searched.kind.table
        self._fields = self._known()
        self._words: tuple[CTE, CTE] | None = None
        self.joined: Condition | None = None

    def _known(self) -> Mapping[str, Field]:
        searched, columns = self._one, self._one.kind.table.c
        fields: dict[str, Field] = {
            name: _Constant(value) for name, value in constants(searched, self._session.ctx.account_id).items()
        }
        fields |= {
            "crn": _Id(crn(searched, self._session.ctx.account_id), exact=True),
            "name": _Text(columns[searched.name]),
            "resource_id": _Text(columns.id),
            "region": _Constant("global") if searched.location is not None else _Text(location(searched)),
            "creation_date": _Moment(columns.created_at),
            "tags": _Tags(self._own_tags if searched.own_tags else self._linked("user")),
            "access_tags": _Tags(self._linked("access")),
        }
        if "resource_group_id" in columns:
            fields["resource_group_id"] = _Text(columns.resource_group_id)
        if "updated_at" in columns:
            fields["modification_date"] = _Moment(columns.updated_at)
        return fields

    def _linked(self, type_: str) -> Callable[[Callable[[ColumnElement[Any]], Condition] | None], Condition]:
        links = tag_links.c
        conditions = (links.account_id == self._session.ctx.account_id, links.type == type_)
        kind = links.thing_kind == self._one.kind.name

        def having(tag: Callable[[ColumnElement[Any]], Condition] | None) -> Condition:
            tag_condition = () if tag is None else (tag(links.name),)
            return self._one.kind.table.c.id.in_(ids_where(links.thing_id, *conditions, kind, *tag_condition))

        return having

    def _own_tags(self, tag: Callable[[ColumnElement[Any]], Condition] | None) -> Condition:
        column = self._one.kind.table.c[self._one.own_tags]
        return any_item(self._session.dialect, column, tag or (lambda _value: true()))

    def compile(self, node: Node) -> Condition:
        LOOP_TURNS.give_way()
        match node:
            case Everything():
                return true()
            case Not(inner):
                return ~self.compile(inner)
            case And(nodes):
                return and_(true(), *(self.compile(each) for each in nodes))
            case Or(nodes):
                return or_(false(), *self._alternatives(nodes))
            case Word() | Phrase():
                return self._anywhere((_in_words(node),))
            case Term() | Range() | Exists():
                field = self._field(node)
                return false() if field is None else _on(field, node, self._one)
            case _:
                assert_never(node)

    def _field(self, node: Term | Range | Exists) -> Field | None:
        return self._fields.get(_ALIASES.get(node.field, node.field))

    def _alternatives(self, nodes: tuple[Node, ...]) -> Iterator[Condition]:
        """One condition for each node, but for the patterns of one text, and for words, which are one together."""
        patterns: dict[_Text, list[Pattern]] = {}
        anywhere: list[Pattern] = []
        for node in nodes:
            field = self._field(node) if isinstance(node, Term) else None
            if isinstance(node, Word | Phrase):
                anywhere.append(_in_words(node))
            elif isinstance(node, Term) and isinstance(field, _Text) and not field.exact:
                patterns.setdefault(field, []).append(folded_pattern(node.pattern))
            else:
                yield self.compile(node)
        LOOP_TURNS.give_way()
        for text, several in patterns.items():
            expression = folded(text.expression)
            yield _same(expression, several[0]) if len(several) == 1 else matches_any(expression, tuple(several))
        if anywhere:
            yield self._anywhere(tuple(anywhere))

    def _anywhere(self, patterns: tuple[Pattern, ...]) -> Condition:
        """One of the patterns describes what `_texts` works out of a row, or of one of its tags."""
        if self._words is None:
            self._words = self._texts()
            self.joined = self._words[0].c.id == self._table.c.id
        texts, tags = self._words
        own = [_one_of(text, patterns) for text in texts.c if text.name != "id"]
        tagged = ids_where(tags.c.id, _one_of(tags.c.text, patterns))
        return or_(*own, self._table.c.id.in_(tagged))

    def _texts(self) -> tuple[CTE, CTE]:
        """The words of each row (its name, its CRN, and what the CRN leaves out of its kind), and those of its tags."""
        searched, account_id = self._one, self._session.ctx.account_id
        text = crn(searched, account_id) + literal(f" {searched.type} {searched.family}")
        columns = [self._table.c.id, words(self._table.c[searched.name]).label("name"), words(text).label("crn")]
        if searched.own_tags:
            columns.append(words(type_coerce(self._table.c[searched.own_tags], Text)).label("tags"))
        links = tag_links.c
        shown = links.type == "access" if searched.own_tags else true()
        conditions = (links.account_id == account_id, links.thing_kind == searched.kind.name, shown)
        return (
            worked_out("texts", columns, self._table.c.account_id == account_id),
            worked_out("tag_texts", [links.thing_id.label("id"), words(links.name).label("text")], *conditions),
        )


def _in_words(node: Word | Phrase) -> Pattern:
    """What the words of a text must be: free words stand between spaces, phrases anywhere."""
    if isinstance(node, Phrase):
        return (Wild.MANY, spaced(node.text), Wild.MANY)
    parts = (part if isinstance(part, Wild) else spaced(part) for part in node.pattern)
    return (Wild.MANY, " ", *parts, " ", Wild.MANY)


def _one_of(text: ColumnElement[Any], patterns: tuple[Pattern, ...]) -> Condition:
    return matches(text, patterns[0]) if len(patterns) == 1 else matches_any(text, patterns)


def _on(field: Field, node: Term | Range | Exists, searched: Searched) -> Condition:
    if isinstance(node, Term):
        return _term(field, node.pattern, searched)
    return _range(field, node) if isinstance(node, Range) else _exists(field)


def _exists(field: Field) -> Condition:
    if isinstance(field, _Tags):
        return field.having(None)
    if isinstance(field, _Text):
        return field.expression != ""
    return true()


def _term(field: Field, pattern: Pattern, searched: Searched) -> Condition:
    if isinstance(field, _Constant):
        return true() if fnmatchcase(fold(field.value), glob_of(folded_pattern(pattern))) else false()
    if isinstance(field, _Moment):
        begin, end = _period(_plain(pattern))
        return and_(field.column >= begin, field.column < end)
    if isinstance(field, _Tags):
        return field.having(lambda tag: _same(folded(tag), folded_pattern(pattern)))
    if isinstance(field, _Id) and len(pattern) == 1:
        return _by_crn(field, str(pattern[0]), searched)
    if field.exact:
        return _same(field.expression, pattern)
    return _same(folded(field.expression), folded_pattern(pattern))


def _same(text: ColumnElement[Any], pattern: Pattern) -> Condition:
    if not pattern or (len(pattern) == 1 and isinstance(pattern[0], str)):
        same: Condition = text == (pattern[0] if pattern else "")
        return same
    return matches(text, pattern)


def _by_crn(field: _Id, text: str, searched: Searched) -> Condition:
    """The id in the CRN finds the row; the whole text decides."""
    try:
        id_ = searched.id_in(parse_crn(text))
    except ValueError:
        return false()
    return false() if id_ is None else and_(searched.kind.table.c.id == id_, field.expression == text)


def _range(field: Field, node: Range) -> Condition:
    if isinstance(field, _Moment):
        return _moments_between(field.column, node)
    if isinstance(field, _Tags):
        return field.having(lambda tag: _texts_between(folded(tag), node))
    if isinstance(field, _Constant):
        return true() if _is_between(fold(field.value), node) else false()
    return _texts_between(folded(field.expression), node)


def _is_between(text: str, node: Range) -> bool:
    """`_texts_between` of a text that is known: PostgreSQL would compare two literals in the database's collation."""
    low, high = node.low, node.high
    above = low is None or text > fold(low.text) or (low.inclusive and text == fold(low.text))
    return above and (high is None or text < fold(high.text) or (high.inclusive and text == fold(high.text)))


def _texts_between(text: ColumnElement[Any], node: Range) -> Condition:
    """Texts are compared by their bytes, their ASCII letters in lower case."""
    bounds: Condition = true()
    if node.low is not None:
        low = fold(node.low.text)
        bounds = and_(bounds, text >= low if node.low.inclusive else text > low)
    if node.high is not None:
        high = fold(node.high.text)
        bounds = and_(bounds, text <= high if node.high.inclusive else text < high)
    return bounds


def _moments_between(column: ColumnElement[Any], node: Range) -> Condition:
    """A date means all of its day, month or year: an inclusive end contains it, an exclusive one leaves it out."""
    bounds: Condition = true()
    if node.low is not None:
        begin, end = _period(node.low.text)
        bounds = and_(bounds, column >= (begin if node.low.inclusive else end))
    if node.high is not None:
        begin, end = _period(node.high.text)
        bounds = and_(bounds, column < (end if node.high.inclusive else begin))
    return bounds


def _plain(pattern: Pattern) -> str:
    if any(isinstance(part, Wild) for part in pattern):
        raise refused(f"a date takes no wildcards; {_DATES}, or a range such as [2024-05-01 TO *].")
    return "".join(str(part) for part in pattern)


_DATES = "write 2024, 2024-05, 2024-05-16, 2024-05-16T12:00:00Z, or milliseconds since 1970"
_DAY = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_MILLISECOND = 1_000


def _period(text: str) -> tuple[int, int]:
    """The first moment of what a date means, and the first behind it. 400 for what is no date."""
    try:
        if re.fullmatch(r"\d{5,14}", text):
            return int(text) * _MILLISECOND, (int(text) + 1) * _MILLISECOND
        day = _DAY.fullmatch(text)
        if day is not None:
            return _days(*(None if part is None else int(part) for part in day.groups()))
        zoned = text if re.search(r"(Z|[+-]\d{2}:?\d{2})$", text) else f"{text}Z"
        begin = moment(zoned)
        return begin, begin + (_MILLISECOND if "." in text else _MILLISECOND * 1_000)
    except (ValueError, OverflowError, TypeError) as error:
        raise refused(f"{text[:64]!r} is not a date; {_DATES}.") from error


def _days(year: int | None, month: int | None, day: int | None) -> tuple[int, int]:
    begin = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
    if day is not None:
        end = begin + timedelta(days=1)
    elif month is not None:
        end = (begin + timedelta(days=31)).replace(day=1)
    else:
        end = begin.replace(year=begin.year + 1)
    return moment(begin.isoformat()), moment(end.isoformat())
