"""Sight. Every read of a scoped kind goes through here, with one predicate a kind.

Lists, counts, look-ups, look-ups by name and references in bodies use the same predicate, so that they cannot
disagree, and a row that is hidden is never loaded: hidden and absent run the same statement and raise the same
error (rules R5, R6, R7, R11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, false, func, or_, select, true

from kunsthalle.core.access import Attribute, Reach
from kunsthalle.core.context import Context
from kunsthalle.core.errors import forbidden, not_found
from kunsthalle.core.states import StateTable
from kunsthalle.store.hot import Hot
from kunsthalle.store.patterns import wildcards
from kunsthalle.store.unit import Unit

M = TypeVar("M")


@dataclass(frozen=True, eq=False)
class Kind(Generic[M]):
    """A kind of thing that is looked up by id.

    `make` turns a row's values, in column order, into the room's model. `attributes` names, for policies, which
    column answers which resource attribute. `others` says which rows of other accounts a context may see besides
    its own (shared offerings); `live` leaves out rows that are kept but gone for everyone (a catalog that waits for
    its reclamation). `tallied` kinds keep their count per account, so that a page of a large list costs the same.
    """

    name: str
    table: Table
    make: Callable[..., M]
    read: str
    attributes: Mapping[str, Column[Any]] = field(default_factory=dict)
    states: StateTable | None = None
    state_column: Column[str] | None = None
    others: Callable[[Unit], ColumnElement[bool]] | None = None
    live: ColumnElement[bool] | None = None
    tallied: bool = False

    def __post_init__(self) -> None:
        by_id = select(self.table).where(
            self.table.c.id == bindparam("id"), self.table.c.account_id == bindparam("account")
        )
        object.__setattr__(self, "by_id", Hot(by_id if self.live is None else by_id.where(self.live)))

    by_id: Hot = field(init=False)


class Granted(Struct, Generic[M], frozen=True):
    """Proof that the caller may do the action on the thing. Only `resolve` makes one; writers ask for it."""

    it: M
    action: str


class Page(Struct, Generic[M], frozen=True):
    """`last` is the key of the last item when more follow."""

    items: list[M]
    total: int
    last: tuple[int, str] | None


def _condition(kind: Kind[Any], one: Attribute) -> ColumnElement[bool]:
    column = kind.attributes.get(one.key)
    if column is None:
        return false()
    return wildcards(column, one.value) if one.operator == "stringMatch" else column == one.value


def exists(table: Table, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row of another table meets the conditions: for predicates that follow a relation."""
    return select(true()).select_from(table).where(*where).exists()


def reached(kind: Kind[Any], reach: Reach) -> ColumnElement[bool]:
    """What a reach covers of a kind, as a condition on its columns."""
    return _reached(kind, reach)


def _reached(kind: Kind[Any], reach: Reach) -> ColumnElement[bool]:
    if reach.everything:
        return true()
    return or_(false(), *(and_(true(), *(_condition(kind, one) for one in option)) for option in reach.options))


def visible(unit: Unit, kind: Kind[Any]) -> ColumnElement[bool]:
    """The predicate: what this context may read of a kind."""
    ctx = unit.ctx
    own = and_(kind.table.c.account_id == ctx.account_id, _reached(kind, ctx.grants.reach(kind.read)))
    seen = own if kind.others is None else or_(own, kind.others(unit))
    return seen if kind.live is None else and_(seen, kind.live)


def find(unit: Unit, kind: Kind[M], id_: str, target: str = "id", type_: str = "parameter") -> M:
    """The thing, if the context may read it; else 404, whatever the cause."""
    if kind.others is None and unit.ctx.grants.reach(kind.read).everything:
        row = kind.by_id.first(unit, {"id": id_, "account": unit.ctx.account_id})
    else:
        row = unit.first(select(kind.table).where(kind.table.c.id == id_, visible(unit, kind)))
    if row is None:
        raise not_found(target, type_)
    return kind.make(*row)


