"""Catalogs, offerings, versions, their images and plans, objects, shares, approvals, settings, reclamations."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from kunsthalle.db.column_types import Json, Moment
from kunsthalle.db.tables import metadata, resource_table

catalogs = resource_table(
    "catalogs",
    Column("label", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("document", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

offerings = resource_table(
    "offerings",
    Column("catalog_id", String(36), ForeignKey("catalogs.id"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("label", Text, nullable=False),
    Column("kind_id", String(36), nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("share_enabled", Boolean, nullable=False),
    Column("share_with_all", Boolean, nullable=False),
    Column("share_with_ibm", Boolean, nullable=False),
    Column("document", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("catalog_id", "name"),
    Index("ix_offerings_catalog_label", "catalog_id", "label", "id"),
    Index("ix_offerings_shown", "catalog_id", "account_id", "hidden", "label", "id"),
    Index("ix_offerings_account_label", "account_id", "label", "id"),
)

# copy_of: the version that a working copy is a draft of; empty for versions themselves, which alone have their string.
versions = resource_table(
    "versions",
    Column("catalog_id", String(36), nullable=False),
    Column("offering_id", String(36), ForeignKey("offerings.id"), nullable=False),
    Column("version", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("previous", String(16)),
    Column("entered_at", Moment, nullable=False),
    Column("validation", Json, nullable=False),
    Column("deprecate_pending", Json),
    Column("metadata", Json, nullable=False),
    Column("document", Json, nullable=False),
    Column("copy_of", String(36), nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("offering_id", "version", "copy_of"),
)

# R1: one image in one version of one offering of one catalog, whoever writes and however many at once.
version_images = Table(
    "version_images",
    metadata,
    Column("image_id", String(64), primary_key=True),
    Column("version_id", String(64), ForeignKey("versions.id"), nullable=False),
    Column("region", String(16), nullable=False),
    Index("ix_version_images_version_id", "version_id"),
)

# identifier: `<account>`, `-ent-<enterprise>` or `-entgrp-<group>`, as the access list shows it.
access_entries = Table(
    "access_entries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("offering_id", String(36), ForeignKey("offerings.id"), nullable=False),
    Column("identifier", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("offering_id", "identifier"),
    Index("ix_access_entries_identifier", "identifier"),
)

# Where an account's list finds what it may use (catalogs.listings): the entries of access lists that are in effect.
# account_id: whose the offering is; of what is published to all `*`, which is also its identifier.
listings = Table(
    "listings",
    metadata,
    Column("offering_id", String(36), ForeignKey("offerings.id"), primary_key=True),
    Column("identifier", String(64), primary_key=True),
    Column("account_id", String(32), nullable=False),
    Column("label", Text, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("public", Boolean, nullable=False),
    Column("approved", Boolean, nullable=False),
    Index("ix_listings_page", "identifier", "account_id", "hidden", "label", "offering_id", "public", "approved"),
)

# Once per source account, receiving identifier and type; every later share between them follows it.
share_approvals = Table(
    "share_approvals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("source_account_id", String(32), nullable=False),
    Column("identifier", String(64), nullable=False),
    Column("type", String(24), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("source_account_id", "identifier", "type"),
    Index("ix_share_approvals_identifier", "identifier", "type", "state"),
)

# What the operator has been asked, and has answered, about publishing an offering outside its enterprise.
publish_approvals = resource_table(
    "publish_approvals",
    Column("offering_id", String(36), ForeignKey("offerings.id"), nullable=False, unique=True),
    Column("catalog_id", String(36), nullable=False),
    Column("state", String(16), nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
)

plans = resource_table(
    "plans",
    Column("catalog_id", String(36), nullable=False),
    Column("offering_id", String(36), ForeignKey("offerings.id"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("label", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("previous", String(16)),
    Column("entered_at", Moment, nullable=False),
    Column("deprecate_pending", Json),
    Column("document", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("offering_id", "name"),
)

# id: the account's own; an account without a row has the defaults.
catalog_settings = resource_table(
    "catalog_settings",
    Column("hide_public", Boolean, nullable=False),
    Column("account_filters", Json, nullable=False),
    Column("region_filter", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

catalog_objects = resource_table(
    "catalog_objects",
    Column("catalog_id", String(36), ForeignKey("catalogs.id"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("label", Text, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("parent_id", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("previous", String(16)),
    Column("entered_at", Moment, nullable=False),
    Column("share_enabled", Boolean, nullable=False),
    Column("document", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("catalog_id", "name"),
)

object_entries = Table(
    "object_entries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("object_id", String(36), ForeignKey("catalog_objects.id"), nullable=False),
    Column("identifier", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("object_id", "identifier"),
    Index("ix_object_entries_identifier", "identifier"),
)

# Belongs to the account that uses an offering, and outlives the offering as a reference does.
offering_instances = resource_table(
    "offering_instances",
    Column("catalog_id", String(36), nullable=False),
    Column("offering_id", String(36), nullable=False),
    Column("version_id", String(36), nullable=False),
    Column("version", String(128), nullable=False),
    Column("label", Text, nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("document", Json, nullable=False),
    Column("last_operation", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

reclamations = resource_table(
    "reclamations",
    Column("catalog_id", String(36), nullable=False),
    Column("catalog_crn", String(512), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("target_at", Moment, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
