"""Room on the disk: whether there is enough before something is written, and which errors say that there was none."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kunsthalle.core.errors import Problem, Reason

RETRY_AFTER = 30
"""Seconds after which a caller may try again on a server whose disk is full."""
_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
_SQLITE_CODES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
"""SQLite says FULL for ENOSPC only: EDQUOT is a failed write, and its shared memory file cannot grow."""
_POSTGRESQL_STATE = "53100"


class NoSpace(Exception):
    """The disk has no room for what is to be written. `needed`, `free`: bytes; `never` where the disk is too small."""

    def __init__(self, text: str = "", needed: int = 0, free: int = 0, *, never: bool = False) -> None:
        super().__init__(text or f"{needed} bytes are needed and {free} are free")
        self.needed, self.free, self.never = needed, free, never


def is_out_of_space(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, says that a disk is full."""
    seen = set[int]()
    while error is not None and id(error) not in seen:  # an error may be its own context's cause
        seen.add(id(error))
        if _says_full(error) or _says_full(getattr(error, "orig", None)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _says_full(error: object) -> bool:
    if isinstance(error, NoSpace):
        return True
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in _SQLITE_CODES
    return getattr(error, "sqlstate", None) == _POSTGRESQL_STATE


def disk_full() -> Problem:
    """What a caller is told when the server has no room for a change."""
    text = "The server's disk is full, so nothing can be changed. Nothing was; try again later."
    return Problem(Reason.UNAVAILABLE, "disk_full", text, retry_after=RETRY_AFTER)


class Hold:
    """Bytes of a disk that are kept for work under way: fewer as they are written, none when it ends."""

    def __init__(self, space: Space, count: int) -> None:
        self._space, self._left = space, count

    def spend(self, count: int) -> None:
        """So many of them have been written."""
        spent = min(count, self._left)
        self._left -= spent
        self._space.release(spent)

    def end(self) -> None:
        """May be repeated."""
        self.spend(self._left)


class Space:
    """The package that images, disks and exports of this process may take: what is free, less a reserve in bytes.

    Work that is under way holds what it may still write, so that two that fit one by one do not fill the disk together.
    """

    def __init__(self, reserve: int = 0) -> None:
        self.reserve = reserve
        self._lock = threading.Lock()
        self._held = 0

    def hold(self, folder: Path, needed: int) -> Hold:
        """Keeps bytes until the hold ends. NoSpace."""
        with self._lock:
            total, free = disk_room(folder)
            left = max(0, free - self.reserve - self._held)
            if needed > left:
                raise NoSpace("", needed, left, never=needed > total - self.reserve)
            self._held += needed
        return Hold(self, needed)

    def release(self, count: int) -> None:
        """For a hold only."""
        with self._lock:
            self._held -= count

    @contextmanager
    def holding(self, folder: Path, needed: int) -> Iterator[None]:
        """Keeps bytes for a piece of work. NoSpace."""
        hold = self.hold(folder, needed)
        try:
            yield
        finally:
            hold.end()


def disk_room(folder: Path) -> tuple[int, int]:
    """Bytes of the disk of a folder, which may be yet to be made: in all, and those that are free."""
    while not folder.exists():
        folder = folder.parent
    disk_usage = shutil.disk_usage(folder)
    return disk_usage.total, disk_usage.free
