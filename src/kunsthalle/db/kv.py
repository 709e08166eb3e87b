"""Single values of the whole store: the clock's position, the schema of the scenario, digests of operator secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, select, text

from kunsthalle.db.column_types import Json
from kunsthalle.db.session import Session
from kunsthalle.db.tables import facts

SCENARIO = "scenario"
"""The scenario that the store was made with."""
SIGNING_KEYS = "signing-keys"
"""What tokens are signed with: a set of keys, encrypted."""
SIGNING_KEY_DAYS = "signing-key-days"
"""After how many days the clock has signing keys rotated; 0 for never."""
GENERATION = "token-generation"
"""How often all access tokens were expired on request."""
MASTER_KEY = "master-key"
"""`id` of the master key that everything is encrypted with; `scrub` until no free page holds what was there before."""


def get(session: Session, key: str) -> Any:
    """The value, or None."""
    row = session.first(select(facts.c.value).where(facts.c.key == key))
    return row[0] if row else None


# One statement: of two nodes that delete and insert the same key at once, one would find it there again.
_put = text(
    "INSERT INTO facts (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
).bindparams(bindparam("value", type_=Json()))


def put(session: Session, key: str, value: Any) -> None:
    """Sets the value, which must not be None."""
    session.execute(_put, {"key": key, "value": value})


_claim = text("INSERT INTO facts (key, value) VALUES (:key, 'null') ON CONFLICT (key) DO NOTHING")


def locked(session: Session, key: str) -> Any:
    """The value, or None; until the end of the transaction the row's lock keeps every other node waiting here."""
    session.execute(_claim, {"key": key})
    row = session.first(select(facts.c.value).where(facts.c.key == key).with_for_update())
    return None if row is None else row[0]


def once(session: Session, key: str, make: Callable[[], Any]) -> Any:
    """The value, made by whichever node asks first."""
    known = locked(session, key)
    if known is not None:
        return known
    value = make()
    put(session, key, value)
    return value
