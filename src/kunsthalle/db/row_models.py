"""Models made of rows: each field takes the value of the column with its name, wherever the column stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from inspect import Parameter, signature
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import ColumnElement

M = TypeVar("M")


def reader(model: type[M], columns: Iterable[ColumnElement[Any]]) -> Callable[[Sequence[Any]], M]:
    """Return the function that makes a model of a row with these columns, in their order.

    A column is named by its key, or by its label. TypeError unless there is a column for each field and a field for
    each column: call it when a module is imported, so that a program with a wrong model does not start.
    """
    fields = list(signature(model).parameters.values())
    keys = [column.key for column in columns]
    names = [field.name for field in fields]
    lacking, unknown = set(names) - set(keys), set(keys) - set(names)
    if lacking or unknown or len(set(keys)) < len(keys):
        raise TypeError(
            f"{model.__qualname__} is no model of its columns: fields without a column {sorted(lacking)}, "
            f"columns without a field {sorted(map(str, unknown))}, columns {keys}"
        )
    if any(field.kind is not Parameter.POSITIONAL_OR_KEYWORD for field in fields):
        raise TypeError(f"{model.__qualname__} has fields that are set by keyword only")
    if names == keys:
        return lambda row: model(*row)
    reorder = itemgetter(*(keys.index(name) for name in names))  # two names or more, or they would be in order
    return lambda row: model(*reorder(row))
