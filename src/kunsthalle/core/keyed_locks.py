"""A lock for each of many keys."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import field

from kunsthalle.core.records import dataclass


@dataclass(slots=True)
class _Held:
    lock: threading.Lock = field(default_factory=threading.Lock)
    threads: int = 0


class KeyedLocks:
    """Threads of this process that come with the same key wait for one another; those with other keys do not.

    A key is remembered for as long as a thread holds its lock or waits for it.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[Hashable, _Held] = {}

    @contextmanager
    def hold(self, key: Hashable) -> Iterator[None]:
        """The lock of a key, for a block."""
        with self._guard:
            held = self._held.setdefault(key, _Held())
            held.threads += 1
        try:
            with held.lock:
                yield
        finally:
            with self._guard:
                held.threads -= 1
                if held.threads == 0:
                    del self._held[key]

    def __len__(self) -> int:
        """How many keys are held or waited for."""
        return len(self._held)
