"""Plans: published, deprecated for a period, deleted. They are made through their offering's document."""

from __future__ import annotations

import re

from kunsthalle.api.access import Access
from kunsthalle.api.families.catalog import BASE, CATALOG
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.catalogs import lifecycle
from kunsthalle.catalogs.bodies import DeprecateBody
from kunsthalle.catalogs.kinds import OFFERING, PLAN, RETRIEVE
from kunsthalle.catalogs.model import Version
from kunsthalle.catalogs.publishing import period, refuse
from kunsthalle.catalogs.records import Plan
from kunsthalle.catalogs.routes_versions import setting, terms
from kunsthalle.catalogs.wire import Doc, plan_wire
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.store import jobs
from kunsthalle.store.rows import delete, update
from kunsthalle.store.schema.catalogs import plans
from kunsthalle.store.scope import find, resolve, unguarded
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

JOB = "plan.deprecate"
PARAM = "plan_loc_id"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LOCATOR = re.compile(rf"sw\.({_UUID})\.({_UUID})")


class PlanItem(Access, frozen=True):
    """400 for a malformed locator, 404 for a plan that is hidden or absent, 403 for a deed out of reach."""

    def check(self, unit: Unit, request: Request) -> None:
        found = _LOCATOR.fullmatch(request.params[PARAM])
        if found is None:
            message = "A plan locator is sw.<catalog id>.<plan id>."
            raise invalid("bad_request", message, PARAM, type_="parameter")
        granted = resolve(unit, PLAN, found[2], self.action, PARAM)
        if granted.it.catalog_id != found[1]:
            raise not_found(PARAM)
        request.granted = granted


def plan_of(unit: Unit, version: Version, crn: str, field: str) -> Plan:
    """The plan that a server names, if it is a published one of the version's offering; else 404 as for none."""
    locator = _LOCATOR.fullmatch(crn.rsplit(":", 1)[-1])
    if locator is None:
        raise invalid("bad_field", "The CRN is not that of a catalog plan.", field)
    found = find(unit, PLAN, locator[2], field, "field")
    if found.crn != crn or found.offering_id != version.offering_id or found.state != "consumable":
        raise not_found(field, "field")
    return found


def _touch(unit: Unit, plan: Plan) -> None:
    update(unit, OFFERING, plan.offering_id, updated_at=unit.ctx.now())


def _move(unit: Unit, plan: Plan, to: str) -> None:
    now = unit.ctx.now()
    stamps = {"previous": plan.state, "entered_at": now, "updated_at": now, "deprecate_pending": None}
    moved = transition(unit, PLAN, plan.id, to, plans.c.state == plan.state, **stamps)
    must(moved, "The plan was changed meanwhile; try again.", "conflict")
    _touch(unit, plan)


def _get(unit: Unit, request: Request) -> Doc:
    """Get a plan."""
    return plan_wire(request.granted.it, unit.ctx)


def _delete(unit: Unit, request: Request) -> Doc:
    """Delete a plan."""
    plan: Plan = request.granted.it
    jobs.cancel(unit, JOB, plan.id)
    delete(unit, PLAN, plan.id, plan.account_id)
    _touch(unit, plan)
    return {}


def _publish(unit: Unit, request: Request) -> None:
    """Publish a plan."""
    plan: Plan = request.granted.it
    if plan.state != "new":
        raise refuse(f"The plan cannot be published: current state {plan.state}")
    _move(unit, plan, "consumable")


def _deprecate(unit: Unit, request: Request) -> None:
    """Begin or end the deprecation of a plan."""
    plan: Plan = request.granted.it
    begin = setting(request)
    _may_deprecate(plan, begin=begin)
    pending = _pending(unit, request, plan) if begin else None
    if not begin:
        jobs.cancel(unit, JOB, plan.id)
    update(unit, PLAN, plan.id, deprecate_pending=pending, updated_at=unit.ctx.now())
    _touch(unit, plan)


def _may_deprecate(plan: Plan, *, begin: bool) -> None:
    if plan.state != "consumable" or (plan.deprecate_pending is None) != begin:
        said = "published and not being deprecated" if begin else "being deprecated"
        raise refuse(f"The plan is not {said}: current state {plan.state}")


def _pending(unit: Unit, request: Request, plan: Plan) -> Doc:
    """The period that begins now, and the timer at its end."""
    days, description = terms(request)
    at = unit.ctx.now() + period(days) * DAY
    jobs.enqueue(unit, JOB, plan.id, due_at=at)
    return {"deprecate_date": rfc3339(at), "deprecate_state": "deprecated", "description": description or ""}


def _due(run: jobs.Run) -> None:
    def end(unit: Unit) -> None:
        for plan in unguarded(unit, PLAN, plans.c.id == run.job.subject):
            due = (plan.deprecate_pending or {}).get("deprecate_date", "~")
            if plan.state == "consumable" and due <= rfc3339(unit.ctx.now()):
                _move(unit, plan, "deprecated")

    run.finish(end)


def _give_up(unit: Unit, job: jobs.Claimed, _error: str) -> None:
    """A deprecation is never forgotten: it is due again a day later."""
    jobs.enqueue(unit, JOB, job.subject, due_at=unit.ctx.now() + DAY)


HANDLER = jobs.Handler(JOB, _due, _give_up)


def routes() -> tuple[Route, ...]:
    one, family = f"{BASE}/plans/{{{PARAM}}}", CATALOG
    change = PlanItem(lifecycle.UPDATE)
    return (
        route("GET", one, _get, family=family, access=PlanItem(RETRIEVE)),
        route("DELETE", one, _delete, family=family, access=PlanItem(lifecycle.DELETE)),
        route("POST", f"{one}/consume-publish", _publish, family=family, access=change, status=202),
        route(
            "POST",
            f"{one}/deprecate/{{setting}}",
            _deprecate,
            family=family,
            access=change,
            body=DeprecateBody,
            status=202,
            body_required=False,
        ),
    )
