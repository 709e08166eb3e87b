"""Makes the disk of a qcow2 file larger, in place and without qemu-img.

The table of the first level fills whole clusters; what is behind its entries in the last of them belongs to nobody.
So a disk grows, up to where those clusters end, by two fields of the header, which lie in one sector.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from kunsthalle.disk_images import qcow2
from kunsthalle.disk_images.file_refusals import ToolFailed
from kunsthalle.disk_images.limits import SECTOR

_SIZE_AT = 24
_SIZE = struct.Struct(">QII")
"""virtual size, encryption, entries of the first level: neighbours in the header (QEMU docs/interop/qcow2.txt)."""
CLUSTER_DISK_GB = 4_096
"""GB of 2**30 bytes of a disk whose first level fills one cluster of 64 KiB: growth ends at a multiple of it."""


def grow(path: Path, size: int) -> None:
    """Makes the disk `size` bytes, a multiple of 512, long; one that is as long or longer stays as it is.

    Nobody else may have the file open. Refused if it is no qcow2 file, ToolFailed if its tables have no room.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        header = qcow2.parse(os.pread(descriptor, SECTOR, 0))
        if header.virtual_size >= size:
            return
        entries = -(-size // header.l1_span)
        used = header.l1_entries * 8
        room = -(-used // header.cluster_size) * header.cluster_size
        if entries * 8 > room or size % SECTOR:
            raise ToolFailed("The disk cannot be made so large in place.")
        os.pwrite(descriptor, bytes(max(0, entries * 8 - used)), header.l1_offset + used)
        os.fsync(descriptor)
        os.pwrite(descriptor, _SIZE.pack(size, header.crypt_method, max(entries, header.l1_entries)), _SIZE_AT)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
