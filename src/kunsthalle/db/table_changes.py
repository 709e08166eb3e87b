"""Which tables commits have changed: for what is remembered of readings until something of it is another.

A reading notes what it rests on (`Basis`): the tables of its statements, and the topics of `cache.py`. A commit marks
what it has changed before it becomes visible and again after it, so that what was read before is never good once
somebody may have seen what came after it. Only for a database of which this process is the only writer.

Where it is known whose rows a statement reads or changes, it is the rows of that account: what one account changes
drops nothing of what is remembered of another's.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from kunsthalle.core.clock import Clock
from kunsthalle.db.tables import metadata

_MOST_TEXTS = 2_048
_WRITES = re.compile(
    r'\s*(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|REPLACE\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)\s+"?(\w+)'
)
_CHANGES_NOTHING = re.compile(r"\s*(?:SELECT|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b")
_ANYTHING = ""
"""In place of the table, of a statement that may change any."""
_ANYBODY = "anybody"
"""In place of the account, of a change of which is not known whose rows it changes."""
_MOST_NAMES = 20_000
"""Of tables, accounts and topics. Where there would be more, everything counts as changed."""


@lru_cache(maxsize=_MOST_TEXTS)
def tables_of(statement: str) -> frozenset[str]:
    """The tables that a statement names, and whatever else in it has the name of one."""
    return frozenset(re.findall(r"\w+", statement)) & metadata.tables.keys()


@lru_cache(maxsize=_MOST_TEXTS)
def changed_by(statement: str) -> str | None:
    """The table that a statement changes, None where it changes none; any other statement may change anything."""
    match = _WRITES.match(statement)
    if match is not None:
        return match[1]
    return None if _CHANGES_NOTHING.match(statement) else _ANYTHING


def rows_of(table: str, account_id: str) -> tuple[str, str]:
    """What a reading of an account's rows of a table rests on, and no other of the table: what is known to change
    rows of the account, and what may change anybody's.
    """
    return _rows(table, account_id), _rows(table, _ANYBODY)


def _rows(table: str, whose: str) -> str:
    return f"{table} of {whose}"


class TableChanges:
    """When tables and topics were changed last, as numbers that grow. Without `enabled` nothing can rest on anything.

    `number` is another one after each commit that has changed something.
    """

    def __init__(self, *, enabled: bool) -> None:
        self.number = 0
        self._enabled = enabled
        self._lock = threading.Lock()
        self._latest: dict[str, int] = {}
        self._everything = 0
        self._committing = 0
        self._written: set[str] = set()

    def since(self) -> int | None:
        """The number that a reading which begins now rests on; None where nothing of it may be remembered."""
        number = self.number  # before the next line: a commit says first that it has begun
        return None if self._committing or not self._enabled else number

    def hold(self, names: Iterable[str], since: int) -> bool:
        """Whether nothing of these has changed since a number."""
        latest = self._latest
        return since >= self._everything and all(latest.get(name, 0) <= since for name in names)

    def begin(self) -> None:
        """A transaction that writes has begun. There is one at a time."""
        self._written = set()

    def note(self, statement: str, accounts: Iterable[str] | None = None) -> None:
        """A statement of the transaction that writes, and the accounts whose rows it changes, where they are known."""
        table = changed_by(statement)
        if table is None:
            return
        for whose in (_ANYBODY,) if accounts is None else accounts:
            self._written |= {table, _rows(table, whose)}

    @contextmanager
    def commit(self, topics: Iterable[str]) -> Iterator[None]:
        """Within it what was noted becomes visible, and what is remembered of topics is dropped."""
        names = frozenset(self._written.union(topics))
        if not names:
            yield
            return
        with self.of(names):
            yield

    @contextmanager
    def of(self, names: frozenset[str] = frozenset((_ANYTHING,))) -> Iterator[None]:
        """Within it a change of these becomes visible; without any, of everything."""
        with self._lock:
            self._committing += 1
            self._mark(names)
        try:
            yield
        finally:
            with self._lock:
                self._mark(names)
                self._committing -= 1

    def _mark(self, names: frozenset[str]) -> None:
        number = self.number + 1
        if len(self._latest) > _MOST_NAMES:
            self._everything = number  # before the next line: whoever finds nothing there sees this
            self._latest = {}
        if _ANYTHING in names:
            self._everything = number
        for name in names:
            self._latest[name] = number
        self.number = number  # at last: whoever has seen this number sees what has changed by it


class Basis:
    """What a reading rests on, noted while it goes on. `since` is what `TableChanges.since` said before.

    `until` is when it ends by the product clock, `real_until` by real time, in microseconds since the epoch. It lasts
    for no time at all before somebody says how long: who decides about the caller.
    """

    __slots__ = ("asks_time", "names", "real_until", "since", "until")

    def __init__(self, since: int) -> None:
        self.since = since
        self.names: set[str] = set()
        self.until: float = -math.inf
        self.real_until: float = -math.inf
        self.asks_time = False

    def lasts(self, until: float, real_until: float) -> None:
        """How long the caller may do what was found. Asking the time for that is no more than this."""
        self.until, self.real_until, self.asks_time = until, real_until, False

    @property
    def keeps(self) -> bool:
        """Whether what was read may be remembered at all."""
        return not self.asks_time and self.until > -math.inf


class WatchedClock:
    """A clock that notes in a basis that it was asked."""

    __slots__ = ("_basis", "_clock")

    def __init__(self, clock: Clock, basis: Basis) -> None:
        self._clock, self._basis = clock, basis

    def now(self) -> int:
        """As `Clock.now`."""
        self._basis.asks_time = True
        return self._clock.now()

    def real(self) -> int:
        """As `Clock.real`."""
        self._basis.asks_time = True
        return self._clock.real()
