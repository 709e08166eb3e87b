"""VHDX: the rules that a Hyper-V disk has to keep before it is converted.

Layout: Microsoft's "[MS-VHDX]: Virtual Hard Disk v2 File Format". Numbers are little-endian, offsets and sizes bytes.
Two headers of which the newer counts, two copies of a table of regions, and two regions: metadata (size of the disk and
of its blocks) and the block allocation table. A log holds changes that have not reached their place.
"""

from __future__ import annotations

import array
import struct
import sys
import uuid
from pathlib import Path
from typing import BinaryIO

from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import KIB, MIB
from kunsthalle.disk_images.file_refusals import corrupted
from kunsthalle.disk_images.limits import SECTOR, Disk, Limits, check_virtual_size

MAGIC = b"vhdxfile"
HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")
HEADER_BYTES = 4 * KIB
HEADERS_AT = (64 * KIB, 128 * KIB)
REGIONS_AT = (192 * KIB, 256 * KIB)
TABLE_BYTES = 64 * KIB
REGIONS, REGION = struct.Struct("<4sIII"), struct.Struct("<16sQII")
METADATA, ITEM = struct.Struct("<8sHH20s"), struct.Struct("<16sIIII")
MOST_ENTRIES = 2047
CHECKSUM = slice(4, 8)
REQUIRED = 1
ITEM_REQUIRED = 4
HAS_PARENT = 2


def _guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


