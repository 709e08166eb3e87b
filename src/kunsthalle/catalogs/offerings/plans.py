"""Plans: published, deprecated for a period, deleted. They are made through their offering's document."""

from __future__ import annotations

import re

from kunsthalle.api.access import Access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.catalog import BASE, CATALOG
from kunsthalle.catalogs import states
from kunsthalle.catalogs.models import Plan
from kunsthalle.catalogs.requests import DeprecateRequest
from kunsthalle.catalogs.resources import OFFERING, PLAN, RETRIEVE, resolve_inside
from kunsthalle.catalogs.routes_versions import setting, terms
from kunsthalle.catalogs.schemas import Doc, plan_response
from kunsthalle.catalogs.tables import plans
from kunsthalle.catalogs.versions.publishing import period, refuse
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.errors import not_found
from kunsthalle.db.rows import delete, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.jobs import queue

JOB = "plan.deprecate"
PARAM = "plan_loc_id"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LOCATOR = re.compile(rf"sw\.({_UUID})\.({_UUID})")


class PlanItem(Access, frozen=True):
    """404 for a locator that is hidden, absent or none at all, 403 for an action out of reach."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (Plan,)

    def check(self, session: Session, request: Request) -> Authorized[Plan]:
        match = _LOCATOR.fullmatch(request.params[PARAM])
        if match is None:
            raise not_found(PARAM)
        return resolve_inside(session, PLAN, match[2], self.action, PARAM, {"catalog_id": match[1]})


def _touch(session: Session, plan: Plan) -> None:
    update(session, OFFERING, plan.offering_id, updated_at=session.ctx.now())


def _move(session: Session, plan: Plan, to: str) -> None:
    now = session.ctx.now()
    stamps = {"previous": plan.state, "entered_at": now, "updated_at": now, "deprecate_pending": None}
    moved = transition(session, PLAN, plan.id, to, plans.c.state == plan.state, **stamps)
    must(moved, "The plan was changed meanwhile; try again.", "conflict")
    _touch(session, plan)


def _get(session: Session, _request: Request, plan: Plan) -> Doc:
    """Get a plan."""
    return plan_response(plan, session.ctx)


def _delete(session: Session, _request: Request, plan: Plan) -> Doc:
    """Delete a plan."""
    queue.cancel(session, JOB, plan.id)
    delete(session, PLAN, plan.id, plan.account_id)
    _touch(session, plan)
    return {}


def _publish(session: Session, _request: Request, plan: Plan) -> None:
    """Publish a plan."""
    if plan.state != "new":
        raise refuse(f"The plan cannot be published: current state {plan.state}")
    _move(session, plan, "consumable")


def _deprecate(session: Session, request: Request, plan: Plan) -> None:
    """Begin or end the deprecation of a plan."""
    begin = setting(request)
    _may_deprecate(plan, begin=begin)
    pending = _pending(session, request, plan) if begin else None
    if not begin:
        queue.cancel(session, JOB, plan.id)
    update(session, PLAN, plan.id, deprecate_pending=pending, updated_at=session.ctx.now())
    _touch(session, plan)


def _may_deprecate(plan: Plan, *, begin: bool) -> None:
    if plan.state != "consumable" or (plan.deprecate_pending is None) != begin:
        needed = "published and not being deprecated" if begin else "being deprecated"
        raise refuse(f"The plan is not {needed}: current state {plan.state}")


def _pending(session: Session, request: Request, plan: Plan) -> Doc:
    """The period that begins now, and the timer at its end."""
    days, description = terms(request)
    at = session.ctx.now() + period(days) * DAY
    queue.enqueue(session, JOB, plan.id, due_at=at)
    return {"deprecate_date": rfc3339(at), "deprecate_state": "deprecated", "description": description or ""}


def _due(run: queue.Run) -> None:
    def end(session: Session) -> None:
        for plan in unscoped(session, PLAN, plans.c.id == run.job.subject):
            due = (plan.deprecate_pending or {}).get("deprecate_date", "~")
            if plan.state == "consumable" and due <= rfc3339(session.ctx.now()):
                _move(session, plan, "deprecated")

    run.finish(end)


def _give_up(session: Session, job: queue.Claimed, _error: Exception) -> None:
    """A deprecation is never forgotten: it is due again a day later."""
    queue.enqueue(session, JOB, job.subject, due_at=session.ctx.now() + DAY)


HANDLER = queue.Handler(JOB, _due, _give_up)


def routes() -> tuple[Route, ...]:
    item_path, surface = f"{BASE}/plans/{{{PARAM}}}", CATALOG
    change = PlanItem(states.UPDATE)
    return (
        route("GET", item_path, _get, surface=surface, access=PlanItem(RETRIEVE)),
        route("DELETE", item_path, _delete, surface=surface, access=PlanItem(states.DELETE)),
        route("POST", f"{item_path}/consume-publish", _publish, surface=surface, access=change, status=202),
        route(
            "POST",
            f"{item_path}/deprecate/{{setting}}",
            _deprecate,
            surface=surface,
            access=change,
            body=DeprecateRequest,
            status=202,
            body_required=False,
        ),
    )
