"""Sign-ins with providers, members of access groups by rules, and one-time passcodes."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "federated_sign_ins",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("iam_id", sa.String(128), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("realm", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("sid", sa.String(255), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_federated_sign_ins")),
    )
    op.create_index("ix_federated_sign_ins_person", "federated_sign_ins", ["iam_id"])
    op.create_index("ix_federated_sign_ins_subject", "federated_sign_ins", ["provider", "subject"])
    op.create_index("ix_federated_sign_ins_ends_at", "federated_sign_ins", ["ends_at"])
    op.create_table(
        "dynamic_members",
        sa.Column("rule_id", sa.String(64), nullable=False),
        sa.Column("iam_id", sa.String(128), nullable=False),
        sa.Column("group_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("realm", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "iam_id", name=op.f("pk_dynamic_members")),
    )
    op.create_index("ix_dynamic_members_member", "dynamic_members", ["account_id", "iam_id"])
    op.create_index("ix_dynamic_members_group", "dynamic_members", ["group_id"])
    op.create_index("ix_dynamic_members_expires_at", "dynamic_members", ["expires_at"])
    op.create_table(
        "passcodes",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("api_key_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_passcodes")),
    )
    op.create_index("ix_passcodes_ends_at", "passcodes", ["ends_at"])
