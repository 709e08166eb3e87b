"""Jobs are claimed in turns by account; imports, exports and copies are told from short jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("transfer_bytes", sa.BigInteger(), nullable=True))
    op.create_index("ix_jobs_account", "jobs", ["account_id", "state", "due_at"])
    op.create_table(
        "job_turns",
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_job_turns"),
    )
    op.create_index("ix_job_turns_turn", "job_turns", ["turn"])
    transfers = "('image.import', 'image.export', 'snapshot.create')"
    op.execute(f"UPDATE jobs SET transfer_bytes = 0 WHERE kind IN {transfers}")  # noqa: S608  constants
