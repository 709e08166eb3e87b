"""VPCs, subnets, addresses and keys as the VPC API shows them (reference/vpc-api.md B3, network)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import GroupWire, NamedWire, ReasonWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.networks.kinds import NETWORK_ACL, PUBLIC_GATEWAY, ROUTING_TABLE, SECURITY_GROUP, VPC
from kunsthalle.networks.model import (
    Key,
    ReservedIp,
    Subnet,
    Vpc,
)
from kunsthalle.networks.names import DnsWire, dns_wire
from kunsthalle.networks.queries import available, named
from kunsthalle.networks.references import (
    CrnReferenceWire,
    TypedReferenceWire,
    ip_path,
    key_path,
    network_acl_ref,
    public_gateway_ref,
    routing_table_ref,
    security_group_ref,
    subnet_path,
    vpc_path,
    vpc_ref,
    zone_ref,
)
from kunsthalle.networks.targets import TargetWire, shown
from kunsthalle.store.unit import Unit


class AddressWire(Wire):
    """An address by itself."""

    address: str


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
    public_gateway: TypedReferenceWire | UnsetType = UNSET


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
    return VpcWire(
        classic_access=vpc.classic_access,
        created_at=rfc3339(vpc.created_at),
        crn=vpc.crn,
        cse_source_ips=[],
        default_network_acl=network_acl_ref(named(unit, NETWORK_ACL, vpc.default_network_acl_id), ctx),
        default_routing_table=routing_table_ref(named(unit, ROUTING_TABLE, vpc.default_routing_table_id), ctx),
        default_security_group=security_group_ref(named(unit, SECURITY_GROUP, vpc.default_security_group_id), ctx),
        dns=dns_wire(vpc, unit),
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


def subnet_wire(subnet: Subnet, unit: Unit) -> SubnetWire:
    ctx, way_out = unit.ctx, subnet.public_gateway_id
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
        public_gateway=UNSET if way_out is None else public_gateway_ref(named(unit, PUBLIC_GATEWAY, way_out), ctx),
    )


def ip_wire(ip: ReservedIp, unit: Unit) -> ReservedIpWire:
    return ReservedIpWire(
        address=ip.address,
        auto_delete=ip.auto_delete,
        created_at=rfc3339(ip.created_at),
        href=href(unit.ctx, ip_path(ip)),
        id=ip.id,
        lifecycle_state="stable",
        name=ip.name,
        owner=ip.owner,
        resource_type="subnet_reserved_ip",
        target=UNSET if ip.target is None else shown(ip.target, unit.ctx),
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
