"""How much room the disks of a host may take: really, and by what is promised to their volumes."""

from __future__ import annotations

from pathlib import Path

from kunsthalle.core.disk_space import NoSpace
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import GIB
from kunsthalle.hypervisor.overlays import read_header
from kunsthalle.hypervisor.protocol import DiskFull

_BLOCK = 512


class NoDiskSpace(DiskFull, NoSpace):
    """The host's disk has no room for the file of a disk."""

    def __init__(self, error: NoSpace) -> None:
        NoSpace.__init__(self, str(error), error.needed, error.free, never=error.never)


@dataclass(frozen=True, slots=True)
class Quota:
    """In GB; 0 sets no bound. `used`: what all files of disks take. `promised`: what the volumes' capacities add up to.

    Disks are thin: what runs may still grow to its capacity. So the first bound keeps new disks, snapshots and starts
    away from a host that is full, and only the second one keeps it from becoming so.
    """

    used: int = 0
    promised: int = 0

    def check(self, folder: Path, new: int = 0) -> None:
        """DiskFull if no more may be added to the disks in a folder, or no volume of `new` GB."""
        if self.used and (bytes_used := used_bytes(folder)) >= self.used * GIB:
            raise DiskFull(f"the disks take {bytes_used / GIB:.1f} GB of {self.used}")
        if self.promised and new and (bytes_used := promised_bytes(folder) + new * GIB) > self.promised * GIB:
            raise DiskFull(f"with {new} GB more the volumes would have {bytes_used / GIB:.0f} GB of {self.promised}")


def taken_bytes(path: Path) -> int:
    """What a file takes on the disk, holes not counted; nothing where there is none."""
    return path.stat().st_blocks * _BLOCK if path.exists() else 0


def used_bytes(folder: Path) -> int:
    """What the files below a folder take on the disk, holes not counted. Files may come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * _BLOCK
        except FileNotFoundError:
            continue
    return total


def promised_bytes(folder: Path) -> int:
    """What the volumes whose disks are there hold at most."""
    headers = (read_header(path) for path in (folder / "volumes").glob("*.qcow2"))
    return sum(header.size_bytes for header in headers if header is not None)
