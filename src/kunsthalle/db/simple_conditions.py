"""Conditions that most statements have: a column compared with a value, or with one of some texts, or with none.

What SQLAlchemy does with a statement that is built anew costs several times what the database does with it. A statement
whose conditions are all of these forms is therefore built once for its columns, and asked with the values of each call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import BindParameter, Column, ColumnElement, Select, String, Table, bindparam
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, False_, Null, True_

from kunsthalle.core.bounded_tables import renew
from kunsthalle.db.compiled_selects import CompiledSelect, among

T = TypeVar("T")
_MOST_STATEMENTS = 2_000
_COMPARED = {
    operators.eq: "equal",
    operators.le: "at most",
    operators.lt: "less",
    operators.ge: "at least",
    operators.gt: "more",
}
_COMPARING = {form: operator for operator, form in _COMPARED.items()}
_CONSTANTS = {True_: "true", False_: "false", Null: "null"}
_VALUES = {"true": True, "false": False, "null": None}
_statements: dict[Hashable, Any] = {}
_lock = threading.Lock()


class SimpleConditions(Struct, frozen=True):
    """Conditions by their columns and forms, and the values that they have in this call."""

    forms: tuple[tuple[Column[Any], str], ...]
    values: dict[str, Any]

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same conditions, whose values come with each call."""
        return [_condition(column, form, f"value_{place}") for place, (column, form) in enumerate(self.forms)]

    def equal(self, table: Table, name: str) -> Any:
        """The value that all rows have in a column of the table; None where the conditions ask for none."""
        for place, (column, form) in enumerate(self.forms):
            if form == "equal" and column.key == name and column.table is table:
                return self.values[f"value_{place}"]
        return None


def simple(where: Sequence[ColumnElement[bool]]) -> SimpleConditions | None:
    """The conditions, if all of them are of these forms."""
    forms: list[tuple[Column[Any], str]] = []
    values: dict[str, Any] = {}
    for place, condition in enumerate(where):
        if type(condition) is not BinaryExpression or not isinstance(condition.left, Column):
            return None
        form = _form(condition.left, condition.operator, condition.right)
        if form is None:
            return None
        forms.append((condition.left, form))
        if form == "among" or form in _COMPARING:
            values[f"value_{place}"] = condition.right.value
    return SimpleConditions(tuple(forms), values)


def statement_for(name: Hashable, simple: SimpleConditions, make: Callable[[], Select[Any]]) -> CompiledSelect:
    """The statement of that name with these forms of conditions; `make` builds it, when it is asked first."""
    return kept_statement((name, simple.forms), lambda: CompiledSelect(make))


def kept_statement(key: Hashable, make: Callable[[], T]) -> T:
    """What was made for a key, while it is among those that were asked for lately."""
    with _lock:
        statement: T = _statements.get(key) or make()
        renew(_statements, key, statement, _MOST_STATEMENTS)
    return statement


def _form(column: Column[Any], operator: Any, right: Any) -> str | None:
    if operator is operators.is_ and type(right) in _CONSTANTS:
        return _CONSTANTS[type(right)]
    if type(right) is not BindParameter or right.value is None or right.callable is not None:
        return None
    if operator in _COMPARED and not right.expanding:
        return _COMPARED[operator]
    listed = operator is operators.in_op and right.expanding and isinstance(column.type, String)
    return "among" if listed else None


def _condition(column: Column[Any], form: str, name: str) -> ColumnElement[bool]:
    if form in _COMPARING:
        compared: ColumnElement[bool] = _COMPARING[form](column, bindparam(name, None))
        return compared
    return among(column, name) if form == "among" else column.is_(_VALUES[form])
