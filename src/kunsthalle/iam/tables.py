"""API keys (hashed), service IDs, trusted profiles, account settings; policies, custom roles, access groups."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from kunsthalle.db.column_types import Json, Moment, revision
from kunsthalle.db.tables import metadata, resource_table

api_keys = resource_table(
    "api_keys",
    Column("iam_id", String(128), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("hash", String(64), nullable=False),
    Column("stored_value", Text),
    Column("locked", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("expires_at", Moment),
    Column("support_sessions", Boolean, nullable=False),
    Column("action_when_leaked", String(16), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    UniqueConstraint("hash"),
    Index("ix_api_keys_owner", "account_id", "iam_id"),
)

service_ids = resource_table(
    "service_ids",
    Column("iam_id", String(128), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("unique_instance_crns", Json, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    UniqueConstraint("iam_id"),
)

profiles = resource_table(
    "profiles",
    Column("iam_id", String(128), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("email", String(255)),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    UniqueConstraint("iam_id"),
    UniqueConstraint("account_id", "name"),
)

# Who may assume a profile: `type` is user, serviceid or crn; `accounts` are those a user may come from.
profile_identities = Table(
    "profile_identities",
    metadata,
    Column("profile_id", String(64), primary_key=True),
    Column("type", String(16), primary_key=True),
    Column("identifier", String(512), primary_key=True),
    Column("iam_id", String(512), nullable=False),
    Column("accounts", Json, nullable=False),
    Column("description", Text),
)

# Claim rules of sign-ins with providers act; those of compute tokens, and links, are kept and shown.
profile_rules = resource_table(
    "profile_rules",
    Column("profile_id", String(64), nullable=False),
    Column("name", String(255)),
    Column("type", String(32), nullable=False),
    Column("realm_name", String(255)),
    Column("cr_type", String(16)),
    Column("expiration", Integer, nullable=False),
    Column("conditions", Json, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Index("ix_profile_rules_profile", "profile_id"),
)
profile_links = resource_table(
    "profile_links",
    Column("profile_id", String(64), nullable=False),
    Column("name", String(255)),
    Column("cr_type", String(16), nullable=False),
    Column("link", Json, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Index("ix_profile_links_profile", "profile_id"),
)

# The settings of an account that differ from what holds without any.
identity_settings = Table(
    "identity_settings",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("settings", Json, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("modified_by", String(128), nullable=False),
    revision(),
)

# What was done to identities and settings: a list of `[at, iam_id, account_id, action, params]`, oldest first.
identity_history = Table(
    "identity_history",
    metadata,
    Column("resource_id", String(64), primary_key=True),
    Column("records", Json, nullable=False),
)

# One store for access and authorization policies; `subject_id` is an iam_id, a group, or the service that is let in.
policies = resource_table(
    "policies",
    Column("type", String(16), nullable=False),
    Column("subject_id", String(128), nullable=False),
    Column("subject", Json, nullable=False),
    Column("roles", Json, nullable=False),
    Column("resource", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("rule", Json),
    Column("pattern", String(128)),
    Column("description", Text),
    Column("state", String(16), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("modified_by", String(128), nullable=False),
    UniqueConstraint("account_id", "fingerprint"),
    Index("ix_policies_subject", "account_id", "subject_id"),
)

custom_roles = resource_table(
    "custom_roles",
    Column("name", String(64), nullable=False),
    Column("display_name", String(255), nullable=False),
    Column("description", Text),
    Column("service_name", String(64), nullable=False),
    Column("actions", Json, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("modified_by", String(128), nullable=False),
    UniqueConstraint("account_id", "name"),
)

access_groups = resource_table(
    "access_groups",
    Column("name", String(100), nullable=False),
    Column("description", Text),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("modified_by", String(128), nullable=False),
    UniqueConstraint("account_id", "name"),
)

access_group_members = Table(
    "access_group_members",
    metadata,
    Column("group_id", String(64), primary_key=True),
    Column("iam_id", String(128), primary_key=True),
    Column("account_id", String(32), nullable=False),
    Column("type", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", String(128), nullable=False),
    Index("ix_access_group_members_member", "account_id", "iam_id"),
)

access_group_rules = resource_table(
    "access_group_rules",
    Column("group_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("expiration", Integer, nullable=False),
    Column("realm_name", String(255), nullable=False),
    Column("conditions", Json, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("modified_by", String(128), nullable=False),
    Index("ix_access_group_rules_group", "group_id"),
)

# Who signed in with a provider, and what it said of them. `id` is the session of tokens; `account_id` the account that
# was entered first, empty for somebody who was invited and is in none. `ends_at` is real time, as tokens have it.
federated_sign_ins = Table(
    "federated_sign_ins",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(32), nullable=False),
    Column("iam_id", String(128), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("realm", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("sid", String(255), nullable=False),
    Column("claims", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Index("ix_federated_sign_ins_person", "iam_id"),
    Index("ix_federated_sign_ins_subject", "provider", "subject"),
    Index("ix_federated_sign_ins_ends_at", "ends_at"),
)

# Members of access groups by a rule, from a sign-in until `expires_at` by the product clock.
dynamic_members = Table(
    "dynamic_members",
    metadata,
    Column("rule_id", String(64), primary_key=True),
    Column("iam_id", String(128), primary_key=True),
    Column("group_id", String(64), nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("realm", String(255), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_dynamic_members_member", "account_id", "iam_id"),
    Index("ix_dynamic_members_group", "group_id"),
    Index("ix_dynamic_members_expires_at", "expires_at"),
)

# One-time passcodes by their hash. Each stands for a sign-in (`session_id`) or an API key; `ends_at` is real time.
passcodes = Table(
    "passcodes",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("api_key_id", String(64), nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("ends_at", Moment, nullable=False),
    Index("ix_passcodes_ends_at", "ends_at"),
)
