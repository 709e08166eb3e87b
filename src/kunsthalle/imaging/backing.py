"""What a qcow2 disk of our own stands on: read, and written anew where the file underneath has another place now.

The header names the file by its path. A data folder that is moved, or bytes that are kept elsewhere from now on, leave
every disk with the name of what was there before; its content is the same, so that the name alone has to follow.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from kunsthalle.imaging import qcow2
from kunsthalle.imaging.errors import ToolFailed
from kunsthalle.imaging.limits import SECTOR

LONGEST = 1023
"""Bytes of a name that QEMU reads (docs/interop/qcow2.txt)."""
_SLOT = 1024
_NAMED_AT = 8
_NAMED = struct.Struct(">QI")
"""Offset and length of the name: neighbours in the first sector of the header, so that they change together."""


def backing_of(path: Path) -> Path | None:
    """The file that a disk stands on, None where it stands alone. OSError; Refused for what is no qcow2 file."""
    with path.open("rb") as file:
        header = qcow2.parse(file.read(SECTOR))
        if header.backing_offset == 0:
            return None
        if not 0 < header.backing_size <= LONGEST or header.backing_offset + header.backing_size > header.cluster_size:
            raise ToolFailed("The disk names what it stands on in a way that QEMU does not.")
        file.seek(header.backing_offset)
        return Path(os.fsdecode(file.read(header.backing_size)))


def rebase(path: Path, base: Path) -> bool:
    """Has a disk stand on the same content at another place; False if it names that already, or names nothing.

    Nobody else may have the file open. It may be cut off at any point: the old name stands until the new one is whole.
    """
    if backing_of(path) in {None, base}:
        return False
    name = os.fsencode(base)
    if not base.is_absolute() or len(name) > LONGEST:
        raise ToolFailed("A disk can name what it stands on in 1023 bytes only.")
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        header = qcow2.parse(os.pread(descriptor, SECTOR, 0))
        os.pwrite(descriptor, name, _free_slot(header))
        os.fsync(descriptor)
        os.pwrite(descriptor, _NAMED.pack(_free_slot(header), len(name)), _NAMED_AT)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _free_slot(header: qcow2.Header) -> int:
    """One of two places at the end of the first cluster, behind everything else, that the present name is not in."""
    last = header.cluster_size - _SLOT
    if header.backing_offset + header.backing_size <= last:
        return last
    return last - _SLOT
