"""References to resources of this package, with exactly the fields that reference/vpc-api.md B3 gives them."""

from __future__ import annotations

from kunsthalle.api.common_schemas import NamedResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.networks.models import (
    FloatingIp,
    Key,
    NetworkAcl,
    NetworkRoute,
    PublicGateway,
    ReservedIp,
    RoutingTable,
    SecurityGroup,
    Subnet,
    VirtualNetworkInterface,
    Vpc,
)

INTERFACE_TYPE = "virtual_network_interface"


class CrnReferenceResponse(ResponseBody):
    """A security group or a network ACL: the kinds whose references have no type."""

    crn: str
    href: str
    id: str
    name: str


class TypedReferenceResponse(ResponseBody):
    """A VPC, a subnet, a routing table, a public gateway or a virtual network interface."""

    crn: str
    href: str
    id: str
    name: str
    resource_type: str


class KeyReferenceResponse(ResponseBody):
    """An SSH key."""

    crn: str
    fingerprint: str
    href: str
    id: str
    name: str


class ItemReferenceResponse(ResponseBody):
    """What has no CRN: a route, a rule."""

    href: str
    id: str
    name: str


class FloatingIpReferenceResponse(ResponseBody):
    """A floating IP."""

    address: str
    crn: str
    href: str
    id: str
    name: str


class IpReferenceResponse(ResponseBody):
    """An address of a subnet."""

    address: str
    href: str
    id: str
    name: str
    resource_type: str


def vpc_path(vpc: Vpc) -> str:
    return f"/vpcs/{vpc.id}"


def subnet_path(subnet: Subnet) -> str:
    return f"/subnets/{subnet.id}"


def security_group_path(group_id: str) -> str:
    return f"/security_groups/{group_id}"


def network_acl_path(acl_id: str) -> str:
    return f"/network_acls/{acl_id}"


def routing_table_path(table: RoutingTable) -> str:
    return f"/vpcs/{table.vpc_id}/routing_tables/{table.id}"


def ip_path(ip: ReservedIp) -> str:
    return f"/subnets/{ip.subnet_id}/reserved_ips/{ip.id}"


def route_path(network_route: NetworkRoute) -> str:
    return f"/vpcs/{network_route.vpc_id}/routing_tables/{network_route.routing_table_id}/routes/{network_route.id}"


def floating_ip_path(ip: FloatingIp) -> str:
    return f"/floating_ips/{ip.id}"


def public_gateway_path(gateway: PublicGateway) -> str:
    return f"/public_gateways/{gateway.id}"


def interface_path(interface: VirtualNetworkInterface) -> str:
    return f"/virtual_network_interfaces/{interface.id}"


def key_path(key: Key) -> str:
    return f"/keys/{key.id}"


def zone_path(zone: str, region: str) -> str:
    return f"/regions/{region}/zones/{zone}"


def vpc_ref(vpc: Vpc, ctx: Context) -> TypedReferenceResponse:
    return TypedReferenceResponse(
        crn=vpc.crn, href=href(ctx, vpc_path(vpc)), id=vpc.id, name=vpc.name, resource_type="vpc"
    )


def subnet_ref(subnet: Subnet, ctx: Context) -> TypedReferenceResponse:
    return TypedReferenceResponse(
        crn=subnet.crn, href=href(ctx, subnet_path(subnet)), id=subnet.id, name=subnet.name, resource_type="subnet"
    )


def routing_table_ref(table: RoutingTable, ctx: Context) -> TypedReferenceResponse:
    place = href(ctx, routing_table_path(table))
    return TypedReferenceResponse(
        crn=table.crn, href=place, id=table.id, name=table.name, resource_type="routing_table"
    )


def security_group_ref(group: SecurityGroup, ctx: Context) -> CrnReferenceResponse:
    return CrnReferenceResponse(
        crn=group.crn, href=href(ctx, security_group_path(group.id)), id=group.id, name=group.name
    )


def network_acl_ref(acl: NetworkAcl, ctx: Context) -> CrnReferenceResponse:
    return CrnReferenceResponse(crn=acl.crn, href=href(ctx, network_acl_path(acl.id)), id=acl.id, name=acl.name)


def ip_ref(ip: ReservedIp, ctx: Context) -> IpReferenceResponse:
    return IpReferenceResponse(
        address=ip.address, href=href(ctx, ip_path(ip)), id=ip.id, name=ip.name, resource_type="subnet_reserved_ip"
    )


def route_ref(network_route: NetworkRoute, ctx: Context) -> ItemReferenceResponse:
    return ItemReferenceResponse(
        href=href(ctx, route_path(network_route)), id=network_route.id, name=network_route.name
    )


def floating_ip_ref(ip: FloatingIp, ctx: Context) -> FloatingIpReferenceResponse:
    place = href(ctx, floating_ip_path(ip))
    return FloatingIpReferenceResponse(address=ip.address, crn=ip.crn, href=place, id=ip.id, name=ip.name)


def public_gateway_ref(gateway: PublicGateway, ctx: Context) -> TypedReferenceResponse:
    place = href(ctx, public_gateway_path(gateway))
    return TypedReferenceResponse(
        crn=gateway.crn, href=place, id=gateway.id, name=gateway.name, resource_type="public_gateway"
    )


def interface_ref(interface: VirtualNetworkInterface, ctx: Context) -> TypedReferenceResponse:
    """What servers show of the interface that an attachment uses."""
    place = href(ctx, interface_path(interface))
    return TypedReferenceResponse(
        crn=interface.crn, href=place, id=interface.id, name=interface.name, resource_type=INTERFACE_TYPE
    )


def zone_ref(ctx: Context, zone: str) -> NamedResponse:
    return NamedResponse(href=href(ctx, zone_path(zone, ctx.region.name)), name=zone)
