"""An INSERT, UPDATE or DELETE that nearly every write does, as text that the SQLite driver is given directly.

As `compiled_selects.py`: the statement is SQLAlchemy's, built and compiled at its first use, and other engines run it
as ever. An error of the driver comes out as SQLAlchemy raises it, without the values.

Where the rows of a table belong to accounts, whose rows have changed is noted (`table_changes.py`): what the values or
the conditions say, else what the statement returns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
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
from kunsthalle.db.simple_conditions import SimpleConditions, kept_statement, simple

Values = Mapping[str, Any]
"""What columns are set to, by their names: values, or expressions of SQL."""
Rows = Sequence[Sequence[Any]]
"""Of all columns of a table, in their order."""
_ACCOUNT = "account_id"


class CompiledChange:
    """A change by plain values. `make` builds it, when it is asked for the first time."""

    def __init__(self, make: Callable[[], UpdateBase | TextClause]) -> None:
        self._make = make
        self._statement: UpdateBase | TextClause | None = None
        self._plan: StatementPlan | None = None

    def count(self, session: Session, values: Values, accounts: Iterable[str] | None = None) -> int:
        """How many rows it changes; `accounts` are those whose rows these are, where that is known."""
        if session.dialect != "sqlite":
            return session.execute(self.statement, values).rowcount
        plan = self._known(session)
        session.note(plan.text, accounts)
        return int(self._run(session, plan, values).rowcount)

    def rows(self, session: Session, values: Values, account_at: int | None = None) -> Rows:
        """What it returns of the rows that it changes, the values as `session.all` gives them. `account_at` is the
        place in each row of the account whose row it is.
        """
        if session.dialect != "sqlite":
            return session.all(self.statement, values)
        plan = self._known(session)
        stored = self._run(session, plan, values).fetchall()
        session.note(plan.text, None if account_at is None else {row[account_at] for row in stored})
        return [plan.decoded(row) for row in stored]

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

    def _run(self, session: Session, plan: StatementPlan, values: Values) -> sqlite3.Cursor:
        parameters = plan.parameters(values)
        LOOP_TURNS.give_way()
        try:
            cursor: sqlite3.Cursor = session.driver.execute(plan.text, parameters)
        except sqlite3.Error as error:
            raise DBAPIError.instance(plan.text, None, error, sqlite3.Error, hide_parameters=True) from error
        return cursor


class _Form(Struct, frozen=True):
    """What changes of one form have in common. `counted`: each row's revision is counted up. `returned`: these columns
    come back of the rows, as they are then, or, of those that are removed, as they were.
    """

    verb: str
    table: Table
    names: tuple[str, ...] = ()
    counted: bool = False
    returned: tuple[str, ...] = ()

    def built(self, where: Sequence[ColumnElement[bool]], values: Values) -> UpdateBase:
        """The statement with these conditions and values."""
        statement = self._without_rows(where, values)
        if not self.returned:
            return statement
        return statement.returning(*(self.table.c[name] for name in self.returned))

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

    def count(self, session: Session, where: Sequence[ColumnElement[bool]], values: Values) -> int:
        """Change rows; how many."""
        known = _plain(where, values)
        if known is None:
            return session.execute(self.built(where, values)).rowcount
        accounts, named = self._accounts(known, values), {**known.values, **bound(values)}
        if accounts is None and session.dialect == "sqlite" and self._changes_one(known):
            return len(_statement(replace(self, returned=(_ACCOUNT,)), known).rows(session, named, 0))
        return _statement(self, known).count(session, named, accounts)

    def rows(self, session: Session, where: Sequence[ColumnElement[bool]], values: Values) -> Rows:
        """Change rows; what comes back of them."""
        known = _plain(where, values)
        if known is None:
            return session.all(self.built(where, values))
        account_at = self.returned.index(_ACCOUNT) if _ACCOUNT in self.returned and _ACCOUNT not in values else None
        return _statement(self, known).rows(session, {**known.values, **bound(values)}, account_at)

    def _accounts(self, known: SimpleConditions, values: Values) -> tuple[str] | None:
        """The account whose rows these are, as far as the change itself says it. Where the account of a row is set,
        the row may have been another's.
        """
        account_id = values.get(_ACCOUNT) if self.verb == "add" else known.equal(self.table, _ACCOUNT)
        if account_id is None or (self.verb == "set" and _ACCOUNT in values):
            return None
        return (account_id,)

    def _changes_one(self, known: SimpleConditions) -> bool:
        """Whether it changes one row, of an account that the row names and keeps."""
        owned = _ACCOUNT in self.table.c and _ACCOUNT not in self.names
        return owned and known.equal(self.table, "id") is not None


def _statement(form: _Form, known: SimpleConditions) -> CompiledChange:
    """The statement of a form with these conditions, which is built once."""
    return kept_statement(
        (form, known.forms),
        lambda: CompiledChange(lambda: form.built(known.conditions(), parameters(form.table, form.names))),
    )


def _plain(where: Sequence[ColumnElement[bool]], values: Values) -> SimpleConditions | None:
    """The conditions of a statement that is built once; None where it must be built anew: for conditions that are not
    simple, and values that are expressions.
    """
    return None if any(isinstance(value, ClauseElement) for value in values.values()) else simple(where)


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
    return _Form("set", table, tuple(values), counted=counted, returned=tuple(table.c.keys())).rows(
        session, where, values
    )


def remove(session: Session, table: Table, *where: ColumnElement[bool]) -> int:
    """Removes the rows that meet the conditions; how many did."""
    return _Form("remove", table).count(session, where, {})


def remove_and_return(session: Session, table: Table, *where: ColumnElement[bool]) -> Rows:
    """The same; the rows as they were."""
    return _Form("remove", table, returned=tuple(table.c.keys())).rows(session, where, {})
