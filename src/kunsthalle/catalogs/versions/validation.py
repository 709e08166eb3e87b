"""Validation: whether the image can be used and the place of the test deployment exists (1.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kunsthalle.catalogs import states
from kunsthalle.catalogs.models import Version
from kunsthalle.catalogs.resources import VERSION
from kunsthalle.catalogs.tables import version_images, versions
from kunsthalle.catalogs.versions.publishing import move, refuse, touch
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid
from kunsthalle.db import audit
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.states import USABLE
from kunsthalle.jobs import queue

JOB = "version.validate"
Rehearse = Callable[[Session, Mapping[str, Any]], str | None]
"""Asks the packages further right whether the place of a test deployment exists: what is wrong with it, or None."""


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
    queue.cancel(session, JOB, version.resource.id)
    queue.enqueue(session, JOB, version.resource.id)


def handler(rehearse: Rehearse) -> queue.Handler:
    """The validation: the image must be usable and the place of the test deployment must exist.

    Nothing is deployed: the image's bytes were looked into at its import, and the first boot tells the rest.
    """

    def run(run: queue.Run) -> None:
        def judge(session: Session) -> None:
            waiting = unscoped(session, VERSION, versions.c.id == run.job.subject)
            if waiting and waiting[0].validation.get("state") == "in_progress":
                _judge(session, waiting[0], rehearse)

        run.finish(judge)

    return queue.Handler(JOB, run, _give_up)


def _judge(session: Session, version: Version, rehearse: Rehearse) -> None:
    wrong = unusable(session, version) or rehearse(session, version.validation.get("target") or {})
    if wrong is not None:
        _settle(session, version, {"state": "invalid", "message": wrong})
        return
    _settle(session, version, {"state": "valid", "validated": rfc3339(session.ctx.now()), "message": "validated"})
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


def _settle(session: Session, version: Version, outcome: dict[str, Any]) -> None:
    update(session, VERSION, version.id, validation={**version.validation, **outcome}, updated_at=session.ctx.now())
    touch(session, version)
    audit.worked(session, VERSION.read, version, outcome["state"])


def _give_up(session: Session, job: queue.Claimed, _error: Exception) -> None:
    for version in unscoped(session, VERSION, versions.c.id == job.subject):
        _settle(session, version, {"state": "invalid", "message": "The validation failed; the server's log says why."})


def check_refresh(token: str | None) -> str:
    """The header that a validation asks for."""
    if not token:
        raise invalid(
            "bad_request", "The header X-Auth-Refresh-Token is required.", "X-Auth-Refresh-Token", type_="header"
        )
    return token
