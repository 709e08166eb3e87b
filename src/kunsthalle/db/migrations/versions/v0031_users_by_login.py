"""The users that a login means in all accounts are found without a look at everybody, as sign-ins ask for them."""

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_index("ix_users_login", "users", ["user_id"])
