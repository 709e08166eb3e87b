"""
Blobs as files: `root/sha256/ab/<64 hex>` and uploads in `root/tmp`, on one file system.

An upload holds an advisory lock on its temporary file as long as it is open. That, and not its age alone, is
what tells a crashed upload from a slow one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from kunsthalle.blobs.direct_io import DirectWriter
from kunsthalle.blobs.protocol import (
    BadDigest,
    BlobError,
    BlobNotFound,
    Blobs,
    OutOfSpace,
    Upload,
    Watch,
    WrongLength,
    unwatched,
)
from kunsthalle.core.disk_space import Hold, NoSpace, Space, disk_room
from kunsthalle.core.sizes import MIB

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBERED = re.compile(r"[0-9]+-[0-9]+")
_UPLOAD = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# Room beyond the announced length: the file system's own tables, and the database beside the blobs.
_HEADROOM = 1.1
_COPY_CHUNK = MIB
_KEPT_SECONDS = 86_400.0
"""So long an upload that has a name waits to be taken up again."""
_LOCK_TRIES, _LOCK_PAUSE = 20, 0.01
_LARGE = 64 << 20
"""Bytes from which on an upload is written directly; smaller ones are likely to be read soon, from the cache."""


class FilesystemBlobs(Blobs):
    """The Blobs of one folder. Any number of processes may share it."""

    def __init__(self, root: Path, space: Space | None = None) -> None:
        """`root` is made if absent; it must be one file system. `space` tells how much of it may be taken."""
        self._space = space or Space()
        self._root = root.absolute()
        self._store = self._root / "sha256"
        self._tmp = self._root / "tmp"
        self._numbers = itertools.count(1)
        for folder in (self._store, self._tmp):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self, expected: int | None, name: str | None = None, keep: int = 0) -> FileUpload:
        """See Blobs.begin."""
        hold = self._hold(0 if expected is None else int((expected - keep) * _HEADROOM))
        try:
            if name is not None:
                return self._resume(expected, self._tmp / _name(name), keep, hold)
            return self._new(expected, hold)
        except BaseException:
            hold.end()
            raise

    def _hold(self, needed: int) -> Hold:
        try:
            return self._space.hold(self._tmp, max(0, needed))
        except NoSpace as error:
            raise OutOfSpace(error.needed, error.free, never=error.never) from error

    def _new(self, expected: int | None, hold: Hold) -> FileUpload:
        while True:
            path = self._tmp / f"{os.getpid()}-{next(self._numbers)}"
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue  # left by a crashed process that had our number; sweep() removes it
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return FileUpload(self, path, descriptor, expected, hold)

    def _resume(self, expected: int | None, path: Path, keep: int, hold: Hold) -> FileUpload:
        for _ in range(_LOCK_TRIES):
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), path.lstat()):
                    break
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE)  # somebody only looked whether it is forsaken, or is at it
            except FileNotFoundError:
                pass  # removed between the two; once more
            os.close(descriptor)
        else:
            raise BlobError("somebody is at this upload")
        offset = keep if os.fstat(descriptor).st_size >= keep else 0
        os.ftruncate(descriptor, offset)
        os.lseek(descriptor, offset, os.SEEK_SET)
        return FileUpload(self, path, descriptor, expected, hold, offset)

    def exists(self, sha256: str) -> bool:
        """See Blobs.exists."""
        return self._place(sha256).is_file()

    def size(self, sha256: str) -> int:
        """See Blobs.size."""
        try:
            return self._place(sha256).stat().st_size
        except FileNotFoundError:
            raise BlobNotFound(sha256) from None

    def read(self, sha256: str) -> Iterator[bytes]:
        """See Blobs.read."""
        with self.open(sha256) as file:
            while chunk := file.read(_COPY_CHUNK):
                yield chunk

    def open(self, sha256: str) -> BinaryIO:
        """See Blobs.open."""
        try:
            return self._place(sha256).open("rb")
        except FileNotFoundError:
            raise BlobNotFound(sha256) from None

    def local_path(self, sha256: str) -> Path:
        """See Blobs.local_path."""
        place = self._place(sha256)
        if not place.is_file():
            raise BlobNotFound(sha256)
        return place

    def place(self, sha256: str) -> Path:
        """See Blobs.place."""
        return self._place(sha256)

    def adopt(self, path: Path, sha256: str) -> None:
        """See Blobs.adopt. A file of another file system is copied through an upload."""
        place = self._place(sha256)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as source:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise BlobError(f"not a regular file: {path}")
            if status.st_dev == self._tmp.stat().st_dev:
                self._settle(path, descriptor, place)
                return
            with self.begin(status.st_size) as upload:
                while chunk := source.read(_COPY_CHUNK):
                    upload.write(chunk)
                upload.commit(sha256)
        path.unlink()

    def delete(self, sha256: str) -> None:
        """See Blobs.delete."""
        place = self._place(sha256)
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
            _sync_folder(place.parent)

    def sweep(self, older_than_seconds: float, now: float | None = None) -> int:
        """See Blobs.sweep."""
        limit = (self.clock() if now is None else now) - older_than_seconds
        removed = 0
        for path in self._tmp.iterdir():
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                patience = 0.0 if _NUMBERED.fullmatch(path.name) else max(0.0, _KEPT_SECONDS - older_than_seconds)
                if stat.S_ISREG(status.st_mode) and status.st_mtime < limit - patience:
                    removed += _remove_unless_locked(path)
        return removed

    def leftovers(self) -> list[str]:
        """See Blobs.leftovers."""
        return sorted(path.name for path in self._tmp.iterdir() if _forsaken(path))

    def discard(self, name: str) -> None:
        """See Blobs.discard."""
        with contextlib.suppress(FileNotFoundError):
            _remove_unless_locked(self._tmp / _name(name))

    def inventory(self) -> Iterator[tuple[str, int]]:
        """See Blobs.inventory."""
        for folder in self._store.iterdir():
            for path in folder.iterdir():
                if _DIGEST.fullmatch(path.name) and path.name[:2] == folder.name:
                    with contextlib.suppress(FileNotFoundError):
                        yield path.name, path.stat().st_size

    def _place(self, sha256: str) -> Path:
        if not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256):
            raise BadDigest(sha256)
        return self._store / sha256[:2] / sha256

    def _settle(self, path: Path, descriptor: int, place: Path) -> None:
        """Turns a local file of this file system into a blob. Two that race write the same bytes."""
        os.fsync(descriptor)  # also where it is here already: who uploads cannot tell by the time that it takes
        if place.is_file() and place.stat().st_size == os.fstat(descriptor).st_size:
            path.unlink()
            return
        os.fchmod(descriptor, 0o444)
        if not place.parent.is_dir():
            place.parent.mkdir(exist_ok=True, mode=0o700)
            _sync_folder(self._store)
        path.rename(place)
        _sync_folder(place.parent)

    def clock(self) -> float:
        """Seconds since the epoch, by the clock that stamps the files."""
        # Files are stamped by the machine, whatever clock the program runs on; a new file shows that time.
        with tempfile.TemporaryFile(dir=self._tmp) as probe:
            return os.fstat(probe.fileno()).st_mtime


class FileUpload(Upload):
    """An upload into FilesystemBlobs; see Upload."""

    def __init__(
        self, blobs: FilesystemBlobs, path: Path, descriptor: int, expected: int | None, hold: Hold, written: int = 0
    ) -> None:
        """Made by FilesystemBlobs.begin; owns the descriptor and the hold."""
        self._hold = hold
        self._blobs, self._path, self._expected = blobs, path, expected
        self._file: Writer | None = _writer(descriptor, expected)
        self._written = written

    @property
    def path(self) -> Path:
        """See Upload.path."""
        return self._path

    @property
    def written(self) -> int:
        """See Upload.written."""
        return self._written

    def write(self, chunk: bytes | bytearray | memoryview, /) -> int:
        """See Upload.write."""
        file, view = self._open_file(), memoryview(chunk).cast("B")
        length = len(view)
        try:
            while view:
                view = view[file.write(view) :]
        except OSError as error:
            if error.errno in _FULL:
                raise OutOfSpace(length, _free(self._path.parent)) from error
            raise
        self._written += length
        self._hold.spend(length)
        return length

    def grown(self, written: int) -> None:
        """See Upload.grown."""
        self._hold.spend(written - self._written)
        self._written = written

    def sync(self) -> int:
        """See Upload.sync."""
        try:
            os.fsync(self._open_file().fileno())
        except OSError as error:
            if error.errno in _FULL:
                raise OutOfSpace(self._written, _free(self._path.parent)) from error
            raise
        return self._written

    def check(self) -> None:
        """See Upload.check."""
        file = self._open_file()
        own, named = os.fstat(file.fileno()), self._path.lstat()
        if not os.path.samestat(own, named):
            raise BlobError("the upload's file was replaced by another one")
        if self._expected is not None and own.st_size != self._expected:
            raise WrongLength(self._expected, own.st_size)

    def commit(self, sha256: str, watch: Watch = unwatched) -> None:
        """See Upload.commit."""
        file = self._open_file()
        place = self._blobs._place(sha256)  # noqa: SLF001  one class in two parts
        self.check()
        self._blobs._settle(self._path, file.fileno(), place)  # noqa: SLF001  one class in two parts
        self._file = None
        file.close()
        self._hold.end()
        watch(self._written)

    def suspend(self) -> None:
        """See Upload.suspend."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
            self._hold.end()

    def abort(self) -> None:
        """See Upload.abort."""
        if self._file is None:
            return
        file, self._file = self._file, None
        # Unlinked while the lock is held, so that no sweep meets it half gone.
        self._path.unlink(missing_ok=True)
        file.close()
        self._hold.end()

    def _open_file(self) -> Writer:
        if self._file is None:
            raise BlobError("the upload is over")
        return self._file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


class Writer(Protocol):
    """What an upload needs of its open file."""

    def write(self, view: memoryview, /) -> int: ...

    def fileno(self) -> int: ...

    def close(self) -> None: ...


def appending(path: Path, expected: int) -> Writer:
    """A writer from the end of an upload's file on, for a process that does not hold its lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    os.lseek(descriptor, 0, os.SEEK_END)
    return _writer(descriptor, expected)


def _writer(descriptor: int, expected: int | None) -> Writer:
    if expected is not None and expected >= _LARGE:
        return DirectWriter(descriptor)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _free(folder: Path) -> int:
    return disk_room(folder)[1]


def _name(text: str) -> str:
    if not _UPLOAD.fullmatch(text):
        raise BlobError(f"not the name of an upload: {text[:80]!r}")
    return text


def _forsaken(path: Path) -> bool:
    """Whether nobody holds the lock of an upload."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return path.is_symlink()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _remove_unless_locked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
