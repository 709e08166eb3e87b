"""The table of placement groups. Which instances are in one is written on the instances."""

from __future__ import annotations

from sqlalchemy import Column, String, UniqueConstraint

from kunsthalle.db.tables import resource_table

placement_groups = resource_table(
    "placement_groups",
    Column("resource_group_id", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("strategy", String(16), nullable=False),
    Column("lifecycle_state", String(16), nullable=False),
    UniqueConstraint("account_id", "name"),
)
