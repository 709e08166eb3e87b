"""What one process may remember between transactions: grants, the enterprise tree.

`Cache`: only with SQLite, where this process is the file's only writer: a commit that changed a topic drops what is
remembered of it before its caller is answered. On PostgreSQL another node may have written, so nothing is kept.

`VersionedCache`: with both, for what bears a stamp in the database that says which of its states is meant.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
_MOST = 10_000
_MOST_STAMPED = 500


class VersionedCache:
    """What is remembered of resources at a stamp, which the transaction that asks has read. Values may be added to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[Hashable, Any]] = {}

    def get(self, name: Hashable, stamp: Hashable, load: Callable[[], T]) -> T:
        known = self._kept.get(name)
        if known is not None and known[0] == stamp:
            return known[1]  # type: ignore[no-any-return]  # one name holds one type
        value = load()
        with self._lock:
            if name not in self._kept and len(self._kept) >= _MOST_STAMPED:
                self._kept.pop(next(iter(self._kept)))
            self._kept[name] = (stamp, value)
        return value


class Cache:
    """`get` is called by readers and by the writer, `forget` after the commit that changed the topic."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._lock = threading.Lock()
        self._generation: dict[str, int] = {}
        self._epoch = 0
        self._kept: dict[tuple[str, Hashable], Any] = {}
        self.stamped = VersionedCache()

    def get(self, topic: str, key: Hashable, load: Callable[[], T]) -> T:
        if not self._enabled:
            return load()
        known = self._kept.get((topic, key))
        if known is not None:
            return known  # type: ignore[no-any-return]  # one topic holds one type
        generation = (self._epoch, self._generation.get(topic, 0))
        value = load()
        # A commit between the load and here has moved the generation: what was loaded may be old.
        with self._lock:
            if generation == (self._epoch, self._generation.get(topic, 0)):
                if len(self._kept) >= _MOST:
                    self._kept.clear()
                self._kept[topic, key] = value
        return value

    def forget(self, topic: str) -> None:
        with self._lock:
            self._generation[topic] = self._generation.get(topic, 0) + 1
            for known in [key for key in self._kept if key[0] == topic]:
                del self._kept[known]

    def clear(self) -> None:
        """Forgets everything, as when the whole store has become another."""
        with self._lock:
            self._epoch += 1
            self._kept.clear()
            # Another one: what still reads the old store goes on with what was remembered of that.
            self.stamped = VersionedCache()
