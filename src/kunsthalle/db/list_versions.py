"""Long lists that are paged by offset: how many they are, and where a page begins, without counting and walking anew.

A list bears a stamp, which counts its changes (`tallies`): whoever changes what a list shows says `changed` before, in
the same transaction. What is remembered of a list, its length and the keys at some of its places, is remembered of one
stamp, and the stamp is read in the transaction that asks. So a page and its total are of one moment, whoever has
written meanwhile, on both engines; a change that is taken back takes its stamp back with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    union,
)

from kunsthalle.core.bounded_tables import renew
from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.counters import add, number
from kunsthalle.db.session import Session

STEP = 100
"""Rows between two places whose keys are remembered: so many at most are walked over."""
_MOST_PLACES = 64
"""Keys that are remembered of one list; of a longer one the steps are longer."""
_MOST_ARMS = 100
"""SQLite joins no more than 500 selects."""
_MOST_STATEMENTS = 500
_statements: dict[Hashable, CompiledSelect] = {}
_lock = threading.Lock()


def changed(session: Session, kind: str, *names: str) -> None:
    """Stamps the lists of a kind by these names anew. Where the engine has row locks, until the commit nobody else
    changes them: what is written next follows from everything that was written before.
    """
    for name in sorted(set(names)):
        add(session, name, kind, 1)


def stamps(session: Session, kind: str, *names: str) -> tuple[int, ...]:
    """The stamps that the lists of a kind bear now."""
    return tuple(number(session, name, kind) for name in names)


class Listed(Struct, frozen=True):
    """A list: the rows that meet the conditions of any of its arms, each row once, in the order of columns of which
    the last is an id. Each arm should be a range of an index in that order, so that the arms are merged as they are.

    `name` tells the list from all others, and `stamp` its content from what it was before. The arms, of which there is
    one at least, are made when a statement is: most pages are asked for by one that is known.
    """

    name: Hashable
    stamp: tuple[int, ...]
    order: tuple[Column[Any], ...]
    make_arms: Callable[[], Sequence[tuple[ColumnElement[bool], ...]]]

    def keys(self, *behind: ColumnElement[bool]) -> Select[Any] | CompoundSelect[Any]:
        """What the rows have in the columns of the order."""
        arms = self.make_arms()
        if len(arms) == 1:
            return self._rows(*arms[0], *behind).order_by(*self.order)
        if len(arms) > _MOST_ARMS:
            any_arm = or_(*(and_(*arm) for arm in arms))
            return self._rows(any_arm, *behind).distinct().order_by(*self.order)
        joined = union(*(self._rows(*arm, *behind) for arm in arms))
        return joined.order_by(*(joined.selected_columns[column.key] for column in self.order))

    def _rows(self, *where: ColumnElement[bool]) -> Select[Any]:
        return select(*self.order).where(*where)

    def count(self, session: Session) -> int:
        row = session.first(select(func.count()).select_from(self.keys().order_by(None).subquery()))
        return int(row[0]) if row else 0


class Place(Struct, frozen=True):
    """Where a page begins: so many rows behind the one with the key, or behind the first. `total` is how many rows the
    list has.
    """

    total: int
    key: tuple[Any, ...] | None = None
    skipped: int = 0


class _Known(Struct, frozen=True):
    """What is remembered of a list at a stamp: its length, and keys by their places, added as they are found."""

    total: int
    keys: dict[int, tuple[Any, ...]]


def place(session: Session, list_: Listed, offset: int) -> Place:
    """Where the page at an offset begins, and how many rows there are: behind the last of them nothing is walked to."""
    known = session.at(list_.name, list_.stamp, lambda: _Known(list_.count(session), {}))
    if offset >= known.total:
        return Place(known.total)
    step = max(STEP, -(-known.total // _MOST_PLACES))
    start = offset // step * step
    nearest = next((at for at in range(start, 0, -step) if at in known.keys), 0)
    if nearest < start:
        rows = _keys_from(list_, known.keys.get(nearest)).all(session, at(known.keys.get(nearest), start - nearest, 1))
        known.keys[start] = tuple(rows[0])
    return Place(known.total, known.keys.get(start), offset - start)


def from_key(order: Sequence[Column[Any]], key: tuple[Any, ...] | None) -> tuple[ColumnElement[bool], ...]:
    """The condition that a row is from a key on, whose values come with each call (`at`); none without a key.

    Compared as one value, which is a range of the index also where many labels are the same.
    """
    if key is None:
        return ()
    values = (bindparam(f"key_{place}", None, column.type) for place, column in enumerate(order))
    return (tuple_(*order) >= tuple_(*values),)


def at(key: tuple[Any, ...] | None, skipped: int, limit: int) -> dict[str, Any]:
    """The values of a statement that begins so many rows behind a key."""
    keys = {} if key is None else {f"key_{place}": value for place, value in enumerate(key)}
    return {**keys, "skipped": skipped, "limit": limit}


def windowed(statement: Any) -> Any:
    """A statement of so many rows, `limit`, behind the first `skipped`."""
    return statement.offset(bindparam("skipped", None, Integer())).limit(bindparam("limit", None, Integer()))


def _keys_from(list_: Listed, key: tuple[Any, ...] | None) -> CompiledSelect:
    """The statement of a list's keys from a key on: kept, because making it costs more than what it asks."""
    name = (list_.name, key is None)
    with _lock:
        known = _statements.get(name)
        if known is None:
            known = CompiledSelect(lambda: windowed(list_.keys(*from_key(list_.order, key))))
        renew(_statements, name, known, _MOST_STATEMENTS)
    return known


def page(session: Session, list_: Listed, offset: int, limit: int) -> tuple[int, list[str]]:
    """How many rows a list has, and the ids of a page of it."""
    begin = place(session, list_, offset)
    if offset >= begin.total:
        return begin.total, []
    rows = _keys_from(list_, begin.key).all(session, at(begin.key, begin.skipped, limit))
    return begin.total, [str(row[-1]) for row in rows]
