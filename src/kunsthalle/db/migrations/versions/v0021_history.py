"""The history of identities."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "identity_history",
        sa.Column("resource_id", sa.String(length=64), nullable=False),
        sa.Column("records", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_identity_history")),
    )
