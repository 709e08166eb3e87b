"""VPCs, subnets, addresses and keys as the VPC API shows them (reference/vpc-api.md B3, network)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupResponse, NamedResponse, ReasonResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.networks.dns import DnsResponse, dns_response
from kunsthalle.networks.models import Key, ReservedIp, Subnet, Vpc
from kunsthalle.networks.network_references import (
    CrnReferenceResponse,
    TypedReferenceResponse,
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
from kunsthalle.networks.queries import available, named
from kunsthalle.networks.resources import NETWORK_ACL, PUBLIC_GATEWAY, ROUTING_TABLE, SECURITY_GROUP, VPC
from kunsthalle.networks.security_group_targets import TargetResponse, shown


class AddressResponse(ResponseBody):
    """An address by itself."""

    address: str


class VpcResponse(ResponseBody):
    """A VPC. What it does not offer (service source addresses, public ranges) is an empty list."""

    classic_access: bool
    created_at: str
    crn: str
    cse_source_ips: list[Any]
    default_network_acl: CrnReferenceResponse
    default_routing_table: TypedReferenceResponse
    default_security_group: CrnReferenceResponse
    dns: DnsResponse
    health_reasons: list[ReasonResponse]
    health_state: str
    href: str
    id: str
    name: str
    public_address_ranges: list[Any]
    resource_group: GroupResponse
    resource_type: str
    status: str


class SubnetResponse(ResponseBody):
    """A subnet."""

    available_ipv4_address_count: int
    created_at: str
    crn: str
    href: str
    id: str
    ip_version: str
    ipv4_cidr_block: str
    name: str
    network_acl: CrnReferenceResponse
    resource_group: GroupResponse
    resource_type: str
    routing_table: TypedReferenceResponse
    status: str
    total_ipv4_address_count: int
    vpc: TypedReferenceResponse
    zone: NamedResponse
    public_gateway: TypedReferenceResponse | UnsetType = UNSET


class ReservedIpResponse(ResponseBody):
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
    target: TargetResponse | UnsetType = UNSET


class KeyResponse(ResponseBody):
    """A public SSH key."""

    created_at: str
    crn: str
    fingerprint: str
    href: str
    id: str
    length: int
    name: str
    public_key: str
    resource_group: GroupResponse
    type: str


def vpc_response(vpc: Vpc, session: Session) -> VpcResponse:
    ctx = session.ctx
    return VpcResponse(
        classic_access=vpc.classic_access,
        created_at=rfc3339(vpc.created_at),
        crn=vpc.crn,
        cse_source_ips=[],
        default_network_acl=network_acl_ref(named(session, NETWORK_ACL, vpc.default_network_acl_id), ctx),
        default_routing_table=routing_table_ref(named(session, ROUTING_TABLE, vpc.default_routing_table_id), ctx),
        default_security_group=security_group_ref(named(session, SECURITY_GROUP, vpc.default_security_group_id), ctx),
        dns=dns_response(vpc, session),
        health_reasons=[],
        health_state="ok",
        href=href(ctx, vpc_path(vpc)),
        id=vpc.id,
        name=vpc.name,
        public_address_ranges=[],
        resource_group=group_response(session, vpc.resource_group_id),
        resource_type="vpc",
        status="available",
    )


def subnet_response(subnet: Subnet, session: Session) -> SubnetResponse:
    ctx, way_out = session.ctx, subnet.public_gateway_id
    return SubnetResponse(
        available_ipv4_address_count=available(session, subnet),
        created_at=rfc3339(subnet.created_at),
        crn=subnet.crn,
        href=href(ctx, subnet_path(subnet)),
        id=subnet.id,
        ip_version="ipv4",
        ipv4_cidr_block=subnet.ipv4_cidr_block,
        name=subnet.name,
        network_acl=network_acl_ref(named(session, NETWORK_ACL, subnet.network_acl_id), ctx),
        resource_group=group_response(session, subnet.resource_group_id),
        resource_type="subnet",
        routing_table=routing_table_ref(named(session, ROUTING_TABLE, subnet.routing_table_id), ctx),
        status="available",
        total_ipv4_address_count=subnet.network.num_addresses,
        vpc=vpc_ref(named(session, VPC, subnet.vpc_id), ctx),
        zone=zone_ref(ctx, subnet.zone),
        public_gateway=UNSET if way_out is None else public_gateway_ref(named(session, PUBLIC_GATEWAY, way_out), ctx),
    )


def ip_response(ip: ReservedIp, session: Session) -> ReservedIpResponse:
    return ReservedIpResponse(
        address=ip.address,
        auto_delete=ip.auto_delete,
        created_at=rfc3339(ip.created_at),
        href=href(session.ctx, ip_path(ip)),
        id=ip.id,
        lifecycle_state="stable",
        name=ip.name,
        owner=ip.owner,
        resource_type="subnet_reserved_ip",
        target=UNSET if ip.target is None else shown(ip.target, session.ctx),
    )


def key_response(key: Key, session: Session) -> KeyResponse:
    return KeyResponse(
        created_at=rfc3339(key.created_at),
        crn=key.crn,
        fingerprint=key.fingerprint,
        href=href(session.ctx, key_path(key)),
        id=key.id,
        length=key.length,
        name=key.name,
        public_key=key.public_key,
        resource_group=group_response(session, key.resource_group_id),
        type=key.type,
    )
