"""Servers, their network interfaces, and the templates they are made from."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from kunsthalle.db.column_types import Json, Moment
from kunsthalle.db.tables import metadata, resource_table

# image, catalog_offering, keys, vpc_*, default_trusted_profile: copied when the server is made, and never looked up
# again. password: encrypted with one of the keys, and known in no other form. disk_name: of the profile's own disk.
instances = resource_table(
    "instances",
    Column("name", String(63), nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_reasons", Json, nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("zone", String(32), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("vpc_id", String(64), nullable=False),
    Column("vpc_crn", String(512), nullable=False),
    Column("vpc_name", String(63), nullable=False),
    Column("image", Json),
    Column("catalog_offering", Json),
    Column("keys", Json, nullable=False),
    Column("user_data", Text),
    Column("options", Json, nullable=False),
    Column("default_trusted_profile", Json),
    Column("password", Json),
    Column("disk_name", String(63)),
    Column("placement_group_id", String(64)),
    UniqueConstraint("account_id", "name"),
    Index("ix_instances_vpc_id", "vpc_id"),
    Index("ix_instances_placement_group_id", "placement_group_id"),
)

# The security groups of an interface are the networks package's to know. An interface with a virtual one is what older
# clients see of a network attachment.
interfaces = resource_table(
    "interfaces",
    Column("instance_id", String(64), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(63), nullable=False),
    Column("type", String(16), nullable=False),
    Column("subnet", Json, nullable=False),
    Column("primary_ip", Json, nullable=False),
    Column("allow_ip_spoofing", Boolean, nullable=False),
    Column("mac", String(17), nullable=False),
    Column("virtual_network_interface_id", String(64)),
    UniqueConstraint("instance_id", "name"),
)

# The token that opens a server's console, once: its hash, for whom it was made, and what it opens. A server has one at
# most; a new one takes the place of the last.
console_tokens = Table(
    "console_tokens",
    metadata,
    Column("instance_id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("line", String(16), nullable=False),
    Column("force", Boolean, nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("iam_id", String(64), nullable=False),
    Column("expires_at", Moment, nullable=False),
)

# prototype: the request with its references resolved to ids, as it is echoed and as it is used again.
templates = resource_table(
    "templates",
    Column("name", String(63), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("zone", String(32), nullable=False),
    Column("prototype", Json, nullable=False),
    UniqueConstraint("account_id", "name"),
)
