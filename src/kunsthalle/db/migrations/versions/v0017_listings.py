"""Where an account's list finds the offerings that it may use; pages of a catalog in the order of its labels."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_OPEN = """
    FROM offerings o JOIN catalogs c ON c.id = o.catalog_id AND c.state = 'live'
    LEFT JOIN publish_approvals p ON p.offering_id = o.id AND p.state = 'granted'
"""
_PUBLISHED = """
    EXISTS (SELECT 1 FROM versions v WHERE v.offering_id = o.id AND v.state IN ('consumable', 'prerelease'))
"""
_COLUMNS = "o.account_id, o.label, o.hidden, o.share_with_all, p.id IS NOT NULL"
_INTO = "INSERT INTO listings (offering_id, identifier, account_id, label, hidden, public, approved)"


def upgrade() -> None:
    op.create_table(
        "listings",
        sa.Column("offering_id", sa.String(length=36), nullable=False),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["offering_id"], ["offerings.id"], name=op.f("fk_listings_offering_id")),
        sa.PrimaryKeyConstraint("offering_id", "identifier", name=op.f("pk_listings")),
    )
    columns = ["identifier", "account_id", "hidden", "label", "offering_id", "public", "approved"]
    op.create_index("ix_listings_page", "listings", columns, unique=False)
    shown = ["catalog_id", "account_id", "hidden", "label", "id"]
    op.create_index("ix_offerings_shown", "offerings", shown, unique=False)
    op.execute(f"{_INTO} SELECT o.id, o.account_id, {_COLUMNS} {_OPEN}")
    op.execute(
        f"{_INTO} SELECT o.id, e.identifier, {_COLUMNS} {_OPEN} JOIN access_entries e ON e.offering_id = o.id"
        f" WHERE o.share_enabled AND e.identifier <> o.account_id AND {_PUBLISHED}"
    )
    op.execute(
        f"{_INTO} SELECT o.id, '*', {_COLUMNS} {_OPEN} WHERE o.share_with_all AND p.id IS NOT NULL AND {_PUBLISHED}"
    )
