"""First release, tables of this package: images."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blobs")),
    )
    op.create_table(
        "image_exports",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_reasons", sa.Text(), nullable=False),
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("bucket", sa.String(length=63), nullable=False),
        sa.Column("object_name", sa.String(length=128), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_exports")),
        sa.UniqueConstraint("image_id", "name", name=op.f("uq_image_exports_image_id_name")),
    )
    op.create_index("ix_image_exports_own", "image_exports", ["account_id", "id"], unique=True)
    op.create_index("ix_image_exports_page", "image_exports", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "images",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("status_reasons", sa.Text(), nullable=False),
        sa.Column("operating_system", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("source_href", sa.Text(), nullable=True),
        sa.Column("source_volume", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("format", sa.String(length=8), nullable=True),
        sa.Column("file_size", sa.BigInteger(), nullable=True),
        sa.Column("virtual_size", sa.BigInteger(), nullable=True),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("allowed_use", sa.Text(), nullable=False),
        sa.Column("hold_crn", sa.String(length=512), nullable=True),
        sa.Column("hold_since", sa.BigInteger(), nullable=True),
        sa.Column("deprecation_at", sa.BigInteger(), nullable=True),
        sa.Column("obsolescence_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_images_account_id_name")),
    )
    op.create_index("ix_images_own", "images", ["account_id", "id"], unique=True)
    op.create_index("ix_images_page", "images", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "blob_refs",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=96), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["blobs.digest"], name=op.f("fk_blob_refs_digest")),
        sa.PrimaryKeyConstraint("digest", "holder", name=op.f("pk_blob_refs")),
    )
    op.create_index("ix_blob_refs_holder", "blob_refs", ["holder"], unique=False)
