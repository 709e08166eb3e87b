"""API keys (hashed) and policies."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String, Text, UniqueConstraint

from kunsthalle.store.schema.base import things
from kunsthalle.store.types import Json, Moment

api_keys = things(
    "api_keys",
    Column("iam_id", String(128), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("hash", String(64), nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("expires_at", Moment),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    UniqueConstraint("hash"),
    Index("ix_api_keys_owner", "account_id", "iam_id"),
)

# One store for access and authorization policies; `subject_id` is the iam_id, or the service for authorizations.
policies = things(
    "policies",
    Column("type", String(16), nullable=False),
    Column("subject_id", String(128), nullable=False),
    Column("subject", Json, nullable=False),
    Column("roles", Json, nullable=False),
    Column("resource", Json, nullable=False),
    Column("description", Text),
    Column("state", String(16), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("modified_by", String(128), nullable=False),
    UniqueConstraint("account_id", "fingerprint"),
    Index("ix_policies_subject", "account_id", "subject_id"),
)
