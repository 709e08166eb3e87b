"""Writes the disk of a plain QCOW2 file as a dynamic VHD, and hashes it on the way.

qemu-img reads whatever there is and hashes nothing: its file had to be read twice more. This reads what most images
are, files with standard tables that hold clusters as they are, and leaves the others to qemu-img (`NotPlain`). The file
is a stranger's: it kept our rules when it came in, and here each offset is looked at again before it is read from.

Layouts: QEMU's docs/interop/qcow2.txt; Microsoft's "Virtual Hard Disk Image Format Specification", 1.0.
"""

from __future__ import annotations

import array
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images import qcow2, vhd
from kunsthalle.disk_images.atomic_files import appearing
from kunsthalle.disk_images.detection import HEAD_BYTES
from kunsthalle.disk_images.limits import SECTOR
from kunsthalle.disk_images.writers import COPIED

BLOCK = 2 * MIB
_BITMAP = b"\xff" * SECTOR
"""Of a block: every sector of it counts."""
_ZERO = 1
_OFFSET = ((1 << 56) - 1) & ~((1 << 9) - 1)
_LEAST_CLUSTER_BITS = 14
"""Of smaller clusters the tables are so large that reading them would be most of the work."""
_MOST_BYTES = 2040 * 1024 * MIB
"""The largest disk that a VHD can hold."""
_TABLE_OFFSET = vhd.FOOTER_SIZE + vhd.BLOCKS_SIZE
_WAITING_CHUNKS = 4
"""Chunks that are written and not hashed yet: memory that may be in use."""
_ZEROS = memoryview(bytes(BLOCK))


class NotPlain(Exception):
    """The file holds something that only qemu-img reads: compressed or encrypted clusters, unusual or broken tables."""


