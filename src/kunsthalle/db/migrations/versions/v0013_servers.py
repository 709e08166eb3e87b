"""Servers with network attachments, passwords, trusted profiles; attachments of volumes have states."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("instances", sa.Column("default_trusted_profile", sa.Text(), nullable=True))
    op.add_column("instances", sa.Column("password", sa.Text(), nullable=True))
    op.add_column("instances", sa.Column("disk_name", sa.String(length=63), nullable=True))
    op.add_column("interfaces", sa.Column("virtual_network_interface_id", sa.String(length=64), nullable=True))
    op.add_column("volumes", sa.Column("attachment_status", sa.String(length=16), nullable=True))
    op.execute("UPDATE volumes SET attachment_status = 'attached' WHERE instance_id IS NOT NULL")
