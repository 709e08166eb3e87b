"""Reclamations: a deleted instance of a service waits for seven days, in which it can be restored (R4).

A catalog keeps managing its images meanwhile, an instance of object storage keeps its buckets, closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kunsthalle.catalogs.erasing import erase_offering
from kunsthalle.catalogs.kinds import CATALOG, OBJECT, OFFERING, RECLAMATION
from kunsthalle.catalogs.listings import relist_catalog
from kunsthalle.catalogs.model import Catalog, Reclamation
from kunsthalle.core.clock import DAY
from kunsthalle.core.crn import parse
from kunsthalle.images import storage_instances as storage
from kunsthalle.images.model import ServiceInstance
from kunsthalle.store import jobs
from kunsthalle.store.rows import delete, insert
from kunsthalle.store.schema.catalogs import catalog_objects, catalogs, object_entries, offerings, reclamations
from kunsthalle.store.scope import Granted, unguarded
from kunsthalle.store.tables import remove_rows
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

TAIL = 7 * DAY
JOB = "catalog.reclaim"


def schedule(unit: Unit, it: Catalog | ServiceInstance) -> Reclamation:
    """The reclamation of what was just deleted, due in seven days."""
    ctx, now = unit.ctx, unit.ctx.now()
    record = Reclamation(
        id=ctx.ids.uuid(),
        account_id=it.account_id,
        catalog_id=it.id,
        catalog_crn=it.crn,
        resource_group_id=it.resource_group_id,
        state="SCHEDULED",
        target_at=now + TAIL,
        created_by=ctx.actor.iam_id,
        updated_at=now,
        updated_by=ctx.actor.iam_id,
        created_at=now,
    )
    insert(unit, RECLAMATION, record)
    jobs.enqueue(unit, JOB, record.id, due_at=record.target_at)
    return record


def restore(unit: Unit, record: Granted[Reclamation]) -> Reclamation:
    """A catalog is back with its offerings, shares and holds exactly as they were, an instance with its buckets."""
    ctx = unit.ctx
    ended = transition(unit, RECLAMATION, record.it.id, "RESTORING", updated_at=ctx.now(), updated_by=ctx.actor.iam_id)
    must(ended, f"The reclamation is {record.it.state} already.", "conflict")
    jobs.cancel(unit, JOB, record.it.id)
    delete(unit, RECLAMATION, record.it.id, record.it.account_id)
    _service(record.it).restore(unit, record.it)
    return _ended(record.it, "RESTORING", ctx.now(), ctx.actor.iam_id)


def reclaim(unit: Unit, record: Granted[Reclamation]) -> Reclamation:
    """The end of the seven days, now."""
    ctx = unit.ctx
    ended = transition(unit, RECLAMATION, record.it.id, "RECLAIMING", updated_at=ctx.now(), updated_by=ctx.actor.iam_id)
    must(ended, f"The reclamation is {record.it.state} already.", "conflict")
    jobs.cancel(unit, JOB, record.it.id)
    _erase(unit, record.it)
    return _ended(record.it, "RECLAIMING", ctx.now(), ctx.actor.iam_id)


def _ended(record: Reclamation, state: str, at: int, by: str) -> Reclamation:
    return replace(record, state=state, updated_at=at, updated_by=by)


def _erase(unit: Unit, record: Reclamation) -> None:
    delete(unit, RECLAMATION, record.id, record.account_id)
    _service(record).erase(unit, record)


@dataclass(frozen=True, slots=True)
class _Service:
    """What an instance of a service comes back by, and goes by."""

    restore: Callable[[Unit, Reclamation], None]
    erase: Callable[[Unit, Reclamation], None]


def _restore_catalog(unit: Unit, record: Reclamation) -> None:
    must(transition(unit, CATALOG, record.catalog_id, "live"), "The catalog cannot be restored.", "conflict")
    relist_catalog(unit, record.catalog_id)


def _erase_catalog(unit: Unit, record: Reclamation) -> None:
    for offering in unguarded(unit, OFFERING, offerings.c.catalog_id == record.catalog_id):
        erase_offering(unit, offering)
    for it in unguarded(unit, OBJECT, catalog_objects.c.catalog_id == record.catalog_id):
        remove_rows(unit, object_entries, object_entries.c.object_id == it.id)
        delete(unit, OBJECT, it.id, it.account_id)
    delete(unit, CATALOG, record.catalog_id, record.account_id, catalogs.c.state == "deleted")


_CATALOGS = _Service(_restore_catalog, _erase_catalog)
_STORAGE = _Service(
    lambda unit, record: storage.restore(unit, record.catalog_id),
    lambda unit, record: storage.erase(unit, record.catalog_id, record.account_id),
)


def _service(record: Reclamation) -> _Service:
    return _STORAGE if parse(record.catalog_crn).service == storage.SERVICE else _CATALOGS


def _due(run: jobs.Run) -> None:
    def end(unit: Unit) -> None:
        waiting = unguarded(unit, RECLAMATION, reclamations.c.id == run.job.subject)
        if waiting and transition(unit, RECLAMATION, waiting[0].id, "RECLAIMING"):
            _erase(unit, waiting[0])

    run.finish(end)


def _give_up(unit: Unit, job: jobs.Claimed, _error: str) -> None:
    """A reclamation is never forgotten: it is due again a day later."""
    jobs.enqueue(unit, JOB, job.subject, due_at=unit.ctx.now() + DAY)


HANDLER = jobs.Handler(JOB, _due, _give_up)

__all__ = ["HANDLER", "reclaim", "restore", "schedule"]
