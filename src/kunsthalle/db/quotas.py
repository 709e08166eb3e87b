"""How much an account may have: counted in the transaction that makes more of it, under a lock.

A quota of an account is what the operator has set for it, else the default of the settings, else there is none. Where
there is one, transactions that would make more of the same go one after another: each counts what those before it have
committed. What is there when a quota is lowered stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, select, text

from kunsthalle.core.errors import invalid
from kunsthalle.core.quota_names import QUOTAS
from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.session import Session
from kunsthalle.db.tables import account_quotas
from kunsthalle.db.unscoped import number_of, put_row, remove_rows, rows_of
from kunsthalle.db.visibility import ResourceType

COUNTED = {
    "image": "images",
    "volume": "volumes",
    "snapshot": "snapshots",
    "instance": "instances",
    "placement-group": "placement_groups",
    "key": "keys",
    "vpc": "vpcs",
    "catalog": "catalogs",
    "offering": "offerings",
    "apikey": "api_keys",
}
"""The quota of each resource type whose rows are counted."""
_ADVISORY_LOCK = 7203
_OWN = CompiledSelect(
    lambda: select(account_quotas.c.most).where(
        account_quotas.c.account_id == bindparam("account"), account_quotas.c.name == bindparam("name")
    )
)


def limit_of(session: Session, account_id: str, name: str) -> int | None:
    """The limit of an account, None where there is none."""
    row = _OWN.first(session, {"account": account_id, "name": name})
    return int(row[0]) if row else session.quotas.get(name)


def refuse_another(session: Session, kind: ResourceType[Any], account_id: str) -> None:
    """Refuse one more resource of a type. 400 `over_quota`."""
    name = COUNTED.get(kind.name)
    if name is not None:
        refuse_more(session, account_id, name, 1, lambda: count_of(session, kind, account_id))


def count_of(session: Session, kind: ResourceType[Any], account_id: str) -> int:
    """How many resources of a type an account has."""
    return number_of(session, kind.table, kind.table.c.account_id == account_id)


def refuse_more(session: Session, account_id: str, name: str, more: int, used: Callable[[], int]) -> None:
    """Refuse so much more of a quota, if with what is `used` it would be too much. 400 `over_quota`.

    What is used is counted after the lock is held. Nothing is asked for where there is no limit.
    """
    most = limit_of(session, account_id, name)
    if most is None:
        return
    _take_turn(session, account_id, name)
    taken = used()
    if taken + more > most:
        text_ = f"The account has {taken} and may have {most} (quota {name}): {QUOTAS[name]}."
        raise invalid("over_quota", f"{text_} Delete some, or ask the operator for more.")


def _take_turn(session: Session, account_id: str, name: str) -> None:
    """SQLite has only one writer. On PostgreSQL the lock is held until the end of the transaction."""
    if session.dialect != "sqlite":
        digest = hashlib.sha256(f"{account_id} {name}".encode()).digest()
        key = int.from_bytes(digest[:4], "big", signed=True)
        session.execute(text("SELECT pg_advisory_xact_lock(:space, :key)"), {"space": _ADVISORY_LOCK, "key": key})


def own_limits(session: Session, account_id: str) -> dict[str, int]:
    """The limits that the operator has set for an account."""
    rows = rows_of(session, account_quotas, account_quotas.c.account_id == account_id)
    return {row.name: int(row.most) for row in rows}


def all_own_limits(session: Session) -> dict[tuple[str, str], int]:
    """The limits that the operator has set, by account and quota."""
    return {(row.account_id, row.name): int(row.most) for row in rows_of(session, account_quotas)}


def put_limit(session: Session, account_id: str, name: str, most: int) -> None:
    """Set a limit of an account."""
    key = ("account_id", "name")
    put_row(session, account_quotas, key, replacing=("most",), account_id=account_id, name=name, most=most)


def clear_limit(session: Session, account_id: str, name: str) -> bool:
    """Have the default apply again; False where it did."""
    c = account_quotas.c
    return remove_rows(session, account_quotas, c.account_id == account_id, c.name == name) > 0


__all__ = [
    "COUNTED",
    "all_own_limits",
    "clear_limit",
    "count_of",
    "limit_of",
    "own_limits",
    "put_limit",
    "refuse_another",
    "refuse_more",
]
