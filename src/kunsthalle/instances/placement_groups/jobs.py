"""The end of a placement group: the engine lets go of it, then it is gone."""

from __future__ import annotations

from functools import partial

from kunsthalle.core.log import get_logger
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import unscoped
from kunsthalle.hypervisor.protocol import Hypervisor
from kunsthalle.instances.placement_groups.models import PlacementGroup
from kunsthalle.instances.placement_groups.resources import PLACEMENT_GROUP
from kunsthalle.jobs import queue

log = get_logger("placement")
DELETE = "placement_group.delete"


def handler(hypervisor: Hypervisor) -> queue.Handler:
    """The job of this package."""
    return queue.Handler(DELETE, partial(_run, hypervisor=hypervisor), _give_up)


def _run(run: queue.Run, hypervisor: Hypervisor) -> None:
    id_ = run.job.subject
    groups: list[PlacementGroup] = run.read(
        lambda session: unscoped(session, PLACEMENT_GROUP, PLACEMENT_GROUP.table.c.id == id_)
    )
    if groups and groups[0].lifecycle_state == "deleting":
        hypervisor.forget_group(id_)
        run.finish(lambda session: delete(session, PLACEMENT_GROUP, id_, groups[0].account_id))


def _give_up(session: Session, job: queue.Claimed, error: Exception) -> None:
    log.error("placement group not removed", group=job.subject, error=queue.text_of(error))
    transition(session, PLACEMENT_GROUP, job.subject, "failed")
