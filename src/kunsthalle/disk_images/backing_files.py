"""What a qcow2 disk of our own stands on: read, and written anew where the file underneath has another place now.

The header names the file by its path. A data folder that is moved, or bytes that are kept elsewhere from now on, leave
every disk with the name of what was there before; its content is the same, so that the name alone has to follow.

A VHD whose size is its size field is named by a description instead of its path, so that whoever opens the disk reads
the VHD to its end, whichever version of QEMU it is (docs/decisions/0019-size-of-a-vhd.md).
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

from kunsthalle.disk_images import qcow2
from kunsthalle.disk_images.detection import QEMU_NAMES, block_node
from kunsthalle.disk_images.file_refusals import ToolFailed
from kunsthalle.disk_images.limits import SECTOR

LONGEST = 1023
"""Bytes of a name that QEMU reads (docs/interop/qcow2.txt)."""
_SLOT = 1024
_NAMED_AT = 8
_NAMED = struct.Struct(">QI")
"""Offset and length of the name: neighbours in the first sector of the header, so that they change together."""


_DESCRIBED = "json:"


def name_of(base: Path, kind: str) -> str:
    """What a disk has to call the image at the absolute path `base`, a qcow2, VHD or raw file.

    Raises ToolFailed if it is too long; ValueError, OSError and Refused as `detection.block_node` does.
    """
    node = block_node(base, kind)
    plain = node.keys() == {"driver", "file"}
    name = str(base) if plain else _DESCRIBED + json.dumps(node, ensure_ascii=False)
    if len(os.fsencode(name)) > LONGEST:
        raise ToolFailed("A disk can name what it stands on in 1023 bytes only.")
    return name


def backing_of(path: Path) -> Path | None:
    """The file that a disk stands on, None where it stands alone. OSError; Refused for what is no qcow2 file."""
    with path.open("rb") as file:
        header = qcow2.parse(file.read(SECTOR))
        if header.backing_offset == 0:
            return None
        if not 0 < header.backing_size <= LONGEST or header.backing_offset + header.backing_size > header.cluster_size:
            raise ToolFailed("The disk names what it stands on in a way that QEMU does not.")
        return _path_in(_name(file.fileno(), header))


def rebase(path: Path, base: Path) -> bool:
    """Has a disk stand on the same content at another place; False if it names that already, or names nothing.

    Nobody else may have the file open. It may be cut off at any point: the old name stands until the new one is whole.
    """
    if backing_of(path) is None:
        return False
    if not base.is_absolute():
        raise ToolFailed("A disk names what it stands on by an absolute path only.")
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        header = qcow2.parse(os.pread(descriptor, SECTOR, 0))
        name = os.fsencode(name_of(base, _kind(descriptor, header)))
        if name == _name(descriptor, header):
            return False
        os.pwrite(descriptor, name, _free_slot(header))
        os.fsync(descriptor)
        os.pwrite(descriptor, _NAMED.pack(_free_slot(header), len(name)), _NAMED_AT)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _name(descriptor: int, header: qcow2.Header) -> bytes:
    return os.pread(descriptor, header.backing_size, header.backing_offset)


def _path_in(name: bytes) -> Path:
    """The file that a name leads to, whether it is its path or a description."""
    text = os.fsdecode(name)
    if not text.startswith(_DESCRIBED):
        return Path(text)
    try:
        return Path(json.loads(text.removeprefix(_DESCRIBED))["file"]["filename"])
    except (ValueError, TypeError, KeyError) as fault:
        raise ToolFailed("The disk describes what it stands on in a way that is not ours.") from fault


def _kind(descriptor: int, header: qcow2.Header) -> str:
    """The format of what the disk stands on, as its header says it in QEMU's words."""
    start = os.pread(descriptor, header.cluster_size, 0)
    driver = qcow2.extension(start, header, qcow2.BACKING_FORMAT)
    for kind, name in QEMU_NAMES.items():
        if driver == name.encode():
            return kind
    raise ToolFailed("The disk does not say of which format the image is that it stands on.")


def _free_slot(header: qcow2.Header) -> int:
    """One of two places at the end of the first cluster, behind everything else, that the present name is not in."""
    last = header.cluster_size - _SLOT
    if header.backing_offset + header.backing_size <= last:
        return last
    return last - _SLOT
