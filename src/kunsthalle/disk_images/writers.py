"""Writes image files of our own in plain Python, for hosts without qemu-img.

Same arguments, same bytes: neither time nor chance enters. A file appears under its name only when it is
complete.
"""

from __future__ import annotations

import array
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from kunsthalle.disk_images import import_rules, qcow2
from kunsthalle.disk_images.atomic_files import appearing
from kunsthalle.disk_images.backing_files import name_of
from kunsthalle.disk_images.detection import QEMU_NAMES
from kunsthalle.disk_images.limits import SECTOR

CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
L2_ENTRIES = CLUSTER // 8
REFCOUNTS = CLUSTER // 2
COPIED = 1 << 63
HEADER_LENGTH = 112

Content = Callable[[int], bytes] | Mapping[int, bytes] | bytes


def write_qcow2(path: Path, virtual_size: int, content: Content) -> None:
    """Writes a qcow2 version 3 image of `virtual_size` bytes (whole 512-byte sectors) with 64 KiB clusters.

    `content` is what the disk holds: bytes from offset 0; or a mapping from byte offset to bytes, not
    overlapping; or a function that is asked for each cluster by its byte offset and answers with up to 65,536
    bytes (fewer are filled up with zeros). Clusters of zeros take no room. Raises ValueError for content
    outside the disk, FileExistsError if `path` exists.
    """
    with appearing(path) as part, part.open("wb") as file:
        fill_qcow2(file, virtual_size, content)


def fill_qcow2(file: BinaryIO, virtual_size: int, content: Content) -> None:
    """As `write_qcow2`, into an empty file that is open."""
    image = Qcow2File(file, virtual_size)
    for index, data in _clusters(content, virtual_size):
        image.add(index, data)
    image.close()


def write_overlay(path: Path, backing: Path, backing_format: str, virtual_size: int) -> None:
    """Writes an empty qcow2 image of `virtual_size` bytes on top of `backing`, whose format (qcow2, vhd, raw)
    it names.

    The disk must be no smaller than that of `backing`, which is for the caller to see to. Raises what
    `backing.name_of` raises, FileExistsError if `path` exists.
    """
    name = os.fsencode(name_of(backing, backing_format))
    with appearing(path) as part, part.open("wb") as file:
        Qcow2File(file, virtual_size).close(name, QEMU_NAMES[backing_format].encode())


def write_empty(path: Path, virtual_size: int, room: int) -> None:
    """Writes a qcow2 image of `virtual_size` bytes that holds nothing and stands on nothing.

    It can grow in place up to `room` bytes. Raises FileExistsError if `path` exists.
    """
    with appearing(path) as part, part.open("wb") as file:
        Qcow2File(file, virtual_size, max(room, virtual_size)).close()


def virtual_size_of(path: Path, format: str) -> int:  # noqa: A002 - the word of the field
    """Bytes of the disk in this image (qcow2 or vhd).

    Raises Refused if it is no such image.
    """
    return import_rules.get(format).virtual_size(path)


