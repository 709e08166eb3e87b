"""Resource groups: `/v2/resource_groups`."""

from __future__ import annotations

from kunsthalle.accounts.kinds import RESOURCE_GROUP
from kunsthalle.accounts.queries import groups
from kunsthalle.accounts.wire import ResourceGroups, ResourceGroupWire, to_wire
from kunsthalle.api import access
from kunsthalle.api.families.iam import PLATFORM
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import invalid
from kunsthalle.store.unit import Unit


def _list(unit: Unit, request: Request) -> ResourceGroups:
    """List the resource groups of the account."""
    asked = request.query.get("default")
    if asked not in {None, "true", "false"}:
        raise invalid("bad_request", "default must be true or false.", "default", type_="parameter")
    if request.query.get("account_id", unit.ctx.account_id) != unit.ctx.account_id:
        return ResourceGroups(resources=[])
    found = groups(unit, request.query.get("name"), None if asked is None else asked == "true")
    return ResourceGroups(resources=[to_wire(group, unit.ctx) for group in found])


def _get(unit: Unit, request: Request) -> ResourceGroupWire:
    """Get one resource group."""
    return to_wire(request.granted.it, unit.ctx)


def routes() -> tuple[Route, ...]:
    return (
        route(
            "GET",
            "/v2/resource_groups",
            _list,
            family=PLATFORM,
            access=access.listing(RESOURCE_GROUP),
            answer=ResourceGroups,
        ),
        route(
            "GET",
            "/v2/resource_groups/{id}",
            _get,
            family=PLATFORM,
            access=access.item(RESOURCE_GROUP),
            answer=ResourceGroupWire,
        ),
    )
