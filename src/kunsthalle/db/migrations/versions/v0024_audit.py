"""The audit is found by time alone: by the operator, and by the job that removes what has expired."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_index("ix_audit_at", "audit", ["at", "id"])
