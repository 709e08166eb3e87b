"""The database's side of an examination: who should need which bytes, who is said to, and what is under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, null

from kunsthalle.block_storage import service as volumes
from kunsthalle.block_storage import snapshots
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.volume_keys import passphrases
from kunsthalle.db.row_models import reader
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import columns_of
from kunsthalle.db.visibility import ResourceType, unscoped
from kunsthalle.images.export_service import RUN
from kunsthalle.images.resources import EXPORT, IMAGE
from kunsthalle.images.service import IMPORT
from kunsthalle.images.tables import blob_refs, blobs
from kunsthalle.instances import service as servers
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.jobs import queue
from kunsthalle.key_protect.data_keys import KeyRefused
from kunsthalle.operator.doctor.api_key_checks import made_by_others
from kunsthalle.operator.doctor.findings import Disk, ExpectedReferences, Machine

_AWAITED = {"queued": RUN, "running": RUN}
_OF_VOLUMES = {"pending": volumes.CREATE, "pending_deletion": volumes.DELETE}
_OF_SNAPSHOTS = {"pending": snapshots.CREATE, "deleting": snapshots.DELETE}
_OF_SERVERS = {
    "pending": servers.BOOT,
    "starting": servers.BOOT,
    "restarting": servers.RESTART,
    "deleting": servers.DELETE,
}
"""One that is stopping waits for its guest, and whoever looks after machines has an eye on it."""


def _disk_columns(c: Any, state: str, instance_id: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    return (c.id, c.account_id, c.digest, c.has_disk, c[state].label("state"), instance_id.label("instance_id"))


_VOLUME = _disk_columns(VOLUME.table.c, "status", VOLUME.table.c.instance_id)
_SNAPSHOT = _disk_columns(SNAPSHOT.table.c, "lifecycle_state", null())
_MACHINE = tuple(INSTANCE.table.c[name] for name in ("id", "account_id", "status"))
_volume, _snapshot, _machine = reader(Disk, _VOLUME), reader(Disk, _SNAPSHOT), reader(Machine, _MACHINE)


def read(session: Session) -> ExpectedReferences:
    """Everything that the checks ask of the database."""
    i, e = IMAGE.table.c, EXPORT.table.c
    images = {row[0]: row for row in columns_of(session, i.id, i.account_id, i.digest, i.status)}
    exports = columns_of(session, e.id, e.account_id, e.image_id, e.status)
    held = [(images[image][2], f"export:{id_}", status) for id_, _, image, status in exports if image in images]
    disks, captured = _volumes(session), _snapshots(session)
    machines = _servers(session)
    alive = queue.alive(session)
    return ExpectedReferences(
        sizes=dict(columns_of(session, blobs.c.digest, blobs.c.size)),
        expected={
            *((digest, f"image:{id_}") for id_, _, digest, _ in images.values() if digest is not None),
            *_held("volume", disks.values()),
            *_held("snapshot", captured.values()),
            *((digest, holder) for digest, holder, status in held if digest is not None and status in _AWAITED),
        },
        tolerated={(digest, holder) for digest, holder, status in held if status == "deleting"},
        actual=set(columns_of(session, blob_refs.c.digest, blob_refs.c.holder)),
        volumes=disks,
        snapshots=captured,
        servers=machines,
        jobs={(job.kind, job.subject) for job in alive},
        busy=set(_named(alive)),
        running={job.kind for job in alive if job.state == "running"},
        waiting={
            *((IMPORT, id_, account) for id_, account, _, status in images.values() if status == "pending"),
            *((RUN, id_, account) for id_, account, _, status in exports if status in _AWAITED),
            *((_OF_VOLUMES[disk.state], disk.id, disk.account_id) for disk in disks.values() if _left_alone(disk)),
            *(
                (_OF_SNAPSHOTS[snapshot.state], snapshot.id, snapshot.account_id)
                for snapshot in captured.values()
                if snapshot.state in _OF_SNAPSHOTS
            ),
            *(
                (_OF_SERVERS[machine.status], machine.id, machine.account_id)
                for machine in machines.values()
                if machine.status in _OF_SERVERS
            ),
        },
        pending_images={id_ for id_, _, _, status in images.values() if status == "pending"},
        keys_by_others=made_by_others(session),
        encrypted=_encrypted(session),
    )


def _volumes(session: Session) -> dict[str, Disk]:
    return {disk.id: disk for disk in map(_volume, columns_of(session, *_VOLUME))}


def _snapshots(session: Session) -> dict[str, Disk]:
    return {disk.id: disk for disk in map(_snapshot, columns_of(session, *_SNAPSHOT))}


def _encrypted(session: Session) -> dict[str, bytes | None]:
    kinds: tuple[ResourceType[Any], ...] = (VOLUME, SNAPSHOT)
    disks = [disk for kind in kinds for disk in unscoped(session, kind, kind.table.c.encryption_key.is_not(None))]
    return {disk.id: _passphrase(session, disk) for disk in disks}


def _passphrase(session: Session, disk: Volume | Snapshot) -> bytes | None:
    try:
        return passphrases(session, disk).disk
    except KeyRefused:
        return None


def _servers(session: Session) -> dict[str, Machine]:
    return {machine.id: machine for machine in map(_machine, columns_of(session, *_MACHINE))}


def _left_alone(volume: Disk) -> bool:
    """What is attached is the business of its server's jobs."""
    return volume.state in _OF_VOLUMES and volume.instance_id is None


def _held(kind: str, rows: Iterable[Disk]) -> Iterator[tuple[str, str]]:
    return ((row.digest, f"{kind}:{row.id}") for row in rows if row.digest is not None)


def _named(alive: Iterable[queue.Alive]) -> Iterator[str]:
    """What jobs are about: their subjects, and what their payloads name."""
    for job in alive:
        yield job.subject
        yield from (value for value in job.payload.values() if isinstance(value, str))
