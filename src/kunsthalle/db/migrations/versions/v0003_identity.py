"""First release, tables of this package: identity."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "access_group_members",
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("iam_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "iam_id", name=op.f("pk_access_group_members")),
    )
    op.create_index("ix_access_group_members_member", "access_group_members", ["account_id", "iam_id"], unique=False)
    op.create_table(
        "access_group_rules",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("group_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("expiration", sa.Integer(), nullable=False),
        sa.Column("realm_name", sa.String(length=255), nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_group_rules")),
    )
    op.create_index("ix_access_group_rules_group", "access_group_rules", ["group_id"], unique=False)
    op.create_index("ix_access_group_rules_own", "access_group_rules", ["account_id", "id"], unique=True)
    op.create_index(
        "ix_access_group_rules_page", "access_group_rules", ["account_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "access_groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_groups")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_access_groups_account_id_name")),
    )
    op.create_index("ix_access_groups_own", "access_groups", ["account_id", "id"], unique=True)
    op.create_index("ix_access_groups_page", "access_groups", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("iam_id", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("support_sessions", sa.Boolean(), nullable=False),
        sa.Column("action_when_leaked", sa.String(length=16), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
    )
    op.create_index("ix_api_keys_own", "api_keys", ["account_id", "id"], unique=True)
    op.create_index("ix_api_keys_owner", "api_keys", ["account_id", "iam_id"], unique=False)
    op.create_index("ix_api_keys_page", "api_keys", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "custom_roles",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("service_name", sa.String(length=64), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_roles")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_custom_roles_account_id_name")),
    )
    op.create_index("ix_custom_roles_own", "custom_roles", ["account_id", "id"], unique=True)
    op.create_index("ix_custom_roles_page", "custom_roles", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "identity_settings",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_by", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_identity_settings")),
    )
    op.create_table(
        "policies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("pattern", sa.String(length=128), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
        sa.UniqueConstraint("account_id", "fingerprint", name=op.f("uq_policies_account_id_fingerprint")),
    )
    op.create_index("ix_policies_own", "policies", ["account_id", "id"], unique=True)
    op.create_index("ix_policies_page", "policies", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_policies_subject", "policies", ["account_id", "subject_id"], unique=False)
    op.create_table(
        "profile_identities",
        sa.Column("profile_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("identifier", sa.String(length=512), nullable=False),
        sa.Column("iam_id", sa.String(length=512), nullable=False),
        sa.Column("accounts", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("profile_id", "type", "identifier", name=op.f("pk_profile_identities")),
    )
    op.create_table(
        "profile_links",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("profile_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("cr_type", sa.String(length=16), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile_links")),
    )
    op.create_index("ix_profile_links_own", "profile_links", ["account_id", "id"], unique=True)
    op.create_index("ix_profile_links_page", "profile_links", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_profile_links_profile", "profile_links", ["profile_id"], unique=False)
    op.create_table(
        "profile_rules",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("profile_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("realm_name", sa.String(length=255), nullable=True),
        sa.Column("cr_type", sa.String(length=16), nullable=True),
        sa.Column("expiration", sa.Integer(), nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile_rules")),
    )
    op.create_index("ix_profile_rules_own", "profile_rules", ["account_id", "id"], unique=True)
    op.create_index("ix_profile_rules_page", "profile_rules", ["account_id", "created_at", "id"], unique=False)
    op.create_index("ix_profile_rules_profile", "profile_rules", ["profile_id"], unique=False)
    op.create_table(
        "profiles",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("iam_id", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profiles")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_profiles_account_id_name")),
        sa.UniqueConstraint("iam_id", name=op.f("uq_profiles_iam_id")),
    )
    op.create_index("ix_profiles_own", "profiles", ["account_id", "id"], unique=True)
    op.create_index("ix_profiles_page", "profiles", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "service_ids",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("iam_id", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("unique_instance_crns", sa.Text(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_ids")),
        sa.UniqueConstraint("iam_id", name=op.f("uq_service_ids_iam_id")),
    )
    op.create_index("ix_service_ids_own", "service_ids", ["account_id", "id"], unique=True)
    op.create_index("ix_service_ids_page", "service_ids", ["account_id", "created_at", "id"], unique=False)
