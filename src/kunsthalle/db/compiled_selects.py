"""A select that nearly every request asks, as text that the SQLite driver is given directly.

What SQLAlchemy does around a statement costs more than the look-up of a row (26 against 9 µs, stack.md 2). The
statement is still SQLAlchemy's, compiled at its first use; other engines run it as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, CompoundSelect, Dialect, Select, Table, Text, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from kunsthalle.core.loop_turns import LOOP_TURNS
from kunsthalle.db.session import Session
from kunsthalle.db.table_changes import rows_of, tables_of


class _Texts(TypeDecorator[list[str]]):
    """A list of texts as one parameter: an array of PostgreSQL, the text of a JSON array elsewhere."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects.postgresql import ARRAY

        return dialect.type_descriptor(ARRAY(Text))

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return msgspec.json.encode(value).decode()


class _Among(FunctionElement[bool]):
    """Whether a column has one of the texts of a list.

    It has no type of its own: of a Boolean SQLAlchemy asks whether it is 1, and SQLite then looks at every row.
    """

    inherit_cache = True


@compiles(_Among)
def _among(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608  both are compiled clauses


@compiles(_Among, "postgresql")
def _among_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY({texts})"


def among(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """`in_` with a list that comes with each call, as the value `name`: the statement is the same for every list."""
    return _Among(column, bindparam(name, None, _Texts()))


class StatementPlan(Struct, frozen=True):
    """A statement as the driver is given it.

    `names` are the parameters in their order; `encoders` turn their values into what is stored, and `decoders` what
    is stored at a place into the column's own.
    """

    text: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    encoders: tuple[tuple[str, Callable[[Any], Any]], ...]
    decoders: tuple[tuple[int, Callable[[Any], Any]], ...]
    tables: frozenset[str]

    def parameters(self, values: Mapping[str, Any]) -> list[Any]:
        """What the statement is given for these values."""
        document = {**self.constants, **values}
        for name, encode in self.encoders:
            document[name] = encode(document[name])
        return [document[name] for name in self.names]

    def decoded(self, stored: tuple[Any, ...]) -> list[Any]:
        """A row with the columns' own values."""
        row = list(stored)
        for place, decode in self.decoders:
            row[place] = decode(row[place])
        return row


class CompiledSelect:
    """A select by plain values, of at most a page of rows. `make` builds it, when it is asked for the first time.

    `of_account`: all that it reads of this table are rows of one account, the value `account`.
    """

    def __init__(
        self, make: Callable[[], Select[Any] | CompoundSelect[Any]], *, of_account: Table | None = None
    ) -> None:
        self._make = make
        self._of_account = of_account
        self._statement: Select[Any] | CompoundSelect[Any] | None = None
        self._plan: StatementPlan | None = None

    def first(self, session: Session, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row, its values as `session.first` gives them."""
        rows = self.all(session, values)
        return rows[0] if rows else None

    def all(self, session: Session, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows, their values as `session.all` gives them."""
        if session.dialect != "sqlite":
            return session.all(self.statement, values)
        plan, cursor = self._started(session, values)
        # All of them at once, so that the driver ends the read: an open one would hold its snapshot.
        return [plan.decoded(row) for row in cursor.fetchall()]

    def each(self, session: Session, values: Mapping[str, Any]) -> Generator[Sequence[Any], None, None]:
        """The rows one by one, for whoever may stop before the last, and then closes what this has returned."""
        if session.dialect != "sqlite":
            with session.execute(self.statement, values) as result:
                yield from result
            return
        plan, cursor = self._started(session, values)
        with closing(cursor):
            for row in cursor:
                yield plan.decoded(row)

    def _started(self, session: Session, values: Mapping[str, Any]) -> tuple[StatementPlan, Any]:
        plan = self._plan
        if plan is None:
            plan = self._plan = plan_of(self.statement, self.statement.selected_columns, session.connection.dialect)
        parameters = plan.parameters(values)
        if session.basis is not None:
            session.rests_on(self._basis(plan, values))
        LOOP_TURNS.give_way()
        return plan, session.driver.execute(plan.text, parameters)

    def _basis(self, plan: StatementPlan, values: Mapping[str, Any]) -> Iterable[str]:
        if self._of_account is None:
            return plan.tables
        table = self._of_account.name
        return plan.tables - {table} | {*rows_of(table, values["account"])}

    @property
    def statement(self) -> Select[Any] | CompoundSelect[Any]:
        if self._statement is None:
            self._statement = self._make()
        return self._statement


def plan_of(statement: Any, columns: Iterable[ColumnElement[Any]], dialect: Dialect) -> StatementPlan:
    """A statement of SQLAlchemy compiled for the driver; `columns` are those of its rows."""
    compiled: Any = statement.compile(dialect=dialect)
    if (
        compiled.post_compile_params
    ):  # lists of constants; then every parameter must have a value, None for those to come
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    decoders = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    needed = tuple((place, decode) for place, decode in enumerate(decoders) if decode is not None)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    encoders = {
        name: parameter.type.dialect_impl(dialect).bind_processor(dialect)
        for parameter, name in compiled.bind_names.items()
        if name not in constants
    }
    encoded = tuple((name, encode) for name, encode in encoders.items() if encode is not None)
    text = str(compiled)
    return StatementPlan(text, tuple(compiled.positiontup or ()), constants, encoded, needed, tables_of(text))
