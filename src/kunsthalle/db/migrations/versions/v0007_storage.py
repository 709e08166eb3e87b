"""First release, tables of this package: storage."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("lifecycle_state", sa.String(length=16), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("source_volume", sa.Text(), nullable=False),
        sa.Column("source_volume_id", sa.String(length=64), nullable=False),
        sa.Column("source_image", sa.Text(), nullable=True),
        sa.Column("source_image_id", sa.String(length=64), nullable=True),
        sa.Column("source_image_crn", sa.String(length=512), nullable=True),
        sa.Column("operating_system", sa.String(length=64), nullable=True),
        sa.Column("minimum_capacity", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("user_tags", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("format", sa.String(length=8), nullable=True),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=True),
        sa.Column("clones", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_snapshots_account_id_name")),
    )
    op.create_index("ix_snapshots_own", "snapshots", ["account_id", "id"], unique=True)
    op.create_index("ix_snapshots_page", "snapshots", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_snapshots_source_volume_id", "snapshots", ["source_volume_id"], unique=False)
    op.create_table(
        "volumes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("status_reasons", sa.Text(), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("zone", sa.String(length=32), nullable=False),
        sa.Column("profile", sa.String(length=32), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("iops", sa.Integer(), nullable=False),
        sa.Column("bandwidth", sa.Integer(), nullable=False),
        sa.Column("user_tags", sa.Text(), nullable=False),
        sa.Column("operating_system", sa.String(length=64), nullable=True),
        sa.Column("source_image", sa.Text(), nullable=True),
        sa.Column("catalog_offering", sa.Text(), nullable=True),
        sa.Column("source_snapshot", sa.Text(), nullable=True),
        sa.Column("source_snapshot_id", sa.String(length=64), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("format", sa.String(length=8), nullable=True),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=True),
        sa.Column("instance_name", sa.String(length=63), nullable=True),
        sa.Column("attachment_id", sa.String(length=64), nullable=True),
        sa.Column("attachment_name", sa.String(length=63), nullable=True),
        sa.Column("attachment_type", sa.String(length=8), nullable=True),
        sa.Column("attachment_auto_delete", sa.Boolean(), nullable=False),
        sa.Column("attached_at", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volumes")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_volumes_account_id_name")),
    )
    op.create_index("ix_volumes_instance_id", "volumes", ["instance_id"], unique=False)
    op.create_index("ix_volumes_own", "volumes", ["account_id", "id"], unique=True)
    op.create_index("ix_volumes_page", "volumes", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_volumes_source_snapshot_id", "volumes", ["source_snapshot_id"], unique=False)
