"""Tables without visibility: rows that belong to a resource already looked up (the images of a version, an access
list).

Nothing here is found by a caller's id; whoever reads these rows has been granted the resource that they hang on.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Select,
    Table,
    bindparam,
    func,
    literal,
    select,
    tuple_,
)

from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.db import compiled_changes
from kunsthalle.db.compiled_changes import CompiledChange, bound, parameters
from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.session import Session
from kunsthalle.db.simple_conditions import kept_statement, simple, statement_for


def number_of(session: Session, table: Table, *where: ColumnElement[bool]) -> int:
    """How many rows of a table that no caller ever sees meet the conditions."""
    known = simple(where)
    if known is None:
        row: Sequence[Any] | None = session.first(_number(table, where))
    else:
        statement = statement_for(("number", table), known, lambda: _number(table, known.conditions()))
        row = statement.first(session, known.values)
    return int(row[0]) if row else 0


def _number(table: Table, where: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(func.count()).select_from(table).where(*where)


def numbers_by(session: Session, column: Column[str], *where: ColumnElement[bool]) -> list[tuple[str, int]]:
    """How many rows of the column's table meet the conditions, for each value of the column that any of them has."""
    rows: list[Any] = list(session.all(select(column, func.count()).where(*where).group_by(column)))
    return [(str(value), int(number)) for value, number in rows]


def grouped(
    session: Session,
    group: Sequence[ColumnElement[Any]],
    values: Sequence[ColumnElement[Any]],
    table: Table,
    *where: ColumnElement[bool],
) -> list[Any]:
    """Aggregates of a table's rows, whoever's: for each combination of the columns of `group`, these and the values."""
    statement = select(*group, *values).select_from(table).where(*where).group_by(*group)
    return [tuple(row) for row in session.all(statement)]


def any_row(session: Session, table: Table, *where: ColumnElement[bool]) -> bool:
    """Whether a row meets the conditions; as cheap for many rows as for one."""
    known = simple(where)
    if known is None:
        return session.first(_any(table, where)) is not None
    statement = statement_for(("any", table), known, lambda: _any(table, known.conditions()))
    return statement.first(session, known.values) is not None


