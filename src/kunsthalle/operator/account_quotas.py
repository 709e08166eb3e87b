"""What an account has of everything that a quota counts, and how much it may have, for the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunsthalle.accounts.tables import accounts
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.catalogs.resources import CATALOG, OFFERING
from kunsthalle.core.quota_names import LARGEST, QUOTAS
from kunsthalle.core.sizes import GIB
from kunsthalle.db import quotas
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import columns_of
from kunsthalle.db.visibility import ResourceType
from kunsthalle.iam.resources import API_KEY
from kunsthalle.images.byte_quota import used_bytes
from kunsthalle.images.resources import IMAGE
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.vcpu_quota import used_vcpus
from kunsthalle.networks.resources import KEY, VPC

_COUNTED: tuple[ResourceType[Any], ...] = (
    *(IMAGE, VOLUME, SNAPSHOT, INSTANCE),
    *(KEY, VPC, CATALOG, OFFERING, API_KEY),
)
_TYPES = {quotas.COUNTED[kind.name]: kind for kind in _COUNTED}


class BadQuota(ValueError):
    """An account, a quota or a limit that there is none of; the message is one line and says what is allowed."""


@dataclass(frozen=True, slots=True)
class AccountQuota:
    """A quota of an account. `limit` is None where there is none; `own`: the operator has set it for this account."""

    name: str
    used: int
    limit: int | None
    own: bool


def every(session: Session, account_id: str) -> list[AccountQuota]:
    """All quotas of an account, in the order of their names."""
    own = quotas.own_limits(session, account_id)
    return [
        AccountQuota(name, _used(session, account_id, name), own.get(name, session.quotas.get(name)), name in own)
        for name in QUOTAS
    ]


def _used(session: Session, account_id: str, name: str) -> int:
    match name:
        case "image_gb":
            return -(-used_bytes(session, account_id) // GIB)
        case "vcpus":
            return used_vcpus(session, account_id)
        case _ if name in _TYPES:
            return quotas.count_of(session, _TYPES[name], account_id)
        case _:
            raise BadQuota(f"{name!a} is no quota.")


def account_named(session: Session, text: str) -> str:
    """The id of the account that has this id or name. BadQuota for none, or several."""
    rows = columns_of(session, accounts.c.id, accounts.c.name)
    ids = [str(id_) for id_, name in rows if text in {id_, name}]
    if len(ids) != 1:
        there = ", ".join(sorted(f"{name} ({id_})" for id_, name in rows)[:10])
        count = len(ids) or "No"
        raise BadQuota(f"{count} accounts are named {text[:80]!a}; give the id of one of: {there or 'none'}.")

    return ids[0]


def put(session: Session, account_id: str, name: str, limit: int) -> None:
    """Set a limit of an account. BadQuota."""
    _check(name)
    if not 0 <= limit <= LARGEST:
        raise BadQuota(f"Invalid limit {limit}: give a whole number, 0 to {LARGEST}.")
    quotas.put_limit(session, account_id, name, limit)


def clear(session: Session, account_id: str, name: str) -> bool:
    """Have the default apply again; False where it did. BadQuota."""
    _check(name)
    return quotas.clear_limit(session, account_id, name)


def _check(name: str) -> None:
    if name not in QUOTAS:
        raise BadQuota(f"{name[:40]!a} is no quota; give one of {', '.join(QUOTAS)}.")
