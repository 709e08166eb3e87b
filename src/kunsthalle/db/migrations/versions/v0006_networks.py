"""First release, tables of this package: networks."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "floating_ips",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("zone", sa.String(length=24), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=True),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_floating_ips")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_floating_ips_account_id_name")),
        sa.UniqueConstraint("number", name=op.f("uq_floating_ips_number")),
    )
    op.create_index("ix_floating_ips_own", "floating_ips", ["account_id", "id"], unique=True)
    op.create_index("ix_floating_ips_page", "floating_ips", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_floating_ips_target_id", "floating_ips", ["target_id"], unique=False)
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
    op.create_index("ix_keys_own", "keys", ["account_id", "id"], unique=True)
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
        sa.Column("dns", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vpcs")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_vpcs_account_id_name")),
    )
    op.create_index("ix_vpcs_own", "vpcs", ["account_id", "id"], unique=True)
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
    op.create_index("ix_address_prefixes_own", "address_prefixes", ["account_id", "id"], unique=True)
    op.create_index("ix_address_prefixes_page", "address_prefixes", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "dns_bindings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("other_vpc_id", sa.String(length=64), nullable=False),
        sa.Column("peer_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["other_vpc_id"], ["vpcs.id"], name=op.f("fk_dns_bindings_other_vpc_id")),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_dns_bindings_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dns_bindings")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_dns_bindings_vpc_id_name")),
        sa.UniqueConstraint("vpc_id", "other_vpc_id", name=op.f("uq_dns_bindings_vpc_id_other_vpc_id")),
    )
    op.create_index("ix_dns_bindings_own", "dns_bindings", ["account_id", "id"], unique=True)
    op.create_index("ix_dns_bindings_page", "dns_bindings", ["account_id", "created_at", "id"], unique=False)
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
    op.create_index("ix_network_acls_own", "network_acls", ["account_id", "id"], unique=True)
    op.create_index("ix_network_acls_page", "network_acls", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "public_gateways",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("zone", sa.String(length=24), nullable=False),
        sa.Column("floating_ip_id", sa.String(length=64), nullable=False),
        sa.Column("made_floating_ip", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["floating_ip_id"], ["floating_ips.id"], name=op.f("fk_public_gateways_floating_ip_id")
        ),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_public_gateways_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_gateways")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_public_gateways_vpc_id_name")),
        sa.UniqueConstraint("vpc_id", "zone", name=op.f("uq_public_gateways_vpc_id_zone")),
    )
    op.create_index("ix_public_gateways_own", "public_gateways", ["account_id", "id"], unique=True)
    op.create_index("ix_public_gateways_page", "public_gateways", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "routing_tables",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("accept_routes_from", sa.Text(), nullable=False),
        sa.Column("advertise_routes_to", sa.Text(), nullable=False),
        sa.Column("ingress", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_routing_tables_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_tables")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_routing_tables_vpc_id_name")),
    )
    op.create_index("ix_routing_tables_own", "routing_tables", ["account_id", "id"], unique=True)
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
    op.create_index("ix_security_groups_own", "security_groups", ["account_id", "id"], unique=True)
    op.create_index("ix_security_groups_page", "security_groups", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "routes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("routing_table_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("zone", sa.String(length=24), nullable=False),
        sa.Column("destination", sa.String(length=18), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("next_hop", sa.String(length=15), nullable=False),
        sa.Column("advertise", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["routing_table_id"], ["routing_tables.id"], name=op.f("fk_routes_routing_table_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routes")),
        sa.UniqueConstraint("routing_table_id", "name", name=op.f("uq_routes_routing_table_id_name")),
    )
    op.create_index("ix_routes_own", "routes", ["account_id", "id"], unique=True)
    op.create_index("ix_routes_page", "routes", ["account_id", "created_at", "id"], unique=False)
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
    op.create_index("ix_security_group_targets_own", "security_group_targets", ["account_id", "id"], unique=True)
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
        sa.Column("public_gateway_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["network_acl_id"], ["network_acls.id"], name=op.f("fk_subnets_network_acl_id")),
        sa.ForeignKeyConstraint(
            ["public_gateway_id"], ["public_gateways.id"], name=op.f("fk_subnets_public_gateway_id")
        ),
        sa.ForeignKeyConstraint(["routing_table_id"], ["routing_tables.id"], name=op.f("fk_subnets_routing_table_id")),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_subnets_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subnets")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_subnets_vpc_id_name")),
    )
    op.create_index("ix_subnets_network_acl_id", "subnets", ["network_acl_id"], unique=False)
    op.create_index("ix_subnets_own", "subnets", ["account_id", "id"], unique=True)
    op.create_index("ix_subnets_page", "subnets", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_subnets_public_gateway_id", "subnets", ["public_gateway_id"], unique=False)
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
        sa.Column("auto_delete", sa.Boolean(), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=True),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["subnet_id"], ["subnets.id"], name=op.f("fk_reserved_ips_subnet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reserved_ips")),
        sa.UniqueConstraint("subnet_id", "name", name=op.f("uq_reserved_ips_subnet_id_name")),
        sa.UniqueConstraint("subnet_id", "number", name=op.f("uq_reserved_ips_subnet_id_number")),
    )
    op.create_index("ix_reserved_ips_own", "reserved_ips", ["account_id", "id"], unique=True)
    op.create_index("ix_reserved_ips_page", "reserved_ips", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_reserved_ips_target_id", "reserved_ips", ["target_id"], unique=False)
    op.create_table(
        "virtual_network_interfaces",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("vpc_id", sa.String(length=64), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("subnet_id", sa.String(length=64), nullable=False),
        sa.Column("primary_ip_id", sa.String(length=64), nullable=False),
        sa.Column("allow_ip_spoofing", sa.Boolean(), nullable=False),
        sa.Column("auto_delete", sa.Boolean(), nullable=False),
        sa.Column("enable_infrastructure_nat", sa.Boolean(), nullable=False),
        sa.Column("protocol_state_filtering_mode", sa.String(length=8), nullable=False),
        sa.Column("mac_address", sa.String(length=17), nullable=False),
        sa.Column("target_id", sa.String(length=64), nullable=True),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["subnet_id"], ["subnets.id"], name=op.f("fk_virtual_network_interfaces_subnet_id")),
        sa.ForeignKeyConstraint(["vpc_id"], ["vpcs.id"], name=op.f("fk_virtual_network_interfaces_vpc_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_virtual_network_interfaces")),
        sa.UniqueConstraint("vpc_id", "name", name=op.f("uq_virtual_network_interfaces_vpc_id_name")),
    )
    op.create_index(
        "ix_virtual_network_interfaces_own", "virtual_network_interfaces", ["account_id", "id"], unique=True
    )
    op.create_index(
        "ix_virtual_network_interfaces_page",
        "virtual_network_interfaces",
        ["account_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_virtual_network_interfaces_subnet_id", "virtual_network_interfaces", ["subnet_id"], unique=False
    )
    op.create_index(
        "ix_virtual_network_interfaces_target_id", "virtual_network_interfaces", ["target_id"], unique=False
    )
