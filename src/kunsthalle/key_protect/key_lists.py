"""Lists of keys: which are meant, in which order."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, field
from sqlalchemy import ColumnElement, and_, func, not_, or_

from kunsthalle.api.query_params import Fault, Parameters
from kunsthalle.api.request import Request
from kunsthalle.core.clock import SECOND, moment
from kunsthalle.core.errors import Problem
from kunsthalle.core.text_values import FLAG, boolean
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import ids_where
from kunsthalle.key_protect.key_access import RING
from kunsthalle.key_protect.key_refusals import bad_request
from kunsthalle.key_protect.states import DEACTIVATED, NUMBERS
from kunsthalle.key_protect.tables import key_aliases, protected_keys
from kunsthalle.service_instances.models import ServiceInstance

_DEFAULT_LIMIT, _MOST, _FURTHEST = 200, 5_000, 10**8


class PageParameters(Parameters, frozen=True):
    """Which part of a list is meant."""

    limit: Annotated[int, Meta(ge=1, le=_MOST, description="How many a page has at most.")] = _DEFAULT_LIMIT
    offset: Annotated[int, Meta(ge=0, le=_FURTHEST, description="How many come before the page.")] = 0
    counted: Annotated[bool, Meta(description="Whether the answer says how many there are in all.")] = field(
        name="totalCount", default=False
    )


def _states(text: str) -> list[str] | None:
    if not text:
        return None  # as IBM's client for Python sends it where it was given none
    names = {str(number): name for name, number in NUMBERS.items()} | {"0": ""}
    if not set(text.split(",")) <= set(names):
        raise Fault("choice", f"numbers of states between commas: {', '.join(names)}")
    return [names[number] for number in text.split(",")]


class KeyFilters(Parameters, frozen=True):
    """Which keys are meant."""

    state: Annotated[
        list[str] | None,
        Meta(
            description="Only keys in these states, as numbers between commas; otherwise all but destroyed ones.",
            extra={"parse": _states},
        ),
    ] = None
    extractable: Annotated[
        bool | None, Meta(description="Only standard keys (`true`), or only root keys (`false`).")
    ] = None
    search: Annotated[
        str | None,
        Meta(
            description="Only keys with this text in their name or in an alias, whatever the case. Before it may stand "
            "`not:`, `exact:`, `name:`, `alias:`, and last of them `escape:`."
        ),
    ] = None
    filter: Annotated[
        str | None,
        Meta(
            description="Only keys with these properties, with spaces between them: `creationDate`, `deletionDate`, "
            '`expirationDate`, `lastRotateDate`, `lastUpdateDate` (`="2030-01-31T00:00:00Z"`, with `gt:`, `gte:`, '
            "`lt:`, `lte:` before it, or `none`), `extractable`, `state`."
        ),
    ] = None


class KeysParameters(KeyFilters, frozen=True):
    """Of lists of keys."""

    limit: Annotated[int, Meta(ge=1, le=_MOST, description="How many keys a page has at most.")] = _DEFAULT_LIMIT
    offset: Annotated[int, Meta(ge=0, le=_FURTHEST, description="How many keys come before the page.")] = 0
    sort: Annotated[
        str,
        Meta(
            description="`name`, `id`, `state`, `extractable`, `imported`, `creationDate`, `lastUpdateDate`, "
            "`lastRotateDate`, `deletionDate`, `expirationDate`; with `-` before it descending; several between commas."
        ),
    ] = "id"


_DATES = {
    "creationDate": protected_keys.c.created_at,
    "deletionDate": protected_keys.c.deleted_at,
    "expirationDate": protected_keys.c.expires_at,
    "lastRotateDate": protected_keys.c.rotated_at,
    "lastUpdateDate": protected_keys.c.updated_at,
}
_SORTS: dict[str, ColumnElement[Any]] = {
    **{name: protected_keys.c[name] for name in ("name", "id", "state", "extractable", "imported")},
    **_DATES,
}
_MOST_SORTS = 10


def order_of(text: str) -> tuple[Any, ...]:
    """The order of a list: one column after the other."""
    return tuple(_order(part) for part in text.split(",")[:_MOST_SORTS])


def _order(text: str) -> Any:
    column = _SORTS.get(text.removeprefix("-"))
    if column is None:
        raise bad_request("BAD_REQUEST_ERR", f"sort is one of {', '.join(_SORTS)}.", "sort", type_="parameter")
    return column.desc() if text.startswith("-") else column


def _in_states(session: Session, names: list[str] | None) -> ColumnElement[bool]:
    """Keys that are shown in one of the states; that a key is deactivated follows from its date of expiration."""
    columns = protected_keys.c
    if names is None:
        return columns.state != "destroyed"
    expired = and_(columns.expires_at.is_not(None), columns.expires_at <= session.ctx.now())
    stored = [name for name in names if name not in ("", DEACTIVATED)]
    usable = and_(columns.state.in_(stored), or_(columns.state == "destroyed", not_(expired)))
    return or_(usable, and_(columns.state != "destroyed", expired)) if DEACTIVATED in names else usable


_DATE = re.compile(r'(?:(gte|gt|lte|lt):)?"([^"]{1,40})"')
MILLISECOND = SECOND // 1_000
"""Answers show moments to the millisecond: what is equal to one of them is equal so far."""
_COMPARED = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt}
_MOST_PROPERTIES = 30


class _Filter:
    """What the parameter `filter` asks for."""

    def __init__(self, text: str) -> None:
        self.states: list[str] | None = None
        self.extractable: bool | None = None
        self.where: list[ColumnElement[bool]] = []
        for part in text.split()[:_MOST_PROPERTIES]:
            name, _, value = part.partition("=")
            if name == "state":
                self.states = self._read(_states, value)
            elif name == "extractable":
                self.extractable = boolean(value, FLAG)
            elif name in _DATES:
                self.where.append(_on_date(_DATES[name], value))
            else:
                known = ", ".join((*_DATES, "extractable", "state"))
                raise _no_filter(f"{name[:40]!r} is no property to filter by, which are {known}")

    def _read(self, parse: Callable[[str], list[str] | None], value: str) -> list[str] | None:
        try:
            return parse(value)
        except Fault as error:
            raise _no_filter(f"state is {error.allowed}") from error


def _on_date(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    if value.lower() == "none":
        return column.is_(None)
    match = _DATE.fullmatch(value)
    try:
        at = moment(match[2]) if match else None
    except (ValueError, OverflowError):
        at = None
    if match is None or at is None:
        raise _no_filter(f'{value[:60]} is not of the form gte:"2030-01-31T00:00:00Z"')
    return _COMPARED[match[1]](column, at) if match[1] else and_(column >= at, column < at + MILLISECOND)


def _no_filter(text: str) -> Problem:
    return bad_request("BAD_REQUEST_ERR", f"{text}.", "filter", type_="parameter")


_OPTION = re.compile(r"(not|exact|name|alias):")


def _search(text: str) -> ColumnElement[bool]:
    """The keys with a text in name or alias; options stand before the text."""
    options = set()
    while match := _OPTION.match(text):
        options.add(match[1])
        text = text[match.end() :]
    text = text.removeprefix("escape:").lower()
    scopes = options & {"name", "alias"} or {"name", "alias"}

    def has(column: ColumnElement[str]) -> ColumnElement[bool]:
        small = func.lower(column)
        return small == text if "exact" in options else small.contains(text, autoescape=True)

    by_alias = protected_keys.c.id.in_(ids_where(key_aliases.c.key_id, has(key_aliases.c.alias)))
    found_by = {"name": has(protected_keys.c.name), "alias": by_alias}
    matched = or_(protected_keys.c.id == text, *(found_by[scope] for scope in sorted(scopes)))
    return not_(matched) if "not" in options else matched


def wanted(session: Session, request: Request, instance: ServiceInstance, query: KeyFilters) -> list[Any]:
    """The conditions of the keys that a call means. 400 where state or extractable is asked for twice."""
    columns, value = protected_keys.c, _Filter(query.filter or "")
    for name, entry, other in (
        ("state", query.state, value.states),
        ("extractable", query.extractable, value.extractable),
    ):
        if entry is not None and other is not None:
            raise _no_filter(f"{name} is a parameter of its own in this call, and cannot be filtered by too")
    states = value.states if query.state is None else query.state
    extractable = value.extractable if query.extractable is None else query.extractable
    where: list[Any] = [columns.instance_id == instance.id, _in_states(session, states), *value.where]
    if ring := request.headers.get(RING, ""):
        where.append(columns.key_ring_id == ring)
    if extractable is not None:
        where.append(columns.extractable.is_(extractable))
    if query.search:
        where.append(_search(query.search))
    return where
