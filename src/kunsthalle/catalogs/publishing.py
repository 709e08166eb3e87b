"""Validation and the publish state machine (catalog-iam-enterprise.md 1.7 and 1.8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kunsthalle.catalogs.kinds import OFFERING, VERSION
from kunsthalle.catalogs.model import Version
from kunsthalle.catalogs.removal import remove_version
from kunsthalle.catalogs.states import PUBLISHED
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import Problem, Reason, invalid
from kunsthalle.images import holds
from kunsthalle.images.kinds import IMAGE
from kunsthalle.images.states import USABLE
from kunsthalle.store import jobs
from kunsthalle.store.rows import update
from kunsthalle.store.schema.catalogs import versions
from kunsthalle.store.scope import Granted, find, unguarded
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

JOB = "version.validate"
Rehearse = Callable[[Unit, Mapping[str, Any]], str | None]
"""Asks the rooms further right whether the place of a test deployment exists: what is wrong with it, or None."""


def _refuse(message: str) -> Problem:
    return Problem(Reason.INVALID, "bad_request", message)


def _touch(unit: Unit, version: Version) -> None:
    """Every step of a version counts its offering's revision up: version patches are guarded by it."""
    update(unit, OFFERING, version.offering_id, updated_at=unit.ctx.now())


def _move(unit: Unit, version: Version, to: str, **values: Any) -> None:
    ctx = unit.ctx
    stamps = {"previous": version.state, "entered_at": ctx.now(), "updated_at": ctx.now(), **values}
    if not transition(unit, VERSION, version.id, to, versions.c.state == version.state, **stamps):
        raise _refuse(f"A version cannot become {to}: current state {version.state}")
    _touch(unit, version)


def validate(unit: Unit, version: Granted[Version], values: Mapping[str, Any]) -> None:
    """Starts a validation; poll its state until `valid` or `invalid`."""
    if version.it.state == "deprecated":
        raise _refuse(f"An archived version cannot be validated: current state {version.it.state}")
    begun = {
        "state": "in_progress",
        "requested": rfc3339(unit.ctx.now()),
        "last_operation": "submit_deployment",
        "target": dict(values),
    }
    update(unit, VERSION, version.it.id, validation=begun, updated_at=unit.ctx.now())
    _touch(unit, version.it)
    jobs.cancel(unit, JOB, version.it.id)
    jobs.enqueue(unit, JOB, version.it.id)


def validation_handler(rehearse: Rehearse) -> jobs.Handler:
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
    wrong = _unusable(unit, version) or rehearse(unit, version.validation.get("target") or {})
    if wrong is not None:
        _settle(unit, version, {"state": "invalid", "message": wrong})
        return
    _settle(unit, version, {"state": "valid", "validated": rfc3339(unit.ctx.now()), "message": "validated"})
    if version.state == "new":
        _move(unit, version, "validated")


def _unusable(unit: Unit, version: Version) -> str | None:
    held = unguarded(unit, IMAGE, IMAGE.table.c.hold_crn == version.crn)
    if not held or any(image.status not in USABLE for image in held):
        return "The image of this version cannot be used."
    return None


def _settle(unit: Unit, version: Version, found: dict[str, Any]) -> None:
    update(unit, VERSION, version.id, validation={**version.validation, **found}, updated_at=unit.ctx.now())
    _touch(unit, version)


def _give_up(unit: Unit, job: jobs.Claimed, _error: str) -> None:
    for version in unguarded(unit, VERSION, versions.c.id == job.subject):
        _settle(unit, version, {"state": "invalid", "message": "The validation failed; the server's log says why."})


def publish(unit: Unit, version: Granted[Version]) -> None:
    """To `consumable`: usable in the own account, and by those it is shared with. Needs a valid validation."""
    it = version.it
    if it.state == "consumable":
        raise _refuse(f"The version is published already: current state {it.state}")
    if it.validation.get("state") != "valid" or it.state not in {"validated", "prerelease"}:
        raise _refuse(f"The version is not consumable: it must be validated first (current state {it.state})")
    _move(unit, it, "consumable")
    holds.follow(unit, it.crn, "available")


def prerelease(unit: Unit, version: Granted[Version]) -> None:
    """To `prerelease`: may be shared before it is validated."""
    if version.it.state == "prerelease":
        raise _refuse(f"The version is a pre-release already: current state {version.it.state}")
    _move(unit, version.it, "prerelease")


def suspend(unit: Unit, version: Granted[Version]) -> None:
    """Back from published; what was made from it runs on."""
    it = version.it
    if it.state not in PUBLISHED:
        raise _refuse(f"Only a published version can be suspended: current state {it.state}")
    back = "validated" if it.validation.get("state") == "valid" else "new"
    _move(unit, it, back, deprecate_pending=None)
    holds.follow(unit, it.crn, "available")


def archive(unit: Unit, version: Granted[Version]) -> None:
    """To `deprecated` (the console says Archived): nobody boots from it any more, and its image is obsolete (R10)."""
    _move(unit, version.it, "deprecated", deprecate_pending=None)
    holds.follow(unit, version.it.crn, "obsolete")


def delete_version(unit: Unit, version: Granted[Version]) -> None:
    """The version goes, and its images are free at once (R4). The last published one stays (1.8)."""
    it = version.it
    if it.state in PUBLISHED:
        others = unguarded(
            unit,
            VERSION,
            versions.c.offering_id == it.offering_id,
            versions.c.id != it.id,
            versions.c.state.in_(PUBLISHED),
        )
        if not others:
            label = find(unit, OFFERING, it.offering_id).label
            raise _refuse(
                f"Cannot delete the last published version. You need to deprecate the whole product [{label}] itself."
            )
    remove_version(unit, it)
    _touch(unit, it)


def check_refresh(token: str | None) -> str:
    """The header that a validation asks for."""
    if not token:
        raise invalid(
            "bad_request", "The header X-Auth-Refresh-Token is required.", "X-Auth-Refresh-Token", type_="header"
        )
    return token
