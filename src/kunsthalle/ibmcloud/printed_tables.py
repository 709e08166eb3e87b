"""Tables and detail views (cli.md 1.2): columns three spaces apart, no borders, nested resources as tables in a
cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from kunsthalle.ibmcloud.terminal import bold, cyan
from kunsthalle.local import text_tables
from kunsthalle.local.display import escape

GAP = 3
MISSING = "-"

Getter = str | Callable[[Any], Any]
Field = tuple[str, Any]
"""A label, and where its value comes from: a dotted path, a function, or a `Nested`."""


def safe(text: str) -> str:
    """Without characters that a terminal would obey: names and messages are anybody's."""
    return escape(text.replace("\t", " "))


def look(resource: Any, path: Getter) -> Any:
    """What a dotted path leads to, list positions included; None where it leads nowhere."""
    if callable(path):
        return path(resource)
    for step in path.split("."):
        if isinstance(resource, dict):
            resource = resource.get(step)
        elif isinstance(resource, list) and step.isdigit() and int(step) < len(resource):
            resource = resource[int(step)]
        else:
            return None
    return resource


def shown(value: Any) -> str:
    """A value as a cell."""
    if value is None or value == "" or value == [] or value == {}:
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(shown(entry) for entry in value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return safe(str(value))


def cells(resource: Any, columns: Sequence[Field]) -> list[str]:
    return [shown(look(resource, path)) for _, path in columns]


def grid(rows: Sequence[Sequence[str]], *, header: bool = True, colour: bool = False) -> list[str]:
    """Lines of aligned rows, in the colours of this command."""
    return text_tables.grid(rows, gap=GAP, header=bold if colour and header else None, first=cyan if colour else None)


def table(resource_table: Sequence[Any], columns: Sequence[Field], *, colour: bool = False) -> list[str]:
    """A list of resources: a header, then a row each."""
    return grid([[label for label, _ in columns], *(cells(entry, columns) for entry in resource_table)], colour=colour)


class Nested:
    """A table inside a value: a header on the field's own line, rows below it, an empty line after it (source page)."""

    def __init__(self, path: Getter, *columns: Field) -> None:
        self.path, self.columns = path, columns

    def text(self, resource: Any) -> str:
        result = look(resource, self.path)
        rows = result if isinstance(result, list) else [result] if result else []
        return "\n".join([*table(rows, self.columns), ""]) if rows else MISSING


def nested(path: Getter, *columns: Field) -> Nested:
    return Nested(path, *columns)


ID_NAME: tuple[Field, ...] = (("ID", "id"), ("Name", "name"))


class IfAny:
    """A field that is left out of a detail view where there is nothing to show."""

    def __init__(self, noun: Any) -> None:
        self.what = noun


def value(resource: Any, noun: Any) -> str:
    """A field's value in a detail view."""
    if isinstance(noun, IfAny):
        return value(resource, noun.what)
    return noun.text(resource) if isinstance(noun, Nested) else shown(look(resource, noun))


def detail(resource: Any, fields: Sequence[Field], *, colour: bool = False) -> list[str]:
    """A resource: an empty line, then field names and values."""
    rows = [(label, value(resource, noun)) for label, noun in fields]
    stored = [row for row, (_, noun) in zip(rows, fields, strict=True) if not _absent(row[1], noun)]
    return ["", *grid(stored, header=False, colour=colour)]


def _absent(text: str, noun: Any) -> bool:
    return isinstance(noun, IfAny) and text == MISSING


def when(path: str) -> Callable[[Any], str | None]:
    """A moment as detail views show it: whole seconds, UTC, a numeric offset (U)."""

    def get(resource: Any) -> str | None:
        text = look(resource, path)
        return re.sub(r"(\.\d+)?Z$", "+00:00", text) if isinstance(text, str) else None

    return get


def names(path: str, key: str = "name") -> Callable[[Any], str | None]:
    """The names in a list of references, separated by commas."""

    def get(resource: Any) -> str | None:
        result = look(resource, path)
        return ",".join(str(entry.get(key, "")) for entry in result) if isinstance(result, list) else None

    return get
