"""Volumes and snapshots say with which keys their disks are encrypted; those from before are with none."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    for table in ("volumes", "snapshots"):
        op.add_column(table, sa.Column("encryption_key", sa.String(512)))
        op.add_column(table, sa.Column("encrypted_data_key", sa.Text()))
        op.add_column(table, sa.Column("base_key", sa.String(512)))
        op.add_column(table, sa.Column("base_data_key", sa.Text()))
        op.create_index(f"ix_{table}_encryption_key", table, ["encryption_key"])
