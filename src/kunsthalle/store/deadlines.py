"""How long a read may take, and what stops it then."""

from __future__ import annotations

import math
import sqlite3
import time

from sqlalchemy.exc import OperationalError

from kunsthalle.core.errors import Problem, Reason

INLINE_SECONDS = 0.05
"""How long a read may hold the event loop before it is run again in a thread."""
READ_SECONDS = 5.0
"""How long the statements of one request that reads may take."""
LONG_READERS = 2
"""Threads for long reads. More would answer nobody sooner: they share the interpreter with the event loop."""
_STEPS = 2_000
"""Instructions of SQLite's virtual machine between two looks at the clock: well below a millisecond."""
_CANCELED = "57014"
"""PostgreSQL: a statement was cancelled, here by its timeout."""


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
