"""A unit of work: one connection, one context, what to do after the commit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Row

from kunsthalle.authz.context import Context
from kunsthalle.core.loop_turns import LOOP_TURNS
from kunsthalle.core.recordings import Recordings
from kunsthalle.db.bounds import JobBounds
from kunsthalle.db.cache import Cache
from kunsthalle.db.deadlines import ReadTimeout
from kunsthalle.db.encryption import Cipher
from kunsthalle.db.table_changes import Basis, WatchedClock, tables_of

_DEFAULT_BOUNDS = JobBounds()
_NO_RECORDINGS = Recordings()
_NO_QUOTAS: Mapping[str, int] = {}
T = TypeVar("T")


def _unnoted(_statement: str, _accounts: Iterable[str] | None = None) -> None:
    """Nobody asks what is changed."""


class Session:
    """Opened by `Store.read` and `Store.write` only."""

    __slots__ = (
        "_after",
        "_connection",
        "_dirty",
        "_driver",
        "_memo",
        "_once",
        "_stamped",
        "basis",
        "bounds",
        "cipher",
        "ctx",
        "dialect",  # a name of SQLAlchemy; words: allow
        "note",
        "quotas",
        "recordings",
        "until",
        "writing",
    )

    def __init__(
        self, connection: Connection, ctx: Context, memo: Cache, cipher: Cipher, *, writing: bool, driver: Any = None
    ) -> None:
        self._connection = connection
        self._driver = driver
        self._memo = memo
        self._stamped = memo.stamped
        self.dialect = connection.dialect.name
        self.cipher = cipher
        self.ctx = ctx
        self.writing = writing
        self.bounds = _DEFAULT_BOUNDS
        self.quotas: Mapping[str, int] = _NO_QUOTAS
        self.recordings = _NO_RECORDINGS
        self.until = math.inf
        self.basis: Basis | None = None
        self.note: Callable[[str, Iterable[str] | None], None] = _unnoted
        """Told of each statement that changes something and goes around SQLAlchemy, which tells of the others; and of
        the accounts whose rows these are, None where that is not known."""
        self._after: list[Callable[[], None]] = []
        self._dirty: set[str] = set()
        self._once: dict[Hashable, Any] = {}

    def as_context(self, ctx: Context) -> Session:
        """The same transaction on behalf of another context."""
        other = Session(self._connection, ctx, self._memo, self.cipher, writing=self.writing, driver=self._driver)
        other._after, other._dirty, other._stamped = self._after, self._dirty, self._stamped
        other._once = self._once
        other.bounds, other.until, other.recordings = self.bounds, self.until, self.recordings
        other.quotas, other.basis, other.note = self.quotas, self.basis, self.note
        return other

    def resting_on(self, basis: Basis) -> Session:
        """The same transaction, of which is noted what is read and whether the time is asked."""
        other = self.as_context(self.ctx.by_clock(WatchedClock(self.ctx.clock, basis)))
        other.basis = basis
        return other

    def check_time(self) -> None:
        """ReadTimeout when the time of the read is over: for work between statements, which the engine does not
        stop."""
        if time.monotonic() > self.until:
            raise ReadTimeout

    @property
    def connection(self) -> Connection:
        """For the store's own files."""
        return self._connection

    @property
    def driver(self) -> Any:
        """What SQLAlchemy's connection stands on, for the store's own files."""
        if self._driver is None:
            self._driver = self._connection.connection.driver_connection
        return self._driver

    def execute(self, statement: Executable, values: Mapping[str, Any] | None = None) -> CursorResult[Any]:
        LOOP_TURNS.give_way()
        return self._noted(self._connection.execute(statement, values))

    def execute_many(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """One statement with the values of each row."""
        LOOP_TURNS.give_way()
        self._connection.execute(statement, rows)

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        LOOP_TURNS.give_way()
        return self._noted(self._connection.execute(statement, values)).all()

    def first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        LOOP_TURNS.give_way()
        return self._noted(self._connection.execute(statement, values)).first()

    def _noted(self, result: CursorResult[Any]) -> CursorResult[Any]:
        """The result of a statement, whose tables are part of what a reading rests on."""
        if self.basis is not None:
            self.basis.names |= tables_of(result.context.statement)
        return result

    def rests_on(self, names: Iterable[str]) -> None:
        """What is read rests on these tables, too."""
        if self.basis is not None:
            self.basis.names.update(names)

    def lasts(self, until: float, real_until: float = math.inf) -> None:
        """What is read is right until these moments of the product clock and of real time, if nothing changes."""
        if self.basis is not None:
            self.basis.lasts(until, real_until)

    def cached(self, topic: str, key: Hashable, load: Callable[[], T]) -> T:
        """What is remembered of a topic, unless this very transaction has changed it."""
        if self.basis is not None:
            self.basis.names.add(topic)
        return load() if topic in self._dirty else self._memo.get(topic, key, load)

    def at(self, name: Hashable, stamp: Hashable, load: Callable[[], T]) -> T:
        """What is remembered of something at the stamp that this transaction has read. A transaction that writes
        remembers nothing: it may be rolled back, and its stamp then be another one's.
        """
        return load() if self.writing else self._stamped.get(name, stamp, load)

    def once(self, key: Hashable, load: Callable[[], T]) -> T:
        """What one page asks for again and again (the root key of its volumes), read once where nothing is written.
        It must not depend on the context.
        """
        if self.writing:
            return load()
        if key not in self._once:
            self._once[key] = load()
        value: T = self._once[key]
        return value

    def invalidate(self, topic: str) -> None:
        """To be said by whoever writes rows that a topic is made from."""
        self._dirty.add(topic)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Runs once the transaction is durable; never when it is rolled back."""
        self._after.append(callback)

    @property
    def changed_topics(self) -> frozenset[str]:
        """The topics that the transaction has changed."""
        return frozenset(self._dirty)

    def committed(self) -> None:
        for topic in self._dirty:
            self._memo.forget(topic)
        for callback in self._after:
            callback()
