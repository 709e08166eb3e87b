"""Permission scopes as conditions on the columns of a resource type, as few and as flat as they can be.

Options that differ in the value of one attribute become one condition on all those values: a caller with many policies
costs a statement hardly more than one with few, and SQLite's limit of the depth of an expression is never met.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Boolean, Column, ColumnElement, Table, and_, false, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from kunsthalle.authz.permissions import TAG, Attribute, PermissionScope
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db.tag_tables import tag_links
from kunsthalle.db.wildcards import wildcards

T = TypeVar("T")

MAX_TESTS = 1_000
"""Tests of attributes in one condition."""
MAX_VALUES = 5_000
"""Values of attributes in one condition. SQLite takes 32,766 parameters a statement, PostgreSQL 65,535."""
_WIDTH = 100
"""Operands of one OR: each adds a level to the expression, and SQLite allows 1,000 levels."""


class _Test(NamedTuple):
    """Whether an attribute has one of the values, or matches one of the patterns."""

    key: str
    operator: str
    values: frozenset[str]


_Option = frozenset[_Test]


class _AnyOf(FunctionElement[bool]):
    """An OR in parentheses. SQLAlchemy's own `or_` merges the inner ones into one chain, as deep as it is long."""

    inherit_cache = True
    type = Boolean()


@compiles(_AnyOf)
def _any_of(element: _AnyOf, compiler: SQLCompiler, **more: Any) -> str:
    return "(" + " OR ".join(compiler.process(clause, **more) for clause in element.clauses) + ")"


def any_of(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Whether one of the conditions holds: `or_` whose depth grows with the logarithm of their number."""
    level = list(conditions)
    while len(level) > _WIDTH:
        level = [_AnyOf(*level[begin : begin + _WIDTH]) for begin in range(0, len(level), _WIDTH)]
    return or_(false(), *level)


def exists(table: Table, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row of another table meets the conditions: for predicates that follow a relation.

    Every other table that the conditions name is the one asked about, however deep this stands. By itself SQLAlchemy
    means only the next select outside, and joins any row of what stands further out.
    """
    return select(true()).select_from(table).where(*where).correlate_except(table).exists()


def scope_condition(
    name: str, table: Table, attributes: Mapping[str, Column[Any]], scope: PermissionScope
) -> ColumnElement[bool]:
    """The condition that a row of a resource type is within a scope. 503 where the scope is too large to be one."""
    if scope.everything:
        return true()
    options = _merged(
        [option for option in scope.options if all(_can_hold(attributes, attribute) for attribute in option)]
    )
    tests = [test for option in options for test in option]
    if len(tests) > MAX_TESTS or sum(len(test.values) for test in tests) > MAX_VALUES:
        raise _too_large()

    def condition(test: _Test) -> ColumnElement[bool]:
        if test.key.startswith(TAG):
            return _tagged(name, table, test)
        return _has(attributes[test.key], test.operator, test.values)

    return any_of([and_(true(), *map(condition, sorted(option, key=_order))) for option in options])


def _can_hold(attributes: Mapping[str, Column[Any]], attribute: Attribute) -> bool:
    """Whether a resource of the type may have the attribute. No tag has a key with a wildcard or a colon."""
    if attribute.key.startswith(TAG):
        return not any(character in attribute.key.removeprefix(TAG) for character in "*?:")
    return attribute.key in attributes


def _order(test: _Test) -> tuple[str, str, list[str]]:
    return test.key, test.operator, sorted(test.values)


def _merged(options: Sequence[Sequence[Attribute]]) -> list[_Option]:
    """Fewer options that mean the same."""
    merged = [
        frozenset(_Test(attribute.key, attribute.operator, frozenset({attribute.value})) for attribute in option)
        for option in options
    ]
    for key, operator in sorted({(test.key, test.operator) for option in merged for test in option}):
        merged = _merged_by(merged, key, operator)
    return list(dict.fromkeys(merged))


def _merged_by(options: list[_Option], key: str, operator: str) -> list[_Option]:
    """Options that differ in one test alone, which is of this attribute, as one option."""
    unchanged: list[_Option] = []
    values: dict[_Option, set[str]] = {}
    for option in options:
        tests = [test for test in option if (test.key, test.operator) == (key, operator)]
        if len(tests) == 1:
            values.setdefault(option - {tests[0]}, set()).update(tests[0].values)
        else:
            unchanged.append(option)
    return unchanged + [rest | {_Test(key, operator, frozenset(value))} for rest, value in values.items()]


def _has(column: ColumnElement[Any], operator: str, values: frozenset[str]) -> ColumnElement[bool]:
    if operator == "stringMatch":
        return any_of([wildcards(column, value) for value in sorted(values)])
    first, *more = sorted(values)
    same: ColumnElement[bool] = column.in_([first, *more]) if more else column == first
    return same


def _tagged(name: str, table: Table, test: _Test) -> ColumnElement[bool]:
    """Whether a resource has an access tag `<key>:<value>`; it may have several of one key."""
    key, links = test.key.removeprefix(TAG), tag_links.c
    names = frozenset(f"{key}:{value}" for value in test.values)
    resource = (links.account_id == table.c.account_id, links.thing_kind == name, links.thing_id == table.c.id)
    return exists(tag_links, *resource, links.type == "access", _has(links.name, test.operator, names))


def _too_large() -> Problem:
    text = (
        "The caller's access policies name too many different attributes to be evaluated. "
        "Replace them by fewer policies, each on a resource group or a whole service."
    )
    return Problem(Reason.UNAVAILABLE, "request_too_expensive", text)


class ScopeCache(Generic[T]):
    """What was made for scopes, such as statements: the ones used last, of at most `most` attributes in all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._weight = 0
        self._entries: dict[Hashable, tuple[int, T]] = {}
        """In the order of their last use."""

    def get(self, key: Hashable, scope: PermissionScope, make: Callable[[], T]) -> T:
        """The value under the key, which names the scope; made at its first use."""
        with self._lock:
            entry = self._entries.pop(key, None)
            if entry is not None:
                self._entries[key] = entry
                return entry[1]
        value = make()
        weight = 1 + sum(map(len, scope.options))
        with self._lock:
            if key not in self._entries and weight <= self._most:
                self._entries[key] = (weight, value)
                self._weight += weight
            while self._weight > self._most:
                self._weight -= self._entries.pop(next(iter(self._entries)))[0]
        return value
