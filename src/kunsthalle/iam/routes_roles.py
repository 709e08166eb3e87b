"""`/v2/roles`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing, making, reading, removing
from kunsthalle.api.query_params import Fault, Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import POLICY as FAMILY
from kunsthalle.authz.roles import SERVICE_GROUPS, actions_of
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, some
from kunsthalle.iam import custom_roles as service
from kunsthalle.iam.iam_pagination import Account
from kunsthalle.iam.models import CustomRole
from kunsthalle.iam.resources import CUSTOM_ROLE
from kunsthalle.iam.routes_service_ids import own_account
from kunsthalle.iam.schemas_policies import (
    CustomRoleRequest,
    CustomRoleResponse,
    ReplaceRoleRequest,
    RolesResponse,
    custom_role_response,
    role_response,
)


def _service_group(text: str) -> str:
    if text not in SERVICE_GROUPS:
        raise Fault("choice", f"one of {', '.join(SERVICE_GROUPS)}")
    return text


class RolesParameters(Parameters, frozen=True):
    """Of the list of roles."""

    account_id: Account = None
    service_name: Annotated[str | None, Meta(description="Only roles for the service of this name.")] = None
    source_service_name: Annotated[
        str | None, Meta(description="Only roles that authorize this service to use the other one.")
    ] = None
    policy_type: Annotated[
        Literal["access", "authorization"], Meta(description="The type of policy that the roles are for.")
    ] = "access"
    service_group_id: Annotated[
        str | None,
        Meta(
            description="Only roles for the services of this group.",
            extra={"parse": _service_group},
            extra_json_schema={"enum": sorted(SERVICE_GROUPS)},
        ),
    ] = None


def _own(session: Session, query: RolesParameters) -> list[CustomRole]:
    table = CUSTOM_ROLE.table.c
    where = [table.account_id == (query.account_id or session.ctx.account_id)]
    if query.service_name is not None:
        where.append(table.service_name == query.service_name)
    if query.service_group_id is not None:
        where.append(table.service_name.in_(SERVICE_GROUPS[query.service_group_id]))
    return some(session, CUSTOM_ROLE, *where)


def _list(session: Session, request: Request, query: RolesParameters) -> RolesResponse:  # noqa: ARG001  a handler's shape
    """List the roles that can be granted: of the platform, of the service, of the account's own making."""
    names = query.service_name, query.source_service_name
    system, services = service.offered(*names, query.policy_type, query.service_group_id)
    return RolesResponse(
        custom_roles=[custom_role_response(role, session.ctx) for role in _own(session, query)],
        service_roles=[role_response(role, list(actions_of(role))) for role in services],
        system_roles=[role_response(role, list(actions_of(role))) for role in system],
    )


def _create(session: Session, body: CustomRoleRequest) -> CustomRole:
    own_account(session, body.account_id)
    return service.create_role(session, body.name, body.service_name, body.display_name, body.actions, body.description)


def _replace(session: Session, role: Authorized[CustomRole], body: ReplaceRoleRequest, _as_read: None) -> CustomRole:
    return service.replace_role(session, role, body.display_name, body.actions, body.description)


RESOURCE = Resource(
    CUSTOM_ROLE,
    "/v2/roles",
    lambda role, session: custom_role_response(role, session.ctx),
    CustomRoleResponse,
    surface=FAMILY,
    tag=service.role_tag,
    expected=lambda request, role: service.same_version(role, request.headers.get("if-match")),
)


def routes() -> tuple[Route, ...]:
    return (
        route(
            "GET",
            RESOURCE.path,
            _list,
            surface=FAMILY,
            access=access.listing(CUSTOM_ROLE),
            answer=RolesResponse,
            query=RolesParameters,
        ),
        making(RESOURCE, "Create a role of actions.", _create, CustomRoleRequest),
        reading(RESOURCE, "Get a role of the account's own."),
        changing(RESOURCE, "Replace a role of the account's own.", _replace, ReplaceRoleRequest, method="PUT"),
        removing(RESOURCE, "Delete a role that no policy grants.", service.delete_role),
    )
