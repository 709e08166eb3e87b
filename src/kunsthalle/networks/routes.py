"""`/v1/vpcs`, `/v1/subnets`, `/v1/security_groups`, `/v1/network_acls`, `/v1/keys`, `/v1/regions`."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import UNSET, UnsetType
from sqlalchemy import Column, ColumnElement, false

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC as FAMILY
from kunsthalle.api.references import name_of, own_by_name, refer
from kunsthalle.api.regular import Filter, Resource, equals, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.shapes import GroupBody
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.networks import geography, service
from kunsthalle.networks.bodies import CreateKeyBody, CreateSecurityGroupBody, CreateSubnetBody, CreateVpcBody
from kunsthalle.networks.kinds import (
    ADDRESS_PREFIX,
    KEY,
    NETWORK_ACL,
    RESERVED_IP,
    ROUTING_TABLE,
    SECURITY_GROUP,
    SECURITY_GROUP_TARGET,
    SUBNET,
    VPC,
)
from kunsthalle.networks.model import Key, SecurityGroup, Subnet, Vpc
from kunsthalle.networks.rules_wire import NetworkAclWire, SecurityGroupWire, acl_wire, security_group_wire
from kunsthalle.networks.wire import (
    AddressPrefixWire,
    KeyWire,
    ReservedIpWire,
    RoutingTableWire,
    SubnetWire,
    TargetWire,
    VpcWire,
    ip_wire,
    key_wire,
    prefix_wire,
    subnet_wire,
    table_wire,
    target_wire,
    vpc_wire,
)
from kunsthalle.store.scope import Kind, find
from kunsthalle.store.unit import Unit

T = TypeVar("T")


def _usual(kind: Kind[Any]) -> dict[str, Filter]:
    columns = kind.table.c
    return {"name": equals(columns.name), "resource_group.id": equals(columns.resource_group_id)}


def _of_vpc(column: Column[Any]) -> dict[str, Filter]:
    def named(unit: Unit, value: str) -> ColumnElement[bool]:
        vpc = own_by_name(unit, VPC, value)
        return column == (vpc.id if vpc else None)

    def by_crn(unit: Unit, value: str) -> ColumnElement[bool]:
        try:
            crn = parse(value)
        except ValueError:
            return false()
        return column == (crn.resource if crn.account == unit.ctx.account_id else None)

    return {"vpc.id": equals(column), "vpc.crn": by_crn, "vpc.name": named}


VPCS = Resource(
    VPC,
    "VPC",
    "/v1/vpcs",
    vpc_wire,
    VpcWire,
    {**_usual(VPC), "classic_access": lambda _unit, value: VPC.table.c.classic_access == (value == "true")},
)
ADDRESS_PREFIXES = Resource(
    ADDRESS_PREFIX,
    "address prefix",
    "/v1/vpcs/{vpc_id}/address_prefixes",
    prefix_wire,
    AddressPrefixWire,
    parent=VPC,
    parent_field="vpc_id",
)
ROUTING_TABLES = Resource(
    ROUTING_TABLE,
    "routing table",
    "/v1/vpcs/{vpc_id}/routing_tables",
    table_wire,
    RoutingTableWire,
    parent=VPC,
    parent_field="vpc_id",
)
SUBNETS = Resource(
    SUBNET,
    "subnet",
    "/v1/subnets",
    subnet_wire,
    SubnetWire,
    {
        **_usual(SUBNET),
        **_of_vpc(SUBNET.table.c.vpc_id),
        "zone.name": equals(SUBNET.table.c.zone),
        "routing_table.id": equals(SUBNET.table.c.routing_table_id),
    },
)
RESERVED_IPS = Resource(
    RESERVED_IP,
    "reserved IP",
    "/v1/subnets/{subnet_id}/reserved_ips",
    ip_wire,
    ReservedIpWire,
    {"target.id": equals(RESERVED_IP.table.c.target_id)},
    parent=SUBNET,
    parent_field="subnet_id",
)
SECURITY_GROUPS = Resource(
    SECURITY_GROUP,
    "security group",
    "/v1/security_groups",
    security_group_wire,
    SecurityGroupWire,
    {**_usual(SECURITY_GROUP), **_of_vpc(SECURITY_GROUP.table.c.vpc_id)},
)
TARGETS = Resource(
    SECURITY_GROUP_TARGET,
    "target of a security group",
    "/v1/security_groups/{security_group_id}/targets",
    target_wire,
    TargetWire,
    parent=SECURITY_GROUP,
    parent_field="security_group_id",
)
NETWORK_ACLS = Resource(NETWORK_ACL, "network ACL", "/v1/network_acls", acl_wire, NetworkAclWire, _usual(NETWORK_ACL))
KEYS = Resource(KEY, "key", "/v1/keys", key_wire, KeyWire, _usual(KEY))


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _group(body: GroupBody | UnsetType) -> str | None:
    return None if isinstance(body, UnsetType) else body.id


def _create_vpc(unit: Unit, body: CreateVpcBody) -> Vpc:
    return service.create_vpc(
        unit,
        _given(body.name),
        group_id=_group(body.resource_group),
        prefixes=body.address_prefix_management != "manual",
        classic_access=body.classic_access is True,
    )


def _create_subnet(unit: Unit, body: CreateSubnetBody) -> Subnet:
    if (body.ipv4_cidr_block is UNSET) == (body.total_ipv4_address_count is UNSET):
        text = "Exactly one of ipv4_cidr_block and total_ipv4_address_count must be given."
        raise invalid("validation_only_one", text, "ipv4_cidr_block")
    if body.public_gateway is not UNSET:
        raise not_found("public_gateway", "field")  # there are no public gateways here, so no account has this one
    acl, table = body.network_acl, body.routing_table
    return service.create_subnet(
        unit,
        refer(unit, VPC, body.vpc, "vpc").it,
        _given(body.name),
        None if isinstance(body.zone, UnsetType) else name_of(body.zone, "zone"),
        cidr=_given(body.ipv4_cidr_block),
        count=_given(body.total_ipv4_address_count),
        group_id=_group(body.resource_group),
        acl=None if isinstance(acl, UnsetType) else refer(unit, NETWORK_ACL, acl, "network_acl").it,
        table=None if isinstance(table, UnsetType) else refer(unit, ROUTING_TABLE, table, "routing_table").it,
    )


def _create_security_group(unit: Unit, body: CreateSecurityGroupBody) -> SecurityGroup:
    vpc = refer(unit, VPC, body.vpc, "vpc").it
    rules = _given(body.rules) or ()
    return service.create_security_group(unit, vpc, _given(body.name), rules, group_id=_group(body.resource_group))


def _create_key(unit: Unit, body: CreateKeyBody) -> Key:
    group = _group(body.resource_group)
    return service.create_key(unit, _given(body.name), body.public_key, type_=_given(body.type), group_id=group)


def _default(resource: Resource[Any], what: str) -> Route:
    """What came with a VPC, below the VPC's own path."""

    def call(unit: Unit, request: Request) -> Any:
        return resource.to_wire(find(unit, resource.kind, getattr(request.granted.it, f"{what}_id")), unit)

    call.__doc__ = f"Get the default {resource.noun} of one VPC."
    return route("GET", f"/v1/vpcs/{{id}}/{what}", call, family=FAMILY, access=access.item(VPC), answer=resource.answer)


