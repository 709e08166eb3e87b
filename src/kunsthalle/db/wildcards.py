"""Patterns as conditions that mean the same on both engines.

`wildcards` is `stringMatch`: `*` and `?`, case told apart, every other character itself. SQLite's LIKE does not tell
case apart and its GLOB does; PostgreSQL has no GLOB and its LIKE does. Both match in time that grows with the product
of the two lengths, whatever the pattern.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, punctuation
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Text, cast, func, literal, select, true, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from kunsthalle.core.closed_tables import UnknownMember


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


class Wild(Enum):
    """What stands for other characters in a pattern: any number of them, or one."""

    MANY = "*"
    ONE = "?"


Pattern = tuple[str | Wild, ...]
"""Texts that mean themselves, and wildcards."""


def glob_of(pattern: Pattern) -> str:
    """The pattern as SQLite's GLOB and Python's `fnmatchcase` read it."""
    return "".join(part.value if isinstance(part, Wild) else re.sub(r"[\[*?]", r"[\g<0>]", part) for part in pattern)


def _like_of(pattern: Pattern) -> str:
    return "".join(_like(part.value) if isinstance(part, Wild) else _escaped(part) for part in pattern)


def _escaped(text: str) -> str:
    return re.sub(r"[\\%_]", r"\\\g<0>", text)


class _Matches(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()


def matches(text: ColumnElement[Any], pattern: Pattern) -> ColumnElement[bool]:
    """Whether the whole of a text is what a pattern describes."""
    return _Matches(text, literal(glob_of(pattern)), literal(_like_of(pattern)))


@compiles(_Matches, "sqlite")
def _matches_sqlite(element: _Matches, compiler: SQLCompiler, **more: Any) -> str:
    text, glob, _ = element.clauses
    return f"({compiler.process(text, **more)} GLOB {compiler.process(glob, **more)})"


@compiles(_Matches, "postgresql")
def _matches_postgresql(element: _Matches, compiler: SQLCompiler, **more: Any) -> str:
    text, _, like = element.clauses
    return f"({compiler.process(text, **more)} LIKE {compiler.process(like, **more)})"


class _MatchesAny(FunctionElement[bool]):
    """Holds a text and a JSON list of patterns in both notations."""

    inherit_cache = True
    type = Boolean()


@lru_cache(maxsize=64)
def _listed(patterns: tuple[Pattern, ...]) -> tuple[str, str]:
    return json.dumps([glob_of(pattern) for pattern in patterns]), json.dumps(
        [_like_of(pattern) for pattern in patterns]
    )


def matches_any(text: ColumnElement[Any], patterns: tuple[Pattern, ...]) -> ColumnElement[bool]:
    """Whether the whole of a text is what one of the patterns describes.

    They are one parameter, so that neither the statement nor the time to make it grows with their number.
    """
    globs, likes = _listed(patterns)
    return _MatchesAny(text, literal(globs), literal(likes))


@compiles(_MatchesAny, "sqlite")
def _matches_any_sqlite(element: _MatchesAny, compiler: SQLCompiler, **more: Any) -> str:
    text, globs, _ = element.clauses
    items = f"json_each({compiler.process(globs, **more)}) AS pattern"
    fits = f"{compiler.process(text, **more)} GLOB pattern.value"
    return f"EXISTS (SELECT 1 FROM {items} WHERE {fits})"  # noqa: S608  pieces that the compiler has made


@compiles(_MatchesAny, "postgresql")
def _matches_any_postgresql(element: _MatchesAny, compiler: SQLCompiler, **more: Any) -> str:
    text, _, likes = element.clauses
    items = f"SELECT jsonb_array_elements_text(CAST({compiler.process(likes, **more)} AS JSONB))"
    return f"({compiler.process(text, **more)} LIKE ANY (ARRAY({items})))"


class _Folded(FunctionElement[str]):
    inherit_cache = True
    type = Text()


_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def fold(text: str) -> str:
    """ASCII letters in lower case, all else as it is: as both engines' `folded` agree on."""
    return text.translate(_ASCII_LOWER)


def folded_pattern(pattern: Pattern) -> Pattern:
    """A pattern for texts that are folded."""
    return tuple(part if isinstance(part, Wild) else fold(part) for part in pattern)


def folded(text: ColumnElement[Any]) -> ColumnElement[str]:
    """A text with its ASCII letters in lower case, compared by its bytes: what both engines can do alike."""
    return _Folded(text)


@compiles(_Folded, "sqlite")
def _folded_sqlite(element: _Folded, compiler: SQLCompiler, **more: Any) -> str:
    return f"lower({compiler.process(element.clauses, **more)})"


@compiles(_Folded, "postgresql")
def _folded_postgresql(element: _Folded, compiler: SQLCompiler, **more: Any) -> str:
    return f'lower(({compiler.process(element.clauses, **more)}) COLLATE "C")'


_SPACES = str.maketrans(ascii_uppercase + punctuation, ascii_lowercase + " " * len(punctuation))


class _Words(FunctionElement[str]):
    inherit_cache = True
    type = Text()


def words(text: ColumnElement[Any]) -> ColumnElement[str]:
    """A folded text with a space for every ASCII punctuation mark, and one before and behind: words between spaces."""
    return _Words(folded(text))


def spaced(text: str) -> str:
    """What `words` makes of a text, but for the spaces before and behind. SQLite calls it as `spaced`."""
    return text.translate(_SPACES)


@compiles(_Words, "sqlite")
def _words_sqlite(element: _Words, compiler: SQLCompiler, **more: Any) -> str:
    return f"(' ' || spaced({compiler.process(element.clauses, **more)}) || ' ')"


@compiles(_Words, "postgresql")
def _words_postgresql(element: _Words, compiler: SQLCompiler, **more: Any) -> str:
    marks = punctuation.replace("'", "''").replace("%", "%%")
    compiled = compiler.process(element.clauses, **more)
    return f"(' ' || translate({compiled}, '{marks}', '{' ' * len(punctuation)}') || ' ')"


def any_item(
    dialect: str, column: Column[Any], condition: Callable[[ColumnElement[Any]], ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Whether an item of a JSON list of texts meets a condition."""
    match dialect:
        case "sqlite":
            made = func.json_each(column)
        case "postgresql":
            made = func.jsonb_array_elements_text(_json(column))
        case engine:
            raise UnknownMember("database engine", engine)
    items = made.table_valued("value")
    return select(true()).select_from(items).where(condition(items.c.value)).correlate(column.table).exists()


def _json(column: Column[Any]) -> ColumnElement[Any]:
    """The text of a column of documents as PostgreSQL's own kind of document."""
    from sqlalchemy.dialects.postgresql import JSONB  # with all its drivers, which SQLite never needs

    return cast(type_coerce(column, Text), JSONB)
