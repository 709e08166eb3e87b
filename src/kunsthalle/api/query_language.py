"""Parse queries: the Lucene syntax as far as Global Search documents it, for all searches of the product.

* `word`, `"a phrase"`: anywhere in a resource; `field:word`, `field:"exact value"`, `field:(one OR other)`
* `*` and `?` in words; a backslash makes the next character mean itself
* `field:[low TO high]`, `field:{low TO high}`, mixed, with `*` for an open end; `field:>low`, `>=`, `<`, `<=`
* `field:*` and `_exists_:field`: the field has a value
* `AND`, `&&`, `OR`, `||`, `NOT`, `!`, `+`, `-`, parentheses. Clauses side by side are alternatives, of which those with
  `+` must match and those with `NOT`, `!` or `-` must not.
  In a search that wants all of them (`together`), each must match.
* `^2` (a boost) is read and has no effect: results come newest first.

Every bound of this module limits what one query can cost.
"""

from __future__ import annotations

import re

from kunsthalle.core.errors import Problem, invalid
from kunsthalle.core.loop_turns import LOOP_TURNS
from kunsthalle.core.records import dataclass
from kunsthalle.db.wildcards import Pattern, Wild

MAX_CHARACTERS = 8_192
MAX_TERMS = 128
MAX_DEPTH = 24
MAX_WILDCARDS = 8
"""In one term."""


@dataclass(frozen=True, slots=True)
class Everything:
    """Match every resource."""


@dataclass(frozen=True, slots=True)
class Word:
    """Match a resource in which the pattern stands as a word, or as several."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Phrase:
    """Match a resource that contains the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Term:
    """Match a resource whose field has a value that is what the pattern describes."""

    field: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range."""

    text: str
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Range:
    """Match a resource whose field has a value between two ends; None is an open end."""

    field: str
    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, slots=True)
class Exists:
    """Match a resource whose field has a value."""

    field: str


@dataclass(frozen=True, slots=True)
class Not:
    """Match what the inner node does not match."""

    inner: Node


@dataclass(frozen=True, slots=True)
class And:
    """Match what all nodes match."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Match what any node matches."""

    nodes: tuple[Node, ...]


Node = Everything | Word | Phrase | Term | Range | Exists | Not | And | Or

_SPACE = re.compile(r"\s*")
_AND = re.compile(r"&&|AND(?=[\s()]|$)")
_OR = re.compile(r"\|\||OR(?=[\s()]|$)")
_NOT = re.compile(r"!(?=\S)|-(?=\S)|NOT(?=[\s()]|$)")
_ALL = re.compile(r"\*:\*")
_OPEN, _CLOSE = re.compile(r"\("), re.compile(r"\)")
_MUST = re.compile(r"\+(?=\S)")
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*):(?=\S)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r'(?:[^\s()"\\]|\\.)+', re.DOTALL)
_END = r'("(?:[^"\\]|\\.)*"|(?:[^\s"\]}\\]|\\.)+)'
_RANGE = re.compile(rf"([\[{{])\s*{_END}\s+TO\s+{_END}\s*([\]}}])", re.DOTALL)
_COMPARE = re.compile(r'([<>]=?)("(?:[^"\\]|\\.)*"|(?:[^\s()"\\]|\\.)+)', re.DOTALL)
_BOOST = re.compile(r"\^[0-9]+(\.[0-9]+)?(?=[\s)]|$)")
_WORD_BOOST = re.compile(r"(?<!\\)\^[0-9]+(\.[0-9]+)?$")
_FUZZY = re.compile(r"(?<!\\)~[0-9.]*$")
_WILD = {wild.value: wild for wild in (Wild.MANY, Wild.ONE)}


def refused(why: str) -> Problem:
    """400 for a query; `why` says what is wrong and what is allowed."""
    return invalid("bad_request", f"Invalid query: {why}", "query")


