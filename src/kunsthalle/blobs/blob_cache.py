"""Blobs that are kept elsewhere, as files of this host: fetched once, checked against their names, and bounded."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.blobs.protocol import BlobDamaged
from kunsthalle.core.disk_space import Space
from kunsthalle.core.event_counts import CACHE_READS
from kunsthalle.core.keyed_locks import KeyedLocks

_IDLE_SECONDS = 60.0
"""So long a file stays after it was asked for: whoever asked may be about to open it."""
_LOCK = struct.Struct("@hhqqi4x")
"""`struct flock` of 64-bit Linux: kind, whence, start, length, process."""
_QEMU_BYTES = (100, 200)
"""QEMU marks the images that it has open by locks on the bytes from 100 to 300 (its block/file-posix.c)."""

Fetch = Callable[[], Iterator[bytes]]


class BlobCache(FilesystemBlobs):
    """A folder of blobs, each of which can be fetched again. `most`: bytes that it may take.

    What a server runs on stays, however much that is: its base would be missed. All else goes by the time of its last
    use when another one needs the package.
    """

    def __init__(self, root: Path, most: int, space: Space | None = None) -> None:
        super().__init__(root, space)
        self._most = most
        self._fetching = KeyedLocks()

    def fetched(self, sha256: str, size: int, fetch: Fetch) -> Path:
        """The local file of a blob, fetched unless it is here. BlobDamaged if it is not what its name says."""
        with self._fetching.hold(sha256):
            if not self.exists(sha256):
                CACHE_READS.add("miss")
                self.make_room(size)
                self._fetch(sha256, size, fetch)
            return self.used(sha256)

    def used(self, sha256: str) -> Path:
        """The local file of a blob that is here; it counts as used now."""
        path = self.local_path(sha256)
        now = int(self.clock() * 1e9)
        os.utime(path, ns=(now, path.stat().st_mtime_ns))
        return path

    def _fetch(self, sha256: str, size: int, fetch: Fetch) -> None:
        hashed = hashlib.sha256()
        with self.begin(size) as upload:
            for chunk in fetch():
                hashed.update(chunk)
                upload.write(chunk)
            if hashed.hexdigest() != sha256:
                raise BlobDamaged(sha256)
            upload.commit(sha256)

    def make_room(self, size: int = 0) -> None:
        """Removes what was not used for the longest time, until `size` more bytes fit, or all the rest is in use."""
        unused = []
        for sha256, length in self.inventory():
            with contextlib.suppress(FileNotFoundError):
                unused.append((self.place(sha256).stat().st_atime, length, sha256))
        taken = sum(length for _, length, _ in unused) + size
        now = self.clock()
        for used, length, sha256 in sorted(unused):
            if taken <= self._most or used > now - _IDLE_SECONDS:
                return
            if not _in_use(self.place(sha256)):
                self.delete(sha256)
                taken -= length


def _in_use(path: Path) -> bool:
    """Whether QEMU, or one of its tools, has the file open."""
    question = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, *_QEMU_BYTES, 0)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, question)
    finally:
        os.close(descriptor)
    kind = _LOCK.unpack(answer)[0]
    return bool(kind != fcntl.F_UNLCK)
