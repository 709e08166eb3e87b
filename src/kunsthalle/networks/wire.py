"""VPCs, subnets, addresses, routing tables and keys as the VPC API shows them (reference/vpc-api.md B3, network)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import GroupWire, NamedWire, ReasonWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.networks.kinds import NETWORK_ACL, ROUTING_TABLE, SECURITY_GROUP, SUBNET, VPC
from kunsthalle.networks.model import (
    AddressPrefix,
    Key,
    ReservedIp,
    RoutingTable,
    SecurityGroupTarget,
    Subnet,
    Vpc,
)
from kunsthalle.networks.queries import attached_subnets, available, in_vpc, ip_of_target, named
from kunsthalle.networks.references import (
    CrnReferenceWire,
    IpReferenceWire,
    TypedReferenceWire,
    ip_path,
    ip_ref,
    key_path,
    network_acl_ref,
    routing_table_path,
    routing_table_ref,
    security_group_ref,
    subnet_path,
    subnet_ref,
    vpc_path,
    vpc_ref,
    zone_ref,
)
from kunsthalle.store.unit import Unit

_RESOLVERS = ("161.26.0.10", "161.26.0.11")
_VNI = "virtual_network_interface"


class AddressWire(Wire):
    """An address by itself."""

    address: str


class ResolverWire(Wire):
    """The system's own name servers."""

    servers: list[AddressWire]
    type: str
    configuration: str


class DnsWire(Wire):
    """How names are resolved in a VPC."""

    enable_hub: bool
    resolution_binding_count: int
    resolver: ResolverWire


class VpcWire(Wire):
    """A VPC. What it does not offer (service source addresses, public ranges) is an empty list."""

    classic_access: bool
    created_at: str
    crn: str
    cse_source_ips: list[Any]
    default_network_acl: CrnReferenceWire
    default_routing_table: TypedReferenceWire
    default_security_group: CrnReferenceWire
    dns: DnsWire
    health_reasons: list[ReasonWire]
    health_state: str
    href: str
    id: str
    name: str
    public_address_ranges: list[Any]
    resource_group: GroupWire
    resource_type: str
    status: str


class AddressPrefixWire(Wire):
    """An address prefix."""

    cidr: str
    created_at: str
    has_subnets: bool
    href: str
    id: str
    is_default: bool
    name: str
    zone: NamedWire


class SubnetWire(Wire):
    """A subnet."""

    available_ipv4_address_count: int
    created_at: str
    crn: str
    href: str
    id: str
    ip_version: str
    ipv4_cidr_block: str
    name: str
    network_acl: CrnReferenceWire
    resource_group: GroupWire
    resource_type: str
    routing_table: TypedReferenceWire
    status: str
    total_ipv4_address_count: int
    vpc: TypedReferenceWire
    zone: NamedWire


class TargetWire(Wire):
    """What an address is bound to, or a security group applies to; the last two for network interfaces with a CRN."""

    href: str
    id: str
    name: str
    resource_type: str
    crn: str | UnsetType = UNSET
    primary_ip: IpReferenceWire | UnsetType = UNSET
    subnet: TypedReferenceWire | UnsetType = UNSET


class ReservedIpWire(Wire):
    """An address that is taken."""

    address: str
    auto_delete: bool
    created_at: str
    href: str
    id: str
    lifecycle_state: str
    name: str
    owner: str
    resource_type: str
    target: TargetWire | UnsetType = UNSET


class RoutingTableWire(Wire):
    """A routing table."""

    accept_routes_from: list[Any]
    advertise_routes_to: list[str]
    created_at: str
    crn: str
    href: str
    id: str
    is_default: bool
    lifecycle_state: str
    name: str
    resource_group: GroupWire
    resource_type: str
    route_direct_link_ingress: bool
    route_internet_ingress: bool
    route_transit_gateway_ingress: bool
    route_vpc_zone_ingress: bool
    routes: list[Any]
    subnets: list[TypedReferenceWire]


class KeyWire(Wire):
    """A public SSH key."""

    created_at: str
    crn: str
    fingerprint: str
    href: str
    id: str
    length: int
    name: str
    public_key: str
    resource_group: GroupWire
    type: str


def vpc_wire(vpc: Vpc, unit: Unit) -> VpcWire:
    ctx = unit.ctx
    resolver = ResolverWire(
        servers=[AddressWire(address=one) for one in _RESOLVERS], type="system", configuration="default"
    )
    return VpcWire(
        classic_access=vpc.classic_access,
        created_at=rfc3339(vpc.created_at),
        crn=vpc.crn,
        cse_source_ips=[],
        default_network_acl=network_acl_ref(named(unit, NETWORK_ACL, vpc.default_network_acl_id), ctx),
        default_routing_table=routing_table_ref(named(unit, ROUTING_TABLE, vpc.default_routing_table_id), ctx),
        default_security_group=security_group_ref(named(unit, SECURITY_GROUP, vpc.default_security_group_id), ctx),
        dns=DnsWire(enable_hub=False, resolution_binding_count=0, resolver=resolver),
        health_reasons=[],
        health_state="ok",
        href=href(ctx, vpc_path(vpc)),
        id=vpc.id,
        name=vpc.name,
        public_address_ranges=[],
        resource_group=group_wire(unit, vpc.resource_group_id),
        resource_type="vpc",
        status="available",
    )


