"""Overlay files: making them, recognising them, and copying them without filling their holes."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from kunsthalle.core.keyed_locks import KeyedLocks
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.hypervisor.protocol import DiskError
from kunsthalle.hypervisor.specs import OverlaySpec, check_overlay, require_absolute

# qcow2: magic, version, offset and length of the base's name, cluster bits, virtual size (QEMU docs/interop).
_HEADER = struct.Struct(">4sIQIIQ")
_MAGIC = b"QFI\xfb"
_MAX_BACKING_NAME = 1023
_FICLONE = 0x40049409
_CHUNK = MIB
_MAKING = KeyedLocks()
"""By the path of the disk. Several jobs may come to make one disk: the first makes it, and a server may write to it
before the others look.
"""
# Answers of file systems and kernels that cannot copy in the kernel; a plain copy does it then.
_CANNOT = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM})


@dataclass(frozen=True, slots=True)
class DiskHeader:
    """What a qcow2 header says: what it calls its base, if it has one, and its virtual size in bytes."""

    base: str | None
    size_bytes: int


def read_header(path: Path) -> DiskHeader | None:
    """The header of one of our own disks; None if the file is absent or is no qcow2 file, or not yet."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
            if len(head) < _HEADER.size or not head.startswith(_MAGIC):
                return None
            _, _, offset, length, _, size = _HEADER.unpack(head)
            if offset == 0:
                return DiskHeader(None, size)
            if length > _MAX_BACKING_NAME or offset > _CHUNK:
                return None
            file.seek(offset)
            name = file.read(length)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    return DiskHeader(os.fsdecode(name), size) if len(name) == length else None


def create_overlay(spec: OverlaySpec, write: Callable[[Path], None]) -> None:
    """
    Makes the disk by `write(path)`, which gets a name of its own and leaves a whole overlay there.

    BadSpec; DiskError for whatever `write` raises as OSError, and if another disk has the path.
    """
    check_overlay(spec)
    if not spec.base.is_file():
        raise DiskError(f"there is no base at {spec.base}")
    with _MAKING.hold(spec.path):
        if (header := read_header(spec.path)) is not None:
            if header != DiskHeader(spec.backing, spec.size_bytes):
                raise DiskError(f"another disk is at {spec.path}")
            return
        _make(spec.path, write, f"the disk {spec.path} could not be made")


def copy_overlay(source: Path, target: Path) -> None:
    """Copies a file that nobody writes; holes stay holes. See LocalEngine.copy_overlay."""
    require_absolute(source, target)
    if read_header(source) is None:
        raise DiskError(f"there is no disk at {source}")
    with _MAKING.hold(target):
        if not already_copied(source, target):
            _make(target, lambda partial: copy_sparse(source, partial), f"the disk {source} could not be copied")


def _make(path: Path, write: Callable[[Path], None], failure: str) -> None:
    """Has a file written under another name, which then gets its own. What a crash left of it is replaced."""
    partial = _partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.unlink(missing_ok=True)
        write(partial)
        _finish(partial, path)
    except OSError as error:
        raise DiskError(f"{failure}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def already_copied(source: Path, target: Path) -> bool:
    """Whether the target is there and is an overlay like the source. DiskError if it is another one."""
    if (header := read_header(target)) is None:
        return False
    if header != read_header(source):
        raise DiskError(f"another disk is at {target}")
    return True


def delete_overlay(path: Path) -> None:
    """Removes a disk and what an unfinished making of it left."""
    require_absolute(path)
    path.unlink(missing_ok=True)
    _partial(path).unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _finish(partial: Path, path: Path) -> None:
    """Gives a written file its name, durably."""
    partial.chmod(0o600)
    _sync(partial)
    partial.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_sparse(source: Path, target: Path) -> None:
    """Copies a plain file to a name that is free; holes stay holes. DiskError for what is no plain file."""
    reader = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(reader)
        if not stat.S_ISREG(status.st_mode):
            raise DiskError(f"not a regular file: {source}")
        writer = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            if not _clone(reader, writer):
                for start, end in data_stretches(reader, status.st_size):
                    _copy_range(reader, writer, start, end)
                os.ftruncate(writer, status.st_size)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _clone(reader: int, writer: int) -> bool:
    """Shares the blocks where the file system can (XFS, Btrfs): no copy at all."""
    try:
        fcntl.ioctl(writer, _FICLONE, reader)
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def data_stretches(reader: int, size: int) -> Iterator[tuple[int, int]]:
    """The stretches of a file that hold data, as (start, end)."""
    end = 0
    while end < size:
        try:
            start = os.lseek(reader, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return  # only a hole is left
            raise
        end = os.lseek(reader, start, os.SEEK_HOLE)
        yield start, end


def _copy_range(reader: int, writer: int, start: int, end: int) -> None:
    in_kernel = True
    while start < end:
        if in_kernel:
            try:
                done = os.copy_file_range(reader, writer, end - start, start, start)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise
                in_kernel = False
                continue
        else:
            done = os.pwrite(writer, os.pread(reader, min(_CHUNK, end - start), start), start)
        if not done:
            raise DiskError("the disk became shorter while it was copied")
        start += done
