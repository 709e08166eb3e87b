"""First release, tables of this room: networks."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("account_id", "fingerprint", name=op.f("uq_keys_account_id_fingerprint")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_keys_account_id_name")),
    )
    op.create_index("ix_keys_page", "keys", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "vpcs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("classic_access", sa.Boolean(), nullable=False),
        sa.Column("default_security_group_id", sa.String(length=64), nullable=False),
        sa.Column("default_network_acl_id", sa.String(length=64), nullable=False),
        sa.Column("default_routing_table_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vpcs")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_vpcs_account_id_name")),
    )
    op.create_index("ix_vpcs_page", "vpcs", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "address_prefixes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("zone", sa.String(length=24), nullable=False),
        sa.Column("cidr", sa.String(length=18), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_address_prefixes_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_prefixes")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_address_prefixes_vpc_id_name")),
    )
    op.create_index("ix_address_prefixes_page", "address_prefixes", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "network_acls",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_network_acls_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_acls")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_network_acls_vpc_id_name")),
    )
    op.create_index("ix_network_acls_page", "network_acls", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "routing_tables",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_routing_tables_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_tables")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_routing_tables_vpc_id_name")),
    )
    op.create_index("ix_routing_tables_page", "routing_tables", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "security_groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_security_groups_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_groups")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_security_groups_vpc_id_name")),
    )
    op.create_index("ix_security_groups_page", "security_groups", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "security_group_targets",
        sa.Column("id", sa.String(length=96), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("security_group_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["security_group_id"], ["security_groups.id"], name=op.f("fk_security_group_targets_security_group_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_group_targets")),
    )
    op.create_index(
        "ix_security_group_targets_page", "security_group_targets", ["account_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_security_group_targets_security_group_id", "security_group_targets", ["security_group_id"], unique=False
    )
    op.create_index("ix_security_group_targets_target_id", "security_group_targets", ["target_id"], unique=False)
    op.create_table(
        "subnets",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("zone", sa.String(length=24), nullable=False),
        sa.Column("ipv4_cidr_block", sa.String(length=18), nullable=False),
        sa.Column("network_acl_id", sa.String(length=64), nullable=False),
        sa.Column("routing_table_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["network_acl_id"], ["network_acls.id"], name=op.f("fk_subnets_network_acl_id")),
        sa.ForeignKeyConstraint(["routing_table_id"], ["routing_tables.id"], name=op.f("fk_subnets_routing_table_id")),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_subnets_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subnets")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_subnets_vpc_id_name")),
    )
    op.create_index("ix_subnets_network_acl_id", "subnets", ["network_acl_id"], unique=False)
    op.create_index("ix_subnets_page", "subnets", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_subnets_routing_table_id", "subnets", ["routing_table_id"], unique=False)
    op.create_table(
        "reserved_ips",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("subnet_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("owner", sa.String(length=8), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=True),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["subnet_id"], ["subnets.id"], name=op.f("fk_reserved_ips_subnet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reserved_ips")),
        sa.UniqueConstraint("subnet_id", "name", name=op.f("uq_reserved_ips_subnet_id_name")),
        sa.UniqueConstraint("subnet_id", "number", name=op.f("uq_reserved_ips_subnet_id_number")),
    )
    op.create_index("ix_reserved_ips_page", "reserved_ips", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_reserved_ips_target_id", "reserved_ips", ["target_id"], unique=False)
