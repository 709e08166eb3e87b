"""SQLite's log is taken back into its file beside the writes, so that none of them waits for the disk.

A write appends to the log and syncs nothing (`synchronous = NORMAL`). To take the log back both files are synced, which
takes 5 ms, and 20 beside a large import. SQLite itself does it at the end of the write that makes the log long.

SQLite before 3.51.3 may lose a commit when a log that was taken back whole is looked at once more, just while a write
begins it anew (its documentation: the WAL-reset bug). This cannot happen here: only one thread takes the log back, and
not before something was written since it last did. A log with something in it that was not taken back is not begun
anew (docs/decisions/0042-checkpoints.md).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

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
        """How many there had been when the log was last taken back."""
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """Something was written. Only for whoever writes now."""
        self._commits += 1
        if self._is_due() and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._beside, name="checkpoint", daemon=True)
            self._thread.start()

    def empty(self, driver: sqlite3.Connection) -> None:
        """Take the log back and leave nothing in it. Only for whoever writes now."""
        self._take_back(driver, "TRUNCATE")

    def close(self) -> None:
        """Returns when nobody takes the log back any more. Nothing may be written afterwards."""
        if self._thread is not None:
            self._thread.join()

    def _is_due(self) -> bool:
        return self._commits - self._commits_before >= COMMITS

    def _beside(self) -> None:
        try:
            with self._connected() as driver:
                if self._take_back(driver, "PASSIVE", only_if_due=True) > MOST_PAGES:
                    with self._alone():
                        self._take_back(driver, "PASSIVE")
        except sqlite3.Error as error:  # nothing is lost: the log has it, and is read with the file
            log.warning("the log of the database was not taken back", error=str(error))

    def _take_back(self, driver: sqlite3.Connection, mode: str, *, only_if_due: bool = False) -> int:
        """Pages of a log of which something was left; 0 of any other."""
        with self._one:
            if only_if_due and not self._is_due():
                return 0  # somebody else has meanwhile
            try:
                _, pages, taken = driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            finally:
                self._commits_before = self._commits
            return int(pages) if taken < pages else 0
