"""Steps of a version along the table in `lifecycle`, and the timer of a deprecation (1.8)."""

from __future__ import annotations

from typing import Any

from kunsthalle.catalogs import lifecycle
from kunsthalle.catalogs.kinds import OFFERING, VERSION
from kunsthalle.catalogs.lifecycle import PUBLISHED, Edge
from kunsthalle.catalogs.listings import relist
from kunsthalle.catalogs.model import Offering, Version
from kunsthalle.catalogs.removal import remove_version
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.errors import Problem, Reason, conflict, invalid
from kunsthalle.images import holds
from kunsthalle.store import audit, jobs
from kunsthalle.store.rows import update
from kunsthalle.store.schema.catalogs import versions
from kunsthalle.store.scope import Granted, find, unguarded
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

JOB = "version.deprecate"
PERIOD_DAYS = 90
LONGEST_DAYS = 3_650


def refuse(message: str) -> Problem:
    """400 of a step that cannot be taken; public clients look for the state in its text."""
    return Problem(Reason.INVALID, "bad_request", message)


def touch(unit: Unit, version: Version) -> None:
    """Every step of a version counts its offering's revision up: version patches are guarded by it."""
    update(unit, OFFERING, version.offering_id, updated_at=unit.ctx.now())
    relist(unit, version.offering_id)


def take(unit: Unit, version: Version, step: str) -> Edge:
    """Takes a step of the table, and lets the images follow. 400 when the table refuses it."""
    edge, wrong = lifecycle.choose(step, version)
    if edge is None:
        raise refuse(wrong)
    move(unit, version, edge, deprecate_pending=None)
    jobs.cancel(unit, JOB, version.id)
    return edge


def move(unit: Unit, version: Version, edge: Edge, **values: Any) -> None:
    """The effect of an edge: the state (if it changes one), the images' status, the offering's revision."""
    now = unit.ctx.now()
    same = versions.c.revision == version.revision
    if edge.to == lifecycle.STAY:
        done = update(unit, VERSION, version.id, same, updated_at=now, **values)
    else:
        stamps = {"previous": version.state, "entered_at": now, "updated_at": now, **values}
        done = transition(unit, VERSION, version.id, edge.to, same, **stamps)
    if not done:
        raise conflict("conflict", "The version was changed meanwhile; try again.")
    if edge.images is not None:
        holds.follow(unit, version.crn, edge.images)
    touch(unit, version)


def publish(unit: Unit, version: Granted[Version]) -> None:
    """To `consumable`: usable in the own account, and by those it is shared with. Needs a valid validation."""
    take(unit, version.it, "consume-publish")


def prerelease(unit: Unit, version: Granted[Version]) -> None:
    """To `prerelease`: may be shared before it is validated."""
    take(unit, version.it, "prerelease-publish")


def suspend(unit: Unit, version: Granted[Version]) -> None:
    """Back from published; what was made from it runs on."""
    take(unit, version.it, "suspend")


def archive(unit: Unit, version: Granted[Version]) -> None:
    """To `deprecated` (the console says Archived): nobody boots from it any more, and its image is obsolete (R10)."""
    take(unit, version.it, "archive")


def deprecate(unit: Unit, version: Version, days: int | None, description: str | None) -> None:
    """Begins the period at whose end the version is archived; until then it boots, and its image is deprecated."""
    edge, wrong = lifecycle.choose("deprecate/true", version)
    if edge is None:
        raise refuse(wrong)
    at = unit.ctx.now() + period(days) * DAY
    pending = {"deprecate_date": rfc3339(at), "deprecate_state": "deprecated", "description": description or ""}
    move(unit, version, edge, deprecate_pending=pending)
    jobs.enqueue(unit, JOB, version.id, due_at=at)


def period(days: int | None) -> int:
    """The length of a deprecation in days; 400 outside 0 to ten years."""
    chosen = PERIOD_DAYS if days is None else days
    if not 0 <= chosen <= LONGEST_DAYS:
        message = f"days_until_deprecate must be from 0 to {LONGEST_DAYS}."
        raise invalid("bad_request", message, "days_until_deprecate")
    return chosen


def restore(unit: Unit, version: Version) -> None:
    """Ends the period before its time: the version is what it was."""
    take_back, wrong = lifecycle.choose("deprecate/false", version)
    if take_back is None:
        raise refuse(wrong)
    move(unit, version, take_back, deprecate_pending=None)
    jobs.cancel(unit, JOB, version.id)


def deprecate_offering(
    unit: Unit, offering: Granted[Offering], begin: bool, days: int | None, description: str | None
) -> None:
    """The whole product: every published version begins, or ends, its period. 400 when there is none to move."""
    found = [
        one
        for one in unguarded(unit, VERSION, versions.c.offering_id == offering.it.id, versions.c.state.in_(PUBLISHED))
        if (one.deprecate_pending is None) == begin
    ]
    if not found:
        said = "published" if begin else "being deprecated"
        raise refuse(f"No version of the offering is {said}.")
    for version in found:
        if begin:
            deprecate(unit, version, days, description)
        else:
            restore(unit, version)


def _due(run: jobs.Run) -> None:
    def end(unit: Unit) -> None:
        for version in unguarded(unit, VERSION, versions.c.id == run.job.subject):
            edge, _wrong = lifecycle.choose("end of the period", version)
            if edge is not None and (version.deprecate_pending or {})["deprecate_date"] <= rfc3339(unit.ctx.now()):
                move(unit, version, edge, deprecate_pending=None)
                audit.record(unit, lifecycle.UPDATE, f"/api/v1-beta/versions/{version.locator}/archive", 202)

    run.finish(end)


def _give_up(unit: Unit, job: jobs.Claimed, _error: str) -> None:
    """A deprecation is never forgotten: it is due again a day later."""
    jobs.enqueue(unit, JOB, job.subject, due_at=unit.ctx.now() + DAY)


HANDLER = jobs.Handler(JOB, _due, _give_up)


def delete_version(unit: Unit, version: Granted[Version]) -> None:
    """The version and its working copy go, and their images are free at once (R4). The last published one stays."""
    it = version.it
    if it.state in PUBLISHED:
        same = (versions.c.offering_id == it.offering_id, versions.c.id != it.id)
        if not unguarded(unit, VERSION, *same, versions.c.state.in_(PUBLISHED)):
            raise refuse(lifecycle.LAST.format(label=find(unit, OFFERING, it.offering_id).label))
    for draft in unguarded(unit, VERSION, versions.c.copy_of == it.id):
        remove_version(unit, draft)
    remove_version(unit, it)
    jobs.cancel(unit, JOB, it.id)
    touch(unit, it)
