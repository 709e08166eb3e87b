"""Tables that belong to no room: facts, tallies, jobs, audit; and the columns that all kinds share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from kunsthalle.db.column_types import Json, Moment, revision

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def resource_table(name: str, *columns: Any, id_length: int = 64) -> Table:
    """A table of resources that are looked up by id within an account, newest first.

    By account and id, too, although the id alone is unique: what another account has is then not even passed on the
    way, and a look-up takes as long for a hidden resource as for one that never was (R6).
    """
    return Table(
        name,
        metadata,
        Column("id", String(id_length), primary_key=True),
        Column("account_id", String(32), nullable=False),
        *columns,
        Column("created_at", Moment, nullable=False),
        revision(),
        Index(f"ix_{name}_own", "account_id", "id", unique=True),
        Index(f"ix_{name}_page", "account_id", "created_at", "id"),
    )


facts = Table(
    "facts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Json, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("n", Integer, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(32), nullable=False),
    Column("kind", String(48), nullable=False),
    Column("subject", String(512), nullable=False),
    Column("payload", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_owner", String(64)),
    Column("lease_until", Moment),
    Column("last_error", Text),
    Column("created_at", Moment, nullable=False),
    # On whose behalf: who asked, and under which trace; jobs that follow from jobs inherit both.
    Column("initiator", String(128)),
    Column("trace", String(64)),
    # Bytes that an import, an export or a copy may write; NULL for a short job.
    Column("transfer_bytes", BigInteger),
    Index("ix_jobs_claim", "state", "due_at"),
    Index("ix_jobs_subject", "subject", "kind"),
    Index("ix_jobs_account", "account_id", "state", "due_at"),
)

# Who may do what one node does at a time; free again after `until`, a moment of real time.
leases = Table(
    "leases",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", Moment, nullable=False),
)

job_turns = Table(
    "job_turns",
    metadata,
    Column("account_id", String(32), primary_key=True),
    # Counts claims, not time: the account with the smallest number was served longest ago.
    Column("turn", BigInteger, nullable=False, index=True),
)

account_quotas = Table(
    "account_quotas",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("most", BigInteger, nullable=False),
)
"""The limits that the operator has set for accounts; all others are those of the settings."""

audit = Table(
    "audit",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(32), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(128), nullable=False),
    Column("target", String(512), nullable=False),
    Column("outcome", Integer, nullable=False),
    Column("code", String(64)),
    Column("trace", String(64), nullable=False),
    Column("thing_crn", String(512)),
    Column("thing_account_id", String(32)),
    # Of work that the product did later: on whose behalf.
    Column("initiator", String(128)),
    # The network address that a request came from; behind a trusted proxy, that of the proxy's client.
    Column("client", String(45)),
    # The order in which entries are sent elsewhere; NULL until somebody does.
    Column("seq", BigInteger),
    Index("ix_audit_seq", "seq"),
    Index("ix_audit_page", "account_id", "at", "id"),
    Index("ix_audit_thing", "thing_account_id", "at", "id"),
    Index("ix_audit_at", "at", "id"),
)

# What is sent elsewhere: how far each sink has got, and which node sends.
audit_cursors = Table(
    "audit_cursors",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_error", Text),
    Column("lease_owner", String(64)),
    Column("lease_until", Moment),
)
