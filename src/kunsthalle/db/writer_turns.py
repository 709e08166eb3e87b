"""Who writes next on SQLite: one at a time, requests before jobs, and a job at the latest after a few requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST_PASSED = 4
"""Writes of requests that may pass a job that waits."""


class WriterTurns:
    """The right to write. A request is announced when it is queued, so that no job begins between two of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held = False
        self._announced = 0
        self._jobs = 0
        """Jobs that wait."""
        self._passed = 0
        """Requests that wrote while a job waited, since the last job that wrote."""

    def announce(self) -> None:
        """A request will write. `withdraw` once it has, or will not."""
        with self._changed:
            self._announced += 1

    def withdraw(self) -> None:
        with self._changed:
            self._announced -= 1
            if not self._announced:
                self._changed.notify_all()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Nobody else writes meanwhile. Waits for a job only if too many requests have passed it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held and not (self._jobs and self._passed >= MOST_PASSED))
            self._held = True
            self._passed = self._passed + 1 if self._jobs else 0
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def job(self) -> Iterator[None]:
        """Nobody else writes meanwhile. Lets requests pass that have been announced, up to `MOST_PASSED`."""
        with self._changed:
            self._jobs += 1
            try:
                self._changed.wait_for(lambda: not self._held and (not self._announced or self._passed >= MOST_PASSED))
                self._held = True
            finally:
                self._jobs -= 1
            self._passed = 0
        try:
            yield
        finally:
            self._release()

    def _release(self) -> None:
        with self._changed:
            self._held = False
            self._changed.notify_all()
