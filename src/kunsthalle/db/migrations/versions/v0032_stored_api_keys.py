"""API keys of service IDs can be stored to be read later: encrypted, beside their hash."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("stored_value", sa.Text))
