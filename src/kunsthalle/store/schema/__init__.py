"""Every table, a file a room. The migrations make the same; a test compares both.

`metadata` is asked for by whoever needs all tables, and loads them: a start that finds the schema as it should be
does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy import MetaData

metadata: MetaData

ROOMS = (
    "base",
    "accounts",
    "identity",
    "images",
    "catalogs",
    "networks",
    "storage",
    "instances",
    "groups",
    "metal",
    "search",
)
"""A table refers only to tables of its own room or of those before it."""


def __getattr__(name: str) -> Any:
    if name != "metadata":
        raise AttributeError(name)
    for room in ROOMS:
        import_module(f"{__name__}.{room}")
    return import_module(f"{__name__}.base").metadata


__all__ = ["ROOMS", "metadata"]
