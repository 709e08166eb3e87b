"""Reclamations: a deleted instance of a service waits for the reclamation period, in which it can be restored (R4).

A catalog keeps managing its images meanwhile, an instance of object storage keeps its buckets, closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kunsthalle.catalogs.models import Catalog, Offering, Reclamation
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
    versions,
)
from kunsthalle.catalogs.versions.publishing import JOB as TIMER
from kunsthalle.catalogs.versions.publishing import remove_version
from kunsthalle.core.clock import DAY
from kunsthalle.core.crn import parse
from kunsthalle.db.rows import delete, insert
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.images import object_storage_instances as storage
from kunsthalle.images.models import ServiceInstance
from kunsthalle.jobs import queue

JOB = "catalog.reclaim"


def schedule(session: Session, it: Catalog | ServiceInstance, period: int) -> Reclamation:
    """The reclamation of what was just deleted, due after a period in microseconds."""
    ctx, now = session.ctx, session.ctx.now()
    record = Reclamation(
        id=ctx.ids.uuid(),
        account_id=it.account_id,
        catalog_id=it.id,
        catalog_crn=it.crn,
        resource_group_id=it.resource_group_id,
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
    """End the reclamation now."""
    ctx = session.ctx
    ended = transition(
        session, RECLAMATION, record.resource.id, "RECLAIMING", updated_at=ctx.now(), updated_by=ctx.actor.iam_id
    )
    must(ended, f"The reclamation is {record.resource.state} already.", "conflict")
    queue.cancel(session, JOB, record.resource.id)
    _erase(session, record.resource)
    return _ended(record.resource, "RECLAIMING", ctx.now(), ctx.actor.iam_id)


def _ended(record: Reclamation, state: str, at: int, by: str) -> Reclamation:
    return replace(record, state=state, updated_at=at, updated_by=by)


def _erase(session: Session, record: Reclamation) -> None:
    delete(session, RECLAMATION, record.id, record.account_id)
    _service(record).erase(session, record)


@dataclass(frozen=True, slots=True)
class _Service:
    """What an instance of a service comes back by, and goes by."""

    restore: Callable[[Session, Reclamation], None]
    erase: Callable[[Session, Reclamation], None]


def _restore_catalog(session: Session, record: Reclamation) -> None:
    must(transition(session, CATALOG, record.catalog_id, "live"), "The catalog cannot be restored.", "conflict")
    relist_catalog(session, record.catalog_id)


def _erase_catalog(session: Session, record: Reclamation) -> None:
    for offering in unscoped(session, OFFERING, offerings.c.catalog_id == record.catalog_id):
        erase_offering(session, offering)
    for it in unscoped(session, OBJECT, catalog_objects.c.catalog_id == record.catalog_id):
        remove_rows(session, object_entries, object_entries.c.object_id == it.id)
        delete(session, OBJECT, it.id, it.account_id)
    delete(session, CATALOG, record.catalog_id, record.account_id, catalogs.c.state == "deleted")


_CATALOGS = _Service(_restore_catalog, _erase_catalog)
_STORAGE = _Service(
    lambda session, record: storage.restore(session, record.catalog_id),
    lambda session, record: storage.erase(session, record.catalog_id, record.account_id),
)


def _service(record: Reclamation) -> _Service:
    return _STORAGE if parse(record.catalog_crn).service == storage.SERVICE else _CATALOGS


def _due(run: queue.Run) -> None:
    def end(session: Session) -> None:
        waiting = unscoped(session, RECLAMATION, reclamations.c.id == run.job.subject)
        if waiting and transition(session, RECLAMATION, waiting[0].id, "RECLAIMING"):
            _erase(session, waiting[0])

    run.finish(end)


def _give_up(session: Session, job: queue.Claimed, _error: Exception) -> None:
    """A reclamation is never forgotten: it is due again a day later."""
    queue.enqueue(session, JOB, job.subject, due_at=session.ctx.now() + DAY)


HANDLER = queue.Handler(JOB, _due, _give_up)

__all__ = ["HANDLER", "reclaim", "restore", "schedule"]


# Taking an offering away with everything that hangs on it: versions, holds, shares, approvals, plans (R4).


def erase_offering(session: Session, offering: Offering) -> None:
    """Removes an offering with everything that hangs on it."""
    for version in unscoped(session, VERSION, versions.c.offering_id == offering.id):
        queue.cancel(session, TIMER, version.id)
        remove_version(session, version)
    unlist(session, offering.id)
    for table in (access_entries, publish_approvals, plans):
        remove_rows(session, table, table.c.offering_id == offering.id)
    delete(session, OFFERING, offering.id, offering.account_id)
