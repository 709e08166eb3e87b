"""API keys of people that somebody else made are disabled; those that the product made are their person's own."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute("UPDATE api_keys SET created_by = iam_id WHERE created_by = 'kunsthalle'")
    op.execute(
        "UPDATE api_keys SET disabled = true, revision = revision + 1"
        " WHERE created_by <> iam_id AND iam_id NOT LIKE 'iam-%'"
    )
