"""Questions about keys and policies."""

from __future__ import annotations

import hashlib

from kunsthalle.core.access import Grants
from kunsthalle.identity.kinds import API_KEY, POLICY
from kunsthalle.identity.model import ApiKey, Policy
from kunsthalle.store.scope import unguarded
from kunsthalle.store.unit import Unit

GRANTS = "grants"
"""The topic under which a process remembers what an identity holds."""


def hash_of(secret: str) -> str:
    """What is stored of a key. The secrets are random and long, so that one round is enough."""
    return hashlib.sha256(b"kunsthalle api key\0" + secret.encode()).hexdigest()


def key_by_secret(unit: Unit, secret: str) -> ApiKey | None:
    found = unguarded(unit, API_KEY, API_KEY.table.c.hash == hash_of(secret))
    return found[0] if found else None


def key_by_id(unit: Unit, id_: str) -> ApiKey | None:
    found = unguarded(unit, API_KEY, API_KEY.table.c.id == id_)
    return found[0] if found else None


def grants_of(unit: Unit, account_id: str, iam_id: str) -> Grants:
    """What an identity holds in an account: its active access policies."""
    return unit.memo(GRANTS, (account_id, iam_id), lambda: _grants(unit, account_id, iam_id))


def _grants(unit: Unit, account_id: str, iam_id: str) -> Grants:
    table = POLICY.table
    found = unguarded(
        unit,
        POLICY,
        table.c.account_id == account_id,
        table.c.subject_id == iam_id,
        table.c.type == "access",
        table.c.state == "active",
    )
    return Grants(account_id, (policy.grant() for policy in found))


def authorizations(unit: Unit, account_id: str, source: str) -> list[Policy]:
    """The active authorization policies of an account for a source service."""
    table = POLICY.table
    return unguarded(
        unit,
        POLICY,
        table.c.account_id == account_id,
        table.c.subject_id == source,
        table.c.type == "authorization",
        table.c.state == "active",
    )
