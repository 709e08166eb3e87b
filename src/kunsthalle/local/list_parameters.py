"""The query parameters of lists, as the routes of the server declare them, for command lines.

Command lines import nothing of the server. `./dev openapi` writes `list_parameters.json` from the structs of the
routes; a test compares it. A filter of a command names the parameter that it fills, and takes its type, its choices
and, unless it has a text of its own, its description from here.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).with_suffix(".json")
_OF_PAGES = frozenset({"start", "limit", "offset", "next_docid", "pagesize", "pagetoken"})


class Parameter(NamedTuple):
    """One parameter. `kind` is `text`, `int` or `bool`; `several` says that it takes values with commas between."""

    name: str
    kind: str
    description: str
    choices: tuple[str, ...] = ()
    several: bool = False


@cache
def _lists() -> dict[str, list[dict[str, Any]]]:
    lists: dict[str, list[dict[str, Any]]] = json.loads(FILE.read_text())
    return lists


def parameters_of(path: str) -> dict[str, Parameter]:
    """Return the parameters that narrow the list at a path by their names; the parts of the path have no names.

    LookupError where the server has no such list.
    """
    plain = plain_path(path)
    if plain not in _lists():
        raise LookupError(f"No list is at {path}; run `./dev openapi` after a change of routes.")
    rows = [{**row, "choices": tuple(row.get("choices", ()))} for row in _lists()[plain]]
    return {row["name"]: Parameter(**row) for row in rows}


def parameter(path: str, name: str) -> Parameter:
    """Return one parameter of a list; LookupError where it has none of that name."""
    known = parameters_of(path)
    if name not in known:
        raise LookupError(f"The list at {path} has no parameter {name}; it has {', '.join(known) or 'none'}.")
    return known[name]


def can_be_asked(path: str, name: str) -> bool:
    """Return whether the list at a path has a parameter."""
    return any(row["name"] == name for row in _lists().get(plain_path(path), ()))


def narrowed(path: str, **values: str) -> dict[str, str]:
    """Return what is asked of the list at a path; LookupError for a parameter that the list does not have."""
    return {parameter(path, name).name: value for name, value in values.items()}


def plain_path(path: str) -> str:
    """Return a path with its parameters as `{}`."""
    return re.sub(r"\{\w*\}", "{}", path)


def narrows(name: str) -> bool:
    """Whether a parameter says which resources a list holds, not which page of it."""
    return name not in _OF_PAGES
