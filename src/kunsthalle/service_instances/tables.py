"""Tables of instances of services."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String

from kunsthalle.db.column_types import Json, Moment
from kunsthalle.db.tables import resource_table

service_instances = resource_table(
    "service_instances",
    Column("service", String(64), nullable=False, server_default="cloud-object-storage"),
    Column("location", String(32), nullable=False, server_default="global"),
    Column("name", String(180), nullable=False),
    Column("plan_id", String(64), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("parameters", Json, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Column("state", String(24), nullable=False, server_default="active"),
    Column("last_operation", String(16), nullable=False, server_default="create"),
)
