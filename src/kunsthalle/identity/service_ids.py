"""Service IDs: identities of programs. One public function a use case."""

from __future__ import annotations

from typing import Any

from kunsthalle.core.access import STANDING
from kunsthalle.core.errors import invalid
from kunsthalle.identity.history import forget, note
from kunsthalle.identity.keys import (
    KeyPrototype,
    as_owner,
    delete_keys_of,
    locked,
    make_key,
    stale,
)
from kunsthalle.identity.kinds import SERVICE_ID
from kunsthalle.identity.model import ApiKey, ServiceId
from kunsthalle.identity.policies import drop_subject, make_owner
from kunsthalle.store.rows import delete, insert, update
from kunsthalle.store.scope import Granted, find
from kunsthalle.store.unit import Unit


def create_service_id(
    unit: Unit,
    name: str,
    description: str | None = None,
    unique_instance_crns: list[str] | None = None,
    *,
    is_locked: bool = False,
    key: KeyPrototype | None = None,
) -> tuple[ServiceId, tuple[ApiKey, str] | None]:
    """A new service ID of the account, which holds nothing yet, and the key that was asked for with its secret."""
    ctx, now = unit.ctx, unit.ctx.now()
    if not 1 <= len(name) <= 255:
        raise invalid("bad_request", "A name has 1 to 255 characters.", "name")
    id_ = f"ServiceId-{ctx.ids.uuid()}"
    crns = unique_instance_crns or []
    made = ServiceId(id_, ctx.account_id, f"iam-{id_}", name, description, crns, is_locked, ctx.actor.iam_id, now, now)
    insert(unit, SERVICE_ID, made)
    if key is None:
        return made, None
    minted, secret = make_key(as_owner(unit, made.iam_id), made.account_id, made.iam_id, key)
    return made, (minted, secret)


def create_owner(unit: Unit, account_id: str, name: str = "owner") -> tuple[ServiceId, ApiKey, str]:
    """A service ID that holds everything in a new account, its key and the secret (4.1, `options`)."""
    system = unit.acting(unit.ctx.as_system(account_id))
    made, minted = create_service_id(system, name, key=KeyPrototype(name))
    if minted is None:
        raise RuntimeError("a service ID that was to have a key has none")
    make_owner(system, account_id, made.iam_id)
    return made, *minted


def change_service_id(unit: Unit, granted: Granted[ServiceId], revision: int | None, **given: Any) -> ServiceId:
    """Changes what is given of name, description and unique_instance_crns."""
    if granted.it.locked:
        raise locked()
    if "name" in given and not 1 <= len(given["name"]) <= 255:
        raise invalid("bad_request", "A name has 1 to 255 characters.", "name")
    as_read = () if revision is None else (SERVICE_ID.table.c.revision == revision,)
    if not update(unit, SERVICE_ID, granted.it.id, *as_read, modified_at=unit.ctx.now(), **given):
        raise stale()
    note(unit, granted.it.id, "update", given)
    return find(unit, SERVICE_ID, granted.it.id)


def set_service_id_locked(unit: Unit, granted: Granted[ServiceId], value: bool) -> None:
    """A locked service ID is neither changed nor removed."""
    update(unit, SERVICE_ID, granted.it.id, locked=value, modified_at=unit.ctx.now())
    note(unit, granted.it.id, "lock" if value else "unlock")


def delete_service_id(unit: Unit, granted: Granted[ServiceId]) -> list[str]:
    """The service ID, its keys, its policies and its memberships are gone; the ids of the keys."""
    gone = granted.it
    if gone.locked:
        raise locked()
    unit.changed(STANDING)
    drop_subject(unit, gone.account_id, gone.iam_id)
    keys = delete_keys_of(unit, gone.account_id, gone.iam_id)
    delete(unit, SERVICE_ID, gone.id, gone.account_id)
    forget(unit, gone.id)
    return keys


__all__ = [
    "change_service_id",
    "create_owner",
    "create_service_id",
    "delete_service_id",
    "set_service_id_locked",
]
