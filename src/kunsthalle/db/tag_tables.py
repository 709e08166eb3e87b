"""Tags, and what they are attached to."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table

from kunsthalle.db.column_types import Moment
from kunsthalle.db.tables import metadata

# type: user or access. An access tag is there before it is attached; a user tag comes with its first use.
tags = Table(
    "tags",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("type", String(8), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("created_at", Moment, nullable=False),
)

# What is deleted leaves its rows: ids are never used again, and nothing reads tags but through the resource itself.
tag_links = Table(
    "tag_links",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("crn", String(512), primary_key=True),
    Column("type", String(8), primary_key=True),
    Column("name", String(128), primary_key=True),
    # The resource by its kind and id: policies follow access tags, and their conditions know rows and no CRNs.
    Column("thing_kind", String(32)),
    Column("thing_id", String(64)),
    Index("ix_tag_links_name", "account_id", "type", "name"),
    Index("ix_tag_links_thing", "thing_id", "type"),
)
