"""What an account has of everything that a quota counts, and how much it may have, for the operator."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.tables import accounts
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.catalogs.resources import CATALOG, OFFERING
from kunsthalle.core.quota_names import LARGEST, QUOTAS
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import GIB
from kunsthalle.db import quotas
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import columns_of, numbers_by
from kunsthalle.db.visibility import ResourceType
from kunsthalle.iam.resources import API_KEY
from kunsthalle.images.byte_quota import bytes_by_account, used_bytes
from kunsthalle.images.resources import IMAGE
from kunsthalle.instances.placement_groups.resources import PLACEMENT_GROUP
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.vcpu_quota import used_vcpus, vcpus_by_account
from kunsthalle.networks.resources import KEY, VPC

_COUNTED: tuple[ResourceType[Any], ...] = (
    *(IMAGE, VOLUME, SNAPSHOT, INSTANCE, PLACEMENT_GROUP),
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


@dataclass(frozen=True, slots=True)
class NearLimit:
    """A quota of which an account has used much."""

    account_id: str
    account: str
    name: str
    used: int
    limit: int


def nearest(session: Session, percent: int, most: int) -> list[NearLimit]:
    """The accounts that have used so many percent of a quota or more, at most so many, the fullest first.

    A statement for each quota that has a limit anywhere, however many accounts there are.
    """
    own = quotas.all_own_limits(session)
    near: list[tuple[str, str, int, int]] = []
    for name in QUOTAS:
        default = session.quotas.get(name)
        limits = {account_id: limit for (account_id, of), limit in own.items() if of == name}
        if default is None and not limits:
            continue
        for account_id, used in _used_by_account(session, name).items():
            limit = limits.get(account_id, default)
            if limit is not None and used * 100 >= limit * percent and used:
                near.append((account_id, name, used, limit))
    near.sort(key=lambda row: (-row[2] / max(row[3], 1), row[0], row[1]))
    fullest = near[:most]
    where = [accounts.c.id.in_([row[0] for row in fullest])]
    names = {str(id_): str(name) for id_, name in columns_of(session, accounts.c.id, accounts.c.name, where=where)}
    return [
        NearLimit(account_id, names.get(account_id, ""), name, used, limit) for account_id, name, used, limit in fullest
    ]


def _used_by_account(session: Session, name: str) -> dict[str, int]:
    match name:
        case "image_gb":
            return {account_id: -(-size // GIB) for account_id, size in bytes_by_account(session).items()}
        case "vcpus":
            return vcpus_by_account(session)
        case _ if name in _TYPES:
            return dict(numbers_by(session, _TYPES[name].table.c.account_id))
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


def name_of(session: Session, account_id: str) -> str:
    """The name of an account."""
    ((name,),) = columns_of(session, accounts.c.name, where=[accounts.c.id == account_id])
    return str(name)


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
