"""Bare metal servers and their network interfaces."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Text, UniqueConstraint

from kunsthalle.db.column_types import Json
from kunsthalle.db.tables import resource_table

# image, allowed_use, keys, vpc_*: copied when the server is initialized, and never looked up again.
servers = resource_table(
    "bare_metal_servers",
    Column("name", String(63), nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_reasons", Json, nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("zone", String(32), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("vpc_id", String(64), nullable=False),
    Column("vpc_crn", String(512), nullable=False),
    Column("vpc_name", String(63), nullable=False),
    Column("image", Json, nullable=False),
    Column("allowed_use", Json, nullable=False),
    Column("keys", Json, nullable=False),
    Column("user_data", Text),
    Column("disks", Json, nullable=False),
    Column("options", Json, nullable=False),
    UniqueConstraint("account_id", "name"),
    Index("ix_bare_metal_servers_vpc_id", "vpc_id"),
)

interfaces = resource_table(
    "bare_metal_interfaces",
    Column("bare_metal_server_id", String(64), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(63), nullable=False),
    Column("interface_type", String(16), nullable=False),
    Column("subnet", Json, nullable=False),
    Column("primary_ip", Json, nullable=False),
    Column("allow_ip_spoofing", Boolean, nullable=False),
    Column("enable_infrastructure_nat", Boolean, nullable=False),
    Column("mac", String(17), nullable=False),
    Column("allowed_vlans", Json, nullable=False),
    Column("vlan", Integer),
    Column("floats", Boolean, nullable=False),
    Column("virtual_network_interface_id", String(64)),
    UniqueConstraint("bare_metal_server_id", "name"),
)