def unescaped(text: str) -> str:
    """The text with every escaped character as itself."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def parse(text: str, *, together: bool = False) -> Node:
    """Return the query as a tree. 400 for what is none, naming the character. Clauses side by side are alternatives,
    or, `together`, must all match.
    """
    if len(text) > MAX_CHARACTERS:
        raise refused(f"it has {len(text)} characters; at most {MAX_CHARACTERS} are allowed.")
    if "\0" in text:
        raise refused("it contains a NUL character.")
    return _Parser(text, together).query()


class _Parser:
    """Recursive descent over the text; `_at` is the next character."""

    def __init__(self, text: str, together: bool) -> None:
        self._text = text
        self._together = together
        self._at = 0
        self._terms = 0

    def query(self) -> Node:
        if not self._text.strip():
            return Everything()
        node = self._group("", 0)
        if not self._ended():
            raise self._wrong("a parenthesis closes here that was not opened")
        return node

    def _wrong(self, why: str) -> Problem:
        return refused(f"{why}, at character {self._at + 1}.")

    def _ended(self) -> bool:
        return self._take(_SPACE) is not None and self._at == len(self._text)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _operator(self, pattern: re.Pattern[str]) -> bool:
        self._take(_SPACE)
        return self._take(pattern) is not None

    def _closes(self) -> bool:
        return self._ended() or self._text[self._at] == ")"

    def _group(self, field: str, depth: int) -> Node:
        """Clauses side by side, up to a closing parenthesis or the end."""
        must: list[Node] = []
        may: list[Node] = []
        joined = False
        while True:
            sign, node = self._conjunction(field, depth)
            follows = self._operator(_OR)
            if joined or follows or not (sign or self._together):
                may.append(Not(node) if sign == "-" else node)
            else:
                must.append(Not(node) if sign == "-" else node)
            joined = follows
            if not follows and self._closes():
                break
        required = any(not isinstance(node, Not) for node in must)
        if may and not required:
            must.append(may[0] if len(may) == 1 else Or(tuple(may)))
        return must[0] if len(must) == 1 else And(tuple(must))

    def _conjunction(self, field: str, depth: int) -> tuple[str, Node]:
        """Clauses joined by AND; of a single one its sign, which the clauses beside it give a meaning."""
        sign, node = self._clause(field, depth)
        if not self._operator(_AND):
            return sign, node
        nodes = [Not(node) if sign == "-" else node]
        while True:
            sign, node = self._clause(field, depth)
            nodes.append(Not(node) if sign == "-" else node)
            if not self._operator(_AND):
                return "", And(tuple(nodes))

    def _clause(self, field: str, depth: int) -> tuple[str, Node]:
        if self._operator(_NOT):
            return "-", self._operand(field, depth + 1)
        return ("+" if self._operator(_MUST) else ""), self._operand(field, depth)

    def _operand(self, field: str, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._wrong(f"it is nested more than {MAX_DEPTH} deep")
        if self._operator(_NOT):
            return Not(self._operand(field, depth + 1))
        if self._operator(_ALL):
            return self._counted(Everything())
        named = self._take(_FIELD)
        if named is not None:
            return self._value(named[1], depth + 1)
        return self._value(field, depth)

    def _value(self, field: str, depth: int) -> Node:
        if self._take(_OPEN):
            inner = self._group(field, depth + 1)
            if not self._operator(_CLOSE):
                raise self._wrong("a parenthesis is not closed")
            self._take(_BOOST)
            return inner
        node = self._range(field) if field else None
        return self._counted(node or self._simple(field))

    def _counted(self, node: Node) -> Node:
        LOOP_TURNS.give_way()
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise refused(f"it has more than {MAX_TERMS} terms; ask several queries.")
        return node

    def _range(self, field: str) -> Node | None:
        match = self._take(_RANGE)
        if match is not None:
            opened, low, high, closed = match.groups()
            return Range(field, _bound(low, opened == "["), _bound(high, closed == "]"))
        if self._text.startswith(("[", "{"), self._at):
            raise self._wrong("a range is [low TO high] or {low TO high}; write \\[ for the character itself")
        match = self._take(_COMPARE)
        if match is None:
            return None
        end = _bound(match[2], match[1].endswith("="))
        return Range(field, end, None) if match[1].startswith(">") else Range(field, None, end)

    def _simple(self, field: str) -> Node:
        quoted = self._take(_QUOTED)
        if quoted is not None:
            self._take(_BOOST)
            if self._text.startswith("~", self._at):
                raise self._wrong("proximity (~) is not supported; write the whole phrase")
            return _exactly(field, unescaped(quoted[1]))
        begin, match = self._at, self._take(_WORD)
        if match is None:
            raise self._wrong("a term is missing, or a quotation mark is not closed")
        return self._word(field, match[0], begin)

    def _word(self, field: str, word: str, begin: int) -> Node:
        self._at, end = begin, self._at
        if word in {"AND", "OR", "NOT"}:
            raise self._wrong(f"a term is missing before {word}")
        if not field and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*:", word):
            raise self._wrong("a field has no value")
        word = _WORD_BOOST.sub("", word)
        if _FUZZY.search(word):
            raise self._wrong("fuzzy terms (~) are not supported; use * and ?, or write \\~ for the character itself")
        if word.startswith("/") and word.endswith("/"):
            raise self._wrong("regular expressions are not supported; use * and ?")
        pattern = _pattern(word)
        if sum(isinstance(part, Wild) for part in pattern) > MAX_WILDCARDS:
            raise self._wrong(f"a term has more than {MAX_WILDCARDS} wildcards")
        self._at = end
        return _meaning(field, pattern)


def _bound(text: str, inclusive: bool) -> Bound | None:
    if text == "*":
        return None
    return Bound(unescaped(text[1:-1] if text.startswith('"') else text), inclusive)


def _pattern(word: str) -> Pattern:
    """The word as texts and wildcards; neighbouring `*` are one."""
    parts: list[str | Wild] = []
    for match in re.finditer(r"\\(.)|([*?])|([^\\*?]+)", word, re.DOTALL):
        escaped, wild, plain = match.groups()
        if wild is None and parts and isinstance(parts[-1], str):
            parts[-1] += escaped or plain
        elif wild is None:
            parts.append(escaped or plain)
        elif wild != "*" or parts[-1:] != [Wild.MANY]:
            parts.append(_WILD[wild])
    return tuple(parts)


def _exactly(field: str, text: str) -> Node:
    if field == "_exists_":
        return Exists(text)
    return Term(field, (text,)) if field else Phrase(text)


def _meaning(field: str, pattern: Pattern) -> Node:
    if field == "_exists_":
        name = pattern[0]
        if len(pattern) != 1 or isinstance(name, Wild):
            raise refused("_exists_ takes the name of one field, such as _exists_:tags.")
        return Exists(name)
    if pattern == (Wild.MANY,):
        return Exists(field) if field else Everything()
    return Term(field, pattern) if field else Word(pattern)
