"""
The embedded object storage of one account: a folder, its sub-folders buckets, their files objects.

People put files there with their own tools, so nothing found in it is trusted: names are checked, symbolic
links are not followed at any level, and only regular files are objects.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from kunsthalle.blobs.protocol import Watch, unwatched
from kunsthalle.core.disk_space import NoSpace, Space
from kunsthalle.core.sizes import MIB
from kunsthalle.object_storage.protocol import (
    MAX_PART_BYTES,
    BadObjectName,
    BucketFull,
    BucketNotFound,
    ObjectNotFound,
    ObjectUnreadable,
    check_bucket,
    is_bucket,
    parts_of,
    wrong_name,
)
from kunsthalle.object_storage.uploads import StoredObject, Uploads

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO without a writer would wait for ever.
_OBJECT = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV})
_IN_THE_WAY = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ELOOP})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# Uploads wait here, beside the buckets; no bucket can have this name.
INCOMING = ".incoming"
_NOT_SHARED = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
_PIECE = 16 * MIB
_BLOCK = 512


class BucketObject:
    """An object open for reading. Replacing or removing the object meanwhile does not change what is read."""

    def __init__(self, descriptor: int) -> None:
        """Made by Buckets.open; owns the descriptor."""
        status = os.fstat(descriptor)
        self.size = status.st_size
        self.tag = f"{status.st_dev}-{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
        self.descriptor: int | None = descriptor
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._end: int | None = None

    def skip(self, count: int) -> None:
        """Has the first read begin at an offset."""
        self._file.seek(count)

    def narrow(self, start: int, count: int) -> None:
        """See ObjectReader."""
        self._file.seek(start)
        self._end = start + count

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; empty at the end."""
        most = count if self._end is None else min(count, self._end - self._file.tell())
        return self._file.read(most) or b""

    def close(self) -> None:
        """May be repeated."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Buckets:
    """`root/<bucket>/<object>`; an object's name may have slashes."""

    def __init__(self, root: Path, space: Space | None = None) -> None:
        """`root` is made if absent. `space` tells how much of its disk may be taken."""
        self._space = space or Space()
        self._root = root.absolute()
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._numbers = itertools.count(1)

    def create_bucket(self, name: str) -> None:
        """An existing bucket is fine. BadBucketName."""
        check_bucket(name)
        (self._root / name).mkdir(exist_ok=True, mode=0o700)

    def has_bucket(self, name: str) -> bool:
        """Whether there is such a bucket."""
        return is_bucket(name) and _is_folder(self._root / name)

    def list_buckets(self) -> list[str]:
        """The names, sorted."""
        return sorted(path.name for path in self._root.iterdir() if is_bucket(path.name) and _is_folder(path))

    def open(self, bucket: str, key: str) -> BucketObject:
        """BucketNotFound, ObjectNotFound, BadObjectName, ObjectUnreadable. Never waits on a pipe."""
        parts = parts_of(bucket, key)
        folder = self._bucket(bucket)
        try:
            for part in parts[:-1]:
                folder = _replace(folder, os.open(part, _FOLDER, dir_fd=folder))
            descriptor = os.open(parts[-1], _OBJECT, dir_fd=folder)
        except OSError as error:
            raise _translate(error, bucket, key) from error
        finally:
            os.close(folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ObjectNotFound("not a regular file", bucket, key)
        return BucketObject(descriptor)

    def put(self, bucket: str, key: str, source: Path, watch: Watch = unwatched) -> None:
        """
        Copies a local file into an object, durably; readers see the old one or the new one, whole.

        BucketNotFound; BadObjectName, also where a part of the name is an object or the name is a folder; BucketFull.
        """
        parts_of(bucket, key)
        os.close(self._bucket(bucket))
        with self._room(bucket, key, source.stat().st_size):
            incoming = self._copy_in(bucket, key, source, watch)
        try:
            self._place(bucket, key, incoming)
        finally:
            incoming.unlink(missing_ok=True)

    def take(self, bucket: str, key: str, source: Path, watch: Watch = unwatched) -> None:
        """See ObjectStorage.take; raises what `put` raises."""
        try:
            self._place(bucket, key, source)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self.put(bucket, key, source, watch)

    def _place(self, bucket: str, key: str, incoming: Path) -> None:
        """Gives a whole file of the same disk the name of an object."""
        parts = parts_of(bucket, key)
        folder = self._bucket(bucket)
        try:
            for part in parts[:-1]:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=folder)
                folder = _replace(folder, os.open(part, _FOLDER, dir_fd=folder))
            os.rename(incoming, parts[-1], dst_dir_fd=folder)
            os.fsync(folder)
        except OSError as error:
            if error.errno in _IN_THE_WAY:
                raise BadObjectName("the name runs into a file, a link or a folder", bucket, key) from error
            raise
        finally:
            os.close(folder)

    def objects(self, bucket: str, most: int, after: str = "") -> list[StoredObject]:
        """See ObjectStorage: regular files alone, links followed nowhere. BucketNotFound."""
        os.close(self._bucket(bucket))
        return list(itertools.islice(_objects_below(self._root / bucket, "", after), most))

    @property
    def uploads(self) -> Uploads:
        """See ObjectStorage."""
        from kunsthalle.object_storage.folder_uploads import FolderUploads

        return FolderUploads(self._root, self._space, self._place)

    def delete(self, bucket: str, key: str) -> None:
        """An absent object is fine; empty folders of its name stay. BucketNotFound, BadObjectName."""
        parts = parts_of(bucket, key)
        folder = self._bucket(bucket)
        try:
            for part in parts[:-1]:
                folder = _replace(folder, os.open(part, _FOLDER, dir_fd=folder))
            os.unlink(parts[-1], dir_fd=folder)
        except IsADirectoryError as error:
            raise BadObjectName("a folder has this name", bucket, key) from error
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
        finally:
            os.close(folder)

    def _bucket(self, name: str) -> int:
        if not is_bucket(name):
            raise BucketNotFound("no bucket can have this name", name[:MAX_PART_BYTES])
        try:
            return os.open(self._root / name, _FOLDER)
        except OSError as error:
            raise BucketNotFound("there is no bucket of this name", name) from error

    @contextlib.contextmanager
    def _room(self, bucket: str, key: str, size: int) -> Iterator[None]:
        try:
            hold = self._space.hold(self._root, size)
        except NoSpace as error:
            raise BucketFull("there is no room for the object", bucket, key, never=error.never) from error
        try:
            yield
        finally:
            hold.end()

    def used(self) -> int:
        """See ObjectStorage.used."""
        total = 0
        for path in self._root.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                total += path.lstat().st_blocks * _BLOCK
        return total

    def _copy_in(self, bucket: str, key: str, source: Path, watch: Watch) -> Path:
        folder = self._root / INCOMING
        folder.mkdir(exist_ok=True, mode=0o700)
        incoming = folder / f"{os.getpid()}-{next(self._numbers)}"
        try:
            # Opened for writing anew: what a crashed process of the same number left is overwritten.
            with source.open("rb") as read, incoming.open("wb") as written:
                _copy(read.fileno(), written.fileno(), watch)
                os.fsync(written.fileno())
        except BaseException as error:
            incoming.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in _FULL:
                raise BucketFull("there is no room for the object", bucket, key) from error
            raise
        return incoming


