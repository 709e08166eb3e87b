"""The audit knows the network address that a request came from."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("audit", sa.Column("client", sa.String(45), nullable=True))
