"""Tables of keys. Key material is encrypted with the server's master key (docs/decisions/0018-master-key.md)."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from kunsthalle.db.column_types import Moment
from kunsthalle.db.tables import metadata, resource_table

protected_keys = resource_table(
    "protected_keys",
    Column("instance_id", String(64), nullable=False),
    Column("location", String(32), nullable=False),
    Column("key_ring_id", String(100), nullable=False),
    Column("name", String(90), nullable=False),
    Column("description", String(240), nullable=False),
    Column("extractable", Boolean, nullable=False),
    Column("imported", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("version_id", String(64), nullable=False),
    Column("expires_at", Moment),
    Column("rotated_at", Moment),
    Column("deleted_at", Moment),
    Column("deleted_by", String(128)),
    Column("created_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("ix_protected_keys_instance", "instance_id", "key_ring_id"),
)

key_versions = Table(
    "key_versions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("material", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_key_versions_key", "key_id", "created_at"),
)

key_aliases = Table(
    "key_aliases",
    metadata,
    Column("instance_id", String(64), primary_key=True),
    Column("alias", String(90), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_key_aliases_key", "key_id"),
)

key_rings = resource_table(
    "key_rings",
    Column("instance_id", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("created_by", String(128), nullable=False),
    Index("uq_key_rings_name", "instance_id", "name", unique=True),
)

# Which resources a key protects: what is registered there keeps the key from being deleted.
key_registrations = Table(
    "key_registrations",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("resource_crn", String(512), primary_key=True),
    Column("instance_id", String(64), nullable=False),
    Column("version_id", String(64), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_key_registrations_instance", "instance_id"),
)

# Policies of keys: rotation, and deletion by two users.
key_policies = Table(
    "key_policies",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("policy_type", String(32), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("interval_months", Integer),
    Column("created_by", String(128), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
)

# `attributes` is the JSON of what an answer shows of them.
instance_policies = Table(
    "instance_policies",
    metadata,
    Column("instance_id", String(64), primary_key=True),
    Column("policy_type", String(32), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
)

# The first of the two users who delete a key.
key_deletion_authorizations = Table(
    "key_deletion_authorizations",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("authorized_by", String(128), nullable=False),
    Column("expires_at", Moment, nullable=False),
)

# One of an instance. Its private key and its nonce are encrypted as key material is.
import_tokens = Table(
    "import_tokens",
    metadata,
    Column("instance_id", String(64), primary_key=True),
    Column("private_key", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("most_retrievals", Integer, nullable=False),
    Column("retrievals_left", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)
