"""The work on disks: making, capturing, removing. Each job may be killed anywhere, and is simply done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kunsthalle.core.log import get_logger
from kunsthalle.images import bytes as blob_bytes
from kunsthalle.images.wire import gigabytes
from kunsthalle.imaging.errors import Refused, ToolFailed
from kunsthalle.storage import changes, service, snapshots
from kunsthalle.storage.disks import Disks
from kunsthalle.storage.kinds import SNAPSHOT, VOLUME
from kunsthalle.storage.model import Snapshot, Volume
from kunsthalle.storage.provision import provide, snapshot_of, volume_of
from kunsthalle.store import jobs
from kunsthalle.store.rows import delete
from kunsthalle.store.scope import Kind
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

log = get_logger("storage")


def handlers(disks: Disks) -> tuple[jobs.Handler, ...]:
    """The jobs of this room."""
    steps: tuple[tuple[str, Kind[Any], Callable[[jobs.Run, Disks], None]], ...] = (
        (service.CREATE, VOLUME, _make_volume),
        (service.DELETE, VOLUME, _remove_volume),
        (snapshots.CREATE, SNAPSHOT, _take_snapshot),
        (snapshots.DELETE, SNAPSHOT, _remove_snapshot),
    )
    made = tuple(jobs.Handler(name, _on(disks, step), _give_up(kind)) for name, kind, step in steps)
    return (*made, jobs.Handler(changes.UPDATE, _on(disks, _change_volume), _not_grown))


def _on(disks: Disks, step: Callable[[jobs.Run, Disks], None]) -> Callable[[jobs.Run], None]:
    return lambda run: step(run, disks)


def _make_volume(run: jobs.Run, disks: Disks) -> None:
    volume = run.read(lambda unit: volume_of(unit, run.job.subject))
    if volume is None or volume.status != "pending":
        return
    try:
        provide(run, disks, volume)
        if run.read(lambda unit: volume_of(unit, volume.id)) is None:  # its server took it along
            disks.hypervisor.delete_disk(disks.volume(volume.id))
    except (Refused, ToolFailed) as fault:  # trying again would not help; with what the engine says, it may
        log.error("volume not made", volume=volume.id, error=str(fault))  # noqa: TRY400  a refusal, not a crash
        run.finish(lambda unit: transition(unit, VOLUME, volume.id, "failed"))


def _change_volume(run: jobs.Run, disks: Disks) -> None:
    """The file of a volume under a running server grows at the next start; all else of the change is at once."""
    volume = run.read(lambda unit: volume_of(unit, run.job.subject))
    if volume is None or volume.status != "updating":
        return
    disks.grow(volume)
    run.finish(lambda unit: _changed(unit, volume.id))


def _changed(unit: Unit, volume_id: str) -> None:
    transition(unit, VOLUME, volume_id, "available", VOLUME.table.c.status == "updating")


def _remove_volume(run: jobs.Run, disks: Disks) -> None:
    volume = run.read(lambda unit: volume_of(unit, run.job.subject))
    if volume is not None and volume.status == "pending_deletion":
        disks.hypervisor.delete_disk(disks.volume(volume.id))
        run.finish(lambda unit: forget_volume(unit, volume))


def _take_snapshot(run: jobs.Run, disks: Disks) -> None:
    snapshot = run.read(lambda unit: snapshot_of(unit, run.job.subject))
    if snapshot is None or snapshot.lifecycle_state != "pending":
        return
    volume = run.read(lambda unit: volume_of(unit, snapshot.source_volume_id))
    if volume is None:
        run.finish(lambda unit: transition(unit, SNAPSHOT, snapshot.id, "failed"))
        return
    size = max(1, gigabytes(disks.capture(volume, snapshot)))
    if not run.write(lambda unit: _taken(unit, snapshot, size)):  # deleted meanwhile
        disks.hypervisor.delete_disk(disks.snapshot(snapshot.id))


def _taken(unit: Unit, snapshot: Snapshot, size: int) -> bool:
    return transition(unit, SNAPSHOT, snapshot.id, "stable", captured_at=unit.ctx.now(), size=size)


def _remove_snapshot(run: jobs.Run, disks: Disks) -> None:
    snapshot = run.read(lambda unit: snapshot_of(unit, run.job.subject))
    if snapshot is not None and snapshot.lifecycle_state == "deleting":
        disks.hypervisor.delete_disk(disks.snapshot(snapshot.id))
        run.finish(lambda unit: _forget_snapshot(unit, snapshot))


def forget_volume(unit: Unit, volume: Volume) -> None:
    """Its disk is gone: so are the row and its hold on the bytes."""
    delete(unit, VOLUME, volume.id, volume.account_id)
    blob_bytes.release(unit, volume.holder)


def _forget_snapshot(unit: Unit, snapshot: Snapshot) -> None:
    delete(unit, SNAPSHOT, snapshot.id, snapshot.account_id)
    blob_bytes.release(unit, snapshot.holder)


def _not_grown(unit: Unit, job: jobs.Claimed, error: str) -> None:
    """The disk is whole, and grows before the next start."""
    log.error("volume not grown", volume=job.subject, error=error)
    _changed(unit, job.subject)


def _give_up(kind: Kind[Any]) -> Callable[[Unit, jobs.Claimed, str], None]:
    def failed(unit: Unit, job: jobs.Claimed, error: str) -> None:
        log.error("disk work failed", kind=job.kind, subject=job.subject, error=error)
        transition(unit, kind, job.subject, "failed")

    return failed
