"""Whether the database itself is sound: what its engine can check of its own pages, indexes and tables."""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from kunsthalle.core.records import dataclass
from kunsthalle.db.engine import Store

_MOST = 20
"""So many lines of what is damaged are told."""
_BAD_PAGES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_INTERVAL_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Soundness:
    """`damage` is what is wrong, in the engine's words; `unchecked` what could not be looked at, and why."""

    damage: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def is_corruption(error: BaseException) -> bool:
    """Whether SQLite says by an error that its file is damaged, or no database at all."""
    origin = getattr(error, "orig", error)
    code = getattr(origin, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF in _BAD_PAGES


def examine(store: Store, *, deep: bool = False) -> Soundness:
    """Asks the engine. Deep: that every index says what its table says, too, which takes several times as long."""
    return _sqlite(store, deep=deep) if store.embedded else _postgresql(store, deep=deep)


def _sqlite(store: Store, *, deep: bool) -> Soundness:
    """On a connection of its own: the others know many pages by heart, and would not see what the disk holds now."""
    check = "integrity_check" if deep else "quick_check"
    path = store.engine.url.database or ""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            rows = connection.execute(f"PRAGMA {check}({_MOST})").fetchall()
            broken = connection.execute("PRAGMA foreign_key_check").fetchmany(_MOST) if deep else []
    except sqlite3.DatabaseError as error:
        if not is_corruption(error):
            raise
        return Soundness((str(error),))
    lines = [line for (told,) in rows if told != "ok" for line in str(told).splitlines()]
    lines += [f"A row of {table} refers to a row of {parent} that is not there." for table, _, parent, _ in broken]
    return Soundness(tuple(lines[:_MOST]))


_CHECKSUMS = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
_AMCHECK = "SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'"
_INDEXES = (
    "SELECT c.oid, c.relname FROM pg_class c JOIN pg_am a ON a.oid = c.relam"
    " WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace ORDER BY 2"
)
_TABLES = "SELECT oid, relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"


def _postgresql(store: Store, *, deep: bool) -> Soundness:
    """Failed page checksums, and what amcheck finds in indexes (deep: in tables), where this database has it."""
    unchecked: list[str] = []
    with store.engine.connect() as connection:
        failures = connection.execute(text(_CHECKSUMS)).scalar_one_or_none()
        if failures is None:
            unchecked.append("Page checksums are off in this PostgreSQL cluster (pg_checksums --enable).")
        lines = [f"PostgreSQL has met {failures} pages with wrong checksums."] if failures else []
        if connection.execute(text(_AMCHECK)).scalar_one():
            lines += _amcheck(connection, deep=deep)
        else:
            unchecked.append("Indexes and tables were not checked: CREATE EXTENSION amcheck makes it possible.")
    return Soundness(tuple(lines[:_MOST]), tuple(unchecked))


def _amcheck(connection: Connection, *, deep: bool) -> Iterator[str]:
    connection.rollback()
    for oid, name in connection.execute(text(_INDEXES)).all():
        yield from _said(connection, name, "SELECT bt_index_check(:oid, :deep)", {"oid": oid, "deep": deep})
    if deep:
        for oid, name in connection.execute(text(_TABLES)).all():
            yield from _said(connection, name, "SELECT msg FROM verify_heapam(:oid)", {"oid": oid})


def _said(connection: Connection, name: str, check: str, values: dict[str, Any]) -> list[str]:
    """What a check answers or, as those of indexes do, raises."""
    try:
        return [f"{name}: {row[0]}" for row in connection.execute(text(check), values).all() if row[0]]
    except DatabaseError as error:
        if getattr(error.orig, "sqlstate", "") not in {"XX001", "XX002"}:
            raise
        return [f"{name}: {str(error.orig).splitlines()[0]}"]
    finally:
        connection.rollback()


class Watched:
    """The soundness of a store as it was found last: looked at again, quickly, when that was more than an hour ago."""

    def __init__(self, store: Store, now: Callable[[], float] = time.monotonic) -> None:
        self._store, self._now = store, now
        self._lock = threading.Lock()
        self._found, self._due = Soundness(), now()

    def told(self, verdict: Soundness) -> None:
        """Takes over what the doctor has found; damage stays until the doctor finds none."""
        self._found = verdict
        self._due = math.inf if verdict.damage else self._now() + _INTERVAL_SECONDS

    def soundness(self) -> Soundness:
        """What is known. Whoever asks while another looks is not kept waiting."""
        if self._now() >= self._due and self._lock.acquire(blocking=False):
            try:
                self.told(examine(self._store))
            finally:
                self._lock.release()
        return self._found
