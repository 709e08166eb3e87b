"""VPCs and what is in them: address prefixes, subnets, reserved addresses, security groups, network ACLs, routing
tables and routes, public gateways, virtual network interfaces, DNS bindings; floating IPs; and SSH keys.

What hangs below another resource carries that resource's resource group, so that a policy on the group reaches it too.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Text, UniqueConstraint

from kunsthalle.db.column_types import Json
from kunsthalle.db.tables import resource_table


def _in_vpc(*columns: Any) -> tuple[Any, ...]:
    """What all resources in a VPC have; their names are unique within it."""
    return (
        Column("vpc_id", String(64), ForeignKey("vpcs.id"), nullable=False),
        Column("resource_group_id", String(32), nullable=False),
        Column("name", String(63), nullable=False),
        *columns,
        UniqueConstraint("vpc_id", "name"),
    )


# default_*: made with the VPC and gone with it; no foreign keys, as those rows point here already.
vpcs = resource_table(
    "vpcs",
    Column("resource_group_id", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("classic_access", Boolean, nullable=False),
    Column("default_security_group_id", String(64), nullable=False),
    Column("default_network_acl_id", String(64), nullable=False),
    Column("default_routing_table_id", String(64), nullable=False),
    Column("dns", Json, nullable=False),
    UniqueConstraint("account_id", "name"),
)

address_prefixes = resource_table(
    "address_prefixes",
    *_in_vpc(
        Column("zone", String(24), nullable=False),
        Column("cidr", String(18), nullable=False),
        Column("is_default", Boolean, nullable=False),
    ),
)

security_groups = resource_table("security_groups", *_in_vpc(Column("rules", Json, nullable=False)))

network_acls = resource_table("network_acls", *_in_vpc(Column("rules", Json, nullable=False)))

# ingress: which of the four sources of incoming traffic the table is selected for.
routing_tables = resource_table(
    "routing_tables",
    *_in_vpc(
        Column("accept_routes_from", Json, nullable=False),
        Column("advertise_routes_to", Json, nullable=False),
        Column("ingress", Json, nullable=False),
    ),
)

routes = resource_table(
    "routes",
    Column("vpc_id", String(64), nullable=False),
    Column("routing_table_id", String(64), ForeignKey("routing_tables.id"), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("zone", String(24), nullable=False),
    Column("destination", String(18), nullable=False),
    Column("action", String(16), nullable=False),
    Column("next_hop", String(15), nullable=False),
    Column("advertise", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    UniqueConstraint("routing_table_id", "name"),
    Index("ix_routes_vpc_id", "vpc_id"),
)

# number: as of reserved_ips. No two accounts have the same address.
floating_ips = resource_table(
    "floating_ips",
    Column("resource_group_id", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("zone", String(24), nullable=False),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("target_id", String(64)),
    Column("target", Json),
    UniqueConstraint("account_id", "name"),
    Index("ix_floating_ips_target_id", "target_id"),
)

public_gateways = resource_table(
    "public_gateways",
    *_in_vpc(
        Column("zone", String(24), nullable=False),
        Column("floating_ip_id", String(64), ForeignKey("floating_ips.id"), nullable=False),
        Column("made_floating_ip", Boolean, nullable=False),
        UniqueConstraint("vpc_id", "zone"),
    ),
)

# A binding is a row on each side, so that each VPC lists its own; peer_id is the row on the other side.
dns_bindings = resource_table(
    "dns_bindings",
    *_in_vpc(
        Column("other_vpc_id", String(64), ForeignKey("vpcs.id"), nullable=False),
        Column("peer_id", String(64), nullable=False),
        UniqueConstraint("vpc_id", "other_vpc_id"),
    ),
)

subnets = resource_table(
    "subnets",
    *_in_vpc(
        Column("zone", String(24), nullable=False),
        Column("ipv4_cidr_block", String(18), nullable=False),
        Column("network_acl_id", String(64), ForeignKey("network_acls.id"), nullable=False),
        Column("routing_table_id", String(64), ForeignKey("routing_tables.id"), nullable=False),
        Column("public_gateway_id", String(64), ForeignKey("public_gateways.id")),
        Index("ix_subnets_network_acl_id", "network_acl_id"),
        Index("ix_subnets_routing_table_id", "routing_table_id"),
        Index("ix_subnets_public_gateway_id", "public_gateway_id"),
    ),
)

# number: the IPv4 address as an integer, so that the lowest free one is found in the index. One address, one row,
# whoever writes and however many at once. target: what uses it, as its owner describes it; none for the provider's.
reserved_ips = resource_table(
    "reserved_ips",
    Column("subnet_id", String(64), ForeignKey("subnets.id"), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("name", String(63), nullable=False),
    Column("owner", String(8), nullable=False),
    Column("auto_delete", Boolean, nullable=False),
    Column("target_id", String(64)),
    Column("target", Json),
    UniqueConstraint("subnet_id", "number"),
    UniqueConstraint("subnet_id", "name"),
    Index("ix_reserved_ips_target_id", "target_id"),
)

# id: `<group>:<target>`, which is what makes a target's membership unique.
security_group_targets = resource_table(
    "security_group_targets",
    Column("security_group_id", String(64), ForeignKey("security_groups.id"), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("target_id", String(64), nullable=False),
    Column("target", Json, nullable=False),
    Index("ix_security_group_targets_security_group_id", "security_group_id"),
    Index("ix_security_group_targets_target_id", "target_id"),
    id_length=96,
)

# primary_ip_id: no foreign key, as an address points back here by its target. target: the attachment of a server.
virtual_network_interfaces = resource_table(
    "virtual_network_interfaces",
    *_in_vpc(
        Column("subnet_id", String(64), ForeignKey("subnets.id"), nullable=False),
        Column("primary_ip_id", String(64), nullable=False),
        Column("allow_ip_spoofing", Boolean, nullable=False),
        Column("auto_delete", Boolean, nullable=False),
        Column("enable_infrastructure_nat", Boolean, nullable=False),
        Column("protocol_state_filtering_mode", String(8), nullable=False),
        Column("mac_address", String(17), nullable=False),
        Column("target_id", String(64)),
        Column("target", Json),
        Index("ix_virtual_network_interfaces_subnet_id", "subnet_id"),
        Index("ix_virtual_network_interfaces_target_id", "target_id"),
    ),
)

keys = resource_table(
    "keys",
    Column("resource_group_id", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("type", String(8), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("length", Integer, nullable=False),
    UniqueConstraint("account_id", "name"),
    UniqueConstraint("account_id", "fingerprint"),
)
