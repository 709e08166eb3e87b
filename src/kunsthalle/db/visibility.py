"""Visibility. Every read of a scoped kind goes through here, with one predicate a kind.

Lists, counts, look-ups, look-ups by name and references in bodies use the same predicate, so that they cannot
disagree, and a row that is hidden is never loaded: hidden and absent run the same statement and raise the same
error (rules R5, R6, R7, R11).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import field
from functools import partial, reduce
from operator import add, mul
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Integer,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    true,
)

from kunsthalle.authz.access_refusals import foreign, missing_action
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import PermissionScope
from kunsthalle.core.errors import not_found
from kunsthalle.core.records import dataclass
from kunsthalle.core.state_tables import StateTable
from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.counters import number
from kunsthalle.db.page_bytes import row_bytes
from kunsthalle.db.row_models import reader
from kunsthalle.db.scope_conditions import ScopeCache, scope_condition
from kunsthalle.db.session import Session
from kunsthalle.db.simple_conditions import simple, statement_for

M = TypeVar("M")


@dataclass(frozen=True, eq=False)
class ResourceType(Generic[M]):
    """A kind of resource that is looked up by id.

    `model` has a field for each column of the table, with its name, in any order; `from_row` makes one of a row of the
    whole table. `attributes` names, for policies, which
    column answers which resource attribute. `others` says which rows of other accounts a context may see besides
    its own (shared offerings); `live` leaves out rows that are kept but gone for everyone (a catalog that waits for
    its reclamation). `others_by_id` is `others` for look-ups by id, made with `every` and `either`: the same
    expression for callers to whom the same applies. `tallied` kinds keep their count per account, so that a page of a
    large list costs the same. `embedded_bytes` is the size of what lists show inside an item and other tables hold.
    """

    name: str
    table: Table
    model: type[M]
    read: str
    attributes: Mapping[str, Column[Any]] = field(default_factory=dict)
    states: StateTable | None = None
    state_column: Column[str] | None = None
    others: Callable[[Session], ColumnElement[bool]] | None = None
    others_by_id: Callable[[Session], ColumnElement[bool]] | None = None
    live: ColumnElement[bool] | None = None
    tallied: bool = False
    embedded_bytes: ColumnElement[int] | None = None

    def __post_init__(self) -> None:
        for name, make in _STATEMENTS.items():
            object.__setattr__(self, name, CompiledSelect(partial(make, self), of_account=self.table))
        object.__setattr__(self, "from_row", reader(self.model, self.table.columns))

    # What is asked of nearly every kind all the time, for callers whose reach is all of their account.
    by_id: CompiledSelect = field(init=False)
    newest: CompiledSelect = field(init=False)
    older: CompiledSelect = field(init=False)
    count: CompiledSelect = field(init=False)
    from_row: Callable[[Sequence[Any]], M] = field(init=False)


def _value(name: str, type_: Integer | None = None) -> BindParameter[Any]:
    """A value that comes with each call. None stands for it while a list of constants is written out."""
    return bindparam(name, None, type_)


def _own(kind: ResourceType[Any]) -> Select[Any]:
    """`visible` for whoever may read everything of the account, of a kind that no other account sees anything of."""
    statement = select(kind.table).where(kind.table.c.account_id == _value("account"))
    return statement if kind.live is None else statement.where(kind.live)


def _by_id(kind: ResourceType[Any]) -> Select[Any]:
    return _own(kind).where(kind.table.c.id == _value("id"))


def _newest(kind: ResourceType[Any]) -> Select[Any]:
    return _own(kind).add_columns(item_bytes(kind)).order_by(*newest_first(kind)).limit(_value("limit", Integer()))


def _older(kind: ResourceType[Any]) -> Select[Any]:
    return _newest(kind).where(*behind_key(kind, _value("moment"), _value("id")))


def _count(kind: ResourceType[Any]) -> Select[Any]:
    counted = select(func.count()).select_from(kind.table).where(kind.table.c.account_id == _value("account"))
    return counted if kind.live is None else counted.where(kind.live)


_STATEMENTS = {"by_id": _by_id, "newest": _newest, "older": _older, "count": _count}


def item_bytes(kind: ResourceType[Any]) -> ColumnElement[int]:
    """How much an item adds to the size of a page."""
    own = row_bytes(kind.table)
    return own if kind.embedded_bytes is None else own + kind.embedded_bytes


def newest_first(kind: ResourceType[Any]) -> tuple[Any, Any]:
    """The order of lists: by the time of creation, and by id where that is the same."""
    return kind.table.c.created_at.desc(), kind.table.c.id.desc()


def behind_key(kind: ResourceType[Any], moment: Any, id_: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Behind the key of a page's last item. The first condition says nothing new, and is what an index can serve."""
    table = kind.table
    return table.c.created_at <= moment, or_(table.c.created_at < moment, table.c.id < id_)


