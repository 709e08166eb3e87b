"""Instance groups: their members, managers, policies and actions."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, UniqueConstraint

from kunsthalle.db.column_types import Json, Moment
from kunsthalle.db.tables import resource_table

groups = resource_table(
    "instance_groups",
    Column("name", String(63), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reasons", Json, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("template_id", String(64), nullable=False),
    Column("vpc", Json, nullable=False),
    Column("subnets", Json, nullable=False),
    Column("membership_count", Integer, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("account_id", "name"),
    Index("ix_instance_groups_template_id", "template_id"),
)

# A server is in one group at most; its state is asked of the server itself. `instance` is the reference to it, copied
# then: for an answer that is given while the server goes.
memberships = resource_table(
    "instance_group_memberships",
    Column("name", String(63), nullable=False),
    Column("instance_group_id", String(64), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("instance_id", String(64), nullable=False, unique=True),
    Column("subnet_id", String(64), nullable=False),
    Column("template", Json, nullable=False),
    Column("delete_instance_on_membership_delete", Boolean, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("instance", Json),
    UniqueConstraint("instance_group_id", "name"),
)

managers = resource_table(
    "instance_group_managers",
    Column("name", String(63), nullable=False),
    Column("instance_group_id", String(64), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("manager_type", String(16), nullable=False),
    Column("management_enabled", Boolean, nullable=False),
    Column("aggregation_window", Integer),
    Column("cooldown", Integer),
    Column("max_membership_count", Integer),
    Column("min_membership_count", Integer),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("instance_group_id", "name"),
)

policies = resource_table(
    "instance_group_policies",
    Column("name", String(63), nullable=False),
    Column("instance_group_id", String(64), nullable=False),
    Column("instance_group_manager_id", String(64), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("metric_type", String(16), nullable=False),
    Column("metric_value", Integer, nullable=False),
    Column("policy_type", String(16), nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("instance_group_manager_id", "name"),
)

actions = resource_table(
    "instance_group_actions",
    Column("name", String(63), nullable=False),
    Column("instance_group_id", String(64), nullable=False),
    Column("instance_group_manager_id", String(64), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("cron_spec", String(64)),
    Column("next_run_at", Moment),
    Column("last_applied_at", Moment),
    Column("auto_delete", Boolean, nullable=False),
    Column("auto_delete_timeout", Integer, nullable=False),
    Column("target", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("instance_group_manager_id", "name"),
)
