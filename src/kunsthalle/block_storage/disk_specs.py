"""Disks of volumes and snapshots in the engine's words, and what jobs on them work with."""

from __future__ import annotations

from pathlib import Path

from kunsthalle.blobs.protocol import Blobs
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.volume_profiles import most_of
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.hypervisor.disk_protocol import DiskKind, Disks, DiskSpec, ImageBytes
from kunsthalle.hypervisor.protocol import NOT_ENCRYPTED, Hypervisor, Passphrases


@dataclass(frozen=True, slots=True)
class DiskDrivers:
    """The engine that keeps the disks, the blobs that they stand on, and what looks into these: `tools` is None on a
    host without qemu-img. `scratch` is a folder of this host for files on their way into the blobs.
    """

    hypervisor: Hypervisor
    blobs: Blobs
    tools: Tools | None
    limits: Limits
    scratch: Path

    @property
    def disks(self) -> Disks:
        """The disks, by the ids of volumes and snapshots."""
        return self.hypervisor.disks

    def scratch_file(self, name: str) -> Path:
        """A place for a file on its way into the blobs."""
        self.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.scratch / name


def disk_of(volume: Volume, opened: Passphrases = NOT_ENCRYPTED) -> DiskSpec:
    """The disk of a volume; `opened` is what opens it, for work that has to."""
    return DiskSpec(
        DiskKind.VOLUME,
        volume.id,
        volume.capacity * GIB,
        _base(volume),
        most_of(volume.profile) * GIB,
        opened,
        volume.instance_id,
        volume.zone,
    )


def snapshot_disk(snapshot: Snapshot, opened: Passphrases = NOT_ENCRYPTED) -> DiskSpec:
    """The disk of a snapshot; as above."""
    base = _base(snapshot)
    return DiskSpec(DiskKind.SNAPSHOT, snapshot.id, snapshot.minimum_capacity * GIB, base, passphrases=opened)


def _base(resource: Volume | Snapshot) -> ImageBytes | None:
    if resource.digest is None or resource.format is None:
        return None
    return ImageBytes(resource.digest, resource.format)
