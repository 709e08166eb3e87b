"""One SQLite file or one PostgreSQL database behind the same synchronous functions.

SQLite: reads run where they are called (the event loop: a read takes microseconds), writes run one at a time in one
writer thread, each `BEGIN IMMEDIATE`, so nothing ever sees "database is locked". PostgreSQL: both run in a pool of
threads. Measured in reference/stack.md, sections 2 and 3.

No request holds the event loop: a read that takes long there is stopped and run again in a thread, and one that takes
too long even then is refused (`store.deadlines`, docs/decisions/0021-bounded-work.md).
"""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.pool import QueuePool

from kunsthalle.authz.context import Context
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.disk_space import disk_full, is_out_of_space
from kunsthalle.core.errors import Problem
from kunsthalle.core.ids import entropy
from kunsthalle.core.loop_turns import LOOP_TURNS, waiting
from kunsthalle.core.recordings import Recordings
from kunsthalle.core.trace_parents import Tracer
from kunsthalle.db import checkpoints, deadlines, kv
from kunsthalle.db.account_priority import AccountPriority
from kunsthalle.db.account_refusals import AccountRefusals
from kunsthalle.db.account_turns import AccountTurns
from kunsthalle.db.bounds import JobBounds
from kunsthalle.db.cache import Cache
from kunsthalle.db.checkpoints import Checkpoints
from kunsthalle.db.deadlines import Deadline, ReadTimeout, WriteTimes, timed_out
from kunsthalle.db.encryption import Cipher
from kunsthalle.db.long_reads import LongReads
from kunsthalle.db.overload import MOST_SECONDS, MOST_WAITING, BoundedQueue
from kunsthalle.db.session import Session
from kunsthalle.db.table_changes import TableChanges
from kunsthalle.db.wildcards import spaced
from kunsthalle.db.writer_turns import WriterTurns

if TYPE_CHECKING:
    from kunsthalle.db.nodes import Nodes

T = TypeVar("T")
_Reader = tuple[Connection, sqlite3.Connection, Deadline]
Elsewhere = Callable[[float], T | None]
"""Does a read in another process, with the seconds that it may take; what is false says that it is to be done here."""

_RETRIABLE = {"40001", "40P01"}
"""PostgreSQL: serialization failure and deadlock; the whole transaction may simply be run again."""
NODE = "kunsthalle-node-"
"""What the names of processes begin with that follow one another (`nodes.py`)."""
_READER = "kunsthalle reader "
"""The same of processes that work on reads for a node: none of the names that nodes have or had begins so."""
_TRIES = 5
_POOL = 8
_LEFT_TO_OTHERS = 2
"""Threads of PostgreSQL's pool that one account never takes."""
_PATIENCE = 10
"""Seconds that a connection waits for another process's lock on a SQLite file."""


_PROBE = "x" * 65_536
"""Takes pages that a change would take."""
_HIDDEN = True
"""Values stay out of what a failed statement says: they may be secret, and what it says comes into the log."""


def _log_ahead(dbapi: sqlite3.Connection) -> None:
    """Readers never wait for the writer (WAL).

    Where several open a new file at once, SQLite refuses the change of mode to all but one of them at once, whatever
    the busy timeout: whoever is refused asks again, and finds it changed.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            dbapi.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _sqlite(url: str, *, reading: bool) -> Engine:
    options: dict[str, Any] = {"poolclass": QueuePool, "pool_size": _POOL, "hide_parameters": _HIDDEN}
    engine = create_engine(url, connect_args={"check_same_thread": False}, **options)

    @event.listens_for(engine, "connect")
    def _connected(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # we say BEGIN ourselves; the driver's own guess would be DEFERRED
        dbapi.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")
        _log_ahead(dbapi)
        for pragma in (
            "synchronous = NORMAL",  # a killed process loses nothing; power loss may lose the last commits
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -16000",
            "query_only = ON" if reading else checkpoints.NEVER,
        ):
            dbapi.execute("PRAGMA " + pragma)
        dbapi.create_function("spaced", 1, spaced, deterministic=True)
        if reading:
            _record.info["deadline"] = Deadline(dbapi)

    return engine


def _note_statements(engine: Engine, changes: TableChanges) -> None:
    """Have every statement that SQLAlchemy gives to the writer noted, whoever it is from."""

    @event.listens_for(engine, "before_cursor_execute")
    def _noted(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        changes.note(statement)


_CONNECT_SECONDS = 10


def _postgresql(url: str, node: str) -> Engine:
    pool = {"pool_size": _POOL, "max_overflow": 8, "pool_timeout": MOST_SECONDS}
    options: dict[str, Any] = {**pool, "hide_parameters": _HIDDEN}
    options["connect_args"] = {"application_name": node}
    if "connect_timeout=" not in url:  # a host that says nothing is given up after seconds, not after minutes
        options["connect_args"]["connect_timeout"] = _CONNECT_SECONDS
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), **options)


def _is_embedded(url: str) -> bool:
    """Whether the database is a file of this process. UnknownMember for an engine that is neither of the two."""
    match url.partition(":")[0]:
        case "sqlite":
            return True
        case "postgresql" | "postgresql+psycopg":
            return False
        case scheme:
            raise UnknownMember("database engine", scheme)


def _driver(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        raise TypeError("only SQLite's driver is spoken to directly")
    return raw


def _as_raised(function: Callable[[Session], T], session: Session) -> T:
    """A refusal by a column's type (`types.Json`) comes out as itself, not as SQLAlchemy wraps it."""
    try:
        return function(session)
    except StatementError as error:
        refusal = error.orig
        if isinstance(refusal, Problem):
            raise Problem(refusal.reason, refusal.code, refusal.message, refusal.target) from error
        raise


