"""What boot volumes and snapshots of them may be used for."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("volumes", sa.Column("allowed_use", sa.Text(), nullable=True))
    op.add_column("snapshots", sa.Column("allowed_use", sa.Text(), nullable=True))
