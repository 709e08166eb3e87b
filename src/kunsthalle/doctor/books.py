"""The database's side of an examination: who should need which bytes, who is said to, and what is under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kunsthalle.doctor.findings import Books, Disk, Machine
from kunsthalle.doctor.keys import made_by_others
from kunsthalle.images.exports import RUN
from kunsthalle.images.kinds import EXPORT, IMAGE
from kunsthalle.images.service import IMPORT
from kunsthalle.instances import service as servers
from kunsthalle.instances.kinds import INSTANCE
from kunsthalle.storage import service as volumes
from kunsthalle.storage import snapshots
from kunsthalle.storage.kinds import SNAPSHOT, VOLUME
from kunsthalle.store import jobs
from kunsthalle.store.schema.images import blob_refs, blobs
from kunsthalle.store.tables import columns_of
from kunsthalle.store.unit import Unit

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


def read(unit: Unit) -> Books:
    """Everything that the checks ask of the database."""
    i, e = IMAGE.table.c, EXPORT.table.c
    images = {row[0]: row for row in columns_of(unit, i.id, i.account_id, i.digest, i.status)}
    exports = columns_of(unit, e.id, e.account_id, e.image_id, e.status)
    held = [(images[image][2], f"export:{id_}", status) for id_, _, image, status in exports if image in images]
    disks, captured = _volumes(unit), _snapshots(unit)
    machines = _servers(unit)
    alive = jobs.alive(unit)
    return Books(
        sizes=dict(columns_of(unit, blobs.c.digest, blobs.c.size)),
        expected={
            *((digest, f"image:{id_}") for id_, _, digest, _ in images.values() if digest is not None),
            *_held("volume", disks.values()),
            *_held("snapshot", captured.values()),
            *((digest, holder) for digest, holder, status in held if digest is not None and status in _AWAITED),
        },
        tolerated={(digest, holder) for digest, holder, status in held if status == "deleting"},
        actual=set(columns_of(unit, blob_refs.c.digest, blob_refs.c.holder)),
        volumes=disks,
        snapshots=captured,
        servers=machines,
        jobs={(kind, subject) for kind, _, subject, _ in alive},
        busy=set(_named(alive)),
        running={kind for kind, state, _, _ in alive if state == "running"},
        waiting={
            *((IMPORT, id_, account) for id_, account, _, status in images.values() if status == "pending"),
            *((RUN, id_, account) for id_, account, _, status in exports if status in _AWAITED),
            *((_OF_VOLUMES[one.state], one.id, one.account_id) for one in disks.values() if _left_alone(one)),
            *((_OF_SNAPSHOTS[it.state], it.id, it.account_id) for it in captured.values() if it.state in _OF_SNAPSHOTS),
            *((_OF_SERVERS[it.status], it.id, it.account_id) for it in machines.values() if it.status in _OF_SERVERS),
        },
        pending_images={id_ for id_, _, _, status in images.values() if status == "pending"},
        keys_by_others=made_by_others(unit),
    )


def _volumes(unit: Unit) -> dict[str, Disk]:
    c = VOLUME.table.c
    return {row[0]: Disk(*row) for row in columns_of(unit, c.id, c.account_id, c.digest, c.status, c.instance_id)}


def _snapshots(unit: Unit) -> dict[str, Disk]:
    c = SNAPSHOT.table.c
    return {row[0]: Disk(*row) for row in columns_of(unit, c.id, c.account_id, c.digest, c.lifecycle_state)}


def _servers(unit: Unit) -> dict[str, Machine]:
    c = INSTANCE.table.c
    return {row[0]: Machine(*row) for row in columns_of(unit, c.id, c.account_id, c.status)}


def _left_alone(volume: Disk) -> bool:
    """What is attached is the business of its server's jobs."""
    return volume.state in _OF_VOLUMES and volume.instance_id is None


def _held(kind: str, rows: Iterable[Disk]) -> Iterator[tuple[str, str]]:
    return ((one.digest, f"{kind}:{one.id}") for one in rows if one.digest is not None)


def _named(alive: Iterable[jobs.Alive]) -> Iterator[str]:
    """What jobs are about: their subjects, and what their payloads name."""
    for _, _, subject, payload in alive:
        yield subject
        yield from (value for value in payload.values() if isinstance(value, str))
