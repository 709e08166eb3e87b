"""`/v2/roles`."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.families.iam import POLICY as FAMILY
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.roles import SERVICE_GROUPS, actions_of
from kunsthalle.identity import custom_roles as service
from kunsthalle.identity.kinds import CUSTOM_ROLE
from kunsthalle.identity.model import CustomRole
from kunsthalle.identity.paging import choice
from kunsthalle.identity.routes_service_ids import own_account
from kunsthalle.identity.wire_policies import (
    CustomRoleBody,
    CustomRoleWire,
    ReplaceRoleBody,
    RolesWire,
    custom_role_wire,
    role_wire,
)
from kunsthalle.store.scope import some
from kunsthalle.store.unit import Unit


def _service_group(request: Request) -> str | None:
    if "service_group_id" not in request.query:
        return None
    return choice(request, "service_group_id", tuple(SERVICE_GROUPS), "")


def _own(unit: Unit, request: Request, group: str | None) -> list[CustomRole]:
    table, query = CUSTOM_ROLE.table.c, request.query
    where = [table.account_id == query.get("account_id", unit.ctx.account_id)]
    if "service_name" in query:
        where.append(table.service_name == query["service_name"])
    if group is not None:
        where.append(table.service_name.in_(SERVICE_GROUPS[group]))
    return some(unit, CUSTOM_ROLE, *where)


def _list(unit: Unit, request: Request) -> RolesWire:
    """List the roles that can be granted: of the platform, of the service, of the account's own making."""
    query, type_ = request.query, choice(request, "policy_type", ("access", "authorization"), "access")
    group = _service_group(request)
    system, services = service.offered(query.get("service_name"), query.get("source_service_name"), type_, group)
    return RolesWire(
        custom_roles=[custom_role_wire(role, unit.ctx) for role in _own(unit, request, group)],
        service_roles=[role_wire(role, list(actions_of(role))) for role in services],
        system_roles=[role_wire(role, list(actions_of(role))) for role in system],
    )


def _reply(unit: Unit, role: CustomRole) -> Reply:
    return Reply(custom_role_wire(role, unit.ctx), headers={"ETag": f'"{service.role_tag(role)}"'})


def _create(unit: Unit, request: Request) -> Reply:
    """Create a role of actions."""
    body: CustomRoleBody = request.body
    own_account(unit, body.account_id)
    made = service.create_role(unit, body.name, body.service_name, body.display_name, body.actions, body.description)
    return _reply(unit, made)


def _get(unit: Unit, request: Request) -> Reply:
    """Get a role of the account's own."""
    return _reply(unit, request.granted.it)


def _replace(unit: Unit, request: Request) -> Reply:
    """Replace a role of the account's own."""
    body: ReplaceRoleBody = request.body
    service.same_version(request.granted.it, request.headers.get("if-match"))
    changed = service.replace_role(unit, request.granted, body.display_name, body.actions, body.description)
    return _reply(unit, changed)


def _delete(unit: Unit, request: Request) -> None:
    """Delete a role that no policy grants."""
    service.delete_role(unit, request.granted)


def routes() -> tuple[Route, ...]:
    many, one, word = "/v2/roles", "/v2/roles/{id}", "iam-access-management.customRole"
    return (
        route("GET", many, _list, family=FAMILY, access=access.listing(CUSTOM_ROLE), answer=RolesWire),
        route(
            "POST",
            many,
            _create,
            family=FAMILY,
            access=access.create(f"{word}.create"),
            body=CustomRoleBody,
            answer=CustomRoleWire,
            status=201,
        ),
        route("GET", one, _get, family=FAMILY, access=access.item(CUSTOM_ROLE), answer=CustomRoleWire),
        route(
            "PUT",
            one,
            _replace,
            family=FAMILY,
            access=access.item(CUSTOM_ROLE, f"{word}.update"),
            body=ReplaceRoleBody,
            answer=CustomRoleWire,
        ),
        route("DELETE", one, _delete, family=FAMILY, access=access.item(CUSTOM_ROLE, f"{word}.delete"), status=204),
    )
