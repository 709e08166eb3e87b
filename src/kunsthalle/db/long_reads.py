"""Threads for long reads, which accounts share in turns.

One account has at most one read running and `MOST_WAITING` waiting, so that its reads delay another account's by the
time of one (docs/decisions/0021-bounded-work.md).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from msgspec import Struct

from kunsthalle.core.errors import too_many
from kunsthalle.db import deadlines
from kunsthalle.db.deadlines import ReadTimeout

T = TypeVar("T")

LONG_READERS = 2
"""Threads for long reads. More would answer nobody sooner: they share the interpreter with the event loop."""
MOST_WAITING = 8
"""Long reads of one account that wait beside the one that runs."""
RETRY_AFTER = 5
"""Seconds after which an account with too many long reads may try again: those that wait now are over by then."""


class _Job(Struct, frozen=True):
    """`read` takes the seconds that are left of its time at its beginning."""

    read: Callable[[float], Any]
    until: float
    future: Future[Any]


class LongReads:
    """Runs reads in threads, at most one at a time for each account; accounts take turns."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(LONG_READERS, thread_name_prefix="read")
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, deque[_Job]] = {}
        """In the order of the accounts' turns. No queue is empty."""
        self._running: set[Hashable] = set()

    async def run(self, account: Hashable, read: Callable[[float], T]) -> T:
        """Run a read when it is the account's turn, and return what it returns.

        429 when the account has too many; ReadTimeout when its time passes before it begins.
        """
        future = self._submit(account, read)
        result = asyncio.wrap_future(future)
        try:
            await asyncio.wait({result}, timeout=deadlines.READ_SECONDS)
        finally:
            expired = future.cancel()  # False for what has begun
        if expired:
            raise ReadTimeout
        return await result

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def _submit(self, account: Hashable, read: Callable[[float], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            queue = self._waiting.get(account, deque())
            alive = sum(not job.future.cancelled() for job in queue)
            if alive >= MOST_WAITING + (account not in self._running):
                text = f"The account already has {MOST_WAITING + 1} long reads that run or wait; no more are allowed."
                raise too_many(text, RETRY_AFTER)
            queue.append(_Job(read, time.monotonic() + deadlines.READ_SECONDS, future))
            self._waiting[account] = queue
        self._pool.submit(self._work)
        return future

    def _work(self) -> None:
        """Run what may run now, until nothing may: what then still waits is for an account whose thread goes on."""
        while (turn := self._next()) is not None:
            account, job = turn
            try:
                _run(job)
            finally:
                with self._lock:
                    self._running.discard(account)

    def _next(self) -> tuple[Hashable, _Job] | None:
        with self._lock:
            account = next((account for account in self._waiting if account not in self._running), None)
            if account is None:
                return None
            queue = self._waiting.pop(account)
            job = queue.popleft()
            if queue:
                self._waiting[account] = queue  # behind all others
            self._running.add(account)
            return account, job


def _run(job: _Job) -> None:
    if not job.future.set_running_or_notify_cancel():
        return
    try:
        seconds = job.until - time.monotonic()
        if seconds <= 0:
            raise ReadTimeout
        result = job.read(seconds)
    except BaseException as error:  # noqa: BLE001  raised where the result is awaited
        job.future.set_exception(error)
    else:
        job.future.set_result(result)
