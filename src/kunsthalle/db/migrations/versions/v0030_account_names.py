"""The operator gives a name to one account, whoever creates accounts at the same moment.

The names of accounts that are there are looked up as before: which of them the operator has given is not known.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "operator_account_names",
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_operator_account_names"),
    )
    op.create_index("ix_operator_account_names_account_id", "operator_account_names", ["account_id"])
