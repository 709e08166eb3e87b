"""Placement groups, and which one an instance is in."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.create_table(
        "placement_groups",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("resource_group_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("strategy", sa.String(16), nullable=False),
        sa.Column("lifecycle_state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("id", name="pk_placement_groups"),
        sa.UniqueConstraint("account_id", "name", name="uq_placement_groups_account_id_name"),
    )
    op.create_index("ix_placement_groups_own", "placement_groups", ["account_id", "id"], unique=True)
    op.create_index("ix_placement_groups_page", "placement_groups", ["account_id", "created_at", "id"])
    op.add_column("instances", sa.Column("placement_group_id", sa.String(64)))
    op.create_index("ix_instances_placement_group_id", "instances", ["placement_group_id"])
