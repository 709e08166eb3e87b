"""Routing tables. Records only: what a table is selected for, and who advertises it, changes no packet's way."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import ColumnElement

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.common_schemas import GroupResponse, Name
from kunsthalle.api.crud import Resource, equals, given, listing, making, reading, removing, updating
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.api.vpc_parameters import NamedParameters
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import delete, insert_named, update
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of, remove_rows
from kunsthalle.db.visibility import Authorized, some
from kunsthalle.networks.models import RoutingTable, Vpc
from kunsthalle.networks.network_references import (
    ItemReferenceResponse,
    TypedReferenceResponse,
    route_ref,
    routing_table_path,
    subnet_ref,
)
from kunsthalle.networks.queries import attached_subnets, in_vpc, locked, named, refuse_full
from kunsthalle.networks.resources import ROUTE, ROUTING_TABLE, SUBNET, VPC
from kunsthalle.networks.routing_table_routes import RouteRequest, create_route

INGRESS = ("direct_link", "internet", "transit_gateway", "vpc_zone")
"""The sources of incoming traffic; each selects at most one table of a VPC."""
_UNATTACHED = ("direct_link", "transit_gateway", "vpc_zone")
NOTHING: dict[str, bool] = dict.fromkeys(INGRESS, False)
Advertised = Literal["direct_link", "transit_gateway"]


class SourceRequest(RequestBody):
    """A kind of resource that may add routes."""

    resource_type: Literal["vpn_gateway", "vpn_server"]


class UpdateRoutingTableRequest(RequestBody):
    """What may be changed of a routing table."""

    name: Name | UnsetType = UNSET
    accept_routes_from: Annotated[list[SourceRequest], at_most(100)] | UnsetType = UNSET
    advertise_routes_to: Annotated[list[Advertised], at_most(100)] | UnsetType = UNSET
    route_direct_link_ingress: bool | UnsetType = UNSET
    route_internet_ingress: bool | UnsetType = UNSET
    route_transit_gateway_ingress: bool | UnsetType = UNSET
    route_vpc_zone_ingress: bool | UnsetType = UNSET


class CreateRoutingTableRequest(UpdateRoutingTableRequest):
    """Everything is optional."""

    routes: Annotated[list[RouteRequest], at_most(100)] | UnsetType = UNSET


class SourceResponse(ResponseBody):
    """A kind of resource that may add routes."""

    resource_type: str


class RoutingTableResponse(ResponseBody):
    """A routing table."""

    accept_routes_from: list[SourceResponse]
    advertise_routes_to: list[str]
    created_at: str
    crn: str
    href: str
    id: str
    is_default: bool
    lifecycle_state: str
    name: str
    resource_group: GroupResponse
    resource_type: str
    route_direct_link_ingress: bool
    route_internet_ingress: bool
    route_transit_gateway_ingress: bool
    route_vpc_zone_ingress: bool
    routes: list[ItemReferenceResponse]
    subnets: list[TypedReferenceResponse]


def table_response(table: RoutingTable, session: Session) -> RoutingTableResponse:
    ctx = session.ctx
    return RoutingTableResponse(
        accept_routes_from=[
            SourceResponse(resource_type=route_source["resource_type"]) for route_source in table.accept_routes_from
        ],
        advertise_routes_to=table.advertise_routes_to,
        created_at=rfc3339(table.created_at),
        crn=table.crn,
        href=href(ctx, routing_table_path(table)),
        id=table.id,
        is_default=named(session, VPC, table.vpc_id).default_routing_table_id == table.id,
        lifecycle_state="stable",
        name=table.name,
        resource_group=group_response(session, table.resource_group_id),
        resource_type="routing_table",
        **{f"route_{source}_ingress": table.ingress[source] for source in INGRESS},
        routes=[route_ref(route, ctx) for route in some(session, ROUTE, ROUTE.table.c.routing_table_id == table.id)],
        subnets=[subnet_ref(subnet, ctx) for subnet in attached_subnets(session, "routing_table_id", table.id)],
    )


def _values(
    session: Session, vpc_id: str, body: UpdateRoutingTableRequest, table: RoutingTable | None
) -> dict[str, Any]:
    """The columns as they will be; the rules of the SDK's `RoutingTablePatch` hold for them."""
    ingress = dict(table.ingress if table else NOTHING)
    selected = {source: given(getattr(body, f"route_{source}_ingress"), ingress[source]) for source in INGRESS}
    new = {source for source in INGRESS if selected[source] and not ingress[source]}
    _selectable(session, vpc_id, new, table)
    advertise_routes_to: list[Any] = table.advertise_routes_to if table else []
    advertised: list[str] = (
        advertise_routes_to if isinstance(body.advertise_routes_to, UnsetType) else [*body.advertise_routes_to]
    )
    for source in advertised:
        if not selected[source]:
            text = f"{source} is advertised to only while route_{source}_ingress is true."
            raise invalid("bad_field", text, "advertise_routes_to")
    accepted = body.accept_routes_from
    filters: list[Any] = table.accept_routes_from if table else []
    if not isinstance(accepted, UnsetType):
        filters = [{"resource_type": route_source.resource_type} for route_source in accepted]
    return {
        "accept_routes_from": filters,
        "advertise_routes_to": list(dict.fromkeys(advertised)),
        "ingress": selected,
    }


