"""The enterprise tree, accounts, users, resource groups."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String, Table, UniqueConstraint

from kunsthalle.db.column_types import Json, Moment
from kunsthalle.db.tables import metadata, resource_table

# account_id: the account from which the row is administered (the enterprise's own account, or the account itself).
enterprises = resource_table(
    "enterprises",
    Column("name", String(60), nullable=False),
    Column("domain", String(255)),
    Column("state", String(16), nullable=False),
    Column("primary_contact_iam_id", String(128), nullable=False),
    Column("source_account_id", String(32), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", String(128), nullable=False),
)

account_groups = resource_table(
    "account_groups",
    Column("enterprise_id", String(32), nullable=False),
    Column("parent_id", String(32)),
    Column("name", String(60), nullable=False),
    Column("state", String(16), nullable=False),
    Column("primary_contact_iam_id", String(128), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Index("ix_account_groups_parent", "enterprise_id", "parent_id"),
)

# enterprise_id: NULL outside any enterprise, and again once the account is cancelled.
accounts = resource_table(
    "accounts",
    Column("enterprise_id", String(32)),
    Column("group_id", String(32)),
    Column("name", String(60), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner_iam_id", String(128), nullable=False),
    Column("is_enterprise", Boolean, nullable=False),
    Column("traits", Json, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Index("ix_accounts_enterprise", "enterprise_id"),
    Index("ix_accounts_group", "group_id"),
)

# The names of accounts that the operator made: each is there once, until its account is cancelled. The API allows an
# enterprise to have accounts of one name.
operator_account_names = Table(
    "operator_account_names",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("account_id", String(32), nullable=False, index=True),
)

# iam_id: of a person; until an invitation is accepted one of the invitation's own (`BSS-...`), which means nobody.
# user_id: what a person signs in as, in lower case, the same in every account and never changed; email: a contact.
# profile: what the user says of themselves (names, telephone numbers, a photo); settings: how they are served.
users = resource_table(
    "users",
    Column("iam_id", String(128), nullable=False),
    Column("email", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("state", String(40), nullable=False),
    Column("profile", Json, nullable=False),
    Column("settings", Json, nullable=False),
    Column("user_id", String(255), nullable=False),
    UniqueConstraint("account_id", "iam_id"),
    Index("ix_users_user_id", "account_id", "user_id", unique=True),
    Index("ix_users_login", "user_id"),
    Index("ix_users_email", "email"),
    Index("ix_users_iam_id", "iam_id"),
)

# deleted_at: 0 while the group is there; part of the name's uniqueness, so that a name is free again.
resource_groups = resource_table(
    "resource_groups",
    Column("name", String(64), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("deleted_at", Moment, nullable=False),
    UniqueConstraint("account_id", "name", "deleted_at"),
)
