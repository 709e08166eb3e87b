"""Entries of the audit have a number once somebody sends them elsewhere, and each sink has a cursor."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.add_column("audit", sa.Column("seq", sa.BigInteger()))
    op.create_index("ix_audit_seq", "audit", ["seq"])
    op.create_table(
        "audit_cursors",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_audit_cursors"),
    )
