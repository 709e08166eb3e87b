"""What a query says of one kind, as a condition that its rows must meet: never less than what matches.

The rows that come back are held against the query itself, so that a condition may be wide but must not be narrow.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, true

from kunsthalle.core.crn import parse
from kunsthalle.search.kinds import Searched
from kunsthalle.search.query import And, Node, Not, Or, Term
from kunsthalle.store.schema.search import tag_links
from kunsthalle.store.tables import rows_of
from kunsthalle.store.unit import Unit

_LINKED = {"tags": "user", "tag": "user", "access_tags": "access", "access_tag": "access"}
_MOST_IDS = 500


def condition(unit: Unit, node: Node, one: Searched) -> ColumnElement[bool]:
    """The condition on the kind's table."""
    if isinstance(node, And):
        return and_(true(), *(condition(unit, each, one) for each in node.all))
    if isinstance(node, Or):
        return or_(false(), *(condition(unit, each, one) for each in node.any))
    return true() if isinstance(node, Not) else _term(unit, node, one)


def constants(one: Searched, account_id: str) -> dict[str, Any]:
    """The fields that all things of a kind share."""
    return {"type": one.type, "family": one.family, "service_name": one.service, "account_id": account_id}


def _term(unit: Unit, term: Term, one: Searched) -> ColumnElement[bool]:
    shared = constants(one, unit.ctx.account_id)
    if term.field in shared:
        return true() if term.matches(shared) else false()
    if not term.plain:
        return true()
    columns = one.kind.table.c
    if term.field == "crn":
        return _crn(term.value, one)
    if term.field == "name" and term.value.isascii():
        return _same(func.lower(columns[one.name]), term.value.lower())
    if term.field in {"resource_id", "resource_group_id"} and term.value.isascii():
        column = "id" if term.field == "resource_id" else "resource_group_id"
        return _same(func.lower(columns[column]), term.value.lower()) if column in columns else true()
    if term.field in _LINKED and not (one.own_tags and _LINKED[term.field] == "user"):
        return _tagged(unit, _LINKED[term.field], term.value, one)
    return true()


def _same(left: Any, right: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = left == right
    return found


def _crn(text: str, one: Searched) -> ColumnElement[bool]:
    try:
        id_ = one.id_in(parse(text))
    except ValueError:
        return false()
    return false() if id_ is None else _same(one.kind.table.c.id, id_)


def _tagged(unit: Unit, type_: str, name: str, one: Searched) -> ColumnElement[bool]:
    columns = tag_links.c
    mine = (columns.account_id == unit.ctx.account_id, columns.type == type_, columns.name == name.lower())
    found = rows_of(unit, tag_links, *mine)
    ids = [id_ for id_ in (one.id_in(parse(row.crn)) for row in found) if id_ is not None]
    return true() if len(ids) > _MOST_IDS else one.kind.table.c.id.in_(ids)