def _any(table: Table, where: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(literal(1)).select_from(table).where(*where).limit(1)


def rows_of(
    session: Session, table: Table, *where: ColumnElement[bool], order: Any = None, most: int | None = None
) -> list[Any]:
    """Rows of a table that belongs to a kind already looked up (the images of a version), as they are: all, or the
    first in an order.
    """
    known = simple(where) if order is None or isinstance(order, Column) else None
    if known is not None:
        name = (table, order, most)
        statement = statement_for(name, known, lambda: _rows(table, known.conditions(), order, most))
        return [_row_of(table)._make(row) for row in statement.all(session, known.values)]
    return list(session.all(_rows(table, where, order, most)))


def _rows(table: Table, where: Sequence[ColumnElement[bool]], order: Any, most: int | None) -> Select[Any]:
    statement = select(table).where(*where).limit(most)
    return statement if order is None else statement.order_by(order)


@cache
def _row_of(table: Table) -> Any:
    """A tuple of a row's values by the names of their columns, as SQLAlchemy's rows are."""
    return namedtuple("Row", table.c.keys())


def ids_where(column: ColumnElement[Any], *where: ColumnElement[bool]) -> Select[Any]:
    """A statement for the right side of `in_`: the values of a column in the rows that meet the conditions."""
    return select(column).where(*where)


def worked_out(name: str, columns: Sequence[ColumnElement[Any]], *where: ColumnElement[bool]) -> CTE:
    """Columns that a statement computes once for each row, however often its conditions ask for them."""
    return select(*columns).where(*where).cte(name).prefix_with("MATERIALIZED")


def first_ids(session: Session, column: Column[str], most: int, *where: ColumnElement[bool]) -> list[str]:
    """The values of a column in at most so many of the rows that meet the conditions: for one slice of work."""
    return [str(row[0]) for row in session.all(select(column).where(*where).limit(most))]


def first_keys(session: Session, column: Column[str], most: int, *where: ColumnElement[bool]) -> list[str]:
    """The smallest values of a column, in order, in at most so many of the rows that meet the conditions."""
    return [str(row[0]) for row in session.all(select(column).where(*where).order_by(column).limit(most))]


def columns_of(session: Session, *columns: Any, where: Sequence[ColumnElement[bool]] = ()) -> list[tuple[Any, ...]]:
    """Columns of every row, whoever's: for the product's own bookkeeping, never for an answer to a caller."""
    return [tuple(row) for row in session.all(select(*columns).where(*where))]


def finder(column: Column[Any], *columns: Column[Any]) -> CompiledSelect:
    """The look-up of columns of a row that no caller sees, by a column whose value is given as `key`: for what every
    page asks."""
    return fixed_select(columns, column == bindparam("key"))


def fixed_select(
    columns: Sequence[ColumnElement[Any]], *where: ColumnElement[bool], most: int | None = None
) -> CompiledSelect:
    """Columns of the rows, whoever's, that meet conditions whose values come with each call: at most so many rows."""
    return CompiledSelect(lambda: select(*columns).where(*where).limit(most))


def add_row(session: Session, table: Table, **values: Any) -> None:
    """Adds a row to a table that belongs to a kind. IntegrityError when it is there already."""
    compiled_changes.add(session, table, values)


def _insert_for(session: Session, table: Table) -> Any:
    """The engine's own INSERT, which knows ON CONFLICT; the other engine's part of SQLAlchemy is never loaded."""
    match session.dialect:
        case "sqlite":
            from sqlalchemy.dialects.sqlite import insert as sqlite_insert

            return sqlite_insert(table)
        case "postgresql":
            from sqlalchemy.dialects.postgresql import insert as postgresql_insert

            return postgresql_insert(table)
        case engine:
            raise UnknownMember("database engine", engine)


def put_row(
    session: Session, table: Table, key: tuple[str, ...], *, replacing: tuple[str, ...] = (), **values: Any
) -> None:
    """Adds a row unless one with the same key is there; of that one the columns `replacing` are set."""
    form = ("put", session.dialect, table, key, replacing, tuple(values))
    statement = kept_statement(
        form, lambda: CompiledChange(lambda: _putting(session, table, key, replacing, tuple(values)))
    )
    statement.count(session, bound(values))


def _putting(
    session: Session, table: Table, key: tuple[str, ...], replacing: tuple[str, ...], names: tuple[str, ...]
) -> Any:
    statement = _insert_for(session, table).values(parameters(table, names))
    if replacing:
        changed = {name: statement.excluded[name] for name in replacing}
        return statement.on_conflict_do_update(index_elements=list(key), set_=changed)
    return statement.on_conflict_do_nothing(index_elements=list(key))


def put_rows(session: Session, table: Table, key: tuple[str, ...], rows: Sequence[dict[str, Any]]) -> None:
    """Adds rows in one go, unless ones with the same key are there."""
    if rows:
        session.execute_many(_insert_for(session, table).on_conflict_do_nothing(index_elements=list(key)), rows)


def change_rows(session: Session, table: Table, values: dict[Column[Any], Any], *where: ColumnElement[bool]) -> int:
    """Sets columns of the rows that meet the conditions when their turn comes; how many did."""
    named = {column.name: value for column, value in values.items()}
    return compiled_changes.set_columns(session, table, named, *where)


def remove_rows(session: Session, table: Table, *where: ColumnElement[bool]) -> int:
    """Removes rows of a table that belongs to a kind; how many."""
    return compiled_changes.remove(session, table, *where)


def removed_rows(session: Session, table: Table, *where: ColumnElement[bool]) -> list[Any]:
    """Removes rows of a table that belongs to a kind; as they were."""
    return [_row_of(table)._make(row) for row in compiled_changes.remove_and_return(session, table, *where)]


def remove_some(session: Session, table: Table, most: int, *where: ColumnElement[bool]) -> int:
    """Removes at most so many of the rows that meet the conditions; how many."""
    key = list(table.primary_key.columns)
    chosen = select(*key).where(*where).limit(most)
    return remove_rows(session, table, (key[0] if len(key) == 1 else tuple_(*key)).in_(chosen))
