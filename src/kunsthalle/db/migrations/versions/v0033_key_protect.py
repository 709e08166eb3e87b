"""Instances say of which service they are, and where; those from before are of object storage, and at no place.

And the tables of Key Protect.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    service = sa.Column("service", sa.String(64), nullable=False, server_default="cloud-object-storage")
    op.add_column("service_instances", service)
    op.add_column("service_instances", sa.Column("location", sa.String(32), nullable=False, server_default="global"))
    op.create_table(
        "protected_keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("location", sa.String(length=32), nullable=False),
        sa.Column("key_ring_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=90), nullable=False),
        sa.Column("description", sa.String(length=240), nullable=False),
        sa.Column("extractable", sa.Boolean(), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("rotated_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_by", sa.String(length=128), nullable=True),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protected_keys")),
    )
    op.create_index("ix_protected_keys_instance", "protected_keys", ["instance_id", "key_ring_id"], unique=False)
    op.create_index("ix_protected_keys_own", "protected_keys", ["account_id", "id"], unique=True)
    op.create_index("ix_protected_keys_page", "protected_keys", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "key_versions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_versions")),
    )
    op.create_index("ix_key_versions_key", "key_versions", ["key_id", "created_at"], unique=False)
    op.create_table(
        "key_aliases",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("alias", sa.String(length=90), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "alias", name=op.f("pk_key_aliases")),
    )
    op.create_index("ix_key_aliases_key", "key_aliases", ["key_id"], unique=False)
    op.create_table(
        "key_rings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_rings")),
    )
    op.create_index("ix_key_rings_own", "key_rings", ["account_id", "id"], unique=True)
    op.create_index("ix_key_rings_page", "key_rings", ["account_id", "created_at", "id"], unique=False)
    op.create_index("uq_key_rings_name", "key_rings", ["instance_id", "name"], unique=True)
    op.create_table(
        "key_registrations",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("resource_crn", sa.String(length=512), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("version_id", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "resource_crn", name=op.f("pk_key_registrations")),
    )
    op.create_index("ix_key_registrations_instance", "key_registrations", ["instance_id"], unique=False)
