"""How the resources of this package are looked up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table

from kunsthalle.db.visibility import ResourceType
from kunsthalle.networks.models import (
    AddressPrefix,
    DnsBinding,
    FloatingIp,
    Key,
    NetworkAcl,
    NetworkRoute,
    PublicGateway,
    ReservedIp,
    RoutingTable,
    SecurityGroup,
    SecurityGroupTarget,
    Subnet,
    VirtualNetworkInterface,
    Vpc,
)
from kunsthalle.networks.tables import (
    address_prefixes,
    dns_bindings,
    floating_ips,
    keys,
    network_acls,
    public_gateways,
    reserved_ips,
    routes,
    routing_tables,
    security_group_targets,
    security_groups,
    subnets,
    virtual_network_interfaces,
    vpcs,
)


def _by(table: Table, own: str, column: str = "id") -> dict[str, Any]:
    """The attributes that a policy may name: the resource itself (or what it belongs to), and its resource group."""
    return {own: table.c[column], "resourceGroupId": table.c.resource_group_id}


VPC = ResourceType("vpc", vpcs, Vpc, "is.vpc.vpc.read", _by(vpcs, "vpcId"))
ADDRESS_PREFIX = ResourceType(
    "address-prefix", address_prefixes, AddressPrefix, VPC.read, _by(address_prefixes, "vpcId", "vpc_id")
)
ROUTING_TABLE = ResourceType(
    "routing-table", routing_tables, RoutingTable, "is.vpc.routing-table.read", _by(routing_tables, "vpcId", "vpc_id")
)
ROUTE = ResourceType("route", routes, NetworkRoute, ROUTING_TABLE.read, _by(routes, "vpcId", "vpc_id"))
DNS_BINDING = ResourceType(
    "dns-resolution-binding",
    dns_bindings,
    DnsBinding,
    "is.vpc.dns-resolution-binding.read",
    _by(dns_bindings, "vpcId", "vpc_id"),
)
SUBNET = ResourceType("subnet", subnets, Subnet, "is.subnet.subnet.read", _by(subnets, "subnetId"))
RESERVED_IP = ResourceType(
    "reserved-ip", reserved_ips, ReservedIp, SUBNET.read, _by(reserved_ips, "subnetId", "subnet_id")
)
SECURITY_GROUP = ResourceType(
    "security-group",
    security_groups,
    SecurityGroup,
    "is.security-group.security-group.read",
    _by(security_groups, "securityGroupId"),
)
SECURITY_GROUP_TARGET = ResourceType(
    "security-group-target",
    security_group_targets,
    SecurityGroupTarget,
    SECURITY_GROUP.read,
    _by(security_group_targets, "securityGroupId", "security_group_id"),
)
NETWORK_ACL = ResourceType(
    "network-acl", network_acls, NetworkAcl, "is.network-acl.network-acl.read", _by(network_acls, "networkAclId")
)
FLOATING_IP = ResourceType(
    "floating-ip", floating_ips, FloatingIp, "is.floating-ip.floating-ip.read", _by(floating_ips, "floatingIpId")
)
PUBLIC_GATEWAY = ResourceType(
    "public-gateway",
    public_gateways,
    PublicGateway,
    "is.public-gateway.public-gateway.read",
    _by(public_gateways, "publicGatewayId"),
)
INTERFACE = ResourceType(
    "virtual-network-interface",
    virtual_network_interfaces,
    VirtualNetworkInterface,
    "is.virtual-network-interface.virtual-network-interface.read",
    _by(virtual_network_interfaces, "virtualNetworkInterfaceId"),
)
KEY = ResourceType("key", keys, Key, "is.key.key.read", _by(keys, "keyId"))
