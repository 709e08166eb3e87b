"""Instance groups: their members, managers, policies and actions."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "instance_group_actions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("instance_group_id", sa.String(length=64), nullable=False),
        sa.Column("instance_group_manager_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("cron_spec", sa.String(length=64), nullable=True),
        sa.Column("next_run_at", sa.BigInteger(), nullable=True),
        sa.Column("last_applied_at", sa.BigInteger(), nullable=True),
        sa.Column("auto_delete", sa.Boolean(), nullable=False),
        sa.Column("auto_delete_timeout", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance_group_actions")),
        sa.UniqueConstraint(
            "instance_group_manager_id", "name", name=op.f("uq_instance_group_actions_instance_group_manager_id_name")
        ),
    )
    op.create_index("ix_instance_group_actions_own", "instance_group_actions", ["account_id", "id"], unique=True)
    op.create_index(
        "ix_instance_group_actions_page", "instance_group_actions", ["account_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "instance_group_managers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("instance_group_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("manager_type", sa.String(length=16), nullable=False),
        sa.Column("management_enabled", sa.Boolean(), nullable=False),
        sa.Column("aggregation_window", sa.Integer(), nullable=True),
        sa.Column("cooldown", sa.Integer(), nullable=True),
        sa.Column("max_membership_count", sa.Integer(), nullable=True),
        sa.Column("min_membership_count", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance_group_managers")),
        sa.UniqueConstraint(
            "instance_group_id", "name", name=op.f("uq_instance_group_managers_instance_group_id_name")
        ),
    )
    op.create_index("ix_instance_group_managers_own", "instance_group_managers", ["account_id", "id"], unique=True)
    op.create_index(
        "ix_instance_group_managers_page", "instance_group_managers", ["account_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "instance_group_memberships",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("instance_group_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("subnet_id", sa.String(length=64), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("delete_instance_on_membership_delete", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance_group_memberships")),
        sa.UniqueConstraint(
            "instance_group_id", "name", name=op.f("uq_instance_group_memberships_instance_group_id_name")
        ),
        sa.UniqueConstraint("instance_id", name=op.f("uq_instance_group_memberships_instance_id")),
    )
    op.create_index(
        "ix_instance_group_memberships_own", "instance_group_memberships", ["account_id", "id"], unique=True
    )
    op.create_index(
        "ix_instance_group_memberships_page",
        "instance_group_memberships",
        ["account_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "instance_group_policies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("instance_group_id", sa.String(length=64), nullable=False),
        sa.Column("instance_group_manager_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("metric_type", sa.String(length=16), nullable=False),
        sa.Column("metric_value", sa.Integer(), nullable=False),
        sa.Column("policy_type", sa.String(length=16), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance_group_policies")),
        sa.UniqueConstraint(
            "instance_group_manager_id", "name", name=op.f("uq_instance_group_policies_instance_group_manager_id_name")
        ),
    )
    op.create_index("ix_instance_group_policies_own", "instance_group_policies", ["account_id", "id"], unique=True)
    op.create_index(
        "ix_instance_group_policies_page", "instance_group_policies", ["account_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "instance_groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("template_id", sa.String(length=64), nullable=False),
        sa.Column("vpc", sa.Text(), nullable=False),
        sa.Column("subnets", sa.Text(), nullable=False),
        sa.Column("membership_count", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance_groups")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_instance_groups_account_id_name")),
    )
    op.create_index("ix_instance_groups_own", "instance_groups", ["account_id", "id"], unique=True)
    op.create_index("ix_instance_groups_page", "instance_groups", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_instance_groups_template_id", "instance_groups", ["template_id"], unique=False)
