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
from kunsthalle.api.crud import Resource, changing, making, reading, removing
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


def _create(session: Session, body: CreateGroupRequest) -> ResourceGroup:
    if body.account_id not in {None, session.ctx.account_id}:
        raise not_found("account_id", "field")
    return resource_groups.create(session, body.name)


def _change(session: Session, group: Authorized[ResourceGroup], body: UpdateGroupRequest) -> ResourceGroup:
    if body.name is not UNSET:
        resource_groups.change(session, group, body.name)
    return find(session, RESOURCE_GROUP, group.resource.id)


RESOURCE = Resource(
    RESOURCE_GROUP,
    "/v2/resource_groups",
    lambda group, session: to_response(group, session.ctx),
    ResourceGroupResponse,
    surface=PLATFORM,
)


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
    p, quotas, anyone = PLATFORM, "/v2/quota_definitions", access.member("resource-controller.quota.read")
    seen = access.listing(RESOURCE_GROUP)
    made = (GroupMadeResponse, lambda group: GroupMadeResponse(id=group.id, crn=group.crn))
    return (
        route("GET", RESOURCE.path, _list, surface=p, access=seen, answer=ResourceGroups, query=GroupsParameters),
        making(RESOURCE, "Create a resource group.", _create, CreateGroupRequest, made=made),
        reading(RESOURCE, "Get one resource group."),
        changing(RESOURCE, "Rename a resource group.", _change, UpdateGroupRequest),
        removing(RESOURCE, "Delete an empty resource group.", resource_groups.remove),
        route("GET", quotas, _quotas, surface=p, access=anyone, answer=QuotasResponse),
        route("GET", quotas + "/{id}", _quota, surface=p, access=anyone, answer=QuotaResponse),
    )
