"""First release, tables of this package: search."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "tag_links",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("crn", sa.String(length=512), nullable=False),
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "crn", "type", "name", name=op.f("pk_tag_links")),
    )
    op.create_index("ix_tag_links_name", "tag_links", ["account_id", "type", "name"], unique=False)
    op.create_table(
        "tags",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "type", "name", name=op.f("pk_tags")),
    )
