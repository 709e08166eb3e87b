"""Resource Controller: `/v2/resource_instances`, in which the catalogs of the account are instances of their service.

Making, changing and removing a catalog is Catalog Management's; instances of other services are made here. What else
the service offers is known and not served.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote

from msgspec import UNSET, Meta
from sqlalchemy import Column, ColumnElement, literal

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.pagination import PLATFORM_PAGES, Key, next_page, next_url, sized
from kunsthalle.api.query_params import Fault, Parameters
from kunsthalle.api.request import Request, header_flag
from kunsthalle.api.router import Call, Route, not_implemented, route
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.catalogs import reclamation
from kunsthalle.catalogs.models import Catalog
from kunsthalle.catalogs.resources import CATALOG
from kunsthalle.core.clock import moment
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import Problem, Reason, Target, invalid, not_found
from kunsthalle.db.pages import page
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, ResourceType, find, resolve
from kunsthalle.images.offered_services import BY_PLAN, OFFERED
from kunsthalle.search import tagging
from kunsthalle.search.schemas import (
    SERVICE,
    CreateInstanceRequest,
    InstanceResponse,
    InstancesResponse,
    UpdateInstanceRequest,
    instance_response,
)
from kunsthalle.service_instances import service as service_instances
from kunsthalle.service_instances.models import ServiceInstance
from kunsthalle.service_instances.resources import INSTANCES, OBJECT_STORAGE
from kunsthalle.service_instances.service import OfferedService

MOST = 100
_KINDS: tuple[ResourceType[Any], ...] = (*INSTANCES.values(), CATALOG)
NOT_SERVED = (
    "GET /v2/resource_instances/{id}/resource_aliases",
    "GET /v2/resource_instances/{id}/resource_keys",
    "DELETE /v2/resource_instances/{id}/last_operation",
    "GET /v2/resource_keys",
    "POST /v2/resource_keys",
    "GET /v2/resource_keys/{id}",
    "DELETE /v2/resource_keys/{id}",
    "PATCH /v2/resource_keys/{id}",
    "GET /v2/resource_bindings",
    "POST /v2/resource_bindings",
    "GET /v2/resource_bindings/{id}",
    "DELETE /v2/resource_bindings/{id}",
    "PATCH /v2/resource_bindings/{id}",
    "GET /v2/resource_aliases",
    "POST /v2/resource_aliases",
    "GET /v2/resource_aliases/{id}",
    "DELETE /v2/resource_aliases/{id}",
    "PATCH /v2/resource_aliases/{id}",
    "GET /v2/resource_aliases/{id}/resource_bindings",
)
"""Credentials, bindings and aliases belong to services that this product does not have."""


_STORAGE = OFFERED[OBJECT_STORAGE]
_READ = _STORAGE.kind.read
"""What the audit and the role matrix call an action on an instance; the rules ask for that of its own service."""


def not_implemented_routes() -> tuple[Route, ...]:
    return not_implemented(NOT_SERVED, PLATFORM, access.member("resource-controller.instance.read"))


class InstanceItem(Access, frozen=True):
    """An instance by its id or its CRN, to the letter: 404 unless seen. `verb` is what is done with it."""

    verb: str = "retrieve"

    @property
    def finds(self) -> tuple[type, ...]:
        return (ServiceInstance, Catalog)

    def check(self, session: Session, request: Request) -> Authorized[Any]:
        sent_id = request.params["id"]
        try:
            id_ = parse(sent_id).instance
        except ValueError:
            id_ = sent_id
        instance = self._resolved(session, id_)
        if sent_id not in {instance.resource.id, instance.resource.crn}:
            raise not_found()
        return instance

    def _resolved(self, session: Session, id_: str) -> Authorized[Any]:
        for kind in _KINDS:
            try:
                find(session, kind, id_)
            except Problem:
                continue
            return resolve(session, kind, id_, f"{kind.read.rsplit('.', 1)[0]}.{self.verb}")
        raise not_found()


class CreateInstance(Access, frozen=True):
    """For somebody who may create instances of any service; the service of the request is looked at afterwards."""

    def check(self, session: Session, request: Request) -> None:  # noqa: ARG002  the rule's shape
        if all(session.ctx.grants.scope(service.action("create")).empty for service in OFFERED.values()):
            raise missing_action(self.action)


def _owned(instance: Authorized[ServiceInstance | Catalog]) -> tuple[OfferedService, Authorized[ServiceInstance]]:
    """The instance that a change is about, and its service; 501 for a catalog."""
    if not isinstance(instance.resource, ServiceInstance):
        text = "A catalog is changed and deleted with Catalog Management."
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", text, Target("id", "parameter"))
    return OFFERED[instance.resource.service], Authorized(instance.resource, instance.action)


def _planned(plan_id: str) -> OfferedService:
    """The service that a plan is of; 501 for one that is not offered here."""
    if plan_id not in BY_PLAN:
        plans = "; ".join(f"{name} with the plans {', '.join(service.plans)}" for name, service in OFFERED.items())
        text = f"The plan {plan_id[:64]} is of no service that is offered here: {plans}."
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", text, Target("resource_plan_id"))
    return BY_PLAN[plan_id]


def _date(text: str) -> int:
    try:
        return moment(text if "T" in text else f"{text}T00:00:00Z")
    except (ValueError, OverflowError) as error:
        raise Fault("form", "a date or a moment (RFC 3339)") from error


def _check_place(session: Session, service: OfferedService, target: str) -> None:
    """400 unless a regional service is wanted where it is: `us-south`, or the CRN of a deployment that ends so.

    The CRN that the global catalog shows has the colon of the deployment's ID encoded, and Terraform sends that.
    """
    place = service.location(session.ctx)
    if service.regional and unquote(target).rpartition(":")[2] != place:
        text = f"{service.name} has no deployment at '{target[:64]}' here: instances are made in {place}."
        raise invalid("bad_request", text, "target")


class InstancesParameters(Parameters, frozen=True):
    """Of the list of instances of services."""

    guid: Annotated[str | None, Meta(description="Only the instance with this GUID.")] = None
    name: Annotated[str | None, Meta(description="Only instances of exactly this name.")] = None
    resource_group_id: Annotated[str | None, Meta(description="Only instances of this resource group.")] = None
    resource_id: Annotated[str | None, Meta(description="Only instances of the service with this ID.")] = None
    resource_plan_id: Annotated[str | None, Meta(description="Only instances of the plan with this ID.")] = None
    type: Annotated[str | None, Meta(description="Only instances of this type; all are `service_instance`.")] = None
    sub_type: Annotated[str | None, Meta(description="Only instances of this sub-type.")] = None
    state: Annotated[str | None, Meta(description="Only instances in this state; otherwise those that are active.")] = (
        None
    )
    updated_from: Annotated[
        int | None, Meta(description="Only instances that changed on or after this date.", extra={"parse": _date})
    ] = None
    updated_to: Annotated[
        int | None, Meta(description="Only instances that changed on or before this date.", extra={"parse": _date})
    ] = None
    start: Annotated[Key | None, next_page(PLATFORM_PAGES)] = None
    limit: Annotated[int, sized(MOST)] = MOST


def _filters(
    query: InstancesParameters, kind: ResourceType[Any], shown: Mapping[str, Any]
) -> list[ColumnElement[bool]]:
    """Conditions on one kind. `shown` are the fields that can be asked for: columns, or what is the same for all."""
    updated, since, until = kind.table.c.updated_at, query.updated_from, query.updated_to
    where = [updated >= since] if since is not None else []
    where += [updated <= until] if until is not None else []
    if query.state is None and isinstance(shown["state"], Column):
        where.append(shown["state"] == "active")
    for name, value in shown.items():
        if (asked := getattr(query, name)) is not None:
            where.append(value == asked if isinstance(value, Column) else literal(value == asked))
    return where


def _shown(kind: ResourceType[Any]) -> dict[str, Any]:
    table = kind.table.c
    fixed = {"guid": table.id, "resource_group_id": table.resource_group_id, "type": "service_instance"}
    if kind is CATALOG:
        own = {"name": table.label, "resource_id": SERVICE, "sub_type": "catalog", "resource_plan_id": None}
        return {**fixed, **own, "state": "active"}
    service = next(OFFERED[name] for name, instances in INSTANCES.items() if instances is kind)
    own = {"name": table.name, "resource_id": service.id, "sub_type": "", "resource_plan_id": table.plan_id}
    return {**fixed, **own, "state": table.state}


def _list(session: Session, request: Request, query: InstancesParameters) -> InstancesResponse:
    """List the instances of services: the catalogs of the account, and what was made here."""
    limit, after = query.limit or MOST, query.start
    pages = [page(session, kind, *_filters(query, kind, _shown(kind)), after=after, limit=limit) for kind in _KINDS]
    # What lies behind the end of a page that is not the last is not known yet, of that kind.
    known = max((batch.last for batch in pages if batch.last is not None), default=(0, ""))
    items = (instance for batch in pages for instance in batch.items if (instance.created_at, instance.id) >= known)
    instances = sorted(items, key=lambda instance: (instance.created_at, instance.id), reverse=True)
    more = len(instances) > limit or any(batch.last is not None for batch in pages)
    last = instances[:limit][-1] if instances and more else None
    next_ = next_url(request, PLATFORM_PAGES, (last.created_at, last.id) if last else None) or ""
    shown = [instance_response(instance, session.ctx.origin) for instance in instances[:limit]]
    return InstancesResponse(rows_count=len(shown), next_url=next_, resources=shown)


def _get(session: Session, _request: Request, instance: ServiceInstance | Catalog) -> InstanceResponse:
    """Get an instance of a service: a catalog, or one that was made here."""
    return instance_response(instance, session.ctx.origin)


def _create(session: Session, request: Request) -> InstanceResponse:
    """Create an instance of a service. Of object storage, the parameter `buckets` says which buckets belong to it."""
    body: CreateInstanceRequest = request.body
    group, locked = chosen_group(session, body.resource_group), header_flag(request, "Entity-Lock")
    service = _planned(body.resource_plan_id)
    _check_place(session, service, body.target)
    sent = (service, body.name, group, body.resource_plan_id, body.parameters)
    made = service_instances.create(session, *sent, locked=locked)
    tagging.apply(session, tagging.attaching(session, "user", body.tags, replace=False, renew=False), [made.crn])
    return instance_response(made, session.ctx.origin)


def _update(session: Session, request: Request, instance: Authorized[ServiceInstance | Catalog]) -> InstanceResponse:
    """Change an instance of a service: its name, its plan, its parameters."""
    (service, granted), body = _owned(instance), request.body
    names = {"name": "name", "parameters": "parameters", "resource_plan_id": "plan_id"}
    sent = {column: getattr(body, name) for name, column in names.items() if getattr(body, name) is not UNSET}
    return instance_response(service_instances.change(session, service, granted, sent), session.ctx.origin)


def _delete(period: int, session: Session, _request: Request, instance: Authorized[ServiceInstance | Catalog]) -> None:
    """Delete an instance of a service; until it is reclaimed it can be restored. Buckets stay."""
    reclamation.schedule(session, service_instances.retire(session, *_owned(instance)), period)


def _lock(value: bool) -> Call:
    def call(session: Session, _request: Request, instance: Authorized[ServiceInstance | Catalog]) -> InstanceResponse:
        return instance_response(service_instances.set_locked(session, *_owned(instance), value), session.ctx.origin)

    call.__doc__ = ("Lock" if value else "Unlock") + " an instance of a service against changes."
    return call


def routes(reclamation_period: int) -> tuple[Route, ...]:
    all_, item_path, lock = "/v2/resource_instances", "/v2/resource_instances/{id}", "/v2/resource_instances/{id}/lock"
    see, create = InstanceItem(_READ), CreateInstance(_STORAGE.action("create"))
    change = InstanceItem(_STORAGE.action("update"), verb="update")
    delete = InstanceItem(_STORAGE.action("delete"), verb="delete")
    make = partial(route, surface=PLATFORM)
    return (
        make(
            "GET",
            all_,
            _list,
            access=access.member(_READ),
            answer=InstancesResponse,
            query=InstancesParameters,
        ),
        make("POST", all_, _create, access=create, body=CreateInstanceRequest, answer=InstanceResponse, status=201),
        make("GET", item_path, _get, access=see, answer=InstanceResponse),
        make("PATCH", item_path, _update, access=change, body=UpdateInstanceRequest, answer=InstanceResponse),
        make("DELETE", item_path, partial(_delete, reclamation_period), access=delete, status=204),
        make("POST", lock, _lock(True), access=change, answer=InstanceResponse),
        make("DELETE", lock, _lock(False), access=change, answer=InstanceResponse),
    )
