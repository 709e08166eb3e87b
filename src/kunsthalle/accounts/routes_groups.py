"""Resource Manager: `/v2/resource_groups`, `/v2/quota_definitions`."""

from __future__ import annotations

import re

from msgspec import UNSET

from kunsthalle.accounts import groups, paging
from kunsthalle.accounts import queries as ask
from kunsthalle.accounts.kinds import RESOURCE_GROUP
from kunsthalle.accounts.wire import (
    QUOTAS,
    CreateGroupBody,
    GroupMadeWire,
    QuotasWire,
    QuotaWire,
    ResourceGroups,
    ResourceGroupWire,
    UpdateGroupBody,
    to_wire,
)
from kunsthalle.api import access
from kunsthalle.api.families.iam import PLATFORM
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.store.scope import find
from kunsthalle.store.unit import Unit


def _list(unit: Unit, request: Request) -> ResourceGroups:
    """List the resource groups of the account."""
    query = request.query
    default = paging.flag(request, "default") if "default" in query else None
    deleted = paging.flag(request, "include_deleted")
    if not re.fullmatch(r"(\d{4}-\d{2}(-\d{2})?)?", query.get("date", "")):
        raise invalid("bad_request", "date has the form YYYY-MM or YYYY-MM-DD.", "date", type_="parameter")
    if query.get("account_id", unit.ctx.account_id) != unit.ctx.account_id:
        return ResourceGroups(resources=[])
    found = ask.groups(unit, query.get("name"), default, deleted=deleted)
    return ResourceGroups(resources=[to_wire(group, unit.ctx) for group in found])


def _create(unit: Unit, request: Request) -> GroupMadeWire:
    """Create a resource group."""
    body: CreateGroupBody = request.body
    if body.account_id not in {None, unit.ctx.account_id}:
        raise not_found("account_id", "field")
    made = groups.create(unit, body.name)
    return GroupMadeWire(id=made.id, crn=made.crn)


def _get(unit: Unit, request: Request) -> ResourceGroupWire:
    """Get one resource group."""
    return to_wire(request.granted.it, unit.ctx)


def _update(unit: Unit, request: Request) -> ResourceGroupWire:
    """Rename a resource group."""
    if request.body.name is not UNSET:
        groups.change(unit, request.granted, request.body.name)
    return to_wire(find(unit, RESOURCE_GROUP, request.granted.it.id), unit.ctx)


def _delete(unit: Unit, request: Request) -> None:
    """Delete an empty resource group."""
    groups.remove(unit, request.granted)


def _quotas(_unit: Unit, _request: Request) -> QuotasWire:
    """List quota definitions."""
    return QuotasWire(resources=list(QUOTAS.values()))


def _quota(_unit: Unit, request: Request) -> QuotaWire:
    """Get a quota definition."""
    found = QUOTAS.get(request.params["id"])
    if found is None:
        raise not_found()
    return found


def routes() -> tuple[Route, ...]:
    all_, one, p = "/v2/resource_groups", "/v2/resource_groups/{id}", PLATFORM
    quotas, anyone = "/v2/quota_definitions", access.member("resource-controller.quota.read")
    change = access.item(RESOURCE_GROUP, "resource-controller.group.update")
    drop = access.item(RESOURCE_GROUP, "resource-controller.group.delete")
    make = access.create(groups.CREATE)
    seen = access.listing(RESOURCE_GROUP)
    return (
        route("GET", all_, _list, family=p, access=seen, answer=ResourceGroups),
        route("POST", all_, _create, family=p, access=make, body=CreateGroupBody, answer=GroupMadeWire, status=201),
        route("GET", one, _get, family=p, access=access.item(RESOURCE_GROUP), answer=ResourceGroupWire),
        route("PATCH", one, _update, family=p, access=change, body=UpdateGroupBody, answer=ResourceGroupWire),
        route("DELETE", one, _delete, family=p, access=drop, status=204),
        route("GET", quotas, _quotas, family=p, access=anyone, answer=QuotasWire),
        route("GET", quotas + "/{id}", _quota, family=p, access=anyone, answer=QuotaWire),
    )