def _turn(account_id: str) -> Hashable:
    """Whose turn a call waits for: who is not known yet has one of their own."""
    return account_id or object()


class Store:
    """The database. `read` and `write` open one unit of work each and hand back what the function returns.

    `reading`: another process writes to the file, so nothing is remembered of it. `node` names the process among the
    connections of PostgreSQL. `full` says that a write has found no room on the disk since `check_room` was last
    content. `nodes` follows what the nodes of a PostgreSQL database have in common.
    """

    def __init__(
        self, url: str, cipher: Cipher | None = None, bounds: JobBounds | None = None, *, reading: bool = False
    ) -> None:
        self.bounds = bounds or JobBounds()
        self.quotas: Mapping[str, int] = {}
        """The limits of accounts for which the operator has set none."""
        self.full = False
        self.embedded = _is_embedded(url)
        self.node = f"{_READER if reading else NODE}{entropy(8).hex()}"
        self.engine = _sqlite(url, reading=False) if self.embedded else _postgresql(url, self.node)
        shared = self.engine.execution_options(postgresql_readonly=True)
        snapshots = shared.execution_options(isolation_level="REPEATABLE READ")
        self._readers = _sqlite(url, reading=True) if self.embedded else snapshots
        self.memo = Cache(self.embedded and not reading)
        self.changes = TableChanges(enabled=self.embedded and not reading)
        if self.embedded:
            _note_statements(self.engine, self.changes)
        self.cipher = cipher or Cipher(None)
        self.writes = WriteTimes()
        self.priority = AccountPriority()
        self.refusals = AccountRefusals()
        self.recordings = Recordings()
        self.nodes: Nodes | None = None
        self.tracer: Tracer | None = None
        self._writer = WriterTurns()
        self._checkpoints = Checkpoints(self._connected, self._writer.job)
        self._inside = threading.local()
        threads, most_running = (1, 1) if self.embedded else (_POOL, _POOL - _LEFT_TO_OTHERS)
        self._turns = AccountTurns(threads, "store", most_running)
        self.queue = BoundedQueue(self._turns)
        self.queue.bound(MOST_WAITING, MOST_SECONDS)
        self._long = LongReads()
        self._reader: _Reader | None = None
        self._open_readers: list[_Reader] = []

    def read(self, ctx: Context, function: Callable[[Session], T], seconds: float = math.inf) -> T:
        """Runs a function that only reads: one that writes is an error on both engines. What it raises comes out.

        All its statements see one moment: a server and its disks, or neither. ReadTimeout when they take longer than
        `seconds` (on PostgreSQL: when one of them does).
        """
        if self.embedded:
            with self._open_reader() as reader:
                return self._at_one_moment(*reader, ctx, function, seconds)
        with self._readers.connect() as connection:
            try:
                self._begin(connection, max(1, int(seconds * 1000)) if seconds < math.inf else None)
                session = Session(connection, ctx, self.memo, self.cipher, writing=False)
                session.until, session.quotas = time.monotonic() + seconds, self.quotas
                return function(session)
            except OperationalError as error:
                if timed_out(error):
                    raise ReadTimeout from error
                raise
            finally:
                connection.rollback()

    @contextmanager
    def _open_reader(self) -> Iterator[_Reader]:
        """SQLite: a connection that nobody else reads on. It stays open for the next: a pool's checkout costs more than
        most reads do.
        """
        try:
            reader = self._open_readers.pop()
        except IndexError:
            reader = self._another_reader()
        try:
            yield reader
        finally:
            if len(self._open_readers) < _POOL and not reader[1].in_transaction:
                self._open_readers.append(reader)
            else:
                reader[0].close()

    def _another_reader(self) -> _Reader:
        connection = self._readers.connect().execution_options(isolation_level="AUTOCOMMIT")
        return connection, _driver(connection), connection.info["deadline"]

    def _begin(self, connection: Connection, milliseconds: int | None = None) -> None:
        """PostgreSQL: how long a statement may take, and what other nodes have changed."""
        if self.nodes is not None:
            self.nodes.look(connection, milliseconds)
        elif milliseconds is not None:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")

    def _at_one_moment(
        self,
        connection: Connection,
        driver: sqlite3.Connection,
        deadline: Deadline,
        ctx: Context,
        function: Callable[[Session], T],
        seconds: float,
    ) -> T:
        """SQLite: told to the driver itself, which costs a hundredth of the read."""
        driver.execute("BEGIN")
        session = Session(connection, ctx, self.memo, self.cipher, writing=False, driver=driver)
        session.until = deadline.until = time.monotonic() + seconds
        session.quotas = self.quotas
        try:
            return function(session)
        except (sqlite3.OperationalError, OperationalError) as error:
            if timed_out(error):
                raise ReadTimeout from error
            raise
        finally:
            deadline.until = math.inf
            driver.execute("ROLLBACK")

    def check_room(self, ctx: Context) -> None:
        """Raises 503 when a write has found the disk full and one still does."""
        try:
            for value in (_PROBE, ""):
                self.write(ctx, partial(kv.put, key="probe", value=value))
        except Exception as error:
            if is_out_of_space(error):
                raise disk_full() from error
            raise
        self.full = False

    def write(self, ctx: Context, function: Callable[[Session], T], name: str = "", *, requested: bool = False) -> T:
        """Runs a function in one transaction: all of it, or, when it raises, nothing.

        `name` says in the log and in `writes` what held the writer, where it took long. A write that is `requested`
        goes before others.

        RuntimeError for a write inside another one's function: it would wait for the lock that its own thread holds.
        """
        if getattr(self._inside, "writing", False):
            raise RuntimeError("a write inside a write: the function of a unit of work must use its unit")
        self._inside.writing = True
        try:
            return self._write(ctx, function, name, requested=requested)
        except Exception as error:
            self.full = self.full or is_out_of_space(error)
            raise
        finally:
            self._inside.writing = False

    def _write(self, ctx: Context, function: Callable[[Session], T], name: str, *, requested: bool) -> T:
        if self.embedded:
            turn = self._request_turn() if requested else self._writer.job()
            with turn, self.writes.measured(name, ctx.trace):
                return self._write_once(ctx, function)
        for attempt in range(_TRIES):
            try:
                with self.writes.measured(name, ctx.trace):
                    return self._write_once(ctx, function)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) not in _RETRIABLE or attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    @contextmanager
    def _request_turn(self) -> Iterator[None]:
        with self._writer.request(), LOOP_TURNS.writing:
            yield

    def _write_once(self, ctx: Context, function: Callable[[Session], T]) -> T:
        with self.engine.connect() as connection:
            if self.embedded:
                _driver(connection).execute("BEGIN IMMEDIATE")
                self.changes.begin()
            else:
                self._begin(connection)
            session = Session(connection, ctx, self.memo, self.cipher, writing=True)
            session.bounds, session.quotas = self.bounds, self.quotas
            session.recordings, session.note = self.recordings, self.changes.note
            try:
                result = _as_raised(function, session)
            except BaseException:
                self._undo(connection)
                raise
            with self.changes.commit(session.changed_topics):
                try:
                    _driver(connection).execute("COMMIT") if self.embedded else connection.commit()
                except BaseException:
                    self._undo(connection)
                    raise
                session.committed()
            if self.embedded:
                self._checkpoints.committed()
        return result

    def _undo(self, connection: Connection) -> None:
        if not self.embedded:
            connection.rollback()
        elif _driver(connection).in_transaction:  # a full disk has SQLite end some transactions by itself
            connection.exec_driver_sql("ROLLBACK")

    def _read_here(self, ctx: Context, function: Callable[[Session], T]) -> T:
        # One connection is the event loop's alone: it need not be taken and given back for each read.
        if self._reader is None:
            self._reader = self._another_reader()
        with LOOP_TURNS.reading:
            return self._at_one_moment(*self._reader, ctx, function, deadlines.INLINE_SECONDS)

    async def read_async(
        self,
        ctx: Context,
        function: Callable[[Session], T],
        *,
        long: bool = False,
        account_id: Callable[[], str] = str,
        elsewhere: Elsewhere[T] | None = None,
    ) -> T:
        """`read` from the event loop, for at most `deadlines.READ_SECONDS`; the function may be run twice.

        `long` reads begin in a thread, whatever they turn out to take. What runs in a thread waits for the turn of the
        caller's account; `account_id` returns it, or "" where the function has not come to know it yet. `elsewhere` is
        asked first there.
        """
        if self.embedded and not long:
            begun = time.monotonic()  # the processor time of the thread costs more to ask than it is better
            try:
                return self._read_here(ctx, function)
            except ReadTimeout:
                pass  # again in a thread
            finally:
                self.priority.add(account_id(), time.monotonic() - begun)
        reading = partial(self._read_counted, ctx, function, account_id, elsewhere)
        if not self.embedded and not long:
            return await self.queue.run(_turn(account_id()), partial(reading, deadlines.READ_SECONDS))
        return await self._long.run(_turn(account_id()), reading)

    async def follow_async(self, ctx: Context) -> None:
        """Follow what other nodes have changed, where there are any, before a decision outside of a transaction."""
        if self.nodes is not None:
            await self.read_async(ctx, lambda _session: None)

    async def prepare_async(
        self,
        ctx: Context,
        function: Callable[[Session], T],
        account_id: str,
        elsewhere: Elsewhere[Any] | None = None,
    ) -> T:
        """`read` in a thread, from the event loop, for what a write of the account needs and its transaction must not
        wait for. However many an account asks for, they run one after another. `elsewhere` is asked first.
        """
        reading = partial(self._read_counted, ctx, function, lambda: account_id, elsewhere)
        return await self._long.prepare(_turn(account_id), reading)

    async def beside_async(self, function: Callable[[], T], account_id: str) -> T:
        """What a function makes of what a caller has sent, without a transaction; as `prepare_async`."""

        def work(_seconds: float) -> T:
            with self.priority.counted(lambda: account_id):
                return function()

        return await self._long.prepare(_turn(account_id), work)

    def _read_counted(
        self,
        ctx: Context,
        function: Callable[[Session], T],
        account_id: Callable[[], str],
        elsewhere: Elsewhere[T] | None,
        seconds: float,
    ) -> T:
        if elsewhere is not None:
            outcome = elsewhere(seconds)
            if outcome:
                return outcome
        with self.priority.counted(account_id), waiting(self.priority.patience(account_id)):
            return self.read(ctx, function, seconds)

    async def write_async(
        self, ctx: Context, function: Callable[[Session], T], name: str = "", *, account_id: str = ""
    ) -> T:
        """`write` from the event loop, when it is the turn of the caller's account; "" where that is not known."""

        def write() -> T:
            with self.priority.counted(lambda: account_id):
                return self.write(ctx, function, name, requested=True)

        self._writer.announce()
        return await self.queue.run(_turn(account_id), write, on_end=self._writer.withdraw)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """SQLite: a connection that may write, for what has no transaction of ours."""
        with self.engine.connect() as connection:
            yield _driver(connection)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nobody writes meanwhile. For the one process of a SQLite file only."""
        with self._writer.job():
            yield

    def copy_to(self, path: Path) -> None:
        """A copy of the SQLite file as it is now; to be asked for inside `still`."""
        with self._connected() as driver, closing(sqlite3.connect(path)) as copy:
            driver.backup(copy)

    def become(self, path: Path) -> None:
        """Takes over everything a copy holds, and forgets what was remembered; to be asked for inside `still`."""
        with self.changes.of(), self._connected() as driver, closing(sqlite3.connect(path)) as copy:
            copy.backup(driver)
            self.memo.clear()

    def scrub(self) -> None:
        """SQLite: writes the file anew, so that no free page and no log still holds what was there before."""
        if not self.embedded:
            return
        with self._writer.job(), self._connected() as driver:
            driver.execute("PRAGMA temp_store = FILE")  # the copy is as large as the file
            driver.execute("VACUUM")
            self._checkpoints.empty(driver)
            driver.execute("PRAGMA temp_store = MEMORY")

    def close(self) -> None:
        self._turns.close()
        self._long.close()
        self._checkpoints.close()
        if self._reader is not None:
            self._open_readers.append(self._reader)
            self._reader = None
        while self._open_readers:
            self._open_readers.pop()[0].close()
        self._readers.dispose()
        self.engine.dispose()
