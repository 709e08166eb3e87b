"""What is published to all is one list, whoever it is from, in the order of its labels."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("UPDATE listings SET account_id = '*' WHERE identifier = '*'")
