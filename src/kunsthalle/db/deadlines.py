"""How long a read may take, and what stops it then; how long a write takes, and who is told."""

from __future__ import annotations

import math
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.log import get_logger

INLINE_SECONDS = 0.05
"""How long a read may hold the event loop before it is run again in a thread."""
READ_SECONDS = 5.0
"""How long the statements of one request that reads may take."""
_STEPS = 2_000
"""Instructions of SQLite's virtual machine between two looks at the clock: well below a millisecond."""
_CANCELED = "57014"
"""PostgreSQL: a statement was cancelled, here by its timeout."""


SLOW_WRITE_SECONDS = 0.1
"""Nothing that a caller sends should hold the writer longer: on SQLite everybody else's change waits for it."""

log = get_logger("store")


class WriteTimes:
    """How many transactions held the writer longer than they should, by what they were for; and the longest."""

    def __init__(self) -> None:
        self.slow: Counter[str] = Counter()
        self.longest = 0.0

    @contextmanager
    def measured(self, name: str, trace: str) -> Iterator[None]:
        """Measure one transaction. The log is told what was slow, with its time of the processor beside that of a
        clock: a busy machine makes any write long, but not expensive.
        """
        begin, worked = time.monotonic(), time.thread_time()
        try:
            yield
        finally:
            seconds, cost = time.monotonic() - begin, time.thread_time() - worked
            self.longest = max(self.longest, seconds)
            if seconds > SLOW_WRITE_SECONDS:
                self.slow[name] += 1
                milliseconds = {"milliseconds": round(seconds * 1000), "processor": round(cost * 1000)}
                log.warning("slow write", of=name, trace=trace, **milliseconds)


class ReadTimeout(Problem):
    """The statements of a read took longer than they may."""

    def __init__(self) -> None:
        text = (
            f"The request reads more than the server reads in {READ_SECONDS:g} seconds. "
            "Ask for less: fewer terms, a narrower filter, or a smaller limit."
        )
        super().__init__(Reason.UNAVAILABLE, "request_too_expensive", text)


class Deadline:
    """Stops the statements of one SQLite connection once `until` has passed."""

    __slots__ = ("until",)

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.until = math.inf
        driver.set_progress_handler(self._passed, _STEPS)

    def _passed(self) -> bool:
        return time.monotonic() > self.until


def timed_out(error: Exception) -> bool:
    """Whether an error of either engine says that a statement was stopped for its time."""
    cause = error.orig if isinstance(error, OperationalError) else error
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
    return getattr(cause, "sqlstate", None) == _CANCELED