BAT = _guid("2dc27766-f623-4200-9d64-115e9bfd4a08")
METADATA_REGION = _guid("8b7ca206-4790-4b9a-b8fe-575f050f886e")
PARAMETERS = _guid("caa16737-fa36-4d43-b3b6-33f0aa44e76b")
DISK_SIZE = _guid("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
SECTOR_SIZE = _guid("8141bf1d-a96f-4709-ba47-f233a8faab5f")
PARENT = _guid("a8d35f2d-b30b-454d-abf7-d3d84834ab0c")
KNOWN = {
    PARAMETERS: 8,
    DISK_SIZE: 8,
    SECTOR_SIZE: 4,
    _guid("beca12ab-b2e6-4523-93ef-c309e000c746"): 16,  # id of the disk
    _guid("cda348c7-445d-4471-9cc9-e9885251c556"): 4,  # physical sector size
}
"""Metadata of a disk that stands alone, and how long each is."""
NO_LOG = bytes(16)

FULL, PARTIAL = 6, 7
ABSENT = (0, 1, 2, 3)
"""States of a block: there, partly in a parent; and not there, undefined, zero, unmapped."""
CHUNK_SECTORS = 2**23
"""Sectors that one block of the sectors' bitmap covers."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the file."""

    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


def check_file(path: Path, limits: Limits) -> Disk:
    """Everything that can be told from the file's headers and tables. Raises Refused."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC or size < MIB:
            raise corrupted("The file is not a VHDX image or is cut short.")
        log = _log(file)
        regions = _regions(file, log, size)
        items = _metadata(file, regions[METADATA_REGION])
        virtual_size, block = _shape(items, limits)
        taken = (Span(0, MIB), log, *regions.values())
        blocks = _blocks(file, regions[BAT], virtual_size, block, size, taken)
    return Disk(virtual_size, min(virtual_size, blocks * block))


def crc32c(data: bytes) -> int:
    """The checksum (Castagnoli) that headers and tables carry."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _CRC[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # noqa: PLW2901 - eight steps of one value
        table.append(value)
    return table


_CRC = _crc_table()


def _sound(block: bytes, signature: bytes, length: int) -> bool:
    """Whether a block is whole, is what it should be, and agrees with its checksum."""
    if len(block) < length or not block.startswith(signature):
        return False
    checksum = int.from_bytes(block[CHECKSUM], "little")
    return checksum == crc32c(block[: CHECKSUM.start] + bytes(4) + block[CHECKSUM.stop :])


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _log(file: BinaryIO) -> Span:
    """Where the log is, by the newer header; refused if it holds anything."""
    blocks = [_read(file, at, HEADER_BYTES) for at in HEADERS_AT]
    headers = [HEADER.unpack_from(block) for block in blocks if _sound(block, b"head", HEADER_BYTES)]
    if not headers:
        raise corrupted("Both headers of the VHDX image are damaged.")
    newest = max(headers, key=lambda header: header[2])
    if any(header[2] == newest[2] and header != newest for header in headers):
        raise corrupted("The two headers of the VHDX image contradict each other.")
    *_, log_id, log_version, version, length, start = newest
    if version != 1 or log_version != 0:
        raise corrupted("The VHDX image has a version that is not supported.")
    if log_id != NO_LOG:
        raise corrupted(
            "The VHDX image was not closed cleanly: its log holds changes. Open and close it in Hyper-V, and try again."
        )
    return Span(start, length)


def _regions(file: BinaryIO, log: Span, size: int) -> dict[bytes, Span]:
    """The two regions that there must be."""
    tables = [_read(file, at, TABLE_BYTES) for at in REGIONS_AT]
    sound = [table for table in tables if _sound(table, b"regi", TABLE_BYTES)]
    if not sound or sound[0] != sound[-1] or sound[0] != tables[0]:
        raise corrupted("The region tables of the VHDX image are damaged, or contradict each other.")
    count = REGIONS.unpack_from(sound[0])[2]
    if count > MOST_ENTRIES:
        raise corrupted("The region table of the VHDX image has too many entries.")
    by_region: dict[bytes, Span] = {}
    spans = [log]
    for number in range(count):
        kind, start, length, required = REGION.unpack_from(sound[0], REGIONS.size + number * REGION.size)
        if kind in by_region:
            raise corrupted("The VHDX image has a region twice.")
        if kind in (BAT, METADATA_REGION):
            by_region[kind] = Span(start, length)
        elif required & REQUIRED:
            raise corrupted("The VHDX image has a region of an unknown kind that is needed to read it.")
        spans.append(Span(start, length))
    if len(by_region) != 2:
        raise corrupted("The VHDX image has no block table, or no metadata.")
    _check_spans(spans, size)
    return by_region


def _check_spans(spans: list[Span], size: int) -> None:
    """Log and regions are whole MiB behind the first, in the file, each at a place of its own."""
    end = MIB
    for span in sorted(spans, key=lambda span: span.start):
        if span.start % MIB or span.length % MIB or not span.length or span.start < end:
            raise corrupted("The regions of the VHDX image overlap or are not aligned.")
        end = span.end
    if end > size:
        raise corrupted("A region of the VHDX image lies outside the file, which may be cut short.")


def _metadata(file: BinaryIO, region: Span) -> dict[bytes, bytes]:
    """The values that describe the disk."""
    table = _read(file, region.start, TABLE_BYTES)
    signature, _, count, _ = METADATA.unpack_from(table)
    if signature != b"metadata" or count > MOST_ENTRIES:
        raise corrupted("The metadata of the VHDX image are damaged.")
    items: dict[bytes, bytes] = {}
    for number in range(count):
        kind, offset, length, flags, _ = ITEM.unpack_from(table, METADATA.size + number * ITEM.size)
        if kind == PARENT:
            raise corrupted("The VHDX image is a differencing disk, which needs another file; merge it first.")
        if kind not in KNOWN:
            if flags & ITEM_REQUIRED:
                raise corrupted("The VHDX image has metadata of an unknown kind that are needed to read it.")
            continue
        if kind in items or length != KNOWN[kind] or offset < TABLE_BYTES or offset + length > region.length:
            raise corrupted("The metadata of the VHDX image are damaged.")
        items[kind] = _read(file, region.start + offset, length)
    if not {PARAMETERS, DISK_SIZE, SECTOR_SIZE} <= items.keys():
        raise corrupted("The metadata of the VHDX image do not say how large the disk is.")
    return items


def _shape(items: dict[bytes, bytes], limits: Limits) -> tuple[int, int]:
    """Bytes of the disk and of a block."""
    block, flags = struct.unpack("<II", items[PARAMETERS])
    (virtual_size,) = struct.unpack("<Q", items[DISK_SIZE])
    (sector,) = struct.unpack("<I", items[SECTOR_SIZE])
    if flags & HAS_PARENT:
        raise corrupted("The VHDX image is a differencing disk, which needs another file; merge it first.")
    if not MIB <= block <= 256 * MIB or block & (block - 1):
        raise corrupted("The VHDX image has an unsupported block size; 1 MiB to 256 MiB are supported.")
    if sector != SECTOR:
        raise corrupted(f"The VHDX image has sectors of {sector} bytes; only disks with {SECTOR} are supported.")
    check_virtual_size("VHDX", virtual_size, limits)
    return virtual_size, block


def _blocks(file: BinaryIO, table: Span, virtual_size: int, block: int, size: int, taken: tuple[Span, ...]) -> int:
    """How many blocks the file holds; each must be in the file, and over nothing else."""
    ratio = CHUNK_SECTORS * SECTOR // block
    count = -(-virtual_size // block)
    entries = count + (count - 1) // ratio
    if entries * 8 > table.length:
        raise corrupted("The block table of the VHDX image is too small for its disk.")
    numbers = array.array("Q", _read(file, table.start, entries * 8))
    if sys.byteorder == "big":
        numbers.byteswap()
    starts = []
    for index, entry in enumerate(numbers):
        state = entry & 7
        if index % (ratio + 1) == ratio or state in ABSENT:
            continue  # the place of a bitmap, which only differencing disks have; or nothing
        if state != FULL:
            raise corrupted("The block table of the VHDX image has an entry that is not supported.")
        starts.append(entry >> 20 << 20)
    if any(span.overlaps(Span(start, block)) for start in starts for span in taken):
        raise corrupted("A block of the VHDX image lies over its tables.")
    if starts and max(starts) + block > size:
        raise corrupted("The VHDX image refers to blocks outside the file; it may be cut short.")
    return len(starts)
