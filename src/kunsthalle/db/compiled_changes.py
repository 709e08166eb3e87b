"""An INSERT, UPDATE or DELETE that nearly every write does, as text that the SQLite driver is given directly.

As `compiled_selects.py`: the statement is SQLAlchemy's, built and compiled at its first use, and other engines run it
as ever. An error of the driver comes out as SQLAlchemy raises it, without the values.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Delete,
    Insert,
    Table,
    TextClause,
    Update,
    bindparam,
    delete,
    insert,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase

from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.loop_turns import LOOP_TURNS
from kunsthalle.db.compiled_selects import StatementPlan, plan_of
from kunsthalle.db.session import Session
from kunsthalle.db.simple_conditions import kept_statement, simple

Values = Mapping[str, Any]
"""What columns are set to, by their names: values, or expressions of SQL."""
Rows = Sequence[Sequence[Any]]
"""Of all columns of a table, in their order."""


class CompiledChange:
    """A change by plain values. `make` builds it, when it is asked for the first time."""

    def __init__(self, make: Callable[[], UpdateBase | TextClause]) -> None:
        self._make = make
        self._statement: UpdateBase | TextClause | None = None
        self._plan: StatementPlan | None = None

    def count(self, session: Session, values: Values) -> int:
        """How many rows it changes."""
        if session.dialect != "sqlite":
            return session.execute(self.statement, values).rowcount
        return int(self._run(session, values).rowcount)

    def rows(self, session: Session, values: Values) -> Rows:
        """What it returns of the rows that it changes, the values as `session.all` gives them."""
        if session.dialect != "sqlite":
            return session.all(self.statement, values)
        stored = self._run(session, values).fetchall()
        return [self._known(session).decoded(row) for row in stored]

    def first(self, session: Session, values: Values) -> Sequence[Any] | None:
        """The first of `rows`."""
        rows = self.rows(session, values)
        return rows[0] if rows else None

    @property
    def statement(self) -> UpdateBase | TextClause:
        if self._statement is None:
            self._statement = self._make()
        return self._statement

    def _known(self, session: Session) -> StatementPlan:
        if self._plan is None:
            columns = () if isinstance(self.statement, TextClause) else self.statement.exported_columns
            self._plan = plan_of(self.statement, columns, session.connection.dialect)
        return self._plan

    def _run(self, session: Session, values: Values) -> sqlite3.Cursor:
        plan = self._known(session)
        parameters = plan.parameters(values)
        LOOP_TURNS.give_way()
        session.note(plan.text)
        try:
            cursor: sqlite3.Cursor = session.driver.execute(plan.text, parameters)
        except sqlite3.Error as error:
            raise DBAPIError.instance(plan.text, None, error, sqlite3.Error, hide_parameters=True) from error
        return cursor


class _Form(Struct, frozen=True):
    """What changes of one form have in common. `counted`: each row's revision is counted up. `returned`: the whole rows
    come back, as they are then, or, of those that are removed, as they were.
    """

    verb: str
    table: Table
    names: tuple[str, ...] = ()
    counted: bool = False
    returned: bool = False

    def built(self, where: Sequence[ColumnElement[bool]], values: Values) -> UpdateBase:
        """The statement with these conditions and values."""
        statement = self._without_rows(where, values)
        return statement.returning(*self.table.columns) if self.returned else statement

    def _without_rows(self, where: Sequence[ColumnElement[bool]], values: Values) -> Insert | Update | Delete:
        match self.verb:
            case "add":
                return insert(self.table).inline().values(values)
            case "set":
                count = {"revision": self.table.c.revision + 1} if self.counted else {}
                return update(self.table).where(*where).values({**count, **values})
            case "remove":
                return delete(self.table).where(*where)
            case verb:
                raise UnknownMember("change of a table", verb)

    def kept(self, where: Sequence[ColumnElement[bool]], values: Values) -> tuple[CompiledChange, Values] | None:
        """The statement of this form that is built once, and what it is asked with; None where it must be built anew:
        for conditions that are not simple, and values that are expressions.
        """
        known = simple(where)
        if known is None or any(isinstance(value, ClauseElement) for value in values.values()):
            return None
        statement = kept_statement(
            (self, known.forms),
            lambda: CompiledChange(lambda: self.built(known.conditions(), parameters(self.table, self.names))),
        )
        return statement, {**known.values, **bound(values)}

    def count(self, session: Session, where: Sequence[ColumnElement[bool]], values: Values) -> int:
        """Change rows; how many."""
        known = self.kept(where, values)
        if known is None:
            return session.execute(self.built(where, values)).rowcount
        statement, named = known
        return statement.count(session, named)

    def rows(self, session: Session, where: Sequence[ColumnElement[bool]], values: Values) -> Rows:
        """Change rows; what comes back of them."""
        known = self.kept(where, values)
        if known is None:
            return session.all(self.built(where, values))
        statement, named = known
        return statement.rows(session, named)


def parameters(table: Table, names: Iterable[str]) -> dict[str, Any]:
    """What stands in a statement that is kept for the values that columns are set to."""
    return {name: bindparam(f"set_{name}", None, table.c[name].type) for name in names}


def bound(values: Values) -> dict[str, Any]:
    """The values of such `parameters`."""
    return {f"set_{name}": value for name, value in values.items()}


def add(session: Session, table: Table, values: Values) -> None:
    """Adds a row. IntegrityError when it is not unique."""
    _Form("add", table, tuple(values)).count(session, (), values)


def set_columns(
    session: Session, table: Table, values: Values, *where: ColumnElement[bool], counted: bool = False
) -> int:
    """Sets columns of the rows that meet the conditions; how many did. `counted`: their revisions are counted up."""
    return _Form("set", table, tuple(values), counted=counted).count(session, where, values)


def set_and_return(
    session: Session, table: Table, values: Values, *where: ColumnElement[bool], counted: bool = False
) -> Rows:
    """The same; the rows as they are now."""
    return _Form("set", table, tuple(values), counted=counted, returned=True).rows(session, where, values)


def remove(session: Session, table: Table, *where: ColumnElement[bool]) -> int:
    """Removes the rows that meet the conditions; how many did."""
    return _Form("remove", table).count(session, where, {})


def remove_and_return(session: Session, table: Table, *where: ColumnElement[bool]) -> Rows:
    """The same; the rows as they were."""
    return _Form("remove", table, returned=True).rows(session, where, {})
