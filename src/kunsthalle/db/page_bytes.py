"""The size of a page: lists end a page early where the documents on it are large together.

The number of items alone bounds nothing: 200 items of the largest document are 50 MiB that one request reads, decodes
and encodes. A page that ends early has a `next` that goes on behind its last item, as every page has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement, Integer, Table, Text, func, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from kunsthalle.core.sizes import MIB
from kunsthalle.db.column_types import Json

M = TypeVar("M")

PAGE_BYTES = 4 * MIB
"""Bytes of stored documents on one page; a page has one item at least, however large that is."""


class Window(Struct, Generic[M], frozen=True):
    """A part of a list. `passed` is how many places of the list it takes up, where others follow behind it."""

    items: list[M]
    passed: int | None = None


class _Octets(FunctionElement[int]):
    """The bytes of a text, whatever its characters."""

    type = Integer()
    inherit_cache = True


@compiles(_Octets)
def _octets(element: _Octets, compiler: Any, **options: Any) -> str:
    return f"octet_length({compiler.process(element.clauses, **options)})"


@compiles(_Octets, "sqlite")
def _octets_of_blob(element: _Octets, compiler: Any, **options: Any) -> str:
    return f"length(CAST({compiler.process(element.clauses, **options)} AS BLOB))"


@cache
def row_bytes(table: Table) -> ColumnElement[int]:
    """The bytes of a row's columns that have no bound of their own: documents and long texts."""
    large = [column for column in table.c if isinstance(column.type, Json | Text)]
    total: ColumnElement[int] = literal_column("0", Integer)
    for column in large:
        total = total + func.coalesce(_Octets(column), 0)
    return total


def fitting(rows: Iterable[Sequence[Any]], limit: int, most: int = PAGE_BYTES) -> tuple[list[Sequence[Any]], bool]:
    """The rows of a page, and whether others follow. The last value of each row is its size.

    `rows` are read one by one, and not beyond the first that is not on the page.
    """
    fitted: list[Sequence[Any]] = []
    size = 0
    for row in rows:
        size += row[-1]
        if len(fitted) == limit or (fitted and size > most):
            return fitted, True
        fitted.append(row)
    return fitted, False
