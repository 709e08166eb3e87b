"""What an engine must do with disks, which it knows by the ids of their volumes and snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from enum import Enum
from typing import BinaryIO, Protocol

from kunsthalle.blobs.protocol import BlobError
from kunsthalle.core.records import dataclass
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.hypervisor.protocol import NOT_ENCRYPTED, HypervisorError, Passphrases

FAULTS = (HypervisorError, BlobError, Refused, ToolFailed)
"""What work on disks may raise: the engine, the store of the images' bytes, and those who look into them."""


class DiskKind(Enum):
    """A volume has a disk that guests write to; a snapshot has what such a disk held at one moment."""

    VOLUME = "volume"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """The bytes of an image that a disk stands on: the sha256 of their blob, and `qcow2` or `vhd`."""

    digest: str
    format: str


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """A disk as its volume or its snapshot is to be. Sizes in bytes, multiples of 512.

    `base` is None for a disk that nothing was ever put on. `room_bytes`: how large it may become in place.
    `server_id`: the server that a volume is attached to, which may be running on it. `zone` is the API's, of a volume.
    """

    kind: DiskKind
    id: str
    size_bytes: int
    base: ImageBytes | None = None
    room_bytes: int = 0
    passphrases: Passphrases = NOT_ENCRYPTED
    server_id: str | None = None
    zone: str | None = None

    @property
    def encrypted(self) -> bool:
        """Whether what is written to it is encrypted with its owner's key."""
        return self.passphrases.disk is not None


@dataclass(frozen=True, slots=True)
class ExpectedDisk:
    """What the records say of a stored disk, to be compared with it. `passphrase` is None while it cannot be had."""

    kind: DiskKind
    id: str
    digest: str | None
    encrypted: bool
    passphrase: bytes | None
    server_id: str | None = None


@dataclass(frozen=True, slots=True)
class Damage:
    """How a stored disk differs from what the records say. `check`: `broken_disk`, `wrong_encryption`,
    `wrong_data_key`, or `wrong_backing`, which `reattach_base` mends.
    """

    check: str
    message: str


@dataclass(frozen=True, slots=True)
class Leftover:
    """What work that was cut off left behind. `disk_id`: of the disk that it was for, None for other work."""

    name: str
    message: str
    disk_id: str | None


class Disks(Protocol):
    """
    The disks of an engine. Calls block, as those of `Hypervisor` do, and may be repeated: what is finished is left
    alone, what a crash left unfinished is replaced. Each may raise FAULTS; BadSpec for a hostile id.
    """

    def make(self, disk: DiskSpec, origin: DiskSpec | None) -> None:
        """
        Makes the disk of a new volume: what its snapshot `origin` holds, or an empty disk on its base.

        Without either the engine may wait until `ensure`. The cost does not depend on the base's size.
        """
        ...

    def outgrows(self, disk: DiskSpec, origin: DiskSpec) -> bool:
        """Whether the engine cannot make a disk of this size from a snapshot unless that becomes an image first."""
        ...

    def ensure(self, disk: DiskSpec) -> None:
        """Makes an empty disk for a volume that has none yet: a server is to have it. What is there first stays."""
        ...

    def exists(self, kind: DiskKind, id_: str) -> bool:
        """Whether there is such a disk."""
        ...

    def grow(self, disk: DiskSpec) -> None:
        """Makes the disk of a volume as large as `size_bytes`; where the engine cannot while its server runs, it grows
        before the next start, which calls this again. Never makes it smaller.
        """
        ...

    def snapshot(self, disk: DiskSpec, snapshot_id: str) -> int:
        """
        Keeps what the disk of a volume holds now, consistent as after a crash; how many bytes there are to keep.

        0, and no snapshot's disk, for a volume that has no disk yet.
        """
        ...

    def read_out(self, disk: DiskSpec) -> AbstractContextManager[BinaryIO | None]:
        """
        The content of a disk, with what it stands on, as the stream of one qcow2 file; of an encrypted disk it is
        encrypted with the disk's own passphrase.

        None where the engine knows that the disk stands on its base and holds nothing of its own. A server that is
        started meanwhile does no harm.
        """
        ...

    def read_in(self, disk: DiskSpec, content: BinaryIO | None) -> None:
        """
        Makes the disk of a volume or a snapshot with this content, as `read_out` of another engine gave it: the stream
        of one qcow2 file, or None where there is nothing but the base. A disk that is there already stays as it is.
        """
        ...

    def delete(self, kind: DiskKind, id_: str) -> None:
        """Removes a disk that no server uses, and what unfinished work left of it; an absent one is fine."""
        ...

    def check_room(self, new_bytes: int = 0) -> None:
        """DiskFull if the operator's bounds leave no room for more, or for a volume of so many bytes."""
        ...

    def inventory(self, kind: DiskKind) -> Mapping[str, int]:
        """The ids of all disks of a kind, with their sizes in bytes: 0 for what is no disk that can be read."""
        ...

    def damage(self, expected: ExpectedDisk) -> Iterable[Damage]:
        """How a disk that is stored differs from what is expected; nothing where it is gone meanwhile."""
        ...

    def reattach_base(self, expected: ExpectedDisk) -> bool:
        """Has a disk find the bytes that it stands on again. False while its server runs, or if it cannot be done."""
        ...

    def forget_base(self, digest: str) -> None:
        """Removes the engine's own copy of an image's bytes, if it has one: no disk is made of them any more."""
        ...

    def leftovers(self) -> Iterable[Leftover]:
        """What work that was cut off left behind."""
        ...

    def remove_leftover(self, name: str) -> None:
        """Removes one of `leftovers`; an absent one is fine."""
        ...

    def sweep(self) -> int:
        """At the start of the only process: removes what a killed one left on its way; how many pieces."""
        ...