def _selectable(session: Session, vpc_id: str, new: set[str], table: RoutingTable | None) -> None:
    for other in in_vpc(session, ROUTING_TABLE, vpc_id) if new else ():
        taken = sorted(source for source in new if other.ingress[source])
        if taken:
            text = f"Another routing table of the VPC has route_{taken[0]}_ingress already."
            raise invalid("bad_field", text, f"route_{taken[0]}_ingress")
    attached = () if table is None else in_vpc(session, SUBNET, vpc_id)
    if new.intersection(_UNATTACHED) and any(subnet.routing_table_id == table.id for subnet in attached if table):
        source = min(new.intersection(_UNATTACHED))
        raise invalid("bad_field", "Subnets are attached to the routing table.", f"route_{source}_ingress")


def _create(session: Session, vpc: Vpc, body: CreateRoutingTableRequest) -> RoutingTable:
    vpc = locked(session, VPC, vpc.id, "vpc_id")
    refuse_full(session, ROUTING_TABLE, vpc.id, "routing tables")
    ids = session.ctx.ids
    made = RoutingTable(
        id=ids.resource(session.ctx.region.prefix),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=vpc.resource_group_id,
        name=given(body.name, "") or ids.name(),
        **_values(session, vpc.id, body, None),
        created_at=session.ctx.now(),
    )
    insert_named(session, ROUTING_TABLE, made)
    for at, route_request in enumerate(given(body.routes, [])):
        create_route(session, made, route_request, f"routes[{at}].")
    return made


def _update(session: Session, granted: Authorized[RoutingTable], body: UpdateRoutingTableRequest) -> None:
    locked(session, VPC, granted.resource.vpc_id, "vpc_id")
    table = locked(session, ROUTING_TABLE, granted.resource.id)
    values = _values(session, table.vpc_id, body, table)
    if any(value != getattr(table, name) for name, value in values.items()):
        update(session, ROUTING_TABLE, table.id, **values)


def _delete(session: Session, granted: Authorized[RoutingTable]) -> None:
    """409 for the default table and for one that subnets use; codes are our own (U)."""
    vpc = locked(session, VPC, granted.resource.vpc_id, "vpc_id")
    table = locked(session, ROUTING_TABLE, granted.resource.id)
    if vpc.default_routing_table_id == table.id:
        raise conflict("routing_table_vpc_default", "The routing table is the default of its VPC.")
    if number_of(session, SUBNET.table, SUBNET.table.c.routing_table_id == table.id):
        raise conflict("routing_table_in_use", "The routing table is attached to subnets.")
    remove_rows(session, ROUTE.table, ROUTE.table.c.routing_table_id == table.id)
    delete(session, ROUTING_TABLE, table.id, table.account_id)


def _is_default(_session: Session, value: bool) -> ColumnElement[bool]:
    default = exists(VPC.table, VPC.table.c.default_routing_table_id == ROUTING_TABLE.table.c.id)
    return default if value else ~default


class RoutingTableParameters(NamedParameters, frozen=True):
    """Of the list of routing tables."""

    is_default: Annotated[
        bool | None, Meta(description="Only the default routing table of the VPC, or only the others.")
    ] = None


ROUTING_TABLES = Resource(
    ROUTING_TABLE,
    "/v1/vpcs/{vpc_id}/routing_tables",
    table_response,
    RoutingTableResponse,
    {"is_default": _is_default, "name": equals(ROUTING_TABLE.table.c.name)},
    parent=VPC,
    parent_field="vpc_id",
    query=RoutingTableParameters,
    fresh="lifecycle_state",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(ROUTING_TABLES, "List the routing tables."),
        reading(ROUTING_TABLES, "Get a routing table."),
        making(ROUTING_TABLES, "Create a routing table.", _create, CreateRoutingTableRequest),
        updating(ROUTING_TABLES, "Change a routing table.", UpdateRoutingTableRequest, _update),
        removing(ROUTING_TABLES, "Delete a routing table.", _delete),
    )
