"""What all nodes of a PostgreSQL database have in common beyond its rows: the product clock, the faults, and which
world the database holds.

Every transaction begins by reading where they stand, in one statement, and a process that finds them changed follows
before anything else of the transaction is done. So no node acts on what another one has changed, and none need be told.
Changes are numbered, for a transaction that began earlier may look later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, text

from kunsthalle.core.clock import MovableClock
from kunsthalle.db import kv
from kunsthalle.db.session import Session

FAULTS = "faults"
"""The document of the faults (`shared_faults.py`)."""
_SHARED = "shared"
_FOLDER = "shared-folder"
OWN = (FAULTS, _FOLDER)
"""What stays as it is when the database becomes another world."""
_READ = "SELECT (SELECT value FROM facts WHERE key = 'shared'), (SELECT value FROM facts WHERE key = 'clock')"


class OtherFolder(Exception):
    """The other nodes of the database have another folder in common than the one that this process was given."""


class Positions(msgspec.Struct, frozen=True):
    """How often something was changed (`version`), the faults were, and the database became another world."""

    version: int = 0
    faults: int = 0
    world: int = 0


_decode_positions = msgspec.json.Decoder(Positions).decode
_decode = msgspec.json.Decoder().decode


class SharedFollower(Protocol):
    """What follows a document that another node has changed."""

    def follow(self, document: Any) -> None:
        """Be as the document says."""


class Nodes:
    """What this process has seen of what all nodes have in common. Safe for several threads.

    `forget` drops what is remembered of a database that has become another world.
    """

    def __init__(self, clock: MovableClock, faults: SharedFollower, forget: Callable[[], None]) -> None:
        self._clock, self._faults, self._forget = clock, faults, forget
        self._lock = threading.Lock()
        self._seen: str | None = None
        self._at = Positions()

    def look(self, connection: Connection, milliseconds: int | None = None) -> None:
        """The first statement of a transaction, of which none may then take longer than so many milliseconds."""
        bound = "" if milliseconds is None else f", set_config('statement_timeout', '{milliseconds}', true)"
        row = connection.exec_driver_sql(_READ + bound).one()
        if row[0] is not None and row[0] != self._seen:
            self._follow(connection, row[0], row[1])

    def _follow(self, connection: Connection, shared: str, clock: str | None) -> None:
        there = _decode_positions(shared)
        with self._lock:
            if there.version <= self._at.version:
                return
            if clock is not None:
                self._clock.adopt(**_decode(clock))
            if there.world != self._at.world:
                self._forget()
            if there.faults != self._at.faults:
                row = connection.execute(text("SELECT value FROM facts WHERE key = :key"), {"key": FAULTS}).first()
                self._faults.follow(_decode(row[0]) if row is not None else None)
            self._seen, self._at = shared, there


def changed(session: Session, *, faults: bool = False, world: bool = False, least: int = 0) -> None:
    """Number a change of what all nodes have in common, in the transaction that makes it. `least` is the lowest number
    that it may get.
    """
    if session.dialect == "sqlite":
        return
    document = kv.locked(session, _SHARED)
    at = Positions() if document is None else msgspec.convert(document, Positions)
    version = max(at.version + 1, least)
    kv.put(session, _SHARED, Positions(version, at.faults + faults, version if world else at.world))


def version(session: Session) -> int:
    """How many changes there were."""
    document = kv.get(session, _SHARED)
    return 0 if document is None else msgspec.convert(document, Positions).version


def others(session: Session, own: str) -> int:
    """How many other nodes have connections to the database: not the processes that read for one. `own` is the name of
    this one's.
    """
    if session.dialect == "sqlite":
        return 0
    statement = text(
        "SELECT count(DISTINCT application_name) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'kunsthalle-%' AND application_name <> :own"
    )
    row = session.first(statement, {"own": own})
    return int(row[0]) if row else 0


def names(session: Session, own: str) -> list[str]:
    """The names of all nodes that have connections to the database, `own` among them."""
    if session.dialect == "sqlite":
        return [own]
    statement = text(
        "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'kunsthalle-%'"
    )
    return sorted({own, *(str(row[0]) for row in session.all(statement))})


def folder_in_common(session: Session) -> str:
    """The id of the folder that the nodes of the database have in common; empty where none has started yet."""
    return "" if session.dialect == "sqlite" else str(kv.get(session, _FOLDER) or "")


def join(session: Session, clock: MovableClock, folder: str) -> None:
    """Has a process that starts stand by the clock of the others, and checks that it has their folder. OtherFolder.

    `folder` is the id of the one that it was given.
    """
    if session.dialect == "sqlite":
        return
    common = kv.once(session, _FOLDER, lambda: folder)
    if common != folder:
        text_ = "the other nodes of the database have another folder in common; give all of them the same one"
        raise OtherFolder(text_)
    moment = {"now": clock.now(), "real": clock.real()}
    stored = kv.once(session, "clock", lambda: moment)
    clock.adopt(**stored)
    if stored is moment:
        changed(session)
