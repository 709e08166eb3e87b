"""First release, tables of this package: instances."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "instances",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_reasons", sa.Text(), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("zone", sa.String(length=32), nullable=False),
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("vpc_crn", sa.String(length=512), nullable=False),
        sa.Column("vpc_name", sa.String(length=63), nullable=False),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("catalog_offering", sa.Text(), nullable=True),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("user_data", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_instances_account_id_name")),
    )
    op.create_index("ix_instances_own", "instances", ["account_id", "id"], unique=True)
    op.create_index("ix_instances_page", "instances", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_instances_vpc_id", "instances", ["vpc_id"], unique=False)
    op.create_table(
        "interfaces",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("subnet", sa.Text(), nullable=False),
        sa.Column("primary_ip", sa.Text(), nullable=False),
        sa.Column("allow_ip_spoofing", sa.Boolean(), nullable=False),
        sa.Column("mac", sa.String(length=17), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interfaces")),
        sa.UniqueConstraint("instance_id", "name", name=op.f("uq_interfaces_instance_id_name")),
    )
    op.create_index("ix_interfaces_own", "interfaces", ["account_id", "id"], unique=True)
    op.create_index("ix_interfaces_page", "interfaces", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "templates",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("zone", sa.String(length=32), nullable=False),
        sa.Column("prototype", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_templates_account_id_name")),
    )
    op.create_index("ix_templates_own", "templates", ["account_id", "id"], unique=True)
    op.create_index("ix_templates_page", "templates", ["account_id", "created_at", "id"], unique=False)
