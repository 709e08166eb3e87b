"""Giving a volume its disk, within a job: checked bytes, the right file, and the word that it is `available`."""

from __future__ import annotations

import hashlib

from kunsthalle.images import bytes as blob_bytes
from kunsthalle.storage.disks import Disks
from kunsthalle.storage.kinds import SNAPSHOT, VOLUME
from kunsthalle.storage.model import Snapshot, Volume
from kunsthalle.storage.vouching import vouch
from kunsthalle.store import jobs
from kunsthalle.store.rows import update
from kunsthalle.store.scope import unguarded
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit


def volume_of(unit: Unit, id_: str) -> Volume | None:
    """The volume of a job, if it is still there."""
    found = unguarded(unit, VOLUME, VOLUME.table.c.id == id_)
    return found[0] if found else None


def snapshot_of(unit: Unit, id_: str | None) -> Snapshot | None:
    """The snapshot of a job, if it is still there."""
    found = unguarded(unit, SNAPSHOT, SNAPSHOT.table.c.id == id_)
    return found[0] if found else None


def provide(run: jobs.Run, disks: Disks, volume: Volume) -> None:
    """Makes the disk of a `pending` volume; one that was made larger while a server ran on it grows. FAULTS.

    Either way its bytes may be run afterwards.
    """
    vouch(run, disks, volume)
    if volume.status != "pending":
        disks.quota.check(disks.folder)
        disks.grow(volume)
        return
    source = run.read(lambda unit: snapshot_of(unit, volume.source_snapshot_id))
    if disks.outgrown(volume, source):
        volume = _rebase(run, disks, volume, source)
    disks.make(volume, source)
    run.write(lambda unit: transition(unit, VOLUME, volume.id, "available"))


def _rebase(run: jobs.Run, disks: Disks, volume: Volume, source: Snapshot) -> Volume:
    """Puts the snapshot's content into a blob of its own, so that a larger overlay fits on it."""
    path = disks.scratch(f"{volume.id}.{run.ctx.ids.hex(8)}.qcow2")
    try:
        disks.standalone(disks.snapshot(source.id), str(source.digest), source.minimum_capacity, path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        run.write(lambda unit: blob_bytes.foresee(unit, digest))
        disks.blobs.adopt(path, digest)
    finally:
        path.unlink(missing_ok=True)

    def settle(unit: Unit) -> Volume:
        blob_bytes.release(unit, volume.holder)
        blob_bytes.retain(unit, disks.blobs, digest, volume.holder)
        update(unit, VOLUME, volume.id, digest=digest, format="qcow2", checked=1)
        return unguarded(unit, VOLUME, VOLUME.table.c.id == volume.id)[0]

    settled: Volume = run.write(settle)
    return settled
