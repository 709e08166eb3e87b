"""What one process may remember between transactions: grants, the enterprise tree.

Only with SQLite, where this process is the file's only writer: a commit that changed a topic drops what is
remembered of it before its caller is answered. On PostgreSQL another node may have written, so nothing is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
_MOST = 10_000


class Memo:
    """`get` is called by readers and by the writer, `forget` after the commit that changed the topic."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._lock = threading.Lock()
        self._generation: dict[str, int] = {}
        self._epoch = 0
        self._kept: dict[tuple[str, Hashable], Any] = {}

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
