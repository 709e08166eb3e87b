"""Requests that wait for the database: how many, for how long, and what becomes of one too many.

A request that cannot be worked on soon is refused at once: its client knows it then, and may try again elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from kunsthalle.core.errors import Problem, Reason, Unaudited
from kunsthalle.core.event_counts import EventCount
from kunsthalle.db.account_turns import AccountTurns, Full

T = TypeVar("T")

MOST_WAITING = 500
"""Requests that wait for a thread of the database, where nothing else is set."""
MOST_SECONDS = 10.0
"""How long one waits, where nothing else is set; and for a connection of the pool."""
RETRY_AFTER = 2
"""Seconds."""
REMEMBERED_SECONDS = 5.0
"""How long after such a refusal the process is not ready."""
_NOT_CONNECTED = "08000"
"""PostgreSQL's state for what has none: the connection could not be made."""
_NO_SERVER = "none"
"""In place of a state, of errors that are not PostgreSQL's."""
_NOT_CONNECTED_CLASSES = ("08", "57P0", "53300")
"""Connection errors, an administrator's shutdown, too many connections."""
OVERLOADS = EventCount("kunsthalle_requests_overload", "Requests refused because too much waits", "why")


class Overloaded(Unaudited):
    """503: too many requests wait, or this one has waited for too long. Nothing was done."""

    def __init__(self) -> None:
        text = "More requests wait for the database than it can answer soon; nothing was changed. Try again."
        super().__init__(Reason.UNAVAILABLE, "service_unavailable", text, retry_after=RETRY_AFTER)


class BoundedQueue:
    """Calls in threads that accounts share in turns: at most `most_waiting` wait, none for longer than `most_seconds`.

    `now` is in seconds, from anywhere.
    """

    def __init__(self, turns: AccountTurns, now: Callable[[], float] = time.monotonic) -> None:
        self.most_seconds = MOST_SECONDS
        self._turns, self._now = turns, now
        self._refused_at = float("-inf")

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return self._turns.waiting

    @property
    def is_overloaded(self) -> bool:
        """Whether a call was refused a moment ago."""
        return self._now() - self._refused_at < REMEMBERED_SECONDS

    def bound(self, most_waiting: int, most_seconds: float) -> None:
        """Change how many may wait, and for how long."""
        self._turns.most_in_all, self.most_seconds = most_waiting, most_seconds

    async def run(self, account: Hashable, call: Callable[[], T], on_end: Callable[[], object] | None = None) -> T:
        """Run a call when it is the account's turn; what it returns. Overloaded for one that never begins.

        `on_end` is called when the call has ended or will not begin, in any thread.
        """
        try:
            future = self._turns.submit(account, call)
        except BaseException as error:
            if on_end is not None:
                on_end()
            if isinstance(error, Full):
                raise self.refusal("number") from error
            raise
        if on_end is not None:
            future.add_done_callback(lambda _future: on_end())
        result = asyncio.wrap_future(future)
        if self._turns.must_wait(account):  # else a thread is free, and a timer costs more than most reads
            try:
                await asyncio.wait({result}, timeout=self.most_seconds)
            except asyncio.CancelledError:
                future.cancel()
                raise
            if not result.done() and future.cancel():
                raise self.refusal("age")
        return await result

    def refusal(self, why: str) -> Overloaded:
        """What a call is refused with, counted."""
        self._refused_at = self._now()
        OVERLOADS.add(why)
        return Overloaded()


def refusal_of(error: Exception) -> Problem | None:
    """503 for what an error says of the database's connections: none was free for too long, or it does not answer."""
    if isinstance(error, NoConnection):
        return _unavailable("No connection to the database was free.", error)
    state = getattr(error.orig, "sqlstate", _NO_SERVER) if isinstance(error, DBAPIError) else _NO_SERVER
    if isinstance(error, DBAPIError) and state != _NO_SERVER:
        lost = error.connection_invalidated or (state or _NOT_CONNECTED).startswith(_NOT_CONNECTED_CLASSES)
        return _unavailable("The database does not answer.", error) if lost else None
    return None


def _unavailable(text: str, error: Exception) -> Problem:
    more = f"{text} Try again; a change may have been made or not."
    return Problem(Reason.UNAVAILABLE, "service_unavailable", more, private=str(error), retry_after=RETRY_AFTER)
