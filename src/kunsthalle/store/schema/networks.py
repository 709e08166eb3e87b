"""VPCs and what is in them: address prefixes, subnets, reserved addresses, security groups, network ACLs, routing
tables; and SSH keys.

What hangs below another thing carries that thing's resource group, so that a policy on the group reaches it too.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Text, UniqueConstraint

from kunsthalle.store.schema.base import things
from kunsthalle.store.types import Json


def _in_vpc(*columns: Any) -> tuple[Any, ...]:
    """What all things in a VPC have; their names are unique within it."""
    return (
        Column("vpc_id", String(64), ForeignKey("vpcs.id"), nullable=False),
        Column("resource_group_id", String(32), nullable=False),
        Column("name", String(63), nullable=False),
        *columns,
        UniqueConstraint("vpc_id", "name"),
    )


# default_*: made with the VPC and gone with it; no foreign keys, as those rows point here already.
vpcs = things(
    "vpcs",
    Column("resource_group_id", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("classic_access", Boolean, nullable=False),
    Column("default_security_group_id", String(64), nullable=False),
    Column("default_network_acl_id", String(64), nullable=False),
    Column("default_routing_table_id", String(64), nullable=False),
    UniqueConstraint("account_id", "name"),
)

address_prefixes = things(
    "address_prefixes",
    *_in_vpc(
        Column("zone", String(24), nullable=False),
        Column("cidr", String(18), nullable=False),
        Column("is_default", Boolean, nullable=False),
    ),
)

security_groups = things("security_groups", *_in_vpc(Column("rules", Json, nullable=False)))

network_acls = things("network_acls", *_in_vpc(Column("rules", Json, nullable=False)))

routing_tables = things("routing_tables", *_in_vpc())

subnets = things(
    "subnets",
    *_in_vpc(
        Column("zone", String(24), nullable=False),
        Column("ipv4_cidr_block", String(18), nullable=False),
        Column("network_acl_id", String(64), ForeignKey("network_acls.id"), nullable=False),
        Column("routing_table_id", String(64), ForeignKey("routing_tables.id"), nullable=False),
        Index("ix_subnets_network_acl_id", "network_acl_id"),
        Index("ix_subnets_routing_table_id", "routing_table_id"),
    ),
)

# number: the IPv4 address as an integer, so that the lowest free one is found in the index. One address, one row,
# whoever writes and however many at once. target: what uses it, as its owner describes it; none for the provider's.
reserved_ips = things(
    "reserved_ips",
    Column("subnet_id", String(64), ForeignKey("subnets.id"), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("name", String(63), nullable=False),
    Column("owner", String(8), nullable=False),
    Column("target_id", String(64)),
    Column("target", Json),
    UniqueConstraint("subnet_id", "number"),
    UniqueConstraint("subnet_id", "name"),
    Index("ix_reserved_ips_target_id", "target_id"),
)

# id: `<group>:<target>`, which is what makes a target's membership unique.
security_group_targets = things(
    "security_group_targets",
    Column("security_group_id", String(64), ForeignKey("security_groups.id"), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("target_id", String(64), nullable=False),
    Column("target", Json, nullable=False),
    Index("ix_security_group_targets_security_group_id", "security_group_id"),
    Index("ix_security_group_targets_target_id", "target_id"),
    id_length=96,
)

keys = things(
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
