"""What people sign in as, apart from the e-mail address, which they may change.

Until now the address was both. A person signs in as the address of their oldest membership, an invitation means its own
address. Where several people claim one address nobody knows whose it is: none of them is found by it.
"""

from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("user_id", sa.String(255), nullable=True))
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, iam_id, email, state FROM users ORDER BY created_at, id")).all()
    people: dict[str, str] = {}
    for row in rows:
        if row.state != "PENDING":
            people.setdefault(row.iam_id, row.email.lower())
    claims = Counter(people.values())
    for row in rows:
        user_id = row.email.lower() if row.state == "PENDING" else people[row.iam_id]
        if row.state != "PENDING" and claims[user_id] > 1:
            user_id = row.iam_id.lower()
        if len(user_id) > 255:  # some letters become two in lower case
            user_id = row.iam_id.lower()
        connection.execute(
            sa.text("UPDATE users SET user_id = :user_id WHERE id = :id"), {"user_id": user_id, "id": row.id}
        )
    with op.batch_alter_table("users") as table:
        table.alter_column("user_id", existing_type=sa.String(255), nullable=False)
        table.create_index("ix_users_user_id", ["account_id", "user_id"], unique=False)
