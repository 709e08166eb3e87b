"""How far imports and exports are: kept in rows of their own, so that any node can tell, and written seldom.

What is written of an import is also what a later try may rely on: so many bytes of that very object are on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kunsthalle.core.clock import SECOND
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import put_row, remove_rows, rows_of
from kunsthalle.images.tables import transfers
from kunsthalle.jobs import queue

EVERY = 2 * SECOND
"""Of real time between two notes: what is over sooner leaves none."""


class Unwanted(Exception):
    """Whoever asked for the work has called it off."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """`subject` is the id of an image or of an export job. `phase`: `receiving`, `checking`, `storing` of an import,
    `converting`, `writing`, `done` of an export. `done`, `total`: bytes. `tag` tells which object is read, `sha256`
    what was written.
    """

    subject: str
    phase: str
    done: int
    total: int
    tag: str
    sha256: str | None
    updated_at: int

    @property
    def percent(self) -> int:
        return 100 if self.done >= self.total else self.done * 100 // self.total


def known(session: Session, subject: str) -> Transfer | None:
    """What was noted last of a transfer, if anything was."""
    rows = rows_of(session, transfers, transfers.c.subject == subject)
    return Transfer(*rows[0]) if rows else None


def note(session: Session, transfer: Transfer) -> None:
    """Keeps it, in place of what was noted before."""
    values = {name: getattr(transfer, name) for name in Transfer.__slots__}
    put_row(session, transfers, ("subject",), replacing=tuple(Transfer.__slots__[1:]), **values)


def forget(session: Session, subject: str) -> None:
    """Nothing more is to be said of it."""
    remove_rows(session, transfers, transfers.c.subject == subject)


class Meter:
    """Notes how far a job's transfer is, and finds out on the way whether it is wanted still.

    `is_wanted` is asked in the transaction of each note.
    """

    def __init__(self, run: queue.Run, first: Transfer, is_wanted: Callable[[Session], bool]) -> None:
        self._run = run
        self._now = first
        self._wanted = is_wanted
        self._noted = self._run.ctx.clock.real()

    @property
    def due(self) -> bool:
        """Whether it is time for a note."""
        return self._run.ctx.clock.real() - self._noted >= EVERY

    def at(self, done: int) -> None:
        """So many bytes are done of the present phase: noted if it is time. Unwanted, LeaseLost."""
        self.give_way()
        if self.due:
            self.note(done)

    def give_way(self) -> None:
        """To be called between two chunks, where `at` is not: waits a moment for requests that go first."""
        self._run.give_way()

    def enter(self, phase: str, total: int) -> None:
        """Another phase begins. It is noted if there is a note to replace."""
        self._now = replace(self._now, phase=phase, done=0, total=total)
        self.at(0)

    def note(self, done: int) -> None:
        """Notes so many bytes. Unwanted, LeaseLost."""
        self._now = replace(self._now, done=done, updated_at=self._run.ctx.now())
        if not self._run.write(self._note):
            raise Unwanted(self._now.subject)
        self._noted = self._run.ctx.clock.real()

    def _note(self, session: Session) -> bool:
        if not self._wanted(session):
            return False
        note(session, self._now)
        return True
