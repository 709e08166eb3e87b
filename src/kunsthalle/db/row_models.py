"""Models made of rows: each field takes the value of the column with its name, wherever the column stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from operator import itemgetter
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement

M = TypeVar("M")


def reader(model: type[M], columns: Iterable[ColumnElement[Any]]) -> Callable[[Sequence[Any]], M]:
    """Return the function that makes a model of a row with these columns, in their order.

    A column is named by its key, or by its label. TypeError unless there is a column for each field and a field for
    each column: call it when a module is imported, so that a program with a wrong model does not start.
    """
    kind: Any = model
    names = list[str](kind.__match_args__)  # what is set by position
    by_keyword = set(_fields(model)) - set(names)
    if by_keyword:
        raise TypeError(f"{model.__qualname__} has fields that are set by keyword only: {sorted(by_keyword)}")
    keys = [column.key for column in columns]
    lacking, unknown = set(names) - set(keys), set(keys) - set(names)
    if lacking or unknown or len(set(keys)) < len(keys):
        raise TypeError(
            f"{model.__qualname__} is no model of its columns: fields without a column {sorted(lacking)}, "
            f"columns without a field {sorted(map(str, unknown))}, columns {keys}"
        )
    if names == keys:
        return lambda row: model(*row)
    reorder = itemgetter(*(keys.index(name) for name in names))  # two names or more, or they would be in order
    return lambda row: model(*reorder(row))


def _fields(model: type) -> tuple[str, ...]:
    if is_dataclass(model):
        return tuple(field.name for field in fields(model))
    names: tuple[str, ...] = getattr(model, "__struct_fields__" if issubclass(model, Struct) else "_fields")
    return names
