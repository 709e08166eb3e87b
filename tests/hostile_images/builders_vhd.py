"""VHD files, good and hostile, built by struct from Microsoft's specification and not from the product's code."""

from __future__ import annotations

import struct

MIB = 2**20
BLOCK = 2 * MIB
UNUSED = 0xFFFFFFFF
FIXED, DYNAMIC, DIFFERENCING = 2, 3, 4
MAX_GEOMETRY = (65535, 16, 255)


def footer(
    size: int,
    kind: int,
    *,
    creator: bytes = b"win ",
    geometry: tuple[int, int, int] = (1, 1, 1),
    data_offset: int | None = None,
    checksum_off_by: int = 0,
) -> bytes:
    """The 512 bytes that end every VHD, and start a dynamic one."""
    offset = data_offset if data_offset is not None else (2**64 - 1 if kind == FIXED else 512)
    fields = (b"conectix", 2, 0x10000, offset, 0, creator, 0xA0000, b"Wi2k", size, size, *geometry, kind)
    start = struct.pack(">8sIIQI4sI4sQQHBBI", *fields)
    end = bytes(range(16)) + bytes(1)
    total = ~sum(start + end) + checksum_off_by & 0xFFFFFFFF
    return (start + struct.pack(">I", total) + end).ljust(512, b"\0")


def fixed(disk: bytes, **changes: object) -> bytes:
    """The bare disk and a footer; `size` in the footer may be given to lie."""
    size = changes.pop("size", len(disk))
    return disk + footer(size, FIXED, **changes)


def dynamic(
    size: int = 64 * MIB,
    *,
    blocks: dict[int, bytes] | None = None,
    entries: int | None = None,
    block_size: int = BLOCK,
    kind: int = DYNAMIC,
    cookie: bytes = b"cxsparse",
    table_offset: int = 1536,
    table: dict[int, int] | None = None,
    end: bytes | None = None,
    **changes: object,
) -> bytes:
    """Footer copy, second header, block table, then each block with its bitmap, then the footer."""
    copy = footer(size, kind, **changes)
    count = -(-size // block_size)
    values = [UNUSED] * count
    body = b""
    at = 1536 + -(-count * 4 // 512) * 512
    for index, data in sorted((blocks or {}).items()):
        values[index] = (at + len(body)) // 512
        bitmap = b"\xff" * -(-block_size // (8 * 512 * 512)) * 512
        body += bitmap + data.ljust(block_size, b"\0")
    for index, value in (table or {}).items():
        values[index] = value
    second = _second_header(cookie, table_offset, count if entries is None else entries, block_size)
    packed = struct.pack(f">{count}I", *values)
    return copy + second + packed.ljust(at - 1536, b"\xff") + body + (copy if end is None else end)


def ending(kind: int, end: bytes, size: int = 64 * MIB, visible: int | None = None, **changes: object) -> bytes:
    """A disk, fixed or dynamic, that holds `end` and nothing else: before `visible` bytes are full, or at its end."""
    at = (size if visible is None else visible) - len(end)
    if kind == FIXED:
        return fixed(bytes(at) + end + bytes(size - at - len(end)), **changes)
    block, within = divmod(at, BLOCK)
    return dynamic(size, blocks={block: bytes(within) + end}, **changes)


def _second_header(cookie: bytes, table_offset: int, entries: int, block_size: int) -> bytes:
    start = struct.pack(">8sQQIII", cookie, 2**64 - 1, table_offset, 0x10000, entries, block_size)
    return (start + struct.pack(">I", ~sum(start) & 0xFFFFFFFF)).ljust(1024, b"\0")
