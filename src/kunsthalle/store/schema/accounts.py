"""The enterprise tree, accounts, users, resource groups."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String, UniqueConstraint

from kunsthalle.store.schema.base import things

# account_id: the account from which the row is administered (the enterprise's own account, or the account itself).
enterprises = things(
    "enterprises",
    Column("name", String(60), nullable=False),
    Column("domain", String(255)),
    Column("state", String(16), nullable=False),
    Column("primary_contact_iam_id", String(128), nullable=False),
    Column("source_account_id", String(32), nullable=False),
)

account_groups = things(
    "account_groups",
    Column("enterprise_id", String(32), nullable=False),
    Column("parent_id", String(32)),
    Column("name", String(60), nullable=False),
    Column("state", String(16), nullable=False),
    Column("primary_contact_iam_id", String(128), nullable=False),
)

accounts = things(
    "accounts",
    Column("enterprise_id", String(32)),
    Column("group_id", String(32)),
    Column("name", String(60), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner_iam_id", String(128), nullable=False),
    Column("is_enterprise", Boolean, nullable=False),
    Index("ix_accounts_enterprise", "enterprise_id"),
)

users = things(
    "users",
    Column("iam_id", String(128), nullable=False),
    Column("email", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    UniqueConstraint("account_id", "iam_id"),
)

resource_groups = things(
    "resource_groups",
    Column("name", String(64), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    UniqueConstraint("account_id", "name"),
)