def _get_target(unit: Unit, request: Request) -> TargetWire:
    """Get one target of one security group."""
    id_ = f"{request.granted.it.id}:{request.params['id']}"
    return target_wire(find(unit, SECURITY_GROUP_TARGET, id_), unit)


def routes() -> tuple[Route, ...]:
    everything: tuple[Resource[Any], ...] = (
        VPCS,
        ADDRESS_PREFIXES,
        ROUTING_TABLES,
        SUBNETS,
        RESERVED_IPS,
        SECURITY_GROUPS,
        NETWORK_ACLS,
        KEYS,
    )
    named: tuple[Resource[Any], ...] = (VPCS, ROUTING_TABLES, SUBNETS, SECURITY_GROUPS, NETWORK_ACLS, KEYS)
    return (
        *geography.routes(),
        *(listing(one) for one in everything),
        *(reading(one) for one in everything),
        *(updating(one) for one in named),
        listing(TARGETS),
        route(
            "GET",
            f"{TARGETS.path}/{{id}}",
            _get_target,
            family=FAMILY,
            access=access.item(SECURITY_GROUP, param=TARGETS.parent_field),
            answer=TargetWire,
        ),
        making(VPCS, _create_vpc, CreateVpcBody),
        making(SUBNETS, _create_subnet, CreateSubnetBody),
        making(SECURITY_GROUPS, _create_security_group, CreateSecurityGroupBody),
        making(KEYS, _create_key, CreateKeyBody),
        removing(VPCS, service.delete_vpc),
        removing(SUBNETS, service.delete_subnet),
        removing(SECURITY_GROUPS, service.delete_security_group),
        removing(KEYS, service.delete_key),
        _default(SECURITY_GROUPS, "default_security_group"),
        _default(NETWORK_ACLS, "default_network_acl"),
        _default(ROUTING_TABLES, "default_routing_table"),
    )
