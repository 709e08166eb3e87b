"""SQLite's log is taken back into its file beside the writes, so that none of them waits for the disk.

A write appends to the log and syncs nothing (`synchronous = NORMAL`). To take the log back both files are synced, which
takes 5 ms, and 20 beside a large import. SQLite itself does it at the end of the write that makes the log long.

SQLite before 3.51.3 may lose a commit when a log that was taken back whole is looked at once more, just while a write
begins it anew (its documentation: the WAL-reset bug). This cannot happen here: only one thread takes the log back, and
not before it has seen that something was appended since it last did. A log with something in it that was not taken
back is not begun anew (docs/decisions/0042-checkpoints.md).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from sqlalchemy.exc import SQLAlchemyError

from kunsthalle.core.log import get_logger

NEVER = "wal_autocheckpoint = 0"
"""Of a connection that writes: SQLite itself takes the log back when the last connection closes, and never else."""
COMMITS = 1_000
"""After how many the log is taken back. It has about 16 MiB then: four pages of each commit."""
MOST_PAGES = 32_768
"""Of a log that was never taken back whole, as there was always one more write: beyond 128 MiB, writes wait for it."""
log = get_logger("database")


class Checkpoints:
    """Counts commits, and takes the log back.

    `connected` opens a connection that may write; `alone` is entered when nobody writes, and nobody does until its end.
    """

    def __init__(
        self,
        connected: Callable[[], AbstractContextManager[sqlite3.Connection]],
        alone: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connected, self._alone = connected, alone
        self._one = threading.Lock()
        self._commits = 0
        self._commits_before = 0
        """How many there had been when the log was last taken back, or looked at."""
        self._thread: threading.Thread | None = None
        self._open = ExitStack()
        self._driver: sqlite3.Connection | None = None
        """A connection on which nobody writes: its `data_version` is another one after each commit that has appended
        something to the log.
        """
        self._version: int | None = None
        """As it was after the last look, unless somebody else has taken the log back since."""

    def committed(self) -> None:
        """A transaction was committed. To be called by its thread, before the next one begins."""
        self._commits += 1
        if self._is_due() and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._beside, name="checkpoint", daemon=True)
            self._thread.start()

    def empty(self, driver: sqlite3.Connection) -> None:
        """Take the log back and leave nothing in it. To be called while nobody writes."""
        with self._one:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._version = None

    def close(self) -> None:
        """Returns when nobody takes the log back any more. Nothing may be written afterwards."""
        if self._thread is not None:
            self._thread.join()
        self._open.close()
        self._driver = None

    def _is_due(self) -> bool:
        return self._commits - self._commits_before >= COMMITS

    def _beside(self) -> None:
        try:
            if self._driver is None:
                self._driver, self._version = self._open.enter_context(self._connected()), None
            with self._one:
                self._commits_before = self._commits
                left = self._taken_back(self._driver) if self._is_longer(self._driver) else 0
            if left > MOST_PAGES:
                with self._alone(), self._one:
                    self._taken_back(self._driver)
        except (sqlite3.Error, SQLAlchemyError) as error:  # nothing is lost: the log has it, and is read with the file
            log.warning("the log of the database was not taken back", error=str(error))

    def _is_longer(self, driver: sqlite3.Connection) -> bool:
        """Whether something was appended since the look before; the first look does not know."""
        before, self._version = self._version, _version(driver)
        return before not in {None, self._version}

    def _taken_back(self, driver: sqlite3.Connection) -> int:
        """Pages of a log of which something was left; 0 of any other."""
        _, pages, taken = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self._version = _version(driver)
        self._commits_before = self._commits
        return int(pages) if taken < pages else 0


def _version(driver: sqlite3.Connection) -> int:
    ((version,),) = driver.execute("PRAGMA data_version").fetchall()
    return int(version)
