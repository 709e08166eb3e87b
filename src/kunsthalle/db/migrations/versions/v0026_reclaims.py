"""Instances of object storage wait for their reclamation when they are deleted, and say what was done last to them."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    state = sa.Column("state", sa.String(24), nullable=False, server_default="active")
    op.add_column("service_instances", state)
    operation = sa.Column("last_operation", sa.String(16), nullable=False, server_default="create")
    op.add_column("service_instances", operation)
