"""Instances of object storage, and the buckets that belong to them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "service_instances",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=180), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_instances")),
    )
    op.create_index("ix_service_instances_own", "service_instances", ["account_id", "id"], unique=True)
    op.create_index("ix_service_instances_page", "service_instances", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "instance_buckets",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("bucket", sa.String(length=63), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "bucket", name=op.f("pk_instance_buckets")),
    )
    op.create_index("ix_instance_buckets_instance_id", "instance_buckets", ["instance_id"], unique=False)
