"""Long lists that are paged by offset: how many they are, and where a page begins, without counting and walking anew.

A list bears a stamp, which counts its changes (`tallies`): whoever changes what a list shows says `changed` before, in
the same transaction. What is remembered of a list, its length and the keys at some of its places, is remembered of one
stamp, and the stamp is read in the transaction that asks. So a page and its total are of one moment, whoever has
written meanwhile, on both engines; a change that is taken back takes its stamp back with it.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, CompoundSelect, Select, and_, func, literal, or_, select, tuple_, union

from kunsthalle.db.counters import add, number
from kunsthalle.db.session import Session

STEP = 100
"""Rows between two places whose keys are remembered: so many at most are walked over."""
_MOST_PLACES = 64
"""Keys that are remembered of one list; of a longer one the steps are longer."""
_MOST_ARMS = 100
"""SQLite joins no more than 500 selects."""


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

    `name` tells the list from all others, and `stamp` its content from what it was before.
    """

    name: Hashable
    stamp: tuple[int, ...]
    order: tuple[Column[Any], ...]
    arms: tuple[tuple[ColumnElement[bool], ...], ...]

    def keys(self, *behind: ColumnElement[bool]) -> Select[Any] | CompoundSelect[Any]:
        """What the rows have in the columns of the order."""
        if len(self.arms) == 1:
            return self._rows(*self.arms[0], *behind).order_by(*self.order)
        if len(self.arms) > _MOST_ARMS:
            any_arm = or_(*(and_(*arm) for arm in self.arms))
            return self._rows(any_arm, *behind).distinct().order_by(*self.order)
        joined = union(*(self._rows(*arm, *behind) for arm in self.arms))
        return joined.order_by(*(joined.selected_columns[column.key] for column in self.order))

    def _rows(self, *where: ColumnElement[bool]) -> Select[Any]:
        return select(*self.order).where(*where)

    def count(self, session: Session) -> int:
        row = session.first(select(func.count()).select_from(self.keys().order_by(None).subquery()))
        return int(row[0]) if row else 0


class Place(Struct, frozen=True):
    """Where a page begins: so many rows behind the condition's first. `total` is how many rows the list has."""

    total: int
    behind: tuple[ColumnElement[bool], ...] = ()
    skipped: int = 0


class _Known(Struct, frozen=True):
    """What is remembered of a list at a stamp: its length, and keys by their places, added as they are found."""

    total: int
    keys: dict[int, tuple[Any, ...]]


def place(session: Session, list_: Listed, offset: int) -> Place:
    """Where the page at an offset begins, and how many rows there are."""
    if not list_.arms:
        return Place(0)
    known = session.at(list_.name, list_.stamp, lambda: _Known(list_.count(session), {}))
    if offset >= known.total:  # behind the end, where nothing is: not to be walked to
        return Place(known.total, (literal(value=False),))
    step = max(STEP, -(-known.total // _MOST_PLACES))
    start = offset // step * step
    nearest = next((at for at in range(start, 0, -step) if at in known.keys), 0)
    if nearest < start:
        walk = list_.keys(*_behind(list_, known.keys.get(nearest))).offset(start - nearest).limit(1)
        known.keys[start] = tuple(session.all(walk)[0])
    return Place(known.total, _behind(list_, known.keys.get(start)), offset - start)


def _behind(list_: Listed, key: tuple[Any, ...] | None) -> tuple[ColumnElement[bool], ...]:
    return () if key is None else (_from_key(list_.order, key),)


@lru_cache(maxsize=1_000)
def _from_key(order: tuple[Column[Any], ...], key: tuple[Any, ...]) -> ColumnElement[bool]:
    """From a key on. Compared as one value, which is a range of the index also where many labels are the same.

    Kept, because making it costs more than finding the page by it.
    """
    values = (literal(value, column.type) for value, column in zip(key, order, strict=True))
    return tuple_(*order) >= tuple_(*values)


def page(session: Session, list_: Listed, offset: int, limit: int) -> tuple[int, list[str]]:
    """How many rows a list has, and the ids of a page of it."""
    at = place(session, list_, offset)
    if offset >= at.total:
        return at.total, []
    rows: Any = session.all(list_.keys(*at.behind).offset(at.skipped).limit(limit))
    return at.total, [str(row[-1]) for row in rows]
