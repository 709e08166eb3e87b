"""VHD: its layout, and the rules that a foreign one has to keep.

Layout: Microsoft's "Virtual Hard Disk Image Format Specification", 1.0. Numbers are big-endian. A fixed VHD
is the raw disk and then a footer of 512 bytes; a dynamic one has a copy of its footer at the start, a second
header and a block table. The disk is as large as the field "current size" says; for files of the few programs that go
by cylinders, heads and sectors instead, it is as large as these say. Newer versions of QEMU (block/vpc.c) do the same.
"""

from __future__ import annotations

import array
import os
import struct
import sys
from pathlib import Path

from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images.file_refusals import corrupted
from kunsthalle.disk_images.limits import SECTOR, Limits, check_virtual_size

COOKIE = b"conectix"
FOOTER_SIZE = 512
FOOTER = struct.Struct(">8sIIQI4sI4sQQHBBII16sB")
CHECKSUM = slice(64, 68)
FIXED, DYNAMIC, DIFFERENCING = 2, 3, 4

BLOCKS_COOKIE = b"cxsparse"
BLOCKS = struct.Struct(">8sQQIIII")
BLOCKS_SIZE = 1024
UNUSED = 0xFFFFFFFF
MAX_TABLE_BYTES = 32 * MIB

SIZE_BY_GEOMETRY = (b"vpc ", b"vs  ", b"qemu")
"""Creators whose disk has cylinders * heads * sectors: Virtual PC, Virtual Server, QEMU unless told otherwise."""
MAX_GEOMETRY_SECTORS = 65535 * 16 * 255
"""The geometry of a disk that no geometry can describe: then the size field counts after all."""


@dataclass(frozen=True, slots=True)
class Footer:
    """`current_size` is bytes as written in the footer, `virtual_size` bytes of the disk.

    `by_geometry`: the disk is as large as its geometry says, and not as `current_size` says.
    """

    kind: int
    data_offset: int
    current_size: int
    virtual_size: int
    by_geometry: bool


def checksum(block: bytes, place: slice) -> int:
    """One's complement of the sum of all bytes except the four that hold the checksum itself."""
    return ~(sum(block) - sum(block[place])) & 0xFFFFFFFF


def parse(block: bytes) -> Footer:
    """The footer in these 512 bytes.

    Raises Refused unless it is whole, undamaged, and of a kind that stands alone.
    """
    if len(block) < FOOTER_SIZE or not block.startswith(COOKIE):
        raise corrupted("The file is not a VHD image or is cut short: its last 512 bytes are no VHD footer.")
    values = FOOTER.unpack_from(block)
    if values[14] != checksum(block[:FOOTER_SIZE], CHECKSUM):
        raise corrupted("The checksum of the VHD footer is wrong.")
    data_offset, creator, current_size = values[3], values[5], values[9]
    cylinders, heads, sectors, kind = values[10:14]
    described = cylinders * heads * sectors
    by_geometry = creator in SIZE_BY_GEOMETRY and described != MAX_GEOMETRY_SECTORS
    size = described if by_geometry else current_size // SECTOR
    return Footer(kind, data_offset, current_size, size * SECTOR, by_geometry)


def read_footer(path: Path) -> Footer:
    """The footer of a file. Raises Refused if it has none."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) < FOOTER_SIZE:
            raise corrupted("The file is too short for a VHD image.")
        file.seek(-FOOTER_SIZE, os.SEEK_END)
        return parse(file.read(FOOTER_SIZE))


def driver_options(path: Path) -> dict[str, str]:
    """What QEMU's driver must be told to see the whole disk.

    By itself, an older version takes the geometry for the size unless it knows that the creator does not.
    """
    return {} if read_footer(path).by_geometry else {"force_size_calc": "current_size"}


def check_footer(block: bytes, limits: Limits) -> Footer:
    """The rules on a footer, or on the copy of it that a dynamic VHD starts with."""
    footer = parse(block)
    if footer.kind == DIFFERENCING:
        raise corrupted("The VHD image is a differencing disk, which needs another file; merge it first.")
    if footer.kind not in (FIXED, DYNAMIC):
        raise corrupted(f"The VHD image has disk type {footer.kind}; only fixed and dynamic are supported.")
    for size in (footer.current_size, footer.virtual_size):
        check_virtual_size("VHD", size, limits)
    return footer


def check_ends(head: bytes, tail: bytes, file_size: int, names: frozenset[str], limits: Limits) -> Footer:
    """Everything that the two ends of the file can tell.

    `head` is at least its first 512 bytes, `tail` its last 512, `names` the formats that it looks like: a
    fixed VHD looks like the bare disk that it starts with.
    """
    footer = check_footer(tail, limits)
    if footer.kind == FIXED:
        _fixed(footer, file_size, names)
    else:
        _dynamic(head, tail, names)
    return footer


def _fixed(footer: Footer, file_size: int, names: frozenset[str]) -> None:
    if not names <= {"gpt", "raw"}:
        raise corrupted("The VHD image has the footer of a fixed disk but does not start as a disk.")
    if footer.current_size + FOOTER_SIZE != file_size:
        raise corrupted("The size in the footer of the fixed VHD image is not the size of the file.")
    if footer.virtual_size > footer.current_size:
        raise corrupted("The geometry in the footer of the fixed VHD image is larger than its disk.")


def _dynamic(head: bytes, tail: bytes, names: frozenset[str]) -> None:
    if names != {"vhd"} or head[:FOOTER_SIZE] != tail:
        raise corrupted("The dynamic VHD image does not start with a copy of its footer.")


def check_file(path: Path, footer: Footer, file_size: int) -> None:
    """The block table of a dynamic VHD must fit its disk and lie in the file, as must the blocks that it
    points to.

    Reads at most 32 MiB.
    """
    if footer.kind != DYNAMIC:
        return
    with path.open("rb") as file:
        file.seek(min(footer.data_offset, file_size))
        header = file.read(BLOCKS_SIZE)
        if len(header) < BLOCKS_SIZE or not header.startswith(BLOCKS_COOKIE):
            raise corrupted("The second header of the dynamic VHD image is missing.")
        _, _, table_offset, _, entries, block_size, _ = BLOCKS.unpack_from(header)
        _check_table(footer, entries, block_size, table_offset, file_size)
        file.seek(table_offset)
        table = array.array("I", file.read(entries * 4))
    if sys.byteorder == "little":
        table.byteswap()
    last = max((entry for entry in table if entry != UNUSED), default=None)
    bitmap = -(-block_size // (8 * SECTOR * SECTOR)) * SECTOR
    if last is not None and last * SECTOR + bitmap + block_size > file_size:
        raise corrupted("The dynamic VHD image refers to blocks outside the file; it may be cut short.")


def _check_table(footer: Footer, entries: int, block_size: int, table_offset: int, file_size: int) -> None:
    if block_size < SECTOR or block_size & (block_size - 1):
        raise corrupted("The block size of the dynamic VHD image is no power of two.")
    needed = -(-footer.virtual_size // block_size)
    if entries < needed:
        raise corrupted("The block table of the dynamic VHD image is too small for its disk.")
    if entries > 2 * needed + 8192 or entries * 4 > MAX_TABLE_BYTES:
        raise corrupted("The block table of the dynamic VHD image is too large for its disk.")
    if table_offset + entries * 4 > file_size:
        raise corrupted("The block table of the dynamic VHD image lies outside the file.")
