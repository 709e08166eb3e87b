"""Pages of what a context may read: by the key of the last item, or by offset. Both are bounded in items and bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Integer, Select, bindparam, literal, select, tuple_

from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.list_versions import Listed, at, from_key, place, windowed
from kunsthalle.db.page_bytes import PAGE_BYTES, Window, fitting
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import (
    ResourceType,
    behind_key,
    count,
    item_bytes,
    newest_first,
    seen_by,
    sees_whole_account,
    statement_of,
    values_of,
    visible,
)

M = TypeVar("M")


class Page(Struct, Generic[M], frozen=True):
    """`last` is the key of the last item when more follow."""

    items: list[M]
    total: int
    last: tuple[int, str] | None


def page(
    session: Session,
    kind: ResourceType[M],
    *where: ColumnElement[bool],
    after: tuple[int, str] | None = None,
    limit: int = 50,
) -> Page[M]:
    """A page, newest first, from behind the key `(created_at, id)`: stable while rows come and go.

    It ends early where its documents are large together (`PAGE_BYTES`).
    """
    total = count(session, kind, *where)
    if where or kind.others is not None:
        conditions = where if after is None else (*where, *behind_key(kind, *after))
        window = _window(session, kind, *conditions, order=newest_first(kind), limit=limit)
    else:
        values = {"account": session.ctx.account_id, "limit": limit + 1}
        if after is not None:
            values |= {"moment": after[0], "id": after[1]}
        statement = statement_of(session, kind, "newest" if after is None else "older")
        window = _fitting_window(session, kind, statement, values, limit)
    end: Any = window.items[-1] if window.passed else None
    return Page(window.items, total, None if end is None else (end.created_at, end.id))


def ordered(
    session: Session,
    kind: ResourceType[M],
    *where: ColumnElement[bool],
    column: Column[Any],
    descending: bool,
    after: tuple[int, str] | None,
    limit: int,
) -> Page[M]:
    """A page in the order of a column, and of ids where that is the same; `last` is the place and id of its last item.

    When the item that a page ended with is gone, the next page begins with the one that took its place.
    """
    id_, total = kind.table.c.id, count(session, kind, *where)
    order = (column.desc(), id_.desc()) if descending else (column, id_)
    begin, behind = 0, where
    offset: int | None = None
    if after is not None:
        last = values_of(session, kind, [column], *where, id_ == after[1])
        begin = after[0] + bool(last)
        if last:
            place, its = tuple_(column, id_), tuple_(literal(last[0][0], column.type), literal(after[1]))
            behind = (*where, place < its if descending else place > its)
        else:
            offset = begin
    window = _window(session, kind, *behind, order=order, limit=limit, offset=offset)
    end: Any = window.items[-1] if window.passed else None
    return Page(window.items, total, None if end is None else (begin + len(window.items) - 1, end.id))


def window(
    session: Session,
    kind: ResourceType[M],
    *where: ColumnElement[bool],
    order: Any,
    offset: int,
    limit: int,
    most_bytes: int = PAGE_BYTES,
) -> Window[M]:
    """A window by offset, for the API families that page that way; ties are kept in a fixed order by id.

    `order` is a column, or a tuple of several.

    It ends early where its documents are large together.
    """
    ordered = (*(order if isinstance(order, tuple) else (order,)), kind.table.c.id)
    return _window(session, kind, *where, order=ordered, offset=offset, limit=limit, most_bytes=most_bytes)


def _window(
    session: Session,
    kind: ResourceType[M],
    *where: ColumnElement[bool],
    order: tuple[Any, ...],
    limit: int,
    offset: int | None = None,
    most_bytes: int = PAGE_BYTES,
) -> Window[M]:
    statement = _sized(kind).where(visible(session, kind), *where)
    with session.execute(statement.order_by(*order).offset(offset).limit(limit + 1)) as result:
        rows, more = fitting(result, limit, most_bytes)
    return _made(kind, rows, more=more)


def _made(kind: ResourceType[M], rows: list[Sequence[Any]], *, more: bool) -> Window[M]:
    return Window([kind.from_row(row[:-1]) for row in rows], len(rows) if more else None)


def leaf(
    session: Session,
    kind: ResourceType[M],
    equal: Mapping[Column[Any], Any],
    stamp: tuple[int, ...],
    *,
    order: Column[Any],
    offset: int,
    limit: int,
) -> tuple[int, Window[M]]:
    """`count` and `window` of the rows with some values: a list that bears a stamp, of a kind that no other account
    sees anything of.
    """

    def where() -> list[ColumnElement[bool]]:
        return [column == value for column, value in equal.items()]

    if not sees_whole_account(session, kind):
        return count(session, kind, *where()), window(session, kind, *where(), order=order, offset=offset, limit=limit)
    values = {column.key: value for column, value in equal.items()}
    name, keys = (kind.name, session.ctx.account_id, *values.items()), (order, kind.table.c.id)
    begin = place(session, Listed(name, stamp, keys, lambda: [(visible(session, kind), *where())]), offset)
    if offset >= begin.total:
        return begin.total, Window([])

    def make(seen: ColumnElement[bool]) -> Select[Any]:
        conditions = (column == bindparam(column.key, None) for column in equal)
        rows: Select[Any] = windowed(_sized(kind).where(seen, *conditions, *from_key(keys, begin.key)).order_by(*keys))
        return rows

    statement = seen_by(session, kind, ("leaf", tuple(values), order, begin.key is None), make)
    values |= {"account": session.ctx.account_id, **at(begin.key, begin.skipped, limit + 1)}
    return begin.total, _fitting_window(session, kind, statement, values, limit)


def matching_window(
    session: Session,
    kind: ResourceType[M],
    where: tuple[ColumnElement[bool], ...],
    order: Column[Any],
    limit: int,
    **values: Any,
) -> Window[M]:
    """The first window by conditions that are made once, and values that come with each call (`matching`)."""
    statement = seen_by(session, kind, ("window", where, order), lambda seen: _first(kind, seen, *where, order=order))
    values |= {"account": session.ctx.account_id, "limit": limit + 1}
    return _fitting_window(session, kind, statement, values, limit)


def _fitting_window(
    session: Session, kind: ResourceType[M], statement: CompiledSelect, values: Mapping[str, Any], limit: int
) -> Window[M]:
    with closing(statement.each(session, values)) as each:
        rows, more = fitting(each, limit)
    return _made(kind, rows, more=more)


def _first(kind: ResourceType[Any], *where: ColumnElement[bool], order: Column[Any]) -> Select[Any]:
    limit = bindparam("limit", None, Integer())
    return _sized(kind).where(*where).order_by(order, kind.table.c.id).limit(limit)


def _sized(kind: ResourceType[Any]) -> Select[Any]:
    """Rows with their sizes."""
    return select(kind.table, item_bytes(kind))
