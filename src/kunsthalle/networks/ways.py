"""Routes of routing tables, below their table and, for the default table, below the VPC too."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.families.vpc import href
from kunsthalle.api.references import Identity, NamedIdentity, name_of
from kunsthalle.api.regular import Resource, equals, given, listing, making, reading, removing, updating
from kunsthalle.api.routing import Route
from kunsthalle.api.shapes import Name, NamedWire
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.networks.addressing import parse_address, parse_cidr
from kunsthalle.networks.kinds import ROUTE, ROUTING_TABLE, VPC
from kunsthalle.networks.model import NetworkRoute, RoutingTable, Vpc
from kunsthalle.networks.queries import locked, named, zone_of
from kunsthalle.networks.references import route_path, zone_ref
from kunsthalle.networks.wire import AddressWire
from kunsthalle.store.rows import delete, insert_named, update
from kunsthalle.store.scope import Granted, exists, unguarded
from kunsthalle.store.unit import Unit

NOWHERE = "0.0.0.0"  # noqa: S104  a next hop that is none, not an address to listen on
USUAL_PRIORITY = 2
Priority = Annotated[int, Meta(ge=0, le=4)]


class NextHopBody(Identity):
    """An address; or a VPN gateway's connection, of which there is none here."""

    address: str | UnsetType = UNSET


class RouteBody(Body):
    """A route. Without an action it delivers."""

    destination: str
    zone: NamedIdentity
    action: Literal["deliver", "delegate", "delegate_vpc", "drop"] = "deliver"
    next_hop: NextHopBody | UnsetType = UNSET
    advertise: bool = False
    priority: Priority = USUAL_PRIORITY
    name: Name | UnsetType = UNSET


class UpdateRouteBody(Body):
    """What may be changed of a route; null removes the next hop of one that does not deliver."""

    name: Name | UnsetType = UNSET
    next_hop: NextHopBody | UnsetType | None = UNSET
    advertise: bool | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET


class RouteWire(Wire):
    """A route."""

    action: str
    advertise: bool
    created_at: str
    destination: str
    href: str
    id: str
    lifecycle_state: str
    name: str
    next_hop: AddressWire
    origin: str
    priority: int
    zone: NamedWire


def route_wire(one: NetworkRoute, unit: Unit) -> RouteWire:
    return RouteWire(
        action=one.action,
        advertise=one.advertise,
        created_at=rfc3339(one.created_at),
        destination=one.destination,
        href=href(unit.ctx, route_path(one)),
        id=one.id,
        lifecycle_state="stable",
        name=one.name,
        next_hop=AddressWire(address=one.next_hop),
        origin="user",
        priority=one.priority,
        zone=zone_ref(unit.ctx, one.zone),
    )


def _reserved(name: str, field: str) -> None:
    if name.startswith("ibm-"):
        raise invalid("validation_invalid_name", "Names that begin with ibm- are the provider's.", field)


def _hop(action: str, body: NextHopBody | UnsetType | None, prefix: str = "") -> str:
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


def _fits(unit: Unit, one: NetworkRoute, prefix: str = "") -> None:
    """At most two routes go the same way, and only if both deliver; all of them advertise, or none does."""
    table = ROUTE.table.c
    same = [table.routing_table_id == one.routing_table_id, table.zone == one.zone, table.id != one.id]
    others = unguarded(unit, ROUTE, *same, table.destination == one.destination)
    if any(other.advertise != one.advertise for other in others):
        text = "All routes of a table with one destination and zone advertise, or none does."
        raise invalid("bad_field", text, f"{prefix}advertise")
    rivals = [other for other in others if other.priority == one.priority]
    deliver = all(other.action == "deliver" for other in (*rivals, one))
    if len(rivals) > 1 or (rivals and not deliver) or any(other.next_hop == one.next_hop for other in rivals):
        text = "The table has a route with this destination, zone and priority already."
        raise invalid("bad_field", text, f"{prefix}destination")


def create_route(unit: Unit, table: RoutingTable, body: RouteBody, prefix: str = "") -> NetworkRoute:
    """A new route of a table. 400 for what the SDK's `create_vpc_routing_table_route` refuses."""
    table = locked(unit, ROUTING_TABLE, table.id, "routing_table_id")
    name = given(body.name, "") or unit.ctx.ids.name()
    _reserved(name, f"{prefix}name")
    made = NetworkRoute(
        id=unit.ctx.ids.resource(unit.ctx.region.prefix),
        account_id=table.account_id,
        vpc_id=table.vpc_id,
        routing_table_id=table.id,
        resource_group_id=table.resource_group_id,
        name=name,
        zone=zone_of(unit, name_of(body.zone, f"{prefix}zone"), f"{prefix}zone"),
        destination=str(parse_cidr(body.destination, f"{prefix}destination")),
        action=body.action,
        next_hop=_hop(body.action, body.next_hop, prefix),
        advertise=body.advertise,
        priority=body.priority,
        created_at=unit.ctx.now(),
    )
    _fits(unit, made, prefix)
    return insert_named(unit, ROUTE, made)


def _create_in_default(unit: Unit, vpc: Vpc, body: RouteBody) -> NetworkRoute:
    return create_route(unit, named(unit, ROUTING_TABLE, vpc.default_routing_table_id), body)


def _update(unit: Unit, granted: Granted[NetworkRoute], body: UpdateRouteBody) -> None:
    locked(unit, ROUTING_TABLE, granted.it.routing_table_id, "routing_table_id")
    one = locked(unit, ROUTE, granted.it.id)
    _reserved(given(body.name, one.name), "name")
    changed: dict[str, Any] = {
        "advertise": given(body.advertise, one.advertise),
        "priority": given(body.priority, one.priority),
    }
    if body.next_hop is not UNSET:
        changed["next_hop"] = _hop(one.action, body.next_hop)
    wanted = replace(one, **changed)
    if wanted != one:
        _fits(unit, wanted)
        update(unit, ROUTE, one.id, **changed)


def _delete(unit: Unit, granted: Granted[NetworkRoute]) -> None:
    delete(unit, ROUTE, granted.it.id, granted.it.account_id)


ROUTES = Resource(
    ROUTE,
    "route",
    "/v1/vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes",
    route_wire,
    RouteWire,
    {"name": equals(ROUTE.table.c.name)},
    parent=ROUTING_TABLE,
    parent_field="routing_table_id",
    above="vpc_id",
    fresh="lifecycle_state",
)
_default = exists(VPC.table, VPC.table.c.default_routing_table_id == ROUTE.table.c.routing_table_id)
DEFAULT_ROUTES = Resource(
    replace(ROUTE, live=_default),
    "route of the default routing table",
    "/v1/vpcs/{vpc_id}/routes",
    route_wire,
    RouteWire,
    {"zone.name": equals(ROUTE.table.c.zone)},
    parent=VPC,
    parent_field="vpc_id",
    fresh="lifecycle_state",
)


def routes() -> tuple[Route, ...]:
    ways = ((ROUTES, create_route), (DEFAULT_ROUTES, _create_in_default))
    return tuple(
        one
        for resource, create in ways
        for one in (
            listing(resource),
            reading(resource),
            making(resource, create, RouteBody),
            updating(resource, UpdateRouteBody, _update),
            removing(resource, _delete),
        )
    )