class Authorized(Struct, Generic[M], frozen=True):
    """Proof that the caller may do the action on the resource. Only `resolve` makes one; writers ask for it."""

    resource: M
    action: str


def sum_of(value: ColumnElement[int], table: Table, *where: ColumnElement[bool]) -> ColumnElement[int]:
    """The sum over the rows of another table that meet the conditions, for statements about what they belong to."""
    total = select(func.coalesce(func.sum(value), 0)).select_from(table).where(*where)
    return total.correlate_except(table).scalar_subquery()


def every(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """`and_`, with each condition evaluated whatever the others say: how long it takes tells nothing."""
    return reduce(mul, map(_number, conditions)) > 0


def either(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """`or_`, with each condition evaluated whatever the others say."""
    return reduce(add, map(_number, conditions)) > 0


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(cast(condition, Integer), 0)


_MOST_ATTRIBUTES = 50_000
"""Attributes of all scopes together for which something is kept."""
_conditions: ScopeCache[ColumnElement[bool]] = ScopeCache(_MOST_ATTRIBUTES)
_statements: ScopeCache[CompiledSelect] = ScopeCache(_MOST_ATTRIBUTES)


def policy_filter(kind: ResourceType[Any], reach: PermissionScope) -> ColumnElement[bool]:
    """What a reach covers of a kind, as a condition on its columns."""
    if reach.everything:
        return true()
    return _conditions.get((kind, reach), reach, lambda: scope_condition(kind.name, kind.table, kind.attributes, reach))


def visible(session: Session, kind: ResourceType[Any]) -> ColumnElement[bool]:
    """The predicate: what this context may read of a kind."""
    ctx = session.ctx
    return _seen(kind, ctx.account_id, ctx.grants.scope(kind.read), _others(session, kind))


def _seen(
    kind: ResourceType[Any],
    account_id: str | BindParameter[str],
    reach: PermissionScope,
    others: ColumnElement[bool] | None,
) -> ColumnElement[bool]:
    own = and_(kind.table.c.account_id == account_id, policy_filter(kind, reach))
    seen = own if others is None else or_(own, others)
    return seen if kind.live is None else and_(seen, kind.live)


def _others(session: Session, kind: ResourceType[Any]) -> ColumnElement[bool] | None:
    return None if kind.others is None else kind.others(session)


def seen_by(
    session: Session,
    kind: ResourceType[Any],
    name: Hashable,
    make: Callable[[ColumnElement[bool]], Select[Any]],
) -> CompiledSelect:
    """A statement that `make` builds of the predicate, once for all callers to whom the same applies.

    `name` tells it from the other statements of the kind. Its values have to have the caller's `account`.
    """
    reach, others = session.ctx.grants.scope(kind.read), _others(session, kind)
    return _statement_for(kind, (name, others), reach, lambda: make(_seen(kind, _value("account"), reach, others)))


def _statement_for(
    kind: ResourceType[Any],
    name: Hashable,
    reach: PermissionScope,
    make: Callable[[], Select[Any]],
    of_account: Table | None = None,
) -> CompiledSelect:
    """A statement that is built once for all callers to whom the same applies; `name` tells those of a kind apart."""
    return _statements.get((kind, name, reach), reach, lambda: CompiledSelect(make, of_account=of_account))


def statement_of(session: Session, kind: ResourceType[Any], name: str) -> CompiledSelect:
    """The statement `by_id`, `newest`, `older` or `count` of what the context may read of a kind without `others`."""
    reach = session.ctx.grants.scope(kind.read)
    if reach.everything:
        statement: CompiledSelect = getattr(kind, name)
        return statement
    make = _STATEMENTS[name]
    return _statement_for(kind, name, reach, lambda: make(kind).where(policy_filter(kind, reach)), kind.table)


def sees_whole_account(session: Session, kind: ResourceType[Any]) -> bool:
    """Whether what the context may read of a kind is just the account's own."""
    return kind.others is None and session.ctx.grants.scope(kind.read).everything


def _at_or_near(kind: ResourceType[Any], reach: PermissionScope, others: ColumnElement[bool]) -> Select[Any]:
    """`visible` for one id, with the same work done for what is hidden and for what never existed.

    Where no row has the id, the conditions are evaluated on the one that follows it, and the result is dropped.
    """
    table = kind.table
    bind_parameter, account = _value("id"), _value("account")
    ids = table.alias().c.id
    following = select(ids).where(ids >= bind_parameter).order_by(ids).limit(1).scalar_subquery()
    near = func.coalesce(following, select(func.min(ids)).scalar_subquery())
    own = every(table.c.account_id == account, policy_filter(kind, reach))
    live = true() if kind.live is None else kind.live
    return select(table).where(table.c.id == near, every(either(own, others), live, table.c.id == bind_parameter))


def _by_id_of(session: Session, kind: ResourceType[Any]) -> CompiledSelect | None:
    """What `find` asks; None where it has to be built for this very call."""
    reach = session.ctx.grants.scope(kind.read)
    if kind.others is None:
        return statement_of(session, kind, "by_id")
    if kind.others_by_id is None:
        return None
    others = kind.others_by_id(session)
    return _statement_for(kind, others, reach, lambda: _at_or_near(kind, reach, others))


def find(session: Session, kind: ResourceType[M], id_: str, target: str = "id", type_: str = "parameter") -> M:
    """The resource, if the context may read it; else 404, whatever the cause."""
    statement = _by_id_of(session, kind)
    if statement is not None:
        row = statement.first(session, {"id": id_, "account": session.ctx.account_id})
    else:
        row = session.first(select(kind.table).where(kind.table.c.id == id_, visible(session, kind)))
    if row is None:
        raise not_found(target, type_)
    return kind.from_row(row)


def resolve(
    session: Session, kind: ResourceType[M], id_: str, action: str, target: str = "id", type_: str = "parameter"
) -> Authorized[M]:
    """`find`, then whether the action may be done on it: 403 for what is seen but not within the action's reach."""
    resource = find(session, kind, id_, target, type_)
    if action != kind.read:
        require(session, kind, resource, action)
    return Authorized(resource, action)


def in_account(session: Session, kind: ResourceType[M], id_: str) -> M | None:
    """The account's own resource, whatever the caller's roles: to tell a missing role from what is not there."""
    row = kind.by_id.first(session, {"id": id_, "account": session.ctx.account_id})
    return None if row is None else kind.from_row(row)


def require(session: Session, kind: ResourceType[M], resource: M, action: str) -> None:
    """403 unless the action may be done on a resource that the caller sees."""
    if may(session, kind, resource, action):
        return
    raise missing_action(action) if getattr(resource, "account_id", None) == session.ctx.account_id else foreign()


def may(session: Session, kind: ResourceType[M], resource: M, action: str) -> bool:
    """Whether the action may be done on a resource at hand. Another account's resources are never within reach."""
    if getattr(resource, "account_id", None) != session.ctx.account_id:
        return False
    reach = session.ctx.grants.scope(action)
    attributes = {name: getattr(resource, column.key) for name, column in kind.attributes.items()}
    if reach.covers(attributes):
        return True
    tagged = reach.by_tags
    if tagged.empty:
        return False
    condition = kind.table.c.id == resource.id  # type: ignore[attr-defined]  # every kind has one
    return (
        session.first(select(true()).select_from(kind.table).where(condition, policy_filter(kind, tagged))) is not None
    )


def may_create(ctx: Context, action: str, attributes: Mapping[str, str | None]) -> None:
    """403 unless the action may be done on a resource that will have these attributes, and no tags yet."""
    if not ctx.grants.scope(action).covers(attributes):
        raise missing_action(action)


def some(session: Session, kind: ResourceType[M], *where: ColumnElement[bool], limit: int | None = None) -> list[M]:
    """Everything that the context may read and that meets the conditions, newest first."""
    known = simple(where)
    if known is None:
        statement = select(kind.table).where(visible(session, kind), *where).order_by(*newest_first(kind)).limit(limit)
        return [kind.from_row(row) for row in session.all(statement)]
    return _seen_rows(session, kind, ("some", known.forms, limit), known.conditions, known.values, limit)


def matching(session: Session, kind: ResourceType[M], where: tuple[ColumnElement[bool], ...], **values: Any) -> list[M]:
    """`some`, by conditions that are made once, and values that come with each call: no statement is built again."""
    return _seen_rows(session, kind, where, lambda: where, values)


def _seen_rows(
    session: Session,
    kind: ResourceType[M],
    name: Hashable,
    where: Callable[[], Sequence[ColumnElement[bool]]],
    values: Mapping[str, Any],
    limit: int | None = None,
) -> list[M]:
    def make(seen: ColumnElement[bool]) -> Select[Any]:
        return select(kind.table).where(seen, *where()).order_by(*newest_first(kind)).limit(limit)

    rows = seen_by(session, kind, name, make).all(session, {"account": session.ctx.account_id, **values})
    return [kind.from_row(row) for row in rows]


def values_of(
    session: Session,
    kind: ResourceType[Any],
    columns: Sequence[ColumnElement[Any]],
    *where: ColumnElement[bool],
    limit: int | None = None,
) -> Sequence[Row[Any]]:
    """`some`, but only the columns that are needed: documents that nobody asks for are not read."""
    statement = select(*columns).where(visible(session, kind), *where).order_by(*newest_first(kind)).limit(limit)
    return session.all(statement)


def by_name(session: Session, kind: ResourceType[M], name: str) -> M | None:
    """The caller's own resource of that name, or nothing: a name never means another account's (R7)."""
    rows = some(session, kind, kind.table.c.name == name, kind.table.c.account_id == session.ctx.account_id, limit=1)
    return rows[0] if rows else None


def count(session: Session, kind: ResourceType[Any], *where: ColumnElement[bool]) -> int:
    """How many `some` would return."""
    if kind.tallied and kind.live is None and not where and sees_whole_account(session, kind):
        return tally(session, kind)
    if kind.others is None and not where:
        row = statement_of(session, kind, "count").first(session, {"account": session.ctx.account_id})
    else:
        row = session.first(select(func.count()).select_from(kind.table).where(visible(session, kind), *where))
    return int(row[0]) if row else 0


def unscoped(session: Session, kind: ResourceType[M], *where: ColumnElement[bool], lock: bool = False) -> list[M]:
    """Rows whatever their account: for the system context (jobs, exclusivity, lineage), never for an answer.

    `lock` takes the rows for the rest of the transaction where the engine has row locks.
    """
    locks = lock and session.dialect != "sqlite"  # which has only one writer
    known = None if locks else simple(where)
    if known is not None:
        statement = statement_for(kind, known, lambda: select(kind.table).where(*known.conditions()))
        return [kind.from_row(row) for row in statement.all(session, known.values)]
    built = select(kind.table).where(*where)
    return [kind.from_row(row) for row in session.all(built.with_for_update() if locks else built)]


def tally(session: Session, kind: ResourceType[Any]) -> int:
    """The kept count of an account's resources of one kind."""
    return number(session, session.ctx.account_id, kind.name)
