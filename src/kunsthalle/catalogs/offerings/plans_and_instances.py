"""Plans of an offering: published, deprecated for a period, deleted; they are made through their offering's document.
And its instances: what an account notes of its use of a version. For images no deployment hangs on them.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.body_bounds import Document, at_most
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.api.surfaces.catalog import BASE, CATALOG
from kunsthalle.catalogs import queries, states
from kunsthalle.catalogs.models import OfferingInstance, Plan, Version
from kunsthalle.catalogs.offerings.service import same_rev
from kunsthalle.catalogs.requests import DeprecateRequest
from kunsthalle.catalogs.resources import OFFERING, OFFERING_INSTANCE, PLAN, RETRIEVE, catalog_item, resolve_inside
from kunsthalle.catalogs.routes_versions import setting, terms
from kunsthalle.catalogs.schemas import Doc, plan_response
from kunsthalle.catalogs.tables import plans
from kunsthalle.catalogs.versions import version_steps
from kunsthalle.catalogs.versions.version_steps import period, refuse
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.rows import delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import Authorized, find, may_create, unscoped
from kunsthalle.jobs import queue

DEPRECATION = "plan.deprecate"
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


def _touch_offering(session: Session, plan: Plan) -> None:
    update(session, OFFERING, plan.offering_id, updated_at=session.ctx.now())


def _move_plan(session: Session, plan: Plan, to: str) -> None:
    now = session.ctx.now()
    stamps = {"previous": plan.state, "entered_at": now, "updated_at": now, "deprecate_pending": None}
    moved = transition(session, PLAN, plan.id, to, plans.c.state == plan.state, **stamps)
    must(moved, "The plan was changed meanwhile; try again.", "conflict")
    _touch_offering(session, plan)


def _get_plan(session: Session, _request: Request, plan: Plan) -> Doc:
    """Get a plan."""
    return plan_response(plan, session.ctx)


def _delete_plan(session: Session, _request: Request, plan: Plan) -> Doc:
    """Delete a plan."""
    queue.cancel(session, DEPRECATION, plan.id)
    delete(session, PLAN, plan.id, plan.account_id)
    _touch_offering(session, plan)
    return {}


def _publish_plan(session: Session, _request: Request, plan: Plan) -> None:
    """Publish a plan."""
    if plan.state != "new":
        raise refuse(f"The plan cannot be published: current state {plan.state}")
    _move_plan(session, plan, "consumable")


def _deprecate_plan(session: Session, request: Request, plan: Plan) -> None:
    """Begin or end the deprecation of a plan."""
    begin = setting(request)
    _may_deprecate(plan, begin=begin)
    pending = _pending(session, request, plan) if begin else None
    if not begin:
        queue.cancel(session, DEPRECATION, plan.id)
    update(session, PLAN, plan.id, deprecate_pending=pending, updated_at=session.ctx.now())
    _touch_offering(session, plan)


def _may_deprecate(plan: Plan, *, begin: bool) -> None:
    if plan.state != "consumable" or (plan.deprecate_pending is None) != begin:
        needed = "published and not being deprecated" if begin else "being deprecated"
        raise refuse(f"The plan is not {needed}: current state {plan.state}")


def _pending(session: Session, request: Request, plan: Plan) -> Doc:
    """The period that begins now, and the timer at its end."""
    days, description = terms(request)
    at = session.ctx.now() + period(days) * DAY
    queue.enqueue(session, DEPRECATION, plan.id, due_at=at)
    return {"deprecate_date": rfc3339(at), "deprecate_state": "deprecated", "description": description or ""}


def _due(run: queue.Run) -> None:
    def end(session: Session) -> None:
        for plan in unscoped(session, PLAN, plans.c.id == run.job.subject):
            due = (plan.deprecate_pending or {}).get("deprecate_date", "~")
            if plan.state == "consumable" and due <= rfc3339(session.ctx.now()):
                _move_plan(session, plan, "deprecated")

    run.finish(end)


def _give_up(session: Session, job: queue.Claimed, _error: Exception) -> None:
    """A deprecation is never forgotten: it is due again a day later."""
    queue.enqueue(session, DEPRECATION, job.subject, due_at=session.ctx.now() + DAY)


HANDLER = queue.Handler(DEPRECATION, _due, _give_up)


def plan_routes() -> tuple[Route, ...]:
    item_path, surface = f"{BASE}/plans/{{{PARAM}}}", CATALOG
    change = PlanItem(states.UPDATE)
    return (
        route("GET", item_path, _get_plan, surface=surface, access=PlanItem(RETRIEVE)),
        route("DELETE", item_path, _delete_plan, surface=surface, access=PlanItem(states.DELETE)),
        route("POST", f"{item_path}/consume-publish", _publish_plan, surface=surface, access=change, status=202),
        route(
            "POST",
            f"{item_path}/deprecate/{{setting}}",
            _deprecate_plan,
            surface=surface,
            access=change,
            body=DeprecateRequest,
            status=202,
            body_required=False,
        ),
    )


_CREATE = "globalcatalog-collection.instance.create"


class InstanceRequest(RequestBody):
    """An offering instance to note, or the whole of one to replace."""

    rev: str | None = msgspec.field(name="_rev", default=None)
    label: Annotated[str, Meta(max_length=256)] | None = None
    catalog_id: str | None = None
    offering_id: str | None = None
    version: str | None = None
    kind_format: str | None = None
    kind_target: str | None = None
    resource_group_id: str | None = None
    metadata: Document | UnsetType = UNSET
    location: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    install_plan: str | UnsetType = UNSET
    plan_id: str | UnsetType = UNSET
    sha: str | UnsetType = UNSET
    parent_crn: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    cluster_id: str | UnsetType = UNSET
    cluster_region: str | UnsetType = UNSET
    cluster_namespaces: Annotated[list[str], at_most(100)] | UnsetType = UNSET
    cluster_all_namespaces: bool | UnsetType = UNSET
    schematics_workspace_id: str | UnsetType = UNSET


_KEPT = (
    "metadata",
    "location",
    "channel",
    "install_plan",
    "plan_id",
    "sha",
    "parent_crn",
    "disabled",
    "cluster_id",
    "cluster_region",
    "cluster_namespaces",
    "cluster_all_namespaces",
    "schematics_workspace_id",
)
"""What is answered as it was sent. Nothing is deployed: a cluster that is named is kept and shown."""


def _document(body: InstanceRequest) -> Doc:
    return {name: value for name, value in msgspec.to_builtins(body).items() if name in _KEPT}


def _used_version(session: Session, body: InstanceRequest) -> Version:
    """The version that is used: one the caller may provision; its string, or the best there is."""
    if not body.offering_id:
        raise invalid("bad_request", "offering_id is required.", "offering_id")
    offering = find(session, OFFERING, body.offering_id, "offering_id", "field")
    usable = queries.published(queries.versions_of(session, offering))
    versions = [version for version in usable if body.version in {None, "", version.version}]
    if not versions or body.catalog_id not in {None, "", offering.catalog_id}:
        raise not_found("offering_id", "field")
    return versions[0]


def _create_instance(session: Session, request: Request) -> Doc:
    """Note the use of an offering."""
    version_steps.check_refresh(request.headers.get("x-auth-refresh-token"))
    body: InstanceRequest = request.body
    return _instance_response(_note(session, body, _used_version(session, body)), session)


def _note(session: Session, body: InstanceRequest, version: Version) -> OfferingInstance:
    ctx = session.ctx
    group = chosen_group(session, body.resource_group_id or None)
    may_create(ctx, _CREATE, {"resourceGroupId": group.id})
    now = ctx.now()
    made = OfferingInstance(
        id=ctx.ids.uuid(),
        account_id=ctx.account_id,
        catalog_id=version.catalog_id,
        offering_id=version.offering_id,
        version_id=version.id,
        version=version.version,
        label=body.label or "",
        resource_group_id=group.id,
        document=_document(body),
        last_operation=_done(session, "create"),
        updated_at=now,
        created_at=now,
    )
    return insert(session, OFFERING_INSTANCE, made)


def _done(session: Session, operation: str) -> Doc:
    at = rfc3339(session.ctx.now())
    return {"operation": operation, "state": "succeeded", "message": "", "transaction_id": session.ctx.trace} | {
        "updated": at,
        "code": "",
    }


def _instance_response(offering_instance: OfferingInstance, session: Session) -> Doc:
    return {
        **offering_instance.document,
        "id": offering_instance.id,
        "_rev": offering_instance.rev,
        "url": f"{session.ctx.origin}{BASE}/instances/offerings/{offering_instance.id}",
        "crn": offering_instance.crn,
        "label": offering_instance.label,
        "catalog_id": offering_instance.catalog_id,
        "offering_id": offering_instance.offering_id,
        "kind_format": "vsi-image",
        "kind_target": "vpc-x86",
        "version": offering_instance.version,
        "version_id": offering_instance.version_id,
        "resource_group_id": offering_instance.resource_group_id,
        "account": offering_instance.account_id,
        "created": rfc3339(offering_instance.created_at),
        "updated": rfc3339(offering_instance.updated_at),
        "last_operation": offering_instance.last_operation,
    }


def _get_instance(session: Session, _request: Request, instance: OfferingInstance) -> Doc:
    """Get an offering instance."""
    return _instance_response(instance, session)


def _put_instance(session: Session, request: Request, instance: OfferingInstance) -> Doc:
    """Replace an offering instance; another version must be one that may be provisioned."""
    version_steps.check_refresh(request.headers.get("x-auth-refresh-token"))
    body: InstanceRequest = request.body
    if body.rev is not None:
        same_rev(body.rev, instance.rev)
    _replace(session, instance, body)
    return _instance_response(find(session, OFFERING_INSTANCE, instance.id), session)


def _replace(session: Session, offering_instance: OfferingInstance, body: InstanceRequest) -> None:
    values: Doc = {"label": body.label or "", "document": _document(body), "last_operation": _done(session, "update")}
    if body.version not in {None, "", offering_instance.version}:
        version = _used_version(
            session,
            msgspec.structs.replace(
                body, offering_id=offering_instance.offering_id, catalog_id=offering_instance.catalog_id
            ),
        )
        values |= {"version": version.version, "version_id": version.id}
    same = OFFERING_INSTANCE.table.c.revision == offering_instance.revision
    changed = update(session, OFFERING_INSTANCE, offering_instance.id, same, updated_at=session.ctx.now(), **values)
    must(changed, "The offering instance was changed meanwhile.", "conflict")


def _delete_instance(session: Session, request: Request, instance: OfferingInstance) -> None:
    """Forget an offering instance; servers are not touched."""
    version_steps.check_refresh(request.headers.get("x-auth-refresh-token"))
    delete(session, OFFERING_INSTANCE, instance.id, instance.account_id)


def instance_routes() -> tuple[Route, ...]:
    many, surface = f"{BASE}/instances/offerings", CATALOG
    item_path = f"{many}/{{instance_id}}"

    def rule(action: str = RETRIEVE) -> access.Access:
        return catalog_item(OFFERING_INSTANCE, action, "instance_id")

    change, remove = rule("globalcatalog-collection.instance.update"), rule("globalcatalog-collection.offering.delete")
    create = access.create(_CREATE)
    return (
        route("POST", many, _create_instance, surface=surface, access=create, body=InstanceRequest, status=201),
        route("GET", item_path, _get_instance, surface=surface, access=rule()),
        route("PUT", item_path, _put_instance, surface=surface, access=change, body=InstanceRequest),
        route("DELETE", item_path, _delete_instance, surface=surface, access=remove),
    )


def routes() -> tuple[Route, ...]:
    return (*plan_routes(), *instance_routes())