def resolve(
    unit: Unit, kind: Kind[M], id_: str, action: str, target: str = "id", type_: str = "parameter"
) -> Granted[M]:
    """`find`, then whether the action may be done on it: 403 for what is seen but not within the action's reach."""
    it = find(unit, kind, id_, target, type_)
    if action != kind.read and not may(unit.ctx, kind, it, action):
        raise forbidden()
    return Granted(it, action)


def may(ctx: Context, kind: Kind[M], it: M, action: str) -> bool:
    """Whether the action may be done on a thing at hand. Another account's things are never within reach."""
    if getattr(it, "account_id", None) != ctx.account_id:
        return False
    attributes = {name: getattr(it, column.key) for name, column in kind.attributes.items()}
    return ctx.grants.reach(action).covers(attributes)


def may_create(ctx: Context, action: str, attributes: Mapping[str, str | None]) -> None:
    """403 unless the action may be done on a thing that will have these attributes."""
    if not ctx.grants.reach(action).covers(attributes):
        raise forbidden()


def some(unit: Unit, kind: Kind[M], *where: ColumnElement[bool], limit: int | None = None) -> list[M]:
    """Everything that the context may read and that meets the conditions, newest first."""
    table = kind.table
    order = (table.c.created_at.desc(), table.c.id.desc())
    statement = select(table).where(visible(unit, kind), *where).order_by(*order).limit(limit)
    return [kind.make(*row) for row in unit.all(statement)]


def by_name(unit: Unit, kind: Kind[M], name: str) -> M | None:
    """The caller's own thing of that name, or nothing: a name never means another account's (R7)."""
    found = some(unit, kind, kind.table.c.name == name, kind.table.c.account_id == unit.ctx.account_id, limit=1)
    return found[0] if found else None


def count(unit: Unit, kind: Kind[Any], *where: ColumnElement[bool]) -> int:
    """How many `some` would return."""
    own_rows = kind.tallied and kind.others is None and kind.live is None
    if own_rows and not where and unit.ctx.grants.reach(kind.read).everything:
        return tally(unit, kind)
    statement = select(func.count()).select_from(kind.table).where(visible(unit, kind), *where)
    row = unit.first(statement)
    return int(row[0]) if row else 0


def page(
    unit: Unit,
    kind: Kind[M],
    *where: ColumnElement[bool],
    after: tuple[int, str] | None = None,
    limit: int = 50,
) -> Page[M]:
    """A page, newest first, from behind the key `(created_at, id)`: stable while rows come and go."""
    table = kind.table
    total = count(unit, kind, *where)
    conditions = list(where)
    if after is not None:
        moment, id_ = after
        conditions.append(table.c.created_at <= moment)
        conditions.append(or_(table.c.created_at < moment, table.c.id < id_))
    items = some(unit, kind, *conditions, limit=limit + 1)
    more = items[limit - 1] if len(items) > limit else None
    last = (more.created_at, more.id) if more is not None else None  # type: ignore[attr-defined]  # every kind has both
    return Page(items[:limit], total, last)


def window(unit: Unit, kind: Kind[M], *where: ColumnElement[bool], order: Any, offset: int, limit: int) -> list[M]:
    """A window by offset, for the API families that page that way; ties are kept in a fixed order by id."""
    statement = select(kind.table).where(visible(unit, kind), *where)
    ordered = statement.order_by(order, kind.table.c.id).offset(offset).limit(limit)
    return [kind.make(*row) for row in unit.all(ordered)]


def unguarded(unit: Unit, kind: Kind[M], *where: ColumnElement[bool], lock: bool = False) -> list[M]:
    """Rows whatever their account: for the product's own hand (jobs, exclusivity, lineage), never for an answer.

    `lock` takes the rows for the rest of the transaction where the engine has row locks.
    """
    statement = select(kind.table).where(*where)
    return [kind.make(*row) for row in unit.all(statement.with_for_update() if lock else statement)]


_tally = "SELECT n FROM tallies WHERE account_id = :account AND kind = :kind"


def tally(unit: Unit, kind: Kind[Any]) -> int:
    """The kept count of an account's things of one kind."""
    from sqlalchemy import text

    row = unit.first(text(_tally), {"account": unit.ctx.account_id, "kind": kind.name})
    return int(row[0]) if row else 0
