"""Tables that remember the latest of many: of callers, and of accounts, whose number nothing else bounds."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def renew(table: dict[K, T], key: K, value: T, most: int) -> None:
    """Set a value and make its key the last; of more than `most` keys the first, which was set longest ago, goes."""
    table.pop(key, None)
    table[key] = value
    if len(table) > most:
        del table[next(iter(table))]
