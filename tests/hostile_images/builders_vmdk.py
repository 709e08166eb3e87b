"""VMDK files, good and hostile, built by struct from VMware's specification and not from the product's code."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

SECTOR = 512
GRAIN = 128
GRAIN_BYTES = GRAIN * SECTOR
AT_END = 2**64 - 1
FIELDS = (
    ("magic", "4s"),
    ("version", "I"),
    ("flags", "I"),
    ("capacity", "Q"),
    ("grain", "Q"),
    ("descriptor_at", "Q"),
    ("descriptor_sectors", "Q"),
    ("entries", "I"),
    ("redundant_at", "Q"),
    ("directory_at", "Q"),
    ("overhead", "Q"),
    ("unclean", "B"),
    ("newlines", "4s"),
    ("compression", "H"),
)
HEADER = struct.Struct("<" + "".join(kind for _, kind in FIELDS))
DIRECTORY = 21
TABLE = 22
DATA = 26


@dataclass
class Vmdk:
    """A disk of one grain table: header, descriptor, directory, table, grains; `stream` puts the directory at the end.

    `header`, `footer` override fields by name, `lines` those of the descriptor (None takes one out), `directory` and
    `table` entries by index.
    """

    size: int = 1024 * 1024
    grains: dict[int, bytes] = field(default_factory=lambda: {0: b"boot", 15: b"end"})
    packed: bool = False
    stream: bool = False
    header: dict[str, int | bytes] = field(default_factory=dict)
    footer: dict[str, int | bytes] = field(default_factory=dict)
    lines: dict[str, str | None] = field(default_factory=dict)
    extents: tuple[str, ...] | None = None
    more: str = ""
    directory: dict[int, int] = field(default_factory=dict)
    table: dict[int, int] = field(default_factory=dict)

    def build(self) -> bytes:
        capacity = self.size // SECTOR
        places, body = self._grains()
        file = bytearray(
            self._head(DIRECTORY).ljust(SECTOR, b"\0") + self.descriptor(capacity).ljust(20 * SECTOR, b"\0")
        )
        directory = [TABLE] + [0] * (-(-capacity // (GRAIN * 512)) - 1)
        table = [places.get(index, 0) for index in range(512)]
        for values, changes in ((directory, self.directory), (table, self.table)):
            for index, value in changes.items():
                values[index] = value
        file += struct.pack(f"<{len(directory)}I", *directory).ljust(SECTOR, b"\0")
        file += struct.pack("<512I", *table) + body
        if self.stream:
            file[: HEADER.size] = self._head(AT_END)
            marker = struct.pack("<QII", 1, 0, 3).ljust(SECTOR, b"\0")
            file += marker + self._head(DIRECTORY, **self.footer).ljust(SECTOR, b"\0") + bytes(SECTOR)
        return bytes(file)

    def _head(self, directory: int, **changes: int | bytes) -> bytes:
        values: dict[str, int | bytes] = {
            "magic": b"KDMV",
            "version": 3 if self.packed else 1,
            "flags": 1 | (0x30000 if self.packed else 0),
            "capacity": self.size // SECTOR,
            "grain": GRAIN,
            "descriptor_at": 1,
            "descriptor_sectors": 20,
            "entries": 512,
            "redundant_at": 0,
            "directory_at": directory,
            "overhead": DATA + 1,
            "unclean": 0,
            "newlines": b"\n \r\n",
            "compression": 1 if self.packed else 0,
        }
        values |= self.header | changes
        return HEADER.pack(*(values[name] for name, _ in FIELDS))

    def descriptor(self, capacity: int) -> bytes:
        lines: dict[str, str | None] = {
            "version": "1",
            "CID": "12345678",
            "parentCID": "ffffffff",
            "createType": '"streamOptimized"' if self.packed else '"monolithicSparse"',
            **self.lines,
        }
        extents = self.extents if self.extents is not None else (f'RW {capacity} SPARSE "disk.vmdk"',)
        text = ["# Disk DescriptorFile", *(f"{name}={value}" for name, value in lines.items() if value is not None)]
        text += ["", "# Extent description", *extents, "", 'ddb.adapterType = "ide"', self.more, ""]
        return "\n".join(text).encode()

    def _grains(self) -> tuple[dict[int, int], bytes]:
        places, body = {}, b""
        for index, data in sorted(self.grains.items()):
            places[index] = DATA + 1 + len(body) // SECTOR
            grain = data.ljust(GRAIN_BYTES, b"\0")
            if self.packed:
                packed = zlib.compress(grain)
                grain = struct.pack("<QI", index * GRAIN, len(packed)) + packed
            body += grain.ljust(-(-len(grain) // SECTOR) * SECTOR, b"\0")
        return places, bytes(SECTOR) + body


def good(**changes: object) -> bytes:
    return Vmdk(**changes).build()
