"""The qcow2 header: its layout, and the rules that a foreign one has to keep.

Layout: QEMU's docs/interop/qcow2.txt. All numbers are big-endian; offsets and sizes are bytes. The rules
refuse whatever makes a reader open another file, decrypt, replay, or take much memory, before any tool has
seen the image.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images import luks
from kunsthalle.disk_images.file_refusals import ENCRYPTED, Refused, corrupted
from kunsthalle.disk_images.limits import SECTOR, Limits, check_virtual_size

MAGIC = b"QFI\xfb"
BASE = struct.Struct(">4sIQIIQIIQQIIQ")
MORE = struct.Struct(">QQQII")
EXTENSION = struct.Struct(">II")

DIRTY, CORRUPT, DATA_FILE, COMPRESSION, EXTENDED_L2 = (1 << bit for bit in range(5))
ENTRIES_END = 0
BACKING_FORMAT = 0xE2792ACA
DATA_FILE_NAME = 0x44415441
ENCRYPTION_HEADER = 0x0537BE77

LUKS = 2
"""The last method of encryption that there is; 1 is AES, 0 none."""
ENCRYPTION_SPAN = struct.Struct(">QQ")
"""Offset and length of the LUKS header with its key material: the content of the header extension for it."""

MIN_CLUSTER_BITS, MAX_CLUSTER_BITS = 9, 21
MIN_EXTENDED_BITS = 14
"""A cluster has 32 subclusters, and a subcluster at least a sector."""
MAX_L1_BYTES = 32 * MIB
MAX_EXTENSIONS = 64
"""qemu-img itself writes three at most; hundreds of thousands keep its check busy for half a minute."""


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of versions 2 and 3; what version 2 lacks has the value that version 3 gives it."""

    version: int
    backing_offset: int
    backing_size: int
    cluster_bits: int
    virtual_size: int
    crypt_method: int
    l1_entries: int
    l1_offset: int
    refcount_offset: int
    refcount_clusters: int
    snapshots: int
    snapshots_offset: int = 0
    incompatible: int = 0
    compatible: int = 0
    autoclear: int = 0
    refcount_order: int = 4
    length: int = BASE.size
    compression: int = 0

    @property
    def cluster_size(self) -> int:
        return 1 << self.cluster_bits

    @property
    def refcount_span(self) -> int:
        """Bytes of the refcount table."""
        return self.refcount_clusters << self.cluster_bits

    @property
    def l1_span(self) -> int:
        """Bytes of the disk behind one L1 entry: an L2 table, which fills one cluster with an entry for each cluster.

        An extended entry has 16 bytes, of which 8 are the bitmaps of its 32 subclusters; another has 8 bytes.
        """
        return self.cluster_size * (self.cluster_size // (16 if self.incompatible & EXTENDED_L2 else 8))

    @property
    def l1_needed(self) -> int:
        """L1 entries that the virtual size asks for."""
        return -(-self.virtual_size // self.l1_span)

    def pack(self) -> bytes:
        """The header as it stands at the start of a version 3 file, 112 bytes with the compression byte."""
        base = BASE.pack(
            MAGIC,
            self.version,
            self.backing_offset,
            self.backing_size,
            self.cluster_bits,
            self.virtual_size,
            self.crypt_method,
            self.l1_entries,
            self.l1_offset,
            self.refcount_offset,
            self.refcount_clusters,
            self.snapshots,
            self.snapshots_offset,
        )
        flags = (self.incompatible, self.compatible, self.autoclear, self.refcount_order, self.length)
        return base + MORE.pack(*flags) + bytes([self.compression]) + bytes(7)


def parse(head: bytes) -> Header:
    """The header at the start of `head`; raises Refused unless it is version 2 or 3 and whole."""
    if not head.startswith(MAGIC):
        raise corrupted("The file is not a QCOW2 image: it does not start as one.")
    if len(head) < SECTOR:
        raise corrupted(f"The file starts like a QCOW2 image but ends after {len(head)} bytes.")
    _, version, *fields = BASE.unpack_from(head)
    if version == 2:
        return Header(version, *fields)
    if version != 3:
        raise corrupted(f"The QCOW2 image has version {version}; only versions 2 and 3 are supported.")
    more = MORE.unpack_from(head, BASE.size)
    compression = head[BASE.size + MORE.size] if more[-1] > BASE.size + MORE.size else 0
    values = (*fields, *more, compression)
    return Header(version, *values)


def check_head(head: bytes, limits: Limits) -> Header:
    """Everything that the first bytes of the file can tell.

    `head` is its first 64 KiB, or all of a shorter file.
    """
    header = parse(head)
    _shape(header)
    _encryption(header, expected=limits.encrypted)
    _other_files(header)
    _features(header)
    if header.snapshots:
        raise corrupted("The QCOW2 image holds internal snapshots; remove them and import it again.")
    check_extensions(head, header)
    check_virtual_size("QCOW2", header.virtual_size, limits)
    _l1_size(header)
    return header


def without_extended_l2(head: bytes) -> bytes:
    """The first bytes of a file with the bit for extended L2 entries taken off, where they have it."""
    if len(head) < BASE.size + MORE.size:
        return head
    version = BASE.unpack_from(head)[1]
    features, *rest = MORE.unpack_from(head, BASE.size)
    if version != 3:
        return head
    return head[: BASE.size] + MORE.pack(features & ~EXTENDED_L2, *rest) + head[BASE.size + MORE.size :]


def check_tables(header: Header, file_size: int) -> None:
    """The L1 and refcount tables must lie in the file, on cluster bounds and not over the header."""
    tables = (
        ("L1 table", header.l1_offset, header.l1_entries * 8),
        ("refcount table", header.refcount_offset, header.refcount_span),
    )
    for name, offset, size in tables:
        if size == 0:
            raise corrupted(f"The QCOW2 image has no {name}.")
        if offset % header.cluster_size or offset == 0:
            raise corrupted(f"The {name} of the QCOW2 image does not start on a cluster of its own.")
        if offset + size > file_size:
            raise corrupted(f"The {name} of the QCOW2 image lies outside the file, which may be cut short.")


def check_file(path: Path, head: bytes, file_size: int) -> Header:
    """What `check_head` could not see in a complete file. Reads one cluster (at most 2 MiB)."""
    header = parse(head)
    check_tables(header, file_size)
    if header.cluster_size > len(head):
        with path.open("rb") as file:
            head = file.read(header.cluster_size)
            check_extensions(head, header)
    if header.crypt_method == LUKS:
        encryption_header(path, head, header)
    return header


def encryption_header(path: Path, start: bytes, header: Header) -> tuple[luks.Header, bytes]:
    """The LUKS header of an encrypted file, which keeps all rules, and the bytes of it and of its key material.

    `start` is the first cluster of the file. Reads at most 4 MiB; raises Refused.
    """
    content = extension(start, header, ENCRYPTION_HEADER)
    if content is None or len(content) != ENCRYPTION_SPAN.size:
        raise corrupted("The QCOW2 image is encrypted, and does not say where its encryption header is.")
    offset, length = ENCRYPTION_SPAN.unpack(content)
    if offset == 0 or offset % header.cluster_size:
        raise corrupted("The encryption header of the QCOW2 image does not start on a cluster of its own.")
    if length > luks.MOST_BYTES:
        raise corrupted(f"The encryption header of the QCOW2 image has {length} bytes, more than {luks.MOST_BYTES}.")
    tables = ((header.l1_offset, header.l1_entries * 8), (header.refcount_offset, header.refcount_span))
    if any(offset < at + size and at < offset + length for at, size in tables):
        raise corrupted("The encryption header of the QCOW2 image overlaps one of its tables.")
    if offset + length > path.stat().st_size:
        raise corrupted("The encryption header of the QCOW2 image lies outside the file, which may be cut short.")
    with path.open("rb") as file:
        file.seek(offset)
        area = file.read(length)
    return luks.parse(area), area


def check_one_file(head: bytes) -> None:
    """Refuses a file that would make its reader open a data file; a backing file can be ruled out by the
    reader itself.

    `head` is the first 64 KiB: our own rules have seen the rest when the file arrived.
    """
    header = parse(head)
    _shape(header)
    _encryption(header, expected=False)
    if header.incompatible & DATA_FILE:
        raise corrupted("The QCOW2 image keeps its data in an external file, which is not supported.")
    check_extensions(head, header)


def check_extensions(start: bytes, header: Header) -> None:
    """Refuses header extensions that name another file, or a key of a file that is not encrypted.

    As far as `start` reaches.
    """
    for kind, _ in _extensions(start, header):
        if kind == DATA_FILE_NAME:
            raise corrupted("The QCOW2 image names an external data file, which is not supported.")
        if kind == ENCRYPTION_HEADER and header.crypt_method != LUKS:
            raise Refused(ENCRYPTED, "The QCOW2 image carries an encryption header.")


def extension(start: bytes, header: Header, kind: int) -> bytes | None:
    """The content of the first header extension of a kind, as far as `start` reaches."""
    return next((data for type_, data in _extensions(start, header) if type_ == kind), None)


def _extensions(start: bytes, header: Header) -> Iterator[tuple[int, bytes]]:
    at, count = header.length, 0
    end = min(header.cluster_size, len(start))
    while at + EXTENSION.size <= end:
        kind, length = EXTENSION.unpack_from(start, at)
        if kind == ENTRIES_END:
            return
        count += 1
        if count > MAX_EXTENSIONS:
            raise corrupted(f"The QCOW2 image has more than {MAX_EXTENSIONS} header extensions.")
        at += EXTENSION.size
        if length > header.cluster_size - at:
            raise corrupted("A header extension of the QCOW2 image is longer than its place.")
        yield kind, start[at : at + length]
        at += -(-length // 8) * 8


def _encryption(header: Header, *, expected: bool) -> None:
    if header.crypt_method > LUKS:
        raise corrupted(f"The QCOW2 image names an unknown method of encryption, {header.crypt_method}.")
    if expected and header.crypt_method == 0:
        raise corrupted("The QCOW2 image is not encrypted, although an encryption key was given for it.")
    if expected and header.crypt_method != LUKS:
        raise corrupted("The QCOW2 image is encrypted with the method AES, which is not supported; LUKS is.")
    if header.crypt_method and not expected:
        raise Refused(ENCRYPTED, "The QCOW2 image is encrypted.")


def _shape(header: Header) -> None:
    if not MIN_CLUSTER_BITS <= header.cluster_bits <= MAX_CLUSTER_BITS:
        raise corrupted("The QCOW2 image has an unsupported cluster size; 512 bytes to 2 MiB are supported.")
    shortest = BASE.size if header.version == 2 else BASE.size + MORE.size
    if not shortest <= header.length <= header.cluster_size:
        raise corrupted("The QCOW2 image gives an impossible length of its header.")
    if header.refcount_order > 6:
        raise corrupted("The QCOW2 image gives an impossible width of its reference counts.")


def _other_files(header: Header) -> None:
    if header.backing_offset or header.backing_size:
        raise corrupted("The QCOW2 image depends on a backing file; flatten it and import it again.")
    if header.incompatible & DATA_FILE:
        raise corrupted("The QCOW2 image keeps its data in an external file, which is not supported.")


def _features(header: Header) -> None:
    if header.incompatible & CORRUPT:
        raise corrupted("The QCOW2 image is marked as corrupt by the program that wrote it.")
    if header.incompatible & DIRTY:
        raise corrupted("The QCOW2 image was not closed cleanly; repair it with qemu-img check -r.")
    if header.incompatible & EXTENDED_L2 and header.cluster_bits < MIN_EXTENDED_BITS:
        raise corrupted("The QCOW2 image uses extended L2 entries, which need clusters of at least 16 KiB.")
    if header.incompatible & ~(COMPRESSION | EXTENDED_L2):
        raise corrupted("The QCOW2 image uses a feature that is not supported.")
    if header.compression > 1 or bool(header.compression) != bool(header.incompatible & COMPRESSION):
        raise corrupted("The QCOW2 image names a compression that is not supported.")


def _l1_size(header: Header) -> None:
    if header.l1_entries < header.l1_needed:
        raise corrupted("The L1 table of the QCOW2 image is too small for its disk.")
    if header.l1_entries > 2 * header.l1_needed + 8192 or header.l1_entries * 8 > MAX_L1_BYTES:
        raise corrupted("The L1 table of the QCOW2 image is too large for its disk.")
