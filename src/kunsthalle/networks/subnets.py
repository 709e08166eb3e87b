"""Subnets, and what they are attached to: network ACL, routing table, public gateway."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.api import access
from kunsthalle.api.common_schemas import GroupRequest, Name
from kunsthalle.api.crud import Resource, equals, given, listing, making, reading, removing, updating
from kunsthalle.api.references import Identity, NamedIdentity, name_of, refer
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.api.surfaces.vpc import VPC as FAMILY
from kunsthalle.api.vpc_parameters import InVpcParameters, ZoneName
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.rows import update
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, ResourceType, find
from kunsthalle.networks import service
from kunsthalle.networks.models import Subnet
from kunsthalle.networks.network_acls import NETWORK_ACLS
from kunsthalle.networks.public_gateways import PUBLIC_GATEWAYS
from kunsthalle.networks.queries import locked, named, of_vpc, usual
from kunsthalle.networks.resources import NETWORK_ACL, PUBLIC_GATEWAY, ROUTING_TABLE, SUBNET, VPC
from kunsthalle.networks.routing_tables import ROUTING_TABLES
from kunsthalle.networks.schemas import SubnetResponse, subnet_response


class CreateSubnetRequest(RequestBody):
    """Exactly one of `ipv4_cidr_block` and `total_ipv4_address_count` (which needs `zone`)."""

    vpc: Identity
    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    ipv4_cidr_block: str | UnsetType = UNSET
    total_ipv4_address_count: int | UnsetType = UNSET
    zone: NamedIdentity | UnsetType = UNSET
    ip_version: Literal["ipv4", "both"] | UnsetType = UNSET
    network_acl: Identity | UnsetType = UNSET
    routing_table: Identity | UnsetType = UNSET
    public_gateway: Identity | UnsetType = UNSET


class UpdateSubnetRequest(RequestBody):
    """What may be changed of a subnet; null takes the public gateway away."""

    name: Name | UnsetType = UNSET
    network_acl: Identity | UnsetType = UNSET
    routing_table: Identity | UnsetType = UNSET
    public_gateway: Identity | UnsetType | None = UNSET


ATTACHED: dict[str, tuple[ResourceType[Any], Resource[Any]]] = {
    "network_acl": (NETWORK_ACL, NETWORK_ACLS),
    "routing_table": (ROUTING_TABLE, ROUTING_TABLES),
    "public_gateway": (PUBLIC_GATEWAY, PUBLIC_GATEWAYS),
}
"""What a subnet is attached to, by the name of the field."""


def _referred(session: Session, body: Any, name: str) -> Any:
    identity = getattr(body, name)
    return None if isinstance(identity, UnsetType) else refer(session, ATTACHED[name][0], identity, name).resource


def _create(session: Session, body: CreateSubnetRequest) -> Subnet:
    if (body.ipv4_cidr_block is UNSET) == (body.total_ipv4_address_count is UNSET):
        text = "Exactly one of ipv4_cidr_block and total_ipv4_address_count must be given."
        raise invalid("validation_only_one", text, "ipv4_cidr_block")
    return service.create_subnet(
        session,
        refer(session, VPC, body.vpc, "vpc").resource,
        given(body.name, "") or None,
        None if isinstance(body.zone, UnsetType) else name_of(body.zone, "zone"),
        cidr=None if isinstance(body.ipv4_cidr_block, UnsetType) else body.ipv4_cidr_block,
        count=None if isinstance(body.total_ipv4_address_count, UnsetType) else body.total_ipv4_address_count,
        group_id=None if isinstance(body.resource_group, UnsetType) else body.resource_group.id,
        acl=_referred(session, body, "network_acl"),
        table=_referred(session, body, "routing_table"),
        gateway=_referred(session, body, "public_gateway"),
    )


def _attach(session: Session, subnet: Subnet, name: str, identity: Identity | None, field: str) -> None:
    """Puts something else in a subnet's place for it; None only for the public gateway."""
    kind = ATTACHED[name][0]
    locked(session, VPC, subnet.vpc_id)
    subnet = locked(session, SUBNET, subnet.id)
    part = None if identity is None else refer(session, kind, identity, field).resource
    if part is not None:
        part = locked(session, kind, part.id, field, "field")
        service.fits(part, subnet.vpc_id, subnet.zone, field)
    if getattr(subnet, f"{name}_id") != (part and part.id):
        update(session, SUBNET, subnet.id, **{f"{name}_id": part and part.id})


