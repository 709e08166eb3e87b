"""Routes of routing tables, below their table and, for the default table, below the VPC too."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.api.common_schemas import Name, NamedResponse
from kunsthalle.api.crud import Resource, equals, given, listing, making, reading, removing, updating
from kunsthalle.api.references import Identity, NamedIdentity, name_of
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import PageParameters, href
from kunsthalle.api.vpc_parameters import NamedParameters, ZoneName
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.rows import delete, insert_named, update
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.networks.ipv4_blocks import parse_address, parse_cidr
from kunsthalle.networks.models import NetworkRoute, RoutingTable, Vpc
from kunsthalle.networks.network_references import route_path, zone_ref
from kunsthalle.networks.queries import locked, named, zone_of
from kunsthalle.networks.resources import ROUTE, ROUTING_TABLE, VPC
from kunsthalle.networks.schemas import AddressResponse

NOWHERE = "0.0.0.0"  # noqa: S104  a next hop that is none, not an address to listen on
USUAL_PRIORITY = 2
MOST_ROUTES = 5_000
"""Of a VPC: they go with it in one transaction (U)."""
Priority = Annotated[int, Meta(ge=0, le=4)]


class NextHopRequest(Identity):
    """An address; or a VPN gateway's connection, of which there is none here."""

    address: str | UnsetType = UNSET


class RouteRequest(RequestBody):
    """A route. Without an action it delivers."""

    destination: str
    zone: NamedIdentity
    action: Literal["deliver", "delegate", "delegate_vpc", "drop"] = "deliver"
    next_hop: NextHopRequest | UnsetType = UNSET
    advertise: bool = False
    priority: Priority = USUAL_PRIORITY
    name: Name | UnsetType = UNSET


class UpdateRouteRequest(RequestBody):
    """What may be changed of a route; null removes the next hop of one that does not deliver."""

    name: Name | UnsetType = UNSET
    next_hop: NextHopRequest | UnsetType | None = UNSET
    advertise: bool | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET


class RouteResponse(ResponseBody):
    """A route."""

    action: str
    advertise: bool
    created_at: str
    destination: str
    href: str
    id: str
    lifecycle_state: str
    name: str
    next_hop: AddressResponse
    origin: str
    priority: int
    zone: NamedResponse


def route_response(network_route: NetworkRoute, session: Session) -> RouteResponse:
    return RouteResponse(
        action=network_route.action,
        advertise=network_route.advertise,
        created_at=rfc3339(network_route.created_at),
        destination=network_route.destination,
        href=href(session.ctx, route_path(network_route)),
        id=network_route.id,
        lifecycle_state="stable",
        name=network_route.name,
        next_hop=AddressResponse(address=network_route.next_hop),
        origin="user",
        priority=network_route.priority,
        zone=zone_ref(session.ctx, network_route.zone),
    )


def _reserved(name: str, field: str) -> None:
    if name.startswith("ibm-"):
        raise invalid("validation_invalid_name", "Names that begin with ibm- are the provider's.", field)


def _hop(action: str, body: NextHopRequest | UnsetType | None, prefix: str = "") -> str:
    """An address for what is delivered, none for the rest."""
    field = f"{prefix}next_hop"
    if body is None or isinstance(body, UnsetType):
        if action == "deliver":
            raise invalid("validation_required_field", "A route that delivers needs its next hop.", field)
        return NOWHERE
    if isinstance(body.address, UnsetType):
        raise not_found(field, "field")
    address = str(parse_address(body.address, f"{field}.address"))
    if (address == NOWHERE) == (action == "deliver"):
        text = "The next hop is an address if the action is deliver, and 0.0.0.0 if it is not."
        raise invalid("bad_field", text, f"{field}.address")
    return address


def _fits(session: Session, network_route: NetworkRoute, prefix: str = "") -> None:
    """At most two routes go the same way, and only if both deliver; all of them advertise, or none does."""
    table = ROUTE.table.c
    same = [
        table.routing_table_id == network_route.routing_table_id,
        table.zone == network_route.zone,
        table.id != network_route.id,
    ]
    others = unscoped(session, ROUTE, *same, table.destination == network_route.destination)
    if any(other.advertise != network_route.advertise for other in others):
        text = "All routes of a table with one destination and zone advertise, or none does."
        raise invalid("bad_field", text, f"{prefix}advertise")
    rivals = [other for other in others if other.priority == network_route.priority]
    deliver = all(other.action == "deliver" for other in (*rivals, network_route))
    if len(rivals) > 1 or (rivals and not deliver) or any(other.next_hop == network_route.next_hop for other in rivals):
        text = "The table has a route with this destination, zone and priority already."
        raise invalid("bad_field", text, f"{prefix}destination")


