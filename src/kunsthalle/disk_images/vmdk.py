"""VMDK: the rules that a VMware disk has to keep before it is converted.

Only a disk in one file is taken: a sparse extent with its descriptor inside, plain (`monolithicSparse`) or compressed
(`streamOptimized`, which OVA archives hold). Every other kind is a text that names files. Layout: VMware's "Virtual
Disk Format 5.0". Numbers are little-endian; offsets and sizes in the header are sectors of 512 bytes.
"""

from __future__ import annotations

import array
import re
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from kunsthalle.core.records import dataclass
from kunsthalle.disk_images.file_refusals import ENCRYPTED, Refused, corrupted
from kunsthalle.disk_images.limits import SECTOR, Disk, Limits, check_virtual_size

MAGIC = b"KDMV"
HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
MARKER = struct.Struct("<QII")
FOOTER_BYTES = 3 * SECTOR
"""Of a file whose grain directory is at the end: a marker, a second header, and the marker of the end."""
FOOTER_MARKER = 3
AT_END = 2**64 - 1
REDUNDANT, COMPRESSED, MARKERS = 1 << 1, 1 << 16, 1 << 17
DEFLATE = 1
ENTRIES = 512
"""Grains of one grain table; the specification has no other number."""
MIN_GRAIN, MAX_GRAIN = 8, 2048
DESCRIPTOR_SECTOR = 1
MAX_DESCRIPTOR_SECTORS = 2048
NO_PARENT = "ffffffff"
KINDS = {"monolithicsparse": False, "streamoptimized": True}
"""Values of `createType` that are taken, and whether their grains are compressed."""
_EXTENT = re.compile(r'(RW|RDONLY|NOACCESS)\s+(\d+)\s+(\S+)\s*(?:"([^"]*)")?.*', re.IGNORECASE)
_UNUSED = (0, 1)
"""Entries of a grain table for grains that are not there: not written, and all zeros."""


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a sparse extent's header that decide how it is read."""

    version: int
    flags: int
    capacity: int
    grain: int
    descriptor_at: int
    descriptor_sectors: int
    entries: int
    redundant_at: int
    directory_at: int
    unclean: int
    compression: int

    @property
    def directory_entries(self) -> int:
        return -(-self.capacity // (self.grain * ENTRIES))


def check_file(path: Path, limits: Limits) -> Disk:
    """Everything that can be told from the file without unpacking it. Raises Refused.

    Reads the descriptor and all grain tables, one at a time.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header = _header(file.read(SECTOR))
        _check_header(header, limits)
        compressed = _descriptor(file, header, size)
        if compressed != bool(header.flags & COMPRESSED) or compressed != (header.compression == DEFLATE):
            raise corrupted("The VMDK image contradicts itself on whether it is compressed.")
        if header.directory_at == AT_END:
            header = _footer(file, header, size)
        grains = _grains(file, header, size)
    virtual_size = header.capacity * SECTOR
    return Disk(virtual_size, min(virtual_size, grains * header.grain * SECTOR))


def _header(block: bytes) -> Header:
    if len(block) < SECTOR or not block.startswith(MAGIC):
        raise corrupted(
            "The VMDK file is a descriptor, which only names other files, or is cut short;"
            " disks in one file (monolithicSparse, streamOptimized) are supported."
        )
    _, version, flags, capacity, grain, at, sectors, entries, redundant, directory, _, unclean, _, packed = (
        HEADER.unpack_from(block)
    )
    return Header(version, flags, capacity, grain, at, sectors, entries, redundant, directory, unclean, packed)


def _check_header(header: Header, limits: Limits) -> None:
    if header.version not in (1, 2, 3):
        raise corrupted(f"The VMDK image has version {header.version}; only versions 1 to 3 are supported.")
    if header.unclean:
        raise corrupted("The VMDK image was not closed cleanly; open and close it in the program that wrote it.")
    if not MIN_GRAIN <= header.grain <= MAX_GRAIN or header.grain & (header.grain - 1):
        raise corrupted("The VMDK image has an unsupported grain size; 4 KiB to 1 MiB are supported.")
    if header.entries != ENTRIES:
        raise corrupted(f"The grain tables of the VMDK image have {header.entries} entries instead of {ENTRIES}.")
    check_virtual_size("VMDK", header.capacity * SECTOR, limits)


def _descriptor(file: BinaryIO, header: Header, size: int) -> bool:
    """Refuses what the descriptor says of other files; answers whether grains are compressed."""
    if header.descriptor_at != DESCRIPTOR_SECTOR or not 0 < header.descriptor_sectors <= MAX_DESCRIPTOR_SECTORS:
        raise corrupted("The VMDK image has no descriptor behind its header.")
    if (header.descriptor_at + header.descriptor_sectors) * SECTOR > size:
        raise corrupted("The descriptor of the VMDK image lies outside the file, which may be cut short.")
    file.seek(header.descriptor_at * SECTOR)
    text = file.read(header.descriptor_sectors * SECTOR).partition(b"\0")[0].decode("latin-1")
    fields, extents = _parsed(text)
    if any(name.startswith("encryption") for name in fields):
        raise Refused(ENCRYPTED, "The VMDK image is encrypted.")
    if fields.get("parentcid") != NO_PARENT or "parentfilenamehint" in fields:
        raise corrupted("The VMDK image depends on a parent disk; merge its snapshots and convert it again.")
    kind = fields.get("createtype", "").lower()
    if kind not in KINDS:
        raise corrupted("The VMDK image is of a type that is not supported; use monolithicSparse or streamOptimized.")
    _check_extents(extents, header.capacity)
    return KINDS[kind]


def _parsed(text: str) -> tuple[dict[str, str], list[re.Match[str]]]:
    """Assignments by their lower-case names, and the lines that name extents."""
    fields: dict[str, str] = {}
    extents = []
    for line in (text_line.strip() for text_line in text.splitlines()):
        if extent := _EXTENT.fullmatch(line):
            extents.append(extent)
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            name = name.strip().lower()
            if name in fields:
                raise corrupted("The descriptor of the VMDK image says something twice.")
            fields[name] = value.strip().strip('"')
    return fields, extents


def _check_extents(extents: list[re.Match[str]], capacity: int) -> None:
    if len(extents) != 1:
        raise corrupted("The VMDK image is not made of one extent; only disks in one file are supported.")
    _, sectors, kind, name = extents[0].groups()
    if kind.upper() != "SPARSE" or len(sectors) > len(str(2**64)) or int(sectors) != capacity:
        raise corrupted("The extent in the descriptor of the VMDK image is not the one in the file.")
    if not name or any(sign in name for sign in "/\\:"):
        raise corrupted("The descriptor of the VMDK image names a path; only disks in one file are supported.")


def _footer(file: BinaryIO, header: Header, size: int) -> Header:
    """The header at the end of a file that was written as a stream: the first one, but it knows the directory."""
    if size < FOOTER_BYTES + SECTOR:
        raise corrupted("The VMDK image has no footer; it may be cut short.")
    file.seek(size - FOOTER_BYTES)
    block = file.read(FOOTER_BYTES)
    first, last = MARKER.unpack_from(block), MARKER.unpack_from(block, 2 * SECTOR)
    if first[1:] != (0, FOOTER_MARKER) or any(last) or not block.startswith(MAGIC, SECTOR):
        raise corrupted("The VMDK image has no footer; it may be cut short.")
    footer = _header(block[SECTOR : 2 * SECTOR])
    known = {"directory_at": AT_END, "redundant_at": header.redundant_at}
    places = {"descriptor_at": header.descriptor_at, "descriptor_sectors": header.descriptor_sectors}
    if replace(footer, **known, **places) != header or footer.directory_at == AT_END:
        raise corrupted("The header and the footer of the VMDK image disagree.")
    return replace(footer, **places)


def _grains(file: BinaryIO, header: Header, size: int) -> int:
    """How many grains the file holds; refuses directories, tables and grains outside the file, or over its start."""
    starts = [header.directory_at]
    if header.flags & REDUNDANT and header.redundant_at:
        starts.append(header.redundant_at)
    for start in starts:
        _inside(start, header.directory_entries * 4, header, size, "grain directory")
    grains = 0
    for table in _numbers(file, header.directory_at, header.directory_entries):
        if table == 0:
            continue
        _inside(table, ENTRIES * 4, header, size, "grain table")
        used = [grain for grain in _numbers(file, table, ENTRIES) if grain not in _UNUSED]
        if used:
            _inside(min(used), SECTOR, header, size, "data")
            _inside(max(used), SECTOR if header.flags & COMPRESSED else header.grain * SECTOR, header, size, "data")
        grains += len(used)
    return grains


def _inside(sector: int, length: int, header: Header, size: int, part: str) -> None:
    if sector < header.descriptor_at + header.descriptor_sectors:
        raise corrupted(f"The {part} of the VMDK image lies over its header.")
    if sector * SECTOR + length > size:
        raise corrupted(f"The {part} of the VMDK image lies outside the file, which may be cut short.")


def _numbers(file: BinaryIO, sector: int, count: int) -> array.array[int]:
    file.seek(sector * SECTOR)
    numbers = array.array("I", file.read(count * 4))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