def _update(session: Session, granted: Authorized[Subnet], body: UpdateSubnetRequest) -> None:
    for name in ATTACHED:
        identity = getattr(body, name)
        if identity is not UNSET:
            _attach(session, granted.resource, name, identity, name)


_SUMMARIES = {
    "network_acl": ("Get the network ACL of a subnet.", "Attach another network ACL to a subnet."),
    "routing_table": ("Get the routing table of a subnet.", "Attach another routing table to a subnet."),
    "public_gateway": ("Get the public gateway of a subnet.", "Attach a public gateway to a subnet."),
}
"""Of reading what a subnet is attached to, and of attaching it."""


def _attachment(name: str) -> tuple[Route, ...]:
    """GET and PUT of one resource that a subnet is attached to, below the subnet."""
    kind, resource = ATTACHED[name]
    path = f"{SUBNETS.path}/{{id}}/{name}"

    def get(session: Session, _request: Request, subnet: Subnet) -> Any:
        id_ = getattr(subnet, f"{name}_id")
        if id_ is None:
            raise not_found()
        return resource.to_response(find(session, kind, id_), session)

    def put(session: Session, request: Request, subnet: Subnet) -> Any:
        _attach(session, subnet, name, request.body, name)
        changed = find(session, SUBNET, subnet.id)
        return resource.to_response(named(session, kind, getattr(changed, f"{name}_id")), session)

    read, change = SUBNETS.on_one(), SUBNETS.on_one("update")
    shown, attached = _SUMMARIES[name]
    return (
        route("GET", path, get, surface=FAMILY, access=read, answer=resource.answer, summary=shown),
        route(
            "PUT",
            path,
            put,
            surface=FAMILY,
            access=change,
            body=Identity,
            answer=resource.answer,
            status=201,
            summary=attached,
        ),
    )


def _detach_gateway(session: Session, _request: Request, subnet: Subnet) -> None:
    """Take the public gateway from one subnet."""
    if subnet.public_gateway_id is None:
        raise not_found()
    _attach(session, subnet, "public_gateway", None, "public_gateway")


def _table_named(_session: Session, value: str) -> Any:
    table = ROUTING_TABLE.table.c
    return exists(ROUTING_TABLE.table, table.id == SUBNET.table.c.routing_table_id, table.name == value)


class SubnetParameters(InVpcParameters, frozen=True):
    """Of the list of subnets."""

    zone_name: ZoneName = field(name="zone.name", default=None)
    routing_table_id: Annotated[str | None, Meta(description="Only subnets with the routing table of this ID.")] = (
        field(name="routing_table.id", default=None)
    )
    routing_table_name: Annotated[str | None, Meta(description="Only subnets with a routing table of this name.")] = (
        field(name="routing_table.name", default=None)
    )


SUBNETS = Resource(
    SUBNET,
    "/v1/subnets",
    subnet_response,
    SubnetResponse,
    {
        **usual(SUBNET),
        **of_vpc(SUBNET.table.c.vpc_id),
        "zone_name": equals(SUBNET.table.c.zone),
        "routing_table_id": equals(SUBNET.table.c.routing_table_id),
        "routing_table_name": _table_named,
    },
    query=SubnetParameters,
    fresh="status",
)


def routes() -> tuple[Route, ...]:
    gateway, rule = f"{SUBNETS.path}/{{id}}/public_gateway", access.item(SUBNET, SUBNETS.action("update"))
    return (
        listing(SUBNETS, "List the subnets."),
        reading(SUBNETS, "Get a subnet."),
        making(SUBNETS, "Create a subnet.", _create, CreateSubnetRequest),
        updating(SUBNETS, "Change a subnet.", UpdateSubnetRequest, _update),
        removing(SUBNETS, "Delete a subnet.", service.delete_subnet),
        *(attach_route for name in ATTACHED for attach_route in _attachment(name)),
        route("DELETE", gateway, _detach_gateway, surface=FAMILY, access=rule, status=204),
    )
