"""Bare metal servers and their network interfaces; memberships keep the reference to their server."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("instance_group_memberships", sa.Column("instance", sa.Text(), nullable=True))
    op.create_table(
        "bare_metal_interfaces",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("bare_metal_server_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("interface_type", sa.String(length=16), nullable=False),
        sa.Column("subnet", sa.Text(), nullable=False),
        sa.Column("primary_ip", sa.Text(), nullable=False),
        sa.Column("allow_ip_spoofing", sa.Boolean(), nullable=False),
        sa.Column("enable_infrastructure_nat", sa.Boolean(), nullable=False),
        sa.Column("mac", sa.String(length=17), nullable=False),
        sa.Column("allowed_vlans", sa.Text(), nullable=False),
        sa.Column("vlan", sa.Integer(), nullable=True),
        sa.Column("floats", sa.Boolean(), nullable=False),
        sa.Column("virtual_network_interface_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bare_metal_interfaces")),
        sa.UniqueConstraint(
            "bare_metal_server_id", "name", name=op.f("uq_bare_metal_interfaces_bare_metal_server_id_name")
        ),
    )
    op.create_index("ix_bare_metal_interfaces_own", "bare_metal_interfaces", ["account_id", "id"], unique=True)
    op.create_index(
        "ix_bare_metal_interfaces_page", "bare_metal_interfaces", ["account_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "bare_metal_servers",
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
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("allowed_use", sa.Text(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("user_data", sa.Text(), nullable=True),
        sa.Column("disks", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bare_metal_servers")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_bare_metal_servers_account_id_name")),
    )
    op.create_index("ix_bare_metal_servers_own", "bare_metal_servers", ["account_id", "id"], unique=True)
    op.create_index(
        "ix_bare_metal_servers_page", "bare_metal_servers", ["account_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_bare_metal_servers_vpc_id", "bare_metal_servers", ["vpc_id"], unique=False)
