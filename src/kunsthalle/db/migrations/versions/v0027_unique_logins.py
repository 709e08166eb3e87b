"""One user or invitation of an account for each login.

Of several invitations of one address, which two requests at once could make, the oldest stays; an active user stays
before any. Where several active users have one login, which no release could make, the later ones are found by none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT id, account_id, iam_id, user_id, state FROM users ORDER BY created_at, id")
    ).all()
    seen_logins: set[tuple[str, str]] = set()
    for row in sorted(rows, key=lambda row: row.state == "PENDING"):
        login = (row.account_id, row.user_id)
        if login not in seen_logins:
            seen_logins.add(login)
        elif row.state == "PENDING":
            connection.execute(sa.text("DELETE FROM users WHERE id = :id"), {"id": row.id})
        else:
            values = {"id": row.id, "login": row.iam_id.lower()}
            connection.execute(sa.text("UPDATE users SET user_id = :login WHERE id = :id"), values)
    op.drop_index("ix_users_user_id", table_name="users")
    op.create_index("ix_users_user_id", "users", ["account_id", "user_id"], unique=True)