class Qcow2File:
    """One image being written: data as it comes, if any, then its tables, then the header."""

    def __init__(self, file: BinaryIO, virtual_size: int, room: int = 0) -> None:
        if virtual_size <= 0 or virtual_size % SECTOR:
            raise ValueError("the size of a disk is a whole number of 512-byte sectors")
        self._file = file
        self._virtual_size = virtual_size
        self._l1 = array.array("Q", bytes(8 * -(-max(virtual_size, room) // (CLUSTER * L2_ENTRIES))))
        self._l2 = array.array("Q")
        self._l2_index = -1
        self._next = 1  # cluster 0 is the header's

    def add(self, index: int, data: bytes) -> None:
        """Stores guest cluster `index`; indexes must rise."""
        if not data.strip(b"\0"):
            return
        l2_index, at = divmod(index, L2_ENTRIES)
        if l2_index != self._l2_index:
            self._end_l2()
            self._l2_index, self._l2 = l2_index, array.array("Q", bytes(CLUSTER))
        self._l2[at] = self._append(data) | COPIED

    def reserve(self, length: int) -> int:
        """Keeps room for `length` bytes, which are written after `close`; where they go."""
        return self._append(b"", clusters=-(-length // CLUSTER))

    def close(
        self, backing: bytes = b"", backing_format: bytes = b"", crypt_method: int = 0, extensions: bytes = b""
    ) -> None:
        """Writes tables and header. `extensions` are further ones of the header, each filled up to eight bytes."""
        self._end_l2()
        l1_offset = self._append(_big_endian(self._l1))
        blocks, table = self._refcount_clusters()
        self._append(_big_endian(array.array("H", [1] * (self._next + blocks + table))), clusters=blocks)
        first_block = (self._next - blocks) * CLUSTER
        offsets = array.array("Q", range(first_block, first_block + blocks * CLUSTER, CLUSTER))
        refcount_offset = self._append(_big_endian(offsets), clusters=table)
        extension = _extension(qcow2.BACKING_FORMAT, backing_format) if backing else b""
        extensions = extension + extensions + qcow2.EXTENSION.pack(qcow2.ENTRIES_END, 0)
        header = qcow2.Header(
            version=3,
            backing_offset=HEADER_LENGTH + len(extensions) if backing else 0,
            backing_size=len(backing),
            cluster_bits=CLUSTER_BITS,
            virtual_size=self._virtual_size,
            crypt_method=crypt_method,
            l1_entries=len(self._l1),
            l1_offset=l1_offset,
            refcount_offset=refcount_offset,
            refcount_clusters=table,
            snapshots=0,
            length=HEADER_LENGTH,
        )
        self._file.seek(0)
        self._file.write(header.pack() + extensions + backing)
        self._file.truncate(self._next * CLUSTER)

    def _append(self, data: bytes, clusters: int | None = None) -> int:
        offset = self._next * CLUSTER
        self._file.seek(offset)
        self._file.write(data)
        self._next += -(-len(data) // CLUSTER) if clusters is None else clusters
        return offset

    def _end_l2(self) -> None:
        if self._l2_index >= 0:
            self._l1[self._l2_index] = self._append(_big_endian(self._l2)) | COPIED

    def _refcount_clusters(self) -> tuple[int, int]:
        """Clusters of reference counts, and of the table of these, that cover all clusters and themselves."""
        blocks = table = 1
        while True:
            needed = -(-(self._next + blocks + table) // REFCOUNTS)
            if (needed, -(-needed // L2_ENTRIES)) == (blocks, table):
                return blocks, table
            blocks, table = needed, -(-needed // L2_ENTRIES)


def _big_endian(numbers: array.array[int]) -> bytes:
    if sys.byteorder == "little":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _extension(kind: int, data: bytes) -> bytes:
    return qcow2.EXTENSION.pack(kind, len(data)) + data + bytes(-len(data) % 8)


def _clusters(content: Content, virtual_size: int) -> Iterator[tuple[int, bytes]]:
    if isinstance(content, Mapping):
        yield from _from_pieces(content, virtual_size)
    elif callable(content):
        for index in range(-(-virtual_size // CLUSTER)):
            data = content(index * CLUSTER)
            if len(data) > min(CLUSTER, virtual_size - index * CLUSTER):
                raise ValueError("content outside its cluster")
            yield index, data
    else:
        yield from _from_pieces({0: content}, virtual_size)


def _from_pieces(pieces: Mapping[int, bytes], virtual_size: int) -> Iterator[tuple[int, bytes]]:
    """Whole clusters from pieces at any offsets, in order, each cluster once."""
    current, buffer, end = -1, bytearray(), 0
    for offset, data in sorted(pieces.items()):
        if offset < end or offset + len(data) > virtual_size:
            raise ValueError("content overlaps or lies outside the disk")
        end = offset + len(data)
        done = 0
        while done < len(data):
            index, within = divmod(offset + done, CLUSTER)
            if index != current:
                if current >= 0:
                    yield current, bytes(buffer)
                current, buffer = index, bytearray(CLUSTER)
            part = data[done : done + CLUSTER - within]
            buffer[within : within + len(part)] = part
            done += len(part)
    if current >= 0:
        yield current, bytes(buffer)