def prefix_wire(prefix: AddressPrefix, unit: Unit) -> AddressPrefixWire:
    used = any(subnet.network.subnet_of(prefix.network) for subnet in in_vpc(unit, SUBNET, prefix.vpc_id))
    return AddressPrefixWire(
        cidr=prefix.cidr,
        created_at=rfc3339(prefix.created_at),
        has_subnets=used,
        href=href(unit.ctx, f"/vpcs/{prefix.vpc_id}/address_prefixes/{prefix.id}"),
        id=prefix.id,
        is_default=prefix.is_default,
        name=prefix.name,
        zone=zone_ref(unit.ctx, prefix.zone),
    )


def subnet_wire(subnet: Subnet, unit: Unit) -> SubnetWire:
    ctx = unit.ctx
    return SubnetWire(
        available_ipv4_address_count=available(unit, subnet),
        created_at=rfc3339(subnet.created_at),
        crn=subnet.crn,
        href=href(ctx, subnet_path(subnet)),
        id=subnet.id,
        ip_version="ipv4",
        ipv4_cidr_block=subnet.ipv4_cidr_block,
        name=subnet.name,
        network_acl=network_acl_ref(named(unit, NETWORK_ACL, subnet.network_acl_id), ctx),
        resource_group=group_wire(unit, subnet.resource_group_id),
        resource_type="subnet",
        routing_table=routing_table_ref(named(unit, ROUTING_TABLE, subnet.routing_table_id), ctx),
        status="available",
        total_ipv4_address_count=subnet.network.num_addresses,
        vpc=vpc_ref(named(unit, VPC, subnet.vpc_id), ctx),
        zone=zone_ref(ctx, subnet.zone),
    )


def _target(target: dict[str, str], ctx: Context) -> TargetWire:
    return TargetWire(
        href=href(ctx, target["href_path"]),
        id=target["id"],
        name=target["name"],
        resource_type=target["resource_type"],
        crn=target.get("crn", UNSET),
    )


def ip_wire(ip: ReservedIp, unit: Unit) -> ReservedIpWire:
    return ReservedIpWire(
        address=ip.address,
        auto_delete=ip.target is not None,
        created_at=rfc3339(ip.created_at),
        href=href(unit.ctx, ip_path(ip)),
        id=ip.id,
        lifecycle_state="stable",
        name=ip.name,
        owner=ip.owner,
        resource_type="subnet_reserved_ip",
        target=UNSET if ip.target is None else _target(ip.target, unit.ctx),
    )


def target_wire(row: SecurityGroupTarget, unit: Unit) -> TargetWire:
    """A target of a security group: virtual network interfaces also show their address and subnet."""
    wire = _target(row.target, unit.ctx)
    ip = ip_of_target(unit, row.target_id) if wire.resource_type == _VNI else None
    if ip is not None:
        wire.primary_ip = ip_ref(ip, unit.ctx)
        wire.subnet = subnet_ref(named(unit, SUBNET, ip.subnet_id), unit.ctx)
    return wire


def table_wire(table: RoutingTable, unit: Unit) -> RoutingTableWire:
    ctx = unit.ctx
    return RoutingTableWire(
        accept_routes_from=[],
        advertise_routes_to=[],
        created_at=rfc3339(table.created_at),
        crn=table.crn,
        href=href(ctx, routing_table_path(table)),
        id=table.id,
        is_default=named(unit, VPC, table.vpc_id).default_routing_table_id == table.id,
        lifecycle_state="stable",
        name=table.name,
        resource_group=group_wire(unit, table.resource_group_id),
        resource_type="routing_table",
        route_direct_link_ingress=False,
        route_internet_ingress=False,
        route_transit_gateway_ingress=False,
        route_vpc_zone_ingress=False,
        routes=[],
        subnets=[subnet_ref(subnet, ctx) for subnet in attached_subnets(unit, "routing_table_id", table.id)],
    )


def key_wire(key: Key, unit: Unit) -> KeyWire:
    return KeyWire(
        created_at=rfc3339(key.created_at),
        crn=key.crn,
        fingerprint=key.fingerprint,
        href=href(unit.ctx, key_path(key)),
        id=key.id,
        length=key.length,
        name=key.name,
        public_key=key.public_key,
        resource_group=group_wire(unit, key.resource_group_id),
        type=key.type,
    )
