"""qcow2 files, good and hostile, built by struct from QEMU's docs/interop/qcow2.txt and not from the product's code."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

GIB = 2**30
COPIED = 1 << 63
COMPRESSED = 1 << 62
DATA_FILE_NAME = 0x44415441
BACKING_FORMAT = 0xE2792ACA
FEATURE_NAMES = 0x6803F857
ENCRYPTION_HEADER = 0x0537BE77

HEADER_FIELDS = (
    ("magic", "4s"),
    ("version", "I"),
    ("backing_offset", "Q"),
    ("backing_size", "I"),
    ("cluster_bits", "I"),
    ("virtual_size", "Q"),
    ("crypt_method", "I"),
    ("l1_size", "I"),
    ("l1_offset", "Q"),
    ("refcount_offset", "Q"),
    ("refcount_clusters", "I"),
    ("snapshots", "I"),
    ("snapshots_offset", "Q"),
    ("incompatible", "Q"),
    ("compatible", "Q"),
    ("autoclear", "Q"),
    ("refcount_order", "I"),
    ("header_length", "I"),
    ("compression", "B"),
    ("padding", "7s"),
)
HEADER = struct.Struct(">" + "".join(kind for _, kind in HEADER_FIELDS))
V2_LENGTH = 72


@dataclass
class Qcow2:
    """A small image: header, refcount table, one refcount block, L1, and, if it holds anything, one L2 and data.

    All offsets are whole clusters in this order. `header` overrides fields by name after all is laid out;
    `refcounts` overrides counts by cluster; `l1`, `l2` override entries by index, and `bitmaps` those of subclusters,
    which only an image with `extended_l2` has.
    """

    version: int = 3
    cluster_bits: int = 16
    virtual_size: int = GIB
    l1_entries: int | None = None
    refcount_order: int = 4
    data: bytes = b""
    compression: str = ""
    extensions: tuple[tuple[int, bytes], ...] = ()
    backing: bytes = b""
    leaked: int = 0
    extended_l2: bool = False
    header: dict[str, int] = field(default_factory=dict)
    refcounts: dict[int, int] = field(default_factory=dict)
    l1: dict[int, int] = field(default_factory=dict)
    l2: dict[int, int] = field(default_factory=dict)
    bitmaps: dict[int, int] = field(default_factory=dict)
    stamp: dict[int, bytes] = field(default_factory=dict)

    @property
    def cluster(self) -> int:
        return 1 << self.cluster_bits

    @property
    def l1_offset(self) -> int:
        return 3 * self.cluster

    @property
    def l2_offset(self) -> int:
        return self.l1_offset + -(-self._l1_size() * 8 // self.cluster) * self.cluster

    @property
    def data_offset(self) -> int:
        return self.l2_offset + self.cluster

    def _l1_size(self) -> int:
        if self.l1_entries is not None:
            return self.l1_entries
        return max(1, -(-self.virtual_size // (self.cluster * self._l2_entries())))

    def _l2_entries(self) -> int:
        return self.cluster // (16 if self.extended_l2 else 8)

    def build(self) -> bytes:
        """The file; `stamp` puts raw bytes at offsets last of all."""
        body = self._l1_table()
        if self.data:
            body += self._l2_table() + _padded(self._stored(), self.cluster)
        body += bytes(self.leaked * self.cluster)
        clusters = 3 + len(body) // self.cluster
        file = bytearray(self._head() + self._refcount_area(clusters) + body)
        for offset, raw in self.stamp.items():
            file[offset : offset + len(raw)] = raw
        return bytes(file)

    def _stored(self) -> bytes:
        if self.compression == "zlib":
            packer = zlib.compressobj(9, zlib.DEFLATED, -12)
            return packer.compress(self.data) + packer.flush()
        if self.compression == "zstd":
            return zstd_run(self.data[0], len(self.data))
        return self.data

    def _l1_table(self) -> bytes:
        entries = [0] * self._l1_size()
        if self.data:
            entries[0] = self.l2_offset | COPIED
        for index, value in self.l1.items():
            entries[index] = value
        return _padded(struct.pack(f">{len(entries)}Q", *entries), self.cluster)

    def _l2_table(self) -> bytes:
        entries, bitmaps = [0] * self._l2_entries(), [0] * self._l2_entries()
        if self.compression:
            entries[0] = self.compressed_entry(len(self._stored()))
        else:
            for index in range(-(-len(self.data) // self.cluster)):
                entries[index] = (self.data_offset + index * self.cluster) | COPIED
                bitmaps[index] = 0xFFFFFFFF  # all 32 subclusters are allocated
        for index, value in self.l2.items():
            entries[index] = value
        for index, value in self.bitmaps.items():
            bitmaps[index] = value
        if self.extended_l2:
            entries = [value for pair in zip(entries, bitmaps, strict=True) for value in pair]
        return struct.pack(f">{len(entries)}Q", *entries)

    def compressed_entry(self, length: int) -> int:
        more_sectors = (length - 1) // 512
        return COMPRESSED | more_sectors << (62 - (self.cluster_bits - 8)) | self.data_offset

    def _refcount_area(self, clusters: int) -> bytes:
        counts = [1] * (clusters - self.leaked) + [1] * self.leaked
        for index, value in self.refcounts.items():
            counts[index] = value
        letter = {3: "B", 4: "H", 5: "I", 6: "Q"}[self.refcount_order]
        table = struct.pack(">Q", 2 * self.cluster)
        block = struct.pack(f">{len(counts)}{letter}", *counts)
        assert len(block) <= self.cluster
        return _padded(table, self.cluster) + _padded(block, self.cluster)

    def _head(self) -> bytes:
        extensions = b"".join(
            struct.pack(">II", kind, len(raw)) + _padded(raw, 8) for kind, raw in self.extensions
        ) + bytes(8)
        length = V2_LENGTH if self.version == 2 else HEADER.size
        compression_type = 8 if self.compression == "zstd" else 0
        values: dict[str, int | bytes] = {
            "magic": b"QFI\xfb",
            "version": self.version,
            "backing_offset": length + len(extensions) if self.backing else 0,
            "backing_size": len(self.backing),
            "cluster_bits": self.cluster_bits,
            "virtual_size": self.virtual_size,
            "l1_size": self._l1_size(),
            "l1_offset": self.l1_offset,
            "refcount_offset": self.cluster,
            "refcount_clusters": 1,
            "incompatible": compression_type | (16 if self.extended_l2 else 0),
            "refcount_order": self.refcount_order,
            "header_length": HEADER.size,
            "compression": compression_type and 1,
            "padding": b"",
        }
        values.update(self.header)
        packed = HEADER.pack(*(values.get(name, 0) for name, _ in HEADER_FIELDS))[:length]
        return _padded(packed + extensions + self.backing, self.cluster)


def _padded(raw: bytes, session: int) -> bytes:
    return raw + bytes(-len(raw) % session)


def zstd_run(byte: int, count: int) -> bytes:
    """A zstd frame (RFC 8878) of one block that repeats one byte: enough to need no packer."""
    assert 256 <= count <= 65536 + 255
    single_segment_size_in_two_bytes = 0x60
    last_block_repeats = 1 | 1 << 1
    block = (count << 3 | last_block_repeats).to_bytes(3, "little")
    return (
        bytes.fromhex("28b52ffd")
        + bytes([single_segment_size_in_two_bytes])
        + (count - 256).to_bytes(2, "little")
        + block
        + bytes([byte])
    )


def good(**changes: object) -> bytes:
    """A healthy image with two clusters of data."""
    return Qcow2(**{"data": b"kunsthalle" * 13000, **changes}).build()


def bomb(gib: int, *, compressed: bool, refcount_order: int) -> bytes:
    """A disk of `gib` GiB, every cluster of which is one and the same: a few hundred KiB that unfold to all of it.

    With 64-bit counts (order 6) the counts are right and the file is valid; 16 bits cannot hold them.
    """
    tables = gib * 2  # an L2 table of 64 KiB clusters covers 512 MiB
    image = Qcow2(
        virtual_size=gib * GIB,
        data=b"\xa5" * 65536,
        compression="zlib" if compressed else "",
        refcount_order=refcount_order,
    )
    entry = image.compressed_entry(len(image._stored())) if compressed else image.data_offset
    image.l1 = dict.fromkeys(range(tables), image.l2_offset)
    image.l2 = dict.fromkeys(range(8192), entry)
    most = 2 ** (1 << refcount_order) - 1
    l2, data = image.l2_offset // image.cluster, image.data_offset // image.cluster
    image.refcounts = {l2: min(tables, most), data: min(tables * 8192, most)}
    return image.build()
