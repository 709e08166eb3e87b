"""Resource Manager: `/v2/resource_groups`, `/v2/quota_definitions`."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import UNSET, Meta

from kunsthalle.accounts import queries as ask
from kunsthalle.accounts import resource_groups
from kunsthalle.accounts.models import ResourceGroup
from kunsthalle.accounts.resources import RESOURCE_GROUP
from kunsthalle.accounts.schemas_resource_groups import (
    QUOTAS,
    CreateGroupRequest,
    GroupMadeResponse,
    QuotaResponse,
    QuotasResponse,
    ResourceGroupResponse,
    ResourceGroups,
    UpdateGroupRequest,
    to_response,
)
from kunsthalle.api import access
from kunsthalle.api.query_params import Fault, Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.core.errors import not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find


def _date(text: str) -> str:
    if not re.fullmatch(r"(\d{4}-\d{2}(-\d{2})?)?", text):
        raise Fault("form", "of the form YYYY-MM or YYYY-MM-DD")
    return text


class GroupsParameters(Parameters, frozen=True):
    """Of the list of resource groups."""

    account_id: Annotated[str | None, Meta(description="The account; other accounts have nothing in the list.")] = None
    date: Annotated[
        str | None,
        Meta(description="The month or the day of a bill: checked, and changes nothing here.", extra={"parse": _date}),
    ] = None
    name: Annotated[str | None, Meta(description="Only resource groups of this name.")] = None
    default: Annotated[bool | None, Meta(description="Only the default resource group, or only the others.")] = None
    include_deleted: Annotated[bool, Meta(description="Whether deleted resource groups are listed, too.")] = False


def _list(session: Session, request: Request, query: GroupsParameters) -> ResourceGroups:  # noqa: ARG001  a handler's shape
    """List the resource groups of the account."""
    if query.account_id not in {None, session.ctx.account_id}:
        return ResourceGroups(resources=[])
    resource_groups = ask.groups(session, query.name, query.default, deleted=query.include_deleted)
    return ResourceGroups(resources=[to_response(group, session.ctx) for group in resource_groups])


def _create(session: Session, request: Request) -> GroupMadeResponse:
    """Create a resource group."""
    body: CreateGroupRequest = request.body
    if body.account_id not in {None, session.ctx.account_id}:
        raise not_found("account_id", "field")
    made = resource_groups.create(session, body.name)
    return GroupMadeResponse(id=made.id, crn=made.crn)


def _get(session: Session, _request: Request, group: ResourceGroup) -> ResourceGroupResponse:
    """Get one resource group."""
    return to_response(group, session.ctx)


def _update(session: Session, request: Request, group: Authorized[ResourceGroup]) -> ResourceGroupResponse:
    """Rename a resource group."""
    if request.body.name is not UNSET:
        resource_groups.change(session, group, request.body.name)
    return to_response(find(session, RESOURCE_GROUP, group.resource.id), session.ctx)


def _delete(session: Session, _request: Request, group: Authorized[ResourceGroup]) -> None:
    """Delete an empty resource group."""
    resource_groups.remove(session, group)


def _quotas(_session: Session, _request: Request) -> QuotasResponse:
    """List quota definitions."""
    return QuotasResponse(resources=list(QUOTAS.values()))


def _quota(_session: Session, request: Request) -> QuotaResponse:
    """Get a quota definition."""
    quota = QUOTAS.get(request.params["id"])
    if quota is None:
        raise not_found()
    return quota


def routes() -> tuple[Route, ...]:
    all_, item_path, p = "/v2/resource_groups", "/v2/resource_groups/{id}", PLATFORM
    quotas, anyone = "/v2/quota_definitions", access.member("resource-controller.quota.read")
    change = access.item(RESOURCE_GROUP, "resource-controller.group.update")
    drop = access.item(RESOURCE_GROUP, "resource-controller.group.delete")
    make = access.create(resource_groups.CREATE)
    seen = access.listing(RESOURCE_GROUP)
    return (
        route("GET", all_, _list, surface=p, access=seen, answer=ResourceGroups, query=GroupsParameters),
        route(
            "POST", all_, _create, surface=p, access=make, body=CreateGroupRequest, answer=GroupMadeResponse, status=201
        ),
        route("GET", item_path, _get, surface=p, access=access.item(RESOURCE_GROUP), answer=ResourceGroupResponse),
        route(
            "PATCH", item_path, _update, surface=p, access=change, body=UpdateGroupRequest, answer=ResourceGroupResponse
        ),
        route("DELETE", item_path, _delete, surface=p, access=drop, status=204),
        route("GET", quotas, _quotas, surface=p, access=anyone, answer=QuotasResponse),
        route("GET", quotas + "/{id}", _quota, surface=p, access=anyone, answer=QuotaResponse),
    )