@dataclass(frozen=True, slots=True)
class _Plain:
    """A QCOW2 file open for reading, with standard tables."""

    descriptor: int
    header: qcow2.Header
    size: int

    def tables(self) -> Iterator[tuple[int, array.array[int]]]:
        """Each L2 table that there is, with the number of its first cluster. NotPlain."""
        cluster = self.header.cluster_size
        entries = self._numbers(self.header.l1_offset, self.header.l1_needed * 8)
        for index, entry in enumerate(entries):
            if entry:
                table = self._numbers(self._place(entry & ~COPIED), cluster)
                yield index * (cluster // 8), table

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Offset on the disk, offset in the file, length: in order, none across two blocks of the VHD. NotPlain."""
        cluster, end = self.header.cluster_size, self.header.virtual_size
        start = place = length = 0
        for first, table in self.tables():
            for number, entry in enumerate(table) if any(table) else ():
                host = entry and self._cluster(entry)
                at = (first + number) * cluster
                if not host or at >= end:
                    continue
                if length and at == start + length and host == place + length and at % BLOCK:
                    length += cluster
                    continue
                if length:
                    yield start, place, length
                start, place, length = at, host, cluster
        if length:
            yield start, place, length

    def _cluster(self, entry: int) -> int:
        """Where a cluster is, 0 for one of zeros."""
        entry &= ~COPIED
        if entry & _ZERO and self.header.version > 2:
            self._place(entry & ~_ZERO, or_none=True)
            return 0
        return self._place(entry)

    def _place(self, offset: int, *, or_none: bool = False) -> int:
        """A cluster of the file, whole and behind its header. NotPlain."""
        if or_none and offset == 0:
            return 0
        cluster = self.header.cluster_size
        if offset & ~_OFFSET or offset % cluster or not cluster <= offset <= self.size - cluster:
            raise NotPlain(f"no cluster of the file: {offset:#x}")
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the file. NotPlain where it has no more so many."""
        data = os.pread(self.descriptor, size, offset)
        if len(data) < size:
            raise NotPlain("the file ends before")
        return data

    def _numbers(self, offset: int, size: int) -> array.array[int]:
        numbers = array.array("Q", self.read(offset, size))
        if sys.byteorder == "little":
            numbers.byteswap()
        return numbers


def _opened(descriptor: int) -> _Plain:
    header, size = qcow2.parse(os.pread(descriptor, HEAD_BYTES, 0)), os.fstat(descriptor).st_size
    plain = not (header.incompatible or header.crypt_method or header.backing_offset or header.snapshots)
    if not plain or header.cluster_bits < _LEAST_CLUSTER_BITS or not 0 < header.virtual_size <= _MOST_BYTES:
        raise NotPlain("the header asks for more than standard tables")
    qcow2.check_tables(header, size)
    return _Plain(descriptor, header, size)


def size_of(source: Path) -> int | None:
    """Bytes of the VHD that `write` would make of this QCOW2 file; None for a file that it does not read.

    Reads the file's tables. Raises Refused for one that is no QCOW2 file, or whose tables are outside of it.
    """
    descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        file = _opened(descriptor)
        used = len({start // BLOCK for start, _, _ in file.runs()})
    except NotPlain:
        return None
    finally:
        os.close(descriptor)
    return _data_offset(file.header.virtual_size) + used * (len(_BITMAP) + BLOCK) + vhd.FOOTER_SIZE


def write(source: Path, target: Path, unique: bytes, progress: Callable[[int], None]) -> str:
    """Writes the VHD to the new file `target` and on to the disk; its sha256 in hexadecimal.

    `unique` are the 16 octets of the disk's own number. `progress` is told how many bytes have been written, after each
    block; what it raises ends the work, and no target is left. Raises NotPlain, and FileExistsError if there is a
    target.
    """
    descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        file = _opened(descriptor)
        with appearing(target) as part, part.open("wb", buffering=0) as made, _Output(made.fileno()) as output:
            _write(file, output, unique, progress)
            made.truncate(output.size)
            return output.sha256()
    finally:
        os.close(descriptor)


def _write(file: _Plain, output: _Output, unique: bytes, progress: Callable[[int], None]) -> None:
    disk = file.header.virtual_size
    footer, table = _footer(disk, unique), array.array("I", [vhd.UNUSED]) * (-(-disk // BLOCK))
    at = _data_offset(disk)
    for block in dict.fromkeys(start // BLOCK for start, _, _ in file.runs()):
        table[block] = at // SECTOR
        at += len(_BITMAP) + BLOCK
    output.add(footer + _blocks_header(len(table)) + _table_bytes(table, _data_offset(disk) - _TABLE_OFFSET))
    end = output.size
    for start, place, length in file.runs():
        block, within = divmod(start, BLOCK)
        begin = table[block] * SECTOR
        if output.size <= begin:
            output.fill(begin)
            output.add(_BITMAP)
            end = output.size + BLOCK
            progress(begin)
        output.fill(begin + len(_BITMAP) + within)
        output.add(file.read(place, length))
    output.fill(end)
    output.add(footer)


class _Output:
    """A file that is written from its start to its end, and hashed by a thread of its own meanwhile."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._digest = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vhd")
        self._waiting: deque[Future[None]] = deque()
        self.size = 0

    def add(self, data: bytes) -> None:
        self._hash(data)
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self.size)
            view, self.size = view[written:], self.size + written

    def fill(self, end: int) -> None:
        """Zeros up to an offset: a hole in the file."""
        while self.size < end:
            zeros = _ZEROS[: end - self.size]
            self._hash(zeros)
            self.size += len(zeros)

    def sha256(self) -> str:
        while self._waiting:
            self._waiting.popleft().result()
        return self._digest.hexdigest()

    def _hash(self, data: bytes | memoryview) -> None:
        while len(self._waiting) >= _WAITING_CHUNKS:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._digest.update, data))

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.shutdown()


def _data_offset(disk: int) -> int:
    """Where the first block is: behind the table of blocks."""
    return _TABLE_OFFSET + -(-(-(-disk // BLOCK) * 4) // SECTOR) * SECTOR


def _table_bytes(table: array.array[int], room: int) -> bytes:
    numbers = table[:]
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes().ljust(room, b"\xff")


def _blocks_header(entries: int) -> bytes:
    values = (vhd.BLOCKS_COOKIE, (1 << 64) - 1, _TABLE_OFFSET, 0x00010000, entries, BLOCK, 0)
    header = vhd.BLOCKS.pack(*values).ljust(vhd.BLOCKS_SIZE, b"\0")
    return _summed(header, slice(36, 40))


def _footer(disk: int, unique: bytes) -> bytes:
    """The creator is the one whose size field all programs go by: QEMU, told to keep sizes as they are."""
    size = (disk, disk, *_geometry(disk // SECTOR))
    values = (vhd.COOKIE, 2, 0x00010000, vhd.FOOTER_SIZE, 0, b"qem2", 0x00050003, b"Wi2k", *size, vhd.DYNAMIC, 0)
    footer = vhd.FOOTER.pack(*values, unique, 0).ljust(vhd.FOOTER_SIZE, b"\0")
    return _summed(footer, vhd.CHECKSUM)


def _summed(block: bytes, place: slice) -> bytes:
    return block[: place.start] + vhd.checksum(block, place).to_bytes(4, "big") + block[place.stop :]


def _geometry(sectors: int) -> tuple[int, int, int]:
    """Cylinders, heads and sectors a track, as the specification computes them (appendix "CHS Calculation")."""
    sectors = min(sectors, vhd.MAX_GEOMETRY_SECTORS)
    if sectors >= 65535 * 16 * 63:
        return sectors // 255 // 16, 16, 255
    track, heads = 17, max(4, -(-(sectors // 17) // 1024))
    if heads > 16 or sectors // 17 >= heads * 1024:
        track, heads = 31, 16
    if sectors // track >= heads * 1024:
        track, heads = 63, 16
    return sectors // track // heads, heads, track
