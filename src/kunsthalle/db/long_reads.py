"""Threads for long reads, which accounts share in turns.

One account has at most one read running and `MOST_WAITING` waiting, so that its reads delay another account's by the
time of one (docs/decisions/0021-bounded-work.md). What is worked out for a write has a thread of its own, one at a time
for each account, and no bound on how many wait: a client may send many small changes at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from kunsthalle.core.errors import too_many
from kunsthalle.db import deadlines
from kunsthalle.db.account_turns import AccountTurns, Crowded
from kunsthalle.db.deadlines import ReadTimeout

T = TypeVar("T")

LONG_READERS = 2
"""Threads for long reads. More would answer nobody sooner: they share the interpreter with the event loop."""
MOST_WAITING = 8
"""Long reads of one account that wait beside the one that runs."""
RETRY_AFTER = 5
"""Seconds after which an account with too many long reads may try again: those that wait now are over by then."""


class LongReads:
    """Runs reads in threads, at most one at a time for each account; accounts take turns."""

    def __init__(self) -> None:
        self._turns = AccountTurns(LONG_READERS, "read", most_running=1, most_waiting=MOST_WAITING)
        self._preparations = AccountTurns(1, "prepare", most_running=1)

    async def run(self, account: Hashable, read: Callable[[float], T]) -> T:
        """Run a read when it is the account's turn, and return what it returns.

        429 when the account has too many; ReadTimeout when its time passes before it begins.
        """
        return await self._result(self._submit(account, read))

    async def prepare(self, account: Hashable, read: Callable[[float], T]) -> T:
        """Run what a write needs when it is the account's turn, and return what it returns. ReadTimeout as `run`."""
        until = time.monotonic() + deadlines.READ_SECONDS
        return await self._result(self._preparations.submit(account, partial(_timed, read, until)))

    async def _result(self, future: Future[T]) -> T:
        result = asyncio.wrap_future(future)
        try:
            await asyncio.wait({result}, timeout=deadlines.READ_SECONDS)
        finally:
            expired = future.cancel()  # False for what has begun
        if expired:
            raise ReadTimeout
        return await result

    def close(self) -> None:
        self._turns.close()
        self._preparations.close()

    def _submit(self, account: Hashable, read: Callable[[float], T]) -> Future[T]:
        try:
            return self._turns.submit(account, partial(_timed, read, time.monotonic() + deadlines.READ_SECONDS))
        except Crowded as error:
            text = f"The account already has {MOST_WAITING + 1} long reads that run or wait; no more are allowed."
            raise too_many(text, RETRY_AFTER) from error


def _timed(read: Callable[[float], T], until: float) -> T:
    """The read, with the seconds that are left of its time at its beginning."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise ReadTimeout
    return read(seconds)
