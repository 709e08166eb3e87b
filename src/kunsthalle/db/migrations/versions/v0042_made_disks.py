"""Whether a volume or snapshot that stands on no bytes has a disk. Of volumes of before it is noted at a start."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    for table in ("volumes", "snapshots"):
        op.add_column(table, sa.Column("has_disk", sa.Boolean(), nullable=False, server_default=sa.false()))
