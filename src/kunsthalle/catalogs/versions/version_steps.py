"""Steps of a version along the table in `states`: validation (whether the image can be used and the place of the test
deployment exists, 1.7), publication, the timer of a deprecation, and removal (1.8, R4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from kunsthalle.db.unscoped import remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find, unscoped
from kunsthalle.images import holds
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.states import USABLE
from kunsthalle.jobs import queue

DEPRECATION = "version.deprecate"
VALIDATION = "version.validate"
Rehearse = Callable[[Session, Mapping[str, Any]], str | None]
"""Asks higher packages whether the place of a test deployment exists: what is wrong with it, or None."""
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
    queue.cancel(session, DEPRECATION, version.id)
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
    queue.enqueue(session, DEPRECATION, version.id, due_at=at)


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
    queue.cancel(session, DEPRECATION, version.id)


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


def _due_again(session: Session, job: queue.Claimed, _error: Exception) -> None:
    """A deprecation is never forgotten: it is due again a day later."""
    queue.enqueue(session, DEPRECATION, job.subject, due_at=session.ctx.now() + DAY)


DEPRECATION_HANDLER = queue.Handler(DEPRECATION, _due, _due_again)


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
    queue.cancel(session, DEPRECATION, resource.id)
    touch(session, resource)


# Taking a version away: its row, its claim on images, and the hold on each of them, in one transaction (R4).


def remove_version(session: Session, version: Version) -> None:
    """The version is gone and its images are free from this transaction on; their status stays as it was."""
    holds.release(session, version.crn)
    remove_rows(session, version_images, version_images.c.version_id == version.id)
    delete(session, VERSION, version.id, version.account_id)


def validate(session: Session, version: Authorized[Version], values: Mapping[str, Any]) -> None:
    """Starts a validation; poll its state until `valid` or `invalid`."""
    if version.resource.state == "deprecated":
        raise refuse(f"An archived version cannot be validated: current state {version.resource.state}")
    begun = {
        "state": "in_progress",
        "requested": rfc3339(session.ctx.now()),
        "last_operation": "submit_deployment",
        "target": dict(values),
    }
    update(session, VERSION, version.resource.id, validation=begun, updated_at=session.ctx.now())
    touch(session, version.resource)
    queue.cancel(session, VALIDATION, version.resource.id)
    queue.enqueue(session, VALIDATION, version.resource.id)


def validation_handler(rehearse: Rehearse) -> queue.Handler:
    """The validation: the image must be usable and the place of the test deployment must exist.

    Nothing is deployed: the image's bytes were looked into at its import, and the first boot tells the rest.
    """

    def run(run: queue.Run) -> None:
        def judge(session: Session) -> None:
            waiting = unscoped(session, VERSION, versions.c.id == run.job.subject)
            if waiting and waiting[0].validation.get("state") == "in_progress":
                _judge(session, waiting[0], rehearse)

        run.finish(judge)

    return queue.Handler(VALIDATION, run, _fail_validation)


def _judge(session: Session, version: Version, rehearse: Rehearse) -> None:
    wrong = unusable(session, version) or rehearse(session, version.validation.get("target") or {})
    if wrong is not None:
        _end_validation(session, version, {"state": "invalid", "message": wrong})
        return
    outcome = {"state": "valid", "validated": rfc3339(session.ctx.now()), "message": "validated"}
    _end_validation(session, version, outcome)
    now = unscoped(session, VERSION, versions.c.id == version.id)[0]
    edge, _not_new = states.choose("validate", now)
    if edge is not None:
        move(session, now, edge)


def unusable(session: Session, version: Version) -> str | None:
    """Why the images of a version cannot be used, or None. A working copy may stand on its version's images."""
    named = {str(entry.get("id")) for entry in version.metadata.get("images", [])}
    held = rows_of(session, version_images, version_images.c.version_id.in_([version.id, version.copy_of]))
    ids = [row.image_id for row in held if row.image_id in named]
    images = unscoped(session, IMAGE, IMAGE.table.c.id.in_(ids))
    if not named or len(images) != len(named) or any(image.status not in USABLE for image in images):
        return "The image of this version cannot be used."
    return None


def _end_validation(session: Session, version: Version, outcome: dict[str, Any]) -> None:
    update(session, VERSION, version.id, validation={**version.validation, **outcome}, updated_at=session.ctx.now())
    touch(session, version)
    audit.worked(session, VERSION.read, version, outcome["state"])


def _fail_validation(session: Session, job: queue.Claimed, _error: Exception) -> None:
    for version in unscoped(session, VERSION, versions.c.id == job.subject):
        message = "The validation failed; the server's log says why."
        _end_validation(session, version, {"state": "invalid", "message": message})


def check_refresh(token: str | None) -> str:
    """The header that a validation asks for."""
    if not token:
        raise invalid(
            "bad_request", "The header X-Auth-Refresh-Token is required.", "X-Auth-Refresh-Token", type_="header"
        )
    return token
