"""`stringMatch` as a condition: `*` and `?`, case told apart, every other character itself.

SQLite's LIKE does not tell case apart and its GLOB does; PostgreSQL has no GLOB and its LIKE does.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Wildcards(FunctionElement[bool]):
    """Holds the column and the pattern in both notations; each engine takes the one that it reads."""

    inherit_cache = True
    type = Boolean()


def _glob(pattern: str) -> str:
    return pattern.replace("[", "[[]")


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def wildcards(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """Whether a column matches a pattern, as `core.access.Attribute` decides it."""
    return _Wildcards(column, literal(_glob(pattern)), literal(_like(pattern)))


@compiles(_Wildcards, "sqlite")
def _sqlite(element: _Wildcards, compiler: SQLCompiler, **more: Any) -> str:
    column, glob, _ = element.clauses
    return f"({compiler.process(column, **more)} GLOB {compiler.process(glob, **more)})"


@compiles(_Wildcards, "postgresql")
def _postgresql(element: _Wildcards, compiler: SQLCompiler, **more: Any) -> str:
    column, _, like = element.clauses
    return f"({compiler.process(column, **more)} LIKE {compiler.process(like, **more)})"