def create_route(session: Session, table: RoutingTable, body: RouteRequest, prefix: str = "") -> NetworkRoute:
    """A new route of a table. 400 for what the SDK's `create_vpc_routing_table_route` refuses."""
    table = locked(session, ROUTING_TABLE, table.id, "routing_table_id")
    if number_of(session, ROUTE.table, ROUTE.table.c.vpc_id == table.vpc_id) >= MOST_ROUTES:
        text = f"The routing tables of a VPC have at most {MOST_ROUTES} routes together."
        raise invalid("over_quota", text, f"{prefix}destination")
    name = given(body.name, "") or session.ctx.ids.name()
    _reserved(name, f"{prefix}name")
    made = NetworkRoute(
        id=session.ctx.ids.resource(session.ctx.region.prefix),
        account_id=table.account_id,
        vpc_id=table.vpc_id,
        routing_table_id=table.id,
        resource_group_id=table.resource_group_id,
        name=name,
        zone=zone_of(session, name_of(body.zone, f"{prefix}zone"), f"{prefix}zone"),
        destination=str(parse_cidr(body.destination, f"{prefix}destination")),
        action=body.action,
        next_hop=_hop(body.action, body.next_hop, prefix),
        advertise=body.advertise,
        priority=body.priority,
        created_at=session.ctx.now(),
    )
    _fits(session, made, prefix)
    return insert_named(session, ROUTE, made)


def _create_in_default(session: Session, vpc: Vpc, body: RouteRequest) -> NetworkRoute:
    return create_route(session, named(session, ROUTING_TABLE, vpc.default_routing_table_id), body)


def _update(session: Session, granted: Authorized[NetworkRoute], body: UpdateRouteRequest) -> None:
    locked(session, ROUTING_TABLE, granted.resource.routing_table_id, "routing_table_id")
    current = locked(session, ROUTE, granted.resource.id)
    _reserved(given(body.name, current.name), "name")
    changed: dict[str, Any] = {
        "advertise": given(body.advertise, current.advertise),
        "priority": given(body.priority, current.priority),
    }
    if body.next_hop is not UNSET:
        changed["next_hop"] = _hop(current.action, body.next_hop)
    changed_route = replace(current, **changed)
    if changed_route != current:
        _fits(session, changed_route)
        update(session, ROUTE, current.id, **changed)


def _delete(session: Session, granted: Authorized[NetworkRoute]) -> None:
    delete(session, ROUTE, granted.resource.id, granted.resource.account_id)


ROUTES = Resource(
    ROUTE,
    "/v1/vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes",
    route_response,
    RouteResponse,
    {"name": equals(ROUTE.table.c.name)},
    parent=ROUTING_TABLE,
    parent_field="routing_table_id",
    above="vpc_id",
    query=NamedParameters,
    fresh="lifecycle_state",
)


class DefaultRouteParameters(PageParameters, frozen=True):
    """Of the list of routes of a VPC's default routing table."""

    zone_name: ZoneName = field(name="zone.name", default=None)


_default = exists(VPC.table, VPC.table.c.default_routing_table_id == ROUTE.table.c.routing_table_id)
DEFAULT_ROUTES = Resource(
    replace(ROUTE, live=_default),
    "/v1/vpcs/{vpc_id}/routes",
    route_response,
    RouteResponse,
    {"zone_name": equals(ROUTE.table.c.zone)},
    parent=VPC,
    parent_field="vpc_id",
    query=DefaultRouteParameters,
    fresh="lifecycle_state",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(ROUTES, "List the routes of a routing table."),
        reading(ROUTES, "Get a route of a routing table."),
        making(ROUTES, "Create a route of a routing table.", create_route, RouteRequest),
        updating(ROUTES, "Change a route of a routing table.", UpdateRouteRequest, _update),
        removing(ROUTES, "Delete a route of a routing table.", _delete),
        listing(DEFAULT_ROUTES, "List the routes of the default routing table."),
        reading(DEFAULT_ROUTES, "Get a route of the default routing table."),
        making(DEFAULT_ROUTES, "Create a route of the default routing table.", _create_in_default, RouteRequest),
        updating(DEFAULT_ROUTES, "Change a route of the default routing table.", UpdateRouteRequest, _update),
        removing(DEFAULT_ROUTES, "Delete a route of the default routing table.", _delete),
    )
