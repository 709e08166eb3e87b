"""Accounts that have used much of the processor lately wait for the requests of those that have used little.

Used is the processor time of reads, writes and jobs, of which half is forgotten every `HALF_LIFE` seconds. Nobody
waits who has used little, or no more than the others; and nobody waits long (docs/decisions/0024-account-priority.md).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HALF_LIFE = 2.0
"""Seconds."""
HEAVY_SECONDS = 0.1
"""An account that has used less waits for nobody."""
FACTOR = 1.25
"""How much more than another account one must have used to wait for it."""
MOST_SECONDS = 0.05
"""How long a request waits at one place. A request that is worked on for longer is not waited for."""
MOST_JOB_SECONDS = 0.02
"""How long a job waits before one of its steps."""
MOST_ACCOUNTS = 1_024
"""Accounts that are remembered; the one that used the processor longest ago is forgotten."""
UNKNOWN = ""
"""The account of callers who are not recognised yet: it waits for nobody."""


class AccountPriority:
    """Processor time by account, and the requests that are worked on. `now` is in seconds, from anywhere."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._used: dict[str, tuple[float, float]] = {}
        """Seconds, and when they were right; the account that was added to last is the last."""
        self._active: dict[object, tuple[str, float]] = {}
        """The account of each request that is worked on, and since when."""
        self._waiting: set[asyncio.Future[None]] = set()
        self._sleeping = threading.Condition()
        self._sleepers = 0

    def add(self, account_id: str, seconds: float) -> None:
        """An account has used the processor, in any thread."""
        if account_id == UNKNOWN:
            return
        with self._lock:
            used = self._left(self._used.pop(account_id, (0.0, 0.0))) + seconds
            self._used[account_id] = (used, self._now())
            if len(self._used) > MOST_ACCOUNTS:
                del self._used[next(iter(self._used))]

    @contextmanager
    def counted(self, account_id: Callable[[], str]) -> Iterator[None]:
        """What this thread works meanwhile is the account's, whose id may become known by it."""
        begun = time.thread_time()
        try:
            yield
        finally:
            self.add(account_id(), time.thread_time() - begun)

    def used(self, account_id: str) -> float:
        """Seconds that are not forgotten yet."""
        return self._left(self._used.get(account_id, (0.0, 0.0)))

    def _left(self, entry: tuple[float, float]) -> float:
        seconds, at = entry
        return seconds * 0.5 ** ((self._now() - at) / HALF_LIFE) if seconds else 0.0

    @contextmanager
    def worked_on(self, account_id: str) -> Iterator[None]:
        """A request is worked on meanwhile, in the thread of the event loop or waited for there."""
        key = object()
        self._active[key] = (account_id, self._now())
        try:
            yield
        finally:
            del self._active[key]
            self._wake()

    def is_behind(self, account_id: str) -> bool:
        """Whether the account must wait for a request of another one."""
        used = self.used(account_id)
        if used < HEAVY_SECONDS:
            return False
        since = self._now() - MOST_SECONDS
        others = {other for other, begun in list(self._active.values()) if begun > since} - {account_id}
        return any(self.used(other) * FACTOR < used for other in others)

    async def wait(self, account_id: str) -> None:
        """Return when it is the turn of a request of the account, at the latest after `MOST_SECONDS`."""
        if not self._active or not self.is_behind(account_id):
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + MOST_SECONDS
        while (left := until - loop.time()) > 0 and self.is_behind(account_id):
            changed = loop.create_future()
            self._waiting.add(changed)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await changed
            finally:
                self._waiting.discard(changed)

    def wait_in_thread(self, account_id: str) -> None:
        """`wait` for a job, at most `MOST_JOB_SECONDS`."""
        if not self._active or not self.is_behind(account_id):
            return
        with self._sleeping:
            self._sleepers += 1
            try:
                self._sleeping.wait_for(lambda: not self.is_behind(account_id), MOST_JOB_SECONDS)
            finally:
                self._sleepers -= 1

    def _wake(self) -> None:
        for changed in self._waiting:
            if not changed.done():
                changed.set_result(None)
        if self._sleepers:
            with self._sleeping:
                self._sleeping.notify_all()
