"""The work on disks: making, capturing, removing. Each job may be killed anywhere, and is simply done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kunsthalle.block_storage import rewrapping, service, snapshots, volume_changes, volume_keys
from kunsthalle.block_storage.disk_specs import DiskDrivers, disk_of
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.provisioning import DiskLost, provide, snapshot_of, volume_of
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.core.log import get_logger
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import ResourceType
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.hypervisor.disk_protocol import DiskKind
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images.schemas import gigabytes
from kunsthalle.jobs import queue
from kunsthalle.key_protect.data_keys import KeyRefused

log = get_logger("storage")
_FOR_GOOD = (Refused, ToolFailed, KeyRefused, DiskLost)
"""Where trying again would not help; with what else the engine says, it may."""


def handlers(disks: DiskDrivers) -> tuple[queue.Handler, ...]:
    """The jobs of this package."""
    steps: tuple[tuple[str, ResourceType[Any], Callable[[queue.Run, DiskDrivers], None]], ...] = (
        (service.CREATE, VOLUME, _make_volume),
        (service.DELETE, VOLUME, _remove_volume),
        (snapshots.CREATE, SNAPSHOT, _take_snapshot),
        (snapshots.DELETE, SNAPSHOT, _remove_snapshot),
    )
    made = tuple(queue.Handler(name, _on(disks, step), _give_up(kind)) for name, kind, step in steps)
    return (*made, rewrapping.handler(), queue.Handler(volume_changes.UPDATE, _on(disks, _change_volume), _not_grown))


def _on(disks: DiskDrivers, step: Callable[[queue.Run, DiskDrivers], None]) -> Callable[[queue.Run], None]:
    return lambda run: step(run, disks)


def _make_volume(run: queue.Run, disks: DiskDrivers) -> None:
    volume = run.read(lambda session: volume_of(session, run.job.subject))
    if volume is None or volume.status != "pending":
        return
    try:
        provide(run, disks, volume)
        if run.read(lambda session: volume_of(session, volume.id)) is None:  # its server took it along
            disks.disks.delete(DiskKind.VOLUME, volume.id)
    except _FOR_GOOD as fault:
        log.error("volume not made", volume=volume.id, error=str(fault))  # noqa: TRY400  a refusal, not a crash
        reasons = [{"code": fault.cause.value, "message": fault.message}] if isinstance(fault, KeyRefused) else []
        run.finish(lambda session: transition(session, VOLUME, volume.id, "failed", status_reasons=reasons))


def _change_volume(run: queue.Run, disks: DiskDrivers) -> None:
    """The file of a volume under a running server grows at the next start; all else of the change is at once."""
    volume = run.read(lambda session: volume_of(session, run.job.subject))
    if volume is None or volume.status != "updating":
        return
    disks.disks.grow(disk_of(volume))
    run.finish(lambda session: _changed(session, volume.id))


def _changed(session: Session, volume_id: str) -> None:
    transition(session, VOLUME, volume_id, "available", VOLUME.table.c.status == "updating")


def _remove_volume(run: queue.Run, disks: DiskDrivers) -> None:
    volume = run.read(lambda session: volume_of(session, run.job.subject))
    if volume is not None and volume.status == "pending_deletion":
        disks.disks.delete(DiskKind.VOLUME, volume.id)
        run.finish(lambda session: forget_volume(session, volume))


def _take_snapshot(run: queue.Run, disks: DiskDrivers) -> None:
    snapshot = run.read(lambda session: snapshot_of(session, run.job.subject))
    if snapshot is None or snapshot.lifecycle_state != "pending":
        return
    volume = run.read(lambda session: volume_of(session, snapshot.source_volume_id))
    if volume is None:
        run.finish(lambda session: transition(session, SNAPSHOT, snapshot.id, "failed"))
        return
    size = disks.disks.snapshot(disk_of(volume), snapshot.id)
    if not size and volume.keeps_content:
        log.error("snapshot not taken", snapshot=snapshot.id, error=f"the disk of the volume {volume.id} is gone")
        run.finish(lambda session: transition(session, SNAPSHOT, snapshot.id, "failed"))
        return
    if not run.write(lambda session: _taken(session, snapshot, size)):  # deleted meanwhile
        disks.disks.delete(DiskKind.SNAPSHOT, snapshot.id)


def _taken(session: Session, snapshot: Snapshot, size: int) -> bool:
    values = {"captured_at": session.ctx.now(), "size": max(1, gigabytes(size)), "has_disk": size > 0}
    return transition(session, SNAPSHOT, snapshot.id, "stable", **values)


def _remove_snapshot(run: queue.Run, disks: DiskDrivers) -> None:
    snapshot = run.read(lambda session: snapshot_of(session, run.job.subject))
    if snapshot is not None and snapshot.lifecycle_state == "deleting":
        disks.disks.delete(DiskKind.SNAPSHOT, snapshot.id)
        run.finish(lambda session: _forget_snapshot(session, snapshot))


def forget_volume(session: Session, volume: Volume) -> None:
    """Its disk is gone: so are the row and its hold on the bytes."""
    delete(session, VOLUME, volume.id, volume.account_id)
    volume_keys.unregister(session, volume)
    blob_bytes.release(session, volume.holder)


def _forget_snapshot(session: Session, snapshot: Snapshot) -> None:
    delete(session, SNAPSHOT, snapshot.id, snapshot.account_id)
    volume_keys.unregister(session, snapshot)
    blob_bytes.release(session, snapshot.holder)


def _not_grown(session: Session, job: queue.Claimed, error: Exception) -> None:
    """The disk is whole, and grows before the next start."""
    log.error("volume not grown", volume=job.subject, error=queue.text_of(error))
    _changed(session, job.subject)


def _give_up(kind: ResourceType[Any]) -> Callable[[Session, queue.Claimed, Exception], None]:
    def failed(session: Session, job: queue.Claimed, error: Exception) -> None:
        log.error("disk work failed", kind=job.kind, subject=job.subject, error=queue.text_of(error))
        transition(session, kind, job.subject, "failed")

    return failed
