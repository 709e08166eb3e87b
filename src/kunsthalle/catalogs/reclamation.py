"""Reclamations: a deleted instance of a service waits for the reclamation period, in which it can be restored (R4).

A catalog keeps managing its images meanwhile, an instance of a service keeps what it holds, out of reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kunsthalle.catalogs.models import SERVICE, Catalog, Offering, Reclamation, crn
from kunsthalle.catalogs.resources import CATALOG, OBJECT, OFFERING, RECLAMATION, VERSION
from kunsthalle.catalogs.sharing.offering_lists import relist_catalog, unlist
from kunsthalle.catalogs.tables import (
    access_entries,
    catalog_objects,
    catalogs,
    object_entries,
    offerings,
    plans,
    publish_approvals,
    reclamations,
    version_images,
    versions,
)
from kunsthalle.catalogs.versions.version_steps import DEPRECATION as TIMER
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.crn import parse
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import delete, delete_all, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import any_row, first_ids, ids_where, remove_rows, remove_some
from kunsthalle.db.visibility import Authorized, may, unscoped
from kunsthalle.images import holds
from kunsthalle.images.models import Image
from kunsthalle.images.offered_services import OFFERED
from kunsthalle.jobs import queue
from kunsthalle.jobs.slices import SlicedWork
from kunsthalle.service_instances import service as service_instances
from kunsthalle.service_instances.models import ServiceInstance
from kunsthalle.service_instances.service import OfferedService

JOB = "catalog.reclaim"
SLICE = 500
"""So many versions, plans and entries, and no more than one offering beyond, are erased in one transaction."""


def schedule(session: Session, catalog: Catalog | ServiceInstance, period: int) -> Reclamation:
    """The reclamation of what was just deleted, due after a period in microseconds."""
    ctx, now = session.ctx, session.ctx.now()
    record = Reclamation(
        id=ctx.ids.uuid(),
        account_id=catalog.account_id,
        catalog_id=catalog.id,
        catalog_crn=catalog.crn,
        resource_group_id=catalog.resource_group_id,
        state="SCHEDULED",
        target_at=now + period,
        created_by=ctx.actor.iam_id,
        updated_at=now,
        updated_by=ctx.actor.iam_id,
        created_at=now,
    )
    insert(session, RECLAMATION, record)
    queue.enqueue(session, JOB, record.id, due_at=record.target_at)
    return record


def restore(session: Session, record: Authorized[Reclamation]) -> Reclamation:
    """A catalog is back with its offerings, shares and holds exactly as they were, an instance with its buckets."""
    ctx = session.ctx
    ended = transition(
        session, RECLAMATION, record.resource.id, "RESTORING", updated_at=ctx.now(), updated_by=ctx.actor.iam_id
    )
    must(ended, f"The reclamation is {record.resource.state} already.", "conflict")
    queue.cancel(session, JOB, record.resource.id)
    delete(session, RECLAMATION, record.resource.id, record.resource.account_id)
    _service(record.resource).restore(session, record.resource)
    return _ended(record.resource, "RESTORING", ctx.now(), ctx.actor.iam_id)


def reclaim(session: Session, record: Authorized[Reclamation]) -> Reclamation:
    """End the reclamation now. Where there is very much to erase, a job goes on with it.

    One that a job has begun and gave up is gone on with at once, and does not wait for its next day.
    """
    ctx = session.ctx
    begun = transition(
        session, RECLAMATION, record.resource.id, "RECLAIMING", updated_at=ctx.now(), updated_by=ctx.actor.iam_id
    )
    waited = queue.cancel(session, JOB, record.resource.id) > 0
    must(begun or waited, f"The reclamation is {record.resource.state} already.", "conflict")
    _ERASING.begin(session, record.resource.id)
    return _ended(record.resource, "RECLAIMING", ctx.now(), ctx.actor.iam_id)


def _ended(record: Reclamation, state: str, at: int, by: str) -> Reclamation:
    return replace(record, state=state, updated_at=at, updated_by=by)


def _erase(session: Session, reclamation_id: str) -> bool:
    """A slice of what a reclamation that is `RECLAIMING` erases, and the reclamation with the last; whether there is
    more.
    """
    columns = reclamations.c
    for record in unscoped(session, RECLAMATION, columns.id == reclamation_id, columns.state == "RECLAIMING"):
        if _service(record).erase(session, record):
            return True
        delete(session, RECLAMATION, record.id, record.account_id)
    return False


_ERASING = SlicedWork(JOB, _erase)


@dataclass(frozen=True, slots=True)
class _Service:
    """What an instance of a service comes back by, and goes by: in slices, of which each says whether there is more."""

    restore: Callable[[Session, Reclamation], None]
    erase: Callable[[Session, Reclamation], bool]


def _restore_catalog(session: Session, record: Reclamation) -> None:
    must(transition(session, CATALOG, record.catalog_id, "live"), "The catalog cannot be restored.", "conflict")
    relist_catalog(session, record.catalog_id)


def _erase_catalog(session: Session, record: Reclamation) -> bool:
    left = SLICE
    in_catalog = offerings.c.catalog_id == record.catalog_id
    for id_ in first_ids(session, offerings.c.id, SLICE // 25, in_catalog):
        left -= erase_offering(session, unscoped(session, OFFERING, offerings.c.id == id_)[0])
        if left <= 0:
            return True
    if any_row(session, offerings, in_catalog) or _erase_objects(session, record, left):
        return True
    delete(session, CATALOG, record.catalog_id, record.account_id, catalogs.c.state == "deleted")
    return False


def _erase_objects(session: Session, record: Reclamation, most: int) -> bool:
    """At most so many rows of the objects of a catalog, their access lists first; whether there may be more."""
    objects = catalog_objects.c.catalog_id == record.catalog_id
    listed = object_entries.c.object_id.in_(ids_where(catalog_objects.c.id, objects))
    if remove_some(session, object_entries, most, listed) == most:
        return True
    ids = first_ids(session, catalog_objects.c.id, most, objects)
    delete_all(session, OBJECT, record.account_id, catalog_objects.c.id.in_(ids))
    return len(ids) == most


def _of(service: OfferedService) -> _Service:
    def erase(session: Session, record: Reclamation) -> bool:
        service_instances.erase(session, service, record.catalog_id, record.account_id)
        return False

    return _Service(lambda session, record: service_instances.restore(session, service, record.catalog_id), erase)


_SERVICES = {SERVICE: _Service(_restore_catalog, _erase_catalog)} | {
    name: _of(service) for name, service in OFFERED.items()
}


def _service(record: Reclamation) -> _Service:
    return _SERVICES[parse(record.catalog_crn).service]


def _begin(session: Session, reclamation_id: str) -> bool:
    """The first slice goes with the state: as long as nothing is erased, the reclamation can be restored."""
    transition(session, RECLAMATION, reclamation_id, "RECLAIMING")
    return _erase(session, reclamation_id)


def _due(run: queue.Run) -> None:
    more = run.write(lambda session: _begin(session, run.job.subject))
    while more:
        more = run.write(lambda session: _erase(session, run.job.subject))


def _give_up(session: Session, job: queue.Claimed, _error: Exception) -> None:
    """A reclamation is never forgotten: it is due again a day later, and says so."""
    again = session.ctx.now() + DAY
    update(session, RECLAMATION, job.subject, target_at=again)
    queue.enqueue(session, JOB, job.subject, due_at=again)


HANDLER = queue.Handler(JOB, _due, _give_up)


# Taking an offering away with everything that hangs on it: versions, holds, shares, approvals, plans (R4).


def erase_offering(session: Session, offering: Offering) -> int:
    """Removes an offering with everything that hangs on it, in one transaction: its images are free from then on (R4).

    The number of versions, plans and entries that went.
    """
    condition = versions.c.offering_id == offering.id
    ids = ids_where(versions.c.id, condition)
    used = version_images.c.version_id.in_(ids)
    holders = crn(offering.account_id, offering.catalog_id, "version", f"{offering.id}/")
    holds.release_all(session, ids_where(version_images.c.image_id, used), holders)
    remove_rows(session, version_images, used)
    queue.cancel_all(session, TIMER, ids)
    gone = delete_all(session, VERSION, offering.account_id, condition)
    unlist(session, offering.id)
    for table in (access_entries, publish_approvals, plans):
        gone += remove_rows(session, table, table.c.offering_id == offering.id)
    delete(session, OFFERING, offering.id, offering.account_id)
    return gone


# How the hold of a catalog on an image ends, as the image's owner is told when a change is refused.

_LIVE = "Remove it from that version first."


def reclamation_of(session: Session, catalog_id: str) -> Reclamation | None:
    """The reclamation that a deleted catalog waits for; None for a live one."""
    rows = unscoped(session, RECLAMATION, reclamations.c.catalog_id == catalog_id)
    return rows[0] if rows else None


class CatalogHolds:
    """What the images package asks of those who hold images."""

    def advice(self, session: Session, image: Image) -> str:
        """How the hold ends. The reclamation is named to who may read it: it is a resource of its own."""
        holder = unscoped(session, VERSION, versions.c.id == str(image.hold_crn).rsplit("/", 1)[-1])
        waiting = reclamation_of(session, holder[0].catalog_id) if holder else None
        if waiting is None:
            return _LIVE
        named = f" {waiting.id}" if may(session, RECLAMATION, waiting, RECLAMATION.read) else ""
        return (
            f"The catalog was deleted and holds the image until it is reclaimed, at {rfc3339(waiting.target_at)}. "
            f"To free the image now, end the reclamation{named} with the action reclaim. With the action restore the "
            "catalog is back and still holds the image: then remove it from that version."
        )
