"""Giving a volume its disk, within a job: checked bytes, the right file, and the word that it is `available`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial

from kunsthalle.block_storage.disk_specs import DiskDrivers, disk_of, snapshot_disk
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.recheck import recheck_blob
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.volume_keys import passphrases
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import unscoped
from kunsthalle.disk_images.kept_streams import keep
from kunsthalle.hypervisor.disk_protocol import DiskKind, DiskSpec
from kunsthalle.hypervisor.protocol import DiskError
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.jobs import queue


class DiskLost(DiskError):
    """The engine has no disk of a volume or snapshot that something is on, or may be. `shown`: which, for its owner."""

    def __init__(self, kind: DiskKind, reference: Mapping[str, str]) -> None:
        super().__init__(f"the disk of the {kind.value} {reference['id']} is gone")
        self.shown = f"{kind.value} {reference['name']}"


def volume_of(session: Session, id_: str) -> Volume | None:
    """The volume of a job, if it is still there."""
    volumes = unscoped(session, VOLUME, VOLUME.table.c.id == id_)
    return volumes[0] if volumes else None


def snapshot_of(session: Session, id_: str | None) -> Snapshot | None:
    """The snapshot of a job, if it is still there."""
    snapshots = unscoped(session, SNAPSHOT, SNAPSHOT.table.c.id == id_)
    return snapshots[0] if snapshots else None


def provide(run: queue.Run, disks: DiskDrivers, volume: Volume) -> None:
    """Makes the disk of a `pending` volume; one that was made larger while a server ran on it grows. FAULTS, DiskLost
    among them; KeyRefused.

    Either way its bytes may be run afterwards.
    """
    recheck_blob(run, disks, volume)
    if volume.status != "pending":
        disks.disks.check_room()
        disks.disks.grow(disk_of(volume))
        return
    disk, source, origin = run.read(partial(_asked, volume=volume))
    if source is not None and origin is not None:
        _refuse_lost(disks, volume, source)
        if disks.disks.outgrows(disk, origin):
            disk = disk_of(_rebase(run, disks, volume, origin))
    disks.disks.make(disk, origin)
    restored = origin is not None and disk.base is None and disks.disks.exists(DiskKind.VOLUME, volume.id)
    run.write(lambda session: transition(session, VOLUME, volume.id, "available", has_disk=restored))


def _refuse_lost(disks: DiskDrivers, volume: Volume, source: Snapshot) -> None:
    """DiskLost for a snapshot whose disk is gone, unless the volume was made of it before."""
    places = ((DiskKind.SNAPSHOT, source.id), (DiskKind.VOLUME, volume.id))
    if source.keeps_content and not any(disks.disks.exists(*place) for place in places):
        raise DiskLost(DiskKind.SNAPSHOT, source.reference)


def provide_for_server(run: queue.Run, disks: DiskDrivers, volume: Volume) -> None:
    """The same for a volume that a server is to have, which then has a disk also where nothing was ever put on it.
    FAULTS, KeyRefused.

    DiskLost where the engine has no disk any more that was made: an empty one in its place would hide that.
    """
    provide(run, disks, volume)
    just_made = volume.status == "pending" and volume.digest is not None
    made = just_made or disks.disks.exists(DiskKind.VOLUME, volume.id)
    if not made and volume.keeps_content:
        raise DiskLost(DiskKind.VOLUME, volume.reference)
    if not made:
        disks.disks.ensure(disk_of(volume, run.read(partial(passphrases, disk=volume))))
    if volume.digest is None and not volume.has_disk:
        run.write(lambda session: update(session, VOLUME, volume.id, has_disk=True))


def _asked(session: Session, volume: Volume) -> tuple[DiskSpec, Snapshot | None, DiskSpec | None]:
    """The disk that a volume is to have, its snapshot and the disk of that, with what opens them. KeyRefused."""
    source = snapshot_of(session, volume.source_snapshot_id)
    origin = None if source is None else snapshot_disk(source, passphrases(session, source))
    return disk_of(volume, passphrases(session, volume)), source, origin


def _rebase(run: queue.Run, disks: DiskDrivers, volume: Volume, origin: DiskSpec) -> Volume:
    """Puts the snapshot's content into a blob of its own, so that a larger disk fits on it."""
    path = disks.scratch_file(f"{volume.id}.{run.ctx.ids.hex(8)}.qcow2")
    try:
        with disks.disks.read_out(origin) as stream:
            if stream is None:
                return volume  # nothing was written after all
            keep(stream, path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        run.write(lambda session: blob_bytes.foresee(session, digest))
        disks.blobs.adopt(path, digest)
    finally:
        path.unlink(missing_ok=True)

    def settle(session: Session) -> Volume:
        blob_bytes.release(session, volume.holder)
        blob_bytes.retain(session, disks.blobs, digest, volume.holder)
        update(session, VOLUME, volume.id, digest=digest, format="qcow2", checked=1)
        return unscoped(session, VOLUME, VOLUME.table.c.id == volume.id)[0]

    settled: Volume = run.write(settle)
    return settled
