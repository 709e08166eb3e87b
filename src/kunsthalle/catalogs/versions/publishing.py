"""Steps of a version along the table in `states`, the timer of a deprecation, and removal (1.8, R4)."""

from __future__ import annotations

from typing import Any

from kunsthalle.catalogs import states
from kunsthalle.catalogs.models import Offering, Version
from kunsthalle.catalogs.resources import OFFERING, VERSION
from kunsthalle.catalogs.sharing.offering_lists import relist
from kunsthalle.catalogs.states import PUBLISHED, Edge
from kunsthalle.catalogs.tables import version_images, versions
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.errors import Problem, Reason, conflict, invalid
from kunsthalle.db import audit
from kunsthalle.db.rows import delete, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.db.visibility import Authorized, find, unscoped
from kunsthalle.images import holds
from kunsthalle.jobs import queue

JOB = "version.deprecate"
PERIOD_DAYS = 90
LONGEST_DAYS = 3_650


def refuse(message: str) -> Problem:
    """400 of a step that cannot be taken; public clients look for the state in its text."""
    return Problem(Reason.INVALID, "bad_request", message)


def touch(session: Session, version: Version) -> None:
    """Every step of a version counts its offering's revision up: version patches are guarded by it."""
    update(session, OFFERING, version.offering_id, updated_at=session.ctx.now())
    relist(session, version.offering_id)


def take(session: Session, version: Version, step: str) -> Edge:
    """Takes a step of the table, and lets the images follow. 400 when the table refuses it."""
    edge, wrong = states.choose(step, version)
    if edge is None:
        raise refuse(wrong)
    move(session, version, edge, deprecate_pending=None)
    queue.cancel(session, JOB, version.id)
    return edge


def move(session: Session, version: Version, edge: Edge, **values: Any) -> None:
    """The effect of an edge: the state (if it changes one), the images' status, the offering's revision."""
    now = session.ctx.now()
    same = versions.c.revision == version.revision
    if edge.to == states.STAY:
        done = update(session, VERSION, version.id, same, updated_at=now, **values)
    else:
        stamps = {"previous": version.state, "entered_at": now, "updated_at": now, **values}
        done = transition(session, VERSION, version.id, edge.to, same, **stamps)
    if not done:
        raise conflict("conflict", "The version was changed meanwhile; try again.")
    if edge.images is not None:
        holds.follow(session, version.crn, edge.images)
    touch(session, version)


def publish(session: Session, version: Authorized[Version]) -> None:
    """To `consumable`: usable in the own account, and by those it is shared with. Needs a valid validation."""
    take(session, version.resource, "consume-publish")


def prerelease(session: Session, version: Authorized[Version]) -> None:
    """To `prerelease`: may be shared before it is validated."""
    take(session, version.resource, "prerelease-publish")


def suspend(session: Session, version: Authorized[Version]) -> None:
    """Back from published; what was made from it runs on."""
    take(session, version.resource, "suspend")


def archive(session: Session, version: Authorized[Version]) -> None:
    """To `deprecated` (the console says Archived): nobody boots from it any more, and its image is obsolete (R10)."""
    take(session, version.resource, "archive")


def deprecate(session: Session, version: Version, days: int | None, description: str | None) -> None:
    """Begins the period at whose end the version is archived; until then it boots, and its image is deprecated."""
    edge, wrong = states.choose("deprecate/true", version)
    if edge is None:
        raise refuse(wrong)
    at = session.ctx.now() + period(days) * DAY
    pending = {"deprecate_date": rfc3339(at), "deprecate_state": "deprecated", "description": description or ""}
    move(session, version, edge, deprecate_pending=pending)
    queue.enqueue(session, JOB, version.id, due_at=at)


def period(days: int | None) -> int:
    """The length of a deprecation in days; 400 outside 0 to ten years."""
    chosen = PERIOD_DAYS if days is None else days
    if not 0 <= chosen <= LONGEST_DAYS:
        message = f"days_until_deprecate must be from 0 to {LONGEST_DAYS}."
        raise invalid("bad_request", message, "days_until_deprecate")
    return chosen


def restore(session: Session, version: Version) -> None:
    """Ends the period before its time: the version is what it was."""
    take_back, wrong = states.choose("deprecate/false", version)
    if take_back is None:
        raise refuse(wrong)
    move(session, version, take_back, deprecate_pending=None)
    queue.cancel(session, JOB, version.id)


def deprecate_offering(
    session: Session, offering: Authorized[Offering], begin: bool, days: int | None, description: str | None
) -> None:
    """The whole product: every published version begins, or ends, its period. 400 when there is none to move."""
    moving = [
        candidate
        for candidate in unscoped(
            session, VERSION, versions.c.offering_id == offering.resource.id, versions.c.state.in_(PUBLISHED)
        )
        if (candidate.deprecate_pending is None) == begin
    ]
    if not moving:
        needed = "published" if begin else "being deprecated"
        raise refuse(f"No version of the offering is {needed}.")
    for version in moving:
        if begin:
            deprecate(session, version, days, description)
        else:
            restore(session, version)


def _due(run: queue.Run) -> None:
    def end(session: Session) -> None:
        for version in unscoped(session, VERSION, versions.c.id == run.job.subject):
            edge, _wrong = states.choose("end of the period", version)
            if edge is not None and (version.deprecate_pending or {})["deprecate_date"] <= rfc3339(session.ctx.now()):
                move(session, version, edge, deprecate_pending=None)
                audit.record(session, states.UPDATE, f"/api/v1-beta/versions/{version.locator}/archive", 202)

    run.finish(end)


def _give_up(session: Session, job: queue.Claimed, _error: Exception) -> None:
    """A deprecation is never forgotten: it is due again a day later."""
    queue.enqueue(session, JOB, job.subject, due_at=session.ctx.now() + DAY)


HANDLER = queue.Handler(JOB, _due, _give_up)


def delete_version(session: Session, version: Authorized[Version]) -> None:
    """The version and its working copy go, and their images are free at once (R4). The last published one stays."""
    resource = version.resource
    if resource.state in PUBLISHED:
        same = (versions.c.offering_id == resource.offering_id, versions.c.id != resource.id)
        if not unscoped(session, VERSION, *same, versions.c.state.in_(PUBLISHED)):
            raise refuse(states.LAST.format(label=find(session, OFFERING, resource.offering_id).label))
    for draft in unscoped(session, VERSION, versions.c.copy_of == resource.id):
        remove_version(session, draft)
    remove_version(session, resource)
    queue.cancel(session, JOB, resource.id)
    touch(session, resource)


# Taking a version away: its row, its claim on images, and the hold on each of them, in one transaction (R4).


def remove_version(session: Session, version: Version) -> None:
    """The version is gone and its images are free from this transaction on; their status stays as it was."""
    holds.release(session, version.crn)
    remove_rows(session, version_images, version_images.c.version_id == version.id)
    delete(session, VERSION, version.id, version.account_id)
