"""First release, tables of this package: catalogs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "catalog_settings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("hide_public", sa.Boolean(), nullable=False),
        sa.Column("account_filters", sa.Text(), nullable=False),
        sa.Column("region_filter", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_settings")),
    )
    op.create_index("ix_catalog_settings_own", "catalog_settings", ["account_id", "id"], unique=True)
    op.create_index("ix_catalog_settings_page", "catalog_settings", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "catalogs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogs")),
    )
    op.create_index("ix_catalogs_own", "catalogs", ["account_id", "id"], unique=True)
    op.create_index("ix_catalogs_page", "catalogs", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "offering_instances",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("catalog_id", sa.String(length=36), nullable=False),
        sa.Column("offering_id", sa.String(length=36), nullable=False),
        sa.Column("version_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("last_operation", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offering_instances")),
    )
    op.create_index("ix_offering_instances_own", "offering_instances", ["account_id", "id"], unique=True)
    op.create_index(
        "ix_offering_instances_page", "offering_instances", ["account_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "reclamations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("catalog_id", sa.String(length=36), nullable=False),
        sa.Column("catalog_crn", sa.String(length=512), nullable=False),
        sa.Column("resource_group_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("target_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reclamations")),
    )
    op.create_index("ix_reclamations_own", "reclamations", ["account_id", "id"], unique=True)
    op.create_index("ix_reclamations_page", "reclamations", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "share_approvals",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("source_account_id", sa.String(length=32), nullable=False),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_approvals")),
        sa.UniqueConstraint(
            "source_account_id", "identifier", "type", name=op.f("uq_share_approvals_source_account_id_identifier_type")
        ),
    )
    op.create_index("ix_share_approvals_identifier", "share_approvals", ["identifier", "type", "state"], unique=False)
    op.create_table(
        "catalog_objects",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("catalog_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("parent_id", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("previous", sa.String(length=16), nullable=True),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("share_enabled", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["catalog_id"], ["catalogs.id"], name=op.f("fk_catalog_objects_catalog_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_objects")),
        sa.UniqueConstraint("catalog_id", "name", name=op.f("uq_catalog_objects_catalog_id_name")),
    )
    op.create_index("ix_catalog_objects_own", "catalog_objects", ["account_id", "id"], unique=True)
    op.create_index("ix_catalog_objects_page", "catalog_objects", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "offerings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("catalog_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind_id", sa.String(length=36), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("share_enabled", sa.Boolean(), nullable=False),
        sa.Column("share_with_all", sa.Boolean(), nullable=False),
        sa.Column("share_with_ibm", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["catalog_id"], ["catalogs.id"], name=op.f("fk_offerings_catalog_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offerings")),
        sa.UniqueConstraint("catalog_id", "name", name=op.f("uq_offerings_catalog_id_name")),
    )
    op.create_index("ix_offerings_account_label", "offerings", ["account_id", "label", "id"], unique=False)
    op.create_index("ix_offerings_catalog_label", "offerings", ["catalog_id", "label", "id"], unique=False)
    op.create_index("ix_offerings_own", "offerings", ["account_id", "id"], unique=True)
    op.create_index("ix_offerings_page", "offerings", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "access_entries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("offering_id", sa.String(length=36), nullable=False),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["offering_id"], ["offerings.id"], name=op.f("fk_access_entries_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_entries")),
        sa.UniqueConstraint("offering_id", "identifier", name=op.f("uq_access_entries_offering_id_identifier")),
    )
    op.create_index("ix_access_entries_identifier", "access_entries", ["identifier"], unique=False)
    op.create_table(
        "object_entries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.String(length=36), nullable=False),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["catalog_objects.id"], name=op.f("fk_object_entries_object_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_object_entries")),
        sa.UniqueConstraint("object_id", "identifier", name=op.f("uq_object_entries_object_id_identifier")),
    )
    op.create_index("ix_object_entries_identifier", "object_entries", ["identifier"], unique=False)
    op.create_table(
        "plans",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("catalog_id", sa.String(length=36), nullable=False),
        sa.Column("offering_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("previous", sa.String(length=16), nullable=True),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("deprecate_pending", sa.Text(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["offering_id"], ["offerings.id"], name=op.f("fk_plans_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("offering_id", "name", name=op.f("uq_plans_offering_id_name")),
    )
    op.create_index("ix_plans_own", "plans", ["account_id", "id"], unique=True)
    op.create_index("ix_plans_page", "plans", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "publish_approvals",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("offering_id", sa.String(length=36), nullable=False),
        sa.Column("catalog_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["offering_id"], ["offerings.id"], name=op.f("fk_publish_approvals_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publish_approvals")),
        sa.UniqueConstraint("offering_id", name=op.f("uq_publish_approvals_offering_id")),
    )
    op.create_index("ix_publish_approvals_own", "publish_approvals", ["account_id", "id"], unique=True)
    op.create_index("ix_publish_approvals_page", "publish_approvals", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "versions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("catalog_id", sa.String(length=36), nullable=False),
        sa.Column("offering_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("previous", sa.String(length=16), nullable=True),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("validation", sa.Text(), nullable=False),
        sa.Column("deprecate_pending", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("copy_of", sa.String(length=36), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["offering_id"], ["offerings.id"], name=op.f("fk_versions_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("offering_id", "version", "copy_of", name=op.f("uq_versions_offering_id_version_copy_of")),
    )
    op.create_index("ix_versions_own", "versions", ["account_id", "id"], unique=True)
    op.create_index("ix_versions_page", "versions", ["account_id", "created_at", "id"], unique=False)
    op.create_table(
        "version_images",
        sa.Column("image_id", sa.String(length=64), nullable=False),
        sa.Column("version_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_version_images_version_id")),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_version_images")),
    )
    op.create_index("ix_version_images_version_id", "version_images", ["version_id"], unique=False)
