"""What a disk holds as one number, whatever file it is in: two disks with the same content have the same."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from kunsthalle.core.disk_space import Space
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools, convert, converted_size

_BLOCK = 64 * 1024
_ZEROS = bytes(_BLOCK)
_CHUNK = 16 * MIB


def content_digest(
    tools: Tools, path: Path, kind: str, virtual_size: int, scratch: Path, space: Space, limits: Limits
) -> str:
    """
    The sha256 over the blocks of 64 KiB of a disk that are not all zeros, each after its number.

    `kind` is `qcow2` or `vhd`, in one file; `scratch` a path that is free, for the disk as plain bytes with holes.
    So a hole, zeros that were written, and what is beyond the end of a smaller disk count alike. Raises as `convert`.
    """
    needed = converted_size(tools, path, kind, "qcow2", most=virtual_size, limits=limits)
    with space.holding(scratch.parent, needed):
        try:
            convert(tools, path, kind, scratch, "raw", quota_bytes=virtual_size, limits=limits)
            return _digest(scratch)
        finally:
            scratch.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb", buffering=0) as file:
        at = _data_from(file.fileno(), 0, size)
        while at < size:
            data = os.pread(file.fileno(), _CHUNK, at)
            for offset in range(0, len(data), _BLOCK):
                block = data[offset : offset + _BLOCK].ljust(_BLOCK, b"\0")
                if block != _ZEROS:
                    digest.update(((at + offset) // _BLOCK).to_bytes(8))
                    digest.update(block)
            at = _data_from(file.fileno(), at + _CHUNK, size)
    return digest.hexdigest()


def _data_from(descriptor: int, offset: int, size: int) -> int:
    """Where the first block begins that is not in a hole, from an offset on; the size where there is none."""
    if offset >= size:
        return size
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA) // _BLOCK * _BLOCK
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return size  # only a hole is left
