"""VHDX files, good and hostile, built by struct from [MS-VHDX] and not from the product's code."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from functools import cache

MIB = 2**20
KIB = 2**10
BAT = "2dc27766-f623-4200-9d64-115e9bfd4a08"
METADATA = "8b7ca206-4790-4b9a-b8fe-575f050f886e"
PARAMETERS = "caa16737-fa36-4d43-b3b6-33f0aa44e76b"
SIZE = "2fa54224-cd1b-4876-b211-5dbed83bf4b8"
DISK_ID = "beca12ab-b2e6-4523-93ef-c309e000c746"
SECTORS = "8141bf1d-a96f-4709-ba47-f233a8faab5f"
PHYSICAL = "cda348c7-445d-4471-9cc9-e9885251c556"
PARENT = "a8d35f2d-b30b-454d-abf7-d3d84834ab0c"
UNKNOWN = "11111111-2222-3333-4444-555555555555"
FULL = 6


def _after(value: int) -> int:
    """What eight bits more make of the sum, bit by bit, as the definition has it."""
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 * (value & 1))
    return value


_OF_BYTE = [_after(byte) for byte in range(256)]


@cache
def crc32c(data: bytes) -> int:
    """The sum of a block; tests make the same blocks again and again."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ _OF_BYTE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def signed(block: bytes, length: int, off_by: int = 0) -> bytes:
    """The block with its checksum in bytes 4 to 8. Zeros behind are many, and pass through the sum like all others."""
    whole = block[:4] + bytes(4) + block[8:].ljust(length - 8, b"\0")
    return whole[:4] + struct.pack("<I", (crc32c(whole) + off_by) & 0xFFFFFFFF) + whole[8:]


@dataclass
class Vhdx:
    """Log at 1 MiB, block table at 2, metadata at 3, blocks of 1 MiB from 4 on.

    `regions`, `items` replace what the tables list: (kind, start, length, required), (kind, value, flags).
    """

    size: int = 4 * MIB
    block: int = MIB
    blocks: dict[int, bytes] = field(default_factory=lambda: {0: b"boot", 3: b"end"})
    bat: dict[int, int] = field(default_factory=dict)
    log_id: bytes = bytes(16)
    log: tuple[int, int] = (MIB, MIB)
    version: int = 1
    sequences: tuple[int, int] = (1, 2)
    header_off_by: tuple[int, int] = (0, 0)
    older_log_id: bytes = bytes(16)
    parameters: int = 0
    sector: int = 512
    regions: list[tuple[str, int, int, int]] | None = None
    second_regions: list[tuple[str, int, int, int]] | None = None
    regions_off_by: tuple[int, int] = (0, 0)
    region_count: int | None = None
    more_items: tuple[tuple[str, bytes, int], ...] = ()
    without: tuple[str, ...] = ()
    item_offset: int = 64 * KIB
    metadata: bytes = b"metadata"

    def build(self) -> bytes:
        regions = self.regions or [(BAT, 2 * MIB, MIB, 1), (METADATA, 3 * MIB, MIB, 1)]
        file = bytearray(4 * MIB)
        _put(file, 0, b"vhdxfile" + "Test".encode("utf-16-le"))
        logs = (self.older_log_id, self.log_id)
        for at, number, off_by, log_id in zip((64, 128), self.sequences, self.header_off_by, logs, strict=True):
            _put(file, at * KIB, self._header(number, off_by, log_id))
        both = (regions, self.second_regions or regions)
        for at, table, off_by in zip((192, 256), both, self.regions_off_by, strict=True):
            _put(file, at * KIB, self._region_table(table, off_by))
        _put(file, 3 * MIB, self._metadata())
        count = -(-self.size // self.block)
        ratio = 2**23 * 512 // self.block
        entries = [0] * (count + (count - 1) // ratio)
        for index, data in sorted(self.blocks.items()):
            entries[index] = len(file) | FULL
            file += data.ljust(self.block, b"\0")
        for index, value in self.bat.items():
            entries[index] = value
        _put(file, 2 * MIB, struct.pack(f"<{len(entries)}Q", *entries)[:MIB])
        return bytes(file)

    def _header(self, sequence: int, off_by: int, log_id: bytes) -> bytes:
        length, start = self.log[1], self.log[0]
        ids = (bytes(16), bytes(16), log_id)
        fields = struct.pack("<4sIQ16s16s16sHHIQ", b"head", 0, sequence, *ids, 0, self.version, length, start)
        return signed(fields, 4 * KIB, off_by)

    def _region_table(self, regions: list[tuple[str, int, int, int]], off_by: int) -> bytes:
        count = len(regions) if self.region_count is None else self.region_count
        table = struct.pack("<4sIII", b"regi", 0, count, 0)
        for kind, start, length, required in regions:
            table += struct.pack("<16sQII", uuid.UUID(kind).bytes_le, start, length, required)
        return signed(table, 64 * KIB, off_by)

    def _metadata(self) -> bytes:
        items = [
            (PARAMETERS, struct.pack("<II", self.block, self.parameters), 4),
            (SIZE, struct.pack("<Q", self.size), 6),
            (DISK_ID, bytes(16), 6),
            (SECTORS, struct.pack("<I", self.sector), 6),
            (PHYSICAL, struct.pack("<I", 512), 6),
        ]
        items = [*(item for item in items if item[0] not in self.without), *self.more_items]
        table, values = struct.pack("<8sHH20s", self.metadata, 0, len(items), b""), b""
        for kind, value, flags in items:
            where = (self.item_offset + len(values)) & 0xFFFFFFFF
            table += struct.pack("<16sIIII", uuid.UUID(kind).bytes_le, where, len(value), flags, 0)
            values += value
        return table.ljust(64 * KIB, b"\0") + values


def _put(file: bytearray, at: int, piece: bytes) -> None:
    file[at : at + len(piece)] = piece


def good(**changes: object) -> bytes:
    return Vhdx(**changes).build()
