"""Validation: whether the image can be used and the place of the test deployment exists (1.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kunsthalle.catalogs import lifecycle
from kunsthalle.catalogs.kinds import VERSION
from kunsthalle.catalogs.model import Version
from kunsthalle.catalogs.publishing import move, refuse, touch
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid
from kunsthalle.images.kinds import IMAGE
from kunsthalle.images.states import USABLE
from kunsthalle.store import audit, jobs
from kunsthalle.store.rows import update
from kunsthalle.store.schema.catalogs import version_images, versions
from kunsthalle.store.scope import Granted, unguarded
from kunsthalle.store.tables import rows_of
from kunsthalle.store.unit import Unit

JOB = "version.validate"
Rehearse = Callable[[Unit, Mapping[str, Any]], str | None]
"""Asks the rooms further right whether the place of a test deployment exists: what is wrong with it, or None."""


def validate(unit: Unit, version: Granted[Version], values: Mapping[str, Any]) -> None:
    """Starts a validation; poll its state until `valid` or `invalid`."""
    if version.it.state == "deprecated":
        raise refuse(f"An archived version cannot be validated: current state {version.it.state}")
    begun = {
        "state": "in_progress",
        "requested": rfc3339(unit.ctx.now()),
        "last_operation": "submit_deployment",
        "target": dict(values),
    }
    update(unit, VERSION, version.it.id, validation=begun, updated_at=unit.ctx.now())
    touch(unit, version.it)
    jobs.cancel(unit, JOB, version.it.id)
    jobs.enqueue(unit, JOB, version.it.id)


def handler(rehearse: Rehearse) -> jobs.Handler:
    """The validation: the image must be usable and the place of the test deployment must exist.

    Nothing is deployed: the image's bytes were looked into at its import, and the first boot tells the rest.
    """

    def run(run: jobs.Run) -> None:
        def judge(unit: Unit) -> None:
            waiting = unguarded(unit, VERSION, versions.c.id == run.job.subject)
            if waiting and waiting[0].validation.get("state") == "in_progress":
                _judge(unit, waiting[0], rehearse)

        run.finish(judge)

    return jobs.Handler(JOB, run, _give_up)


def _judge(unit: Unit, version: Version, rehearse: Rehearse) -> None:
    wrong = unusable(unit, version) or rehearse(unit, version.validation.get("target") or {})
    if wrong is not None:
        _settle(unit, version, {"state": "invalid", "message": wrong})
        return
    _settle(unit, version, {"state": "valid", "validated": rfc3339(unit.ctx.now()), "message": "validated"})
    now = unguarded(unit, VERSION, versions.c.id == version.id)[0]
    edge, _not_new = lifecycle.choose("validate", now)
    if edge is not None:
        move(unit, now, edge)


def unusable(unit: Unit, version: Version) -> str | None:
    """Why the images of a version cannot be used, or None. A working copy may stand on its version's images."""
    named = {str(one.get("id")) for one in version.metadata.get("images", [])}
    held = rows_of(unit, version_images, version_images.c.version_id.in_([version.id, version.copy_of]))
    ids = [row.image_id for row in held if row.image_id in named]
    found = unguarded(unit, IMAGE, IMAGE.table.c.id.in_(ids))
    if not named or len(found) != len(named) or any(image.status not in USABLE for image in found):
        return "The image of this version cannot be used."
    return None


def _settle(unit: Unit, version: Version, found: dict[str, Any]) -> None:
    update(unit, VERSION, version.id, validation={**version.validation, **found}, updated_at=unit.ctx.now())
    touch(unit, version)
    audit.worked(unit, VERSION.read, version, found["state"])


def _give_up(unit: Unit, job: jobs.Claimed, _error: str) -> None:
    for version in unguarded(unit, VERSION, versions.c.id == job.subject):
        _settle(unit, version, {"state": "invalid", "message": "The validation failed; the server's log says why."})


def check_refresh(token: str | None) -> str:
    """The header that a validation asks for."""
    if not token:
        raise invalid(
            "bad_request", "The header X-Auth-Refresh-Token is required.", "X-Auth-Refresh-Token", type_="header"
        )
    return token