def _objects_below(folder: Path, prefix: str, after: str) -> Iterator[StoredObject]:
    """In the order of whole names, from the first one after a name; what vanishes meanwhile is left out.

    A folder stands where the names in it do, which its slash says: behind a file whose name begins as its own does.
    """
    try:
        named = [
            (f"{prefix}{entry.name}{'/' * entry.is_dir(follow_symlinks=False)}", entry) for entry in os.scandir(folder)
        ]
    except FileNotFoundError:
        return
    for key, entry in sorted(named, key=lambda pair: pair[0]):
        if key <= after and not (key.endswith("/") and after.startswith(key)):
            continue
        if key.endswith("/"):
            yield from _objects_below(folder / entry.name, key, after)
        elif entry.is_file(follow_symlinks=False) and wrong_name(key) is None:
            with contextlib.suppress(FileNotFoundError):
                about = entry.stat(follow_symlinks=False)
                yield StoredObject(key, about.st_size, about.st_mtime)


def _copy(source: int, target: int, watch: Watch) -> None:
    """In the kernel, in pieces: somebody may want to know, or to end it.

    File systems that can share the bytes of two files do so.
    """
    done, shares = 0, True
    while True:
        try:
            sent = os.copy_file_range(source, target, _PIECE, done, done) if shares else 0
        except OSError as error:
            if error.errno not in _NOT_SHARED:
                raise
            sent = 0
        if not sent:  # at the end, or on a file system that cannot, some of which say so by copying nothing
            shares = False
            os.lseek(target, done, os.SEEK_SET)
            sent = os.sendfile(target, source, done, _PIECE)
        if not sent:
            return
        done += sent
        watch(done)


def _replace(old: int, new: int) -> int:
    os.close(old)
    return new


def _translate(error: OSError, bucket: str, key: str) -> Exception:
    if error.errno in _NOT_THERE:
        return ObjectNotFound("there is no such object", bucket, key)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return ObjectUnreadable("the program may not read this object", bucket, key)
    return error


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False
