"""Policies of keys and of instances of Key Protect, authorizations of deletions, and import tokens."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def _changes() -> list[sa.Column[Any]]:
    return [
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=128), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "key_policies",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("policy_type", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("interval_months", sa.Integer(), nullable=True),
        *_changes(),
        sa.PrimaryKeyConstraint("key_id", "policy_type", name=op.f("pk_key_policies")),
    )
    op.create_table(
        "instance_policies",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("policy_type", sa.String(length=32), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        *_changes(),
        sa.PrimaryKeyConstraint("instance_id", "policy_type", name=op.f("pk_instance_policies")),
    )
    op.create_table(
        "key_deletion_authorizations",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("authorized_by", sa.String(length=128), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_key_deletion_authorizations")),
    )
    op.create_table(
        "import_tokens",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("most_retrievals", sa.Integer(), nullable=False),
        sa.Column("retrievals_left", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_import_tokens")),
    )
