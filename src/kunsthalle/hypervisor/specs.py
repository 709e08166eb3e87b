"""Descriptions of disks and servers, checked before anything is made from them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kunsthalle.core.disk_formats import FORMATS, IMPORTED
from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.protocol import BadServerId, BadSpec, DataDisk, ServerSpec

QEMU_FORMATS = {name: FORMATS[name].engine_name for name in IMPORTED}
"""QEMU's names of the formats that a base may have."""

SERVER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SECTOR = 512
_MAX_BACKING_NAME = 1023
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_DISK_ID = 128
_MAC = re.compile(r"[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}")


@dataclass(frozen=True, slots=True)
class OverlaySpec:
    """
    A file of a disk: a thin overlay at `path` on a read-only `base` that is shared and never written.

    Both paths are absolute. `base_format`: `qcow2` or `vhd`. `size_bytes`: the virtual size, a multiple of
    512 and at least the base's. `base_name` is what the disk calls its base, where that is not simply its path.
    """

    path: Path
    base: Path
    base_format: str
    size_bytes: int
    base_name: str = ""

    @property
    def backing(self) -> str:
        """What the header of the disk names."""
        return self.base_name or str(self.base)


def check_overlay(spec: OverlaySpec) -> None:
    """BadSpec for what could never be made, whatever is on the disk."""
    require_absolute(spec.path, spec.base)
    if spec.base_format not in QEMU_FORMATS:
        raise BadSpec(f"not a format of a base: {spec.base_format[:40]!r}")
    if spec.size_bytes <= 0 or spec.size_bytes % _SECTOR:
        raise BadSpec(f"not a size of a disk: {spec.size_bytes}")
    if len(os.fsencode(spec.backing)) > _MAX_BACKING_NAME:
        raise BadSpec(f"a base's name has at most {_MAX_BACKING_NAME} bytes")


def check_server(spec: ServerSpec) -> None:
    """BadSpec for what could never be started. The server's id is checked where it becomes a path."""
    check_disk_id(spec.disk)
    check_data(spec.data)
    if spec.vcpus < 1 or spec.memory_mib < 1:
        raise BadSpec(f"not a size of a server: {spec.vcpus} vCPU, {spec.memory_mib} MiB")
    if not _MAC.fullmatch(spec.mac):
        raise BadSpec(f"not a unicast MAC address: {spec.mac[:40]!r}")


def check_data(data: tuple[DataDisk, ...]) -> None:
    """BadSpec for disks that could never be told apart, or found."""
    for disk in data:
        check_disk_id(disk.disk)
    ids = [disk.id for disk in data]
    if len(set(ids)) < len(ids) or not all(_ID.fullmatch(disk_id) for disk_id in ids):
        raise BadSpec(f"not the ids of disks: {str(ids)[:200]}")


def check_server_id(server_id: str) -> None:
    """BadServerId for an id that may not be the name of a folder, of a process, and of a server elsewhere."""
    if not isinstance(server_id, str) or not SERVER_ID.fullmatch(server_id):
        raise BadServerId(f"not a server id: {str(server_id)[:80]!r}")


def check_disk_id(disk_id: str) -> None:
    """BadSpec for an id of a volume or snapshot that may not be the name of a file."""
    if not 0 < len(disk_id) <= _LONGEST_DISK_ID or disk_id[0] == "." or "/" in disk_id or not disk_id.isprintable():
        raise BadSpec(f"not the id of a disk: {disk_id[:80]!r}")


def require_absolute(*paths: Path) -> None:
    """BadSpec for a path that QEMU would read in its own way: relative, with a protocol, or out of visibility."""
    for path in paths:
        if not path.is_absolute() or ".." in path.parts or any(ord(sign) < 32 for sign in str(path)):
            raise BadSpec(f"not an absolute path: {str(path)[:200]!r}")
