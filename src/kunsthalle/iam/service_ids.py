"""Service IDs: identities of programs. One public function a use case."""

from __future__ import annotations

from typing import Any

from kunsthalle.authz.permissions import VALIDITY
from kunsthalle.core.errors import invalid
from kunsthalle.db.rows import delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find
from kunsthalle.iam.api_keys import KeyPrototype, as_owner, delete_keys_of, locked, make_key, stale
from kunsthalle.iam.history import forget, note
from kunsthalle.iam.models import ApiKey, ServiceId
from kunsthalle.iam.policies import drop_subject, make_owner
from kunsthalle.iam.resources import SERVICE_ID


def create_service_id(
    session: Session,
    name: str,
    description: str | None = None,
    unique_instance_crns: list[str] | None = None,
    *,
    is_locked: bool = False,
    key: KeyPrototype | None = None,
) -> tuple[ServiceId, tuple[ApiKey, str] | None]:
    """A new service ID of the account, which holds nothing yet, and the key that was asked for with its secret."""
    ctx, now = session.ctx, session.ctx.now()
    if not 1 <= len(name) <= 255:
        raise invalid("bad_request", "A name has 1 to 255 characters.", "name")
    id_ = f"ServiceId-{ctx.ids.uuid()}"
    crns = unique_instance_crns or []
    made = ServiceId(id_, ctx.account_id, f"iam-{id_}", name, description, crns, is_locked, ctx.actor.iam_id, now, now)
    insert(session, SERVICE_ID, made)
    if key is None:
        return made, None
    minted, secret = make_key(as_owner(session, made.iam_id), made.account_id, made.iam_id, key)
    return made, (minted, secret)


def create_owner(session: Session, account_id: str, name: str = "owner") -> tuple[ServiceId, ApiKey, str]:
    """A service ID that holds everything in a new account, its key and the secret (4.1, `options`)."""
    system = session.as_context(session.ctx.as_system(account_id))
    made, minted = create_service_id(system, name, key=KeyPrototype(name))
    if minted is None:
        raise RuntimeError("a service ID that was to have a key has none")
    make_owner(system, account_id, made.iam_id)
    return made, *minted


def change_service_id(
    session: Session, granted: Authorized[ServiceId], revision: int | None, **changes: Any
) -> ServiceId:
    """Changes what is given of name, description and unique_instance_crns."""
    if granted.resource.locked:
        raise locked()
    if "name" in changes and not 1 <= len(changes["name"]) <= 255:
        raise invalid("bad_request", "A name has 1 to 255 characters.", "name")
    as_read = () if revision is None else (SERVICE_ID.table.c.revision == revision,)
    if not update(session, SERVICE_ID, granted.resource.id, *as_read, modified_at=session.ctx.now(), **changes):
        raise stale()
    note(session, granted.resource.id, "update", changes)
    return find(session, SERVICE_ID, granted.resource.id)


def set_service_id_locked(session: Session, granted: Authorized[ServiceId], value: bool) -> None:
    """A locked service ID is neither changed nor removed."""
    update(session, SERVICE_ID, granted.resource.id, locked=value, modified_at=session.ctx.now())
    note(session, granted.resource.id, "lock" if value else "unlock")


def delete_service_id(session: Session, granted: Authorized[ServiceId]) -> list[str]:
    """The service ID, its keys, its policies and its memberships are gone; the ids of the keys."""
    gone = granted.resource
    if gone.locked:
        raise locked()
    session.invalidate(VALIDITY)
    drop_subject(session, gone.account_id, gone.iam_id)
    keys = delete_keys_of(session, gone.account_id, gone.iam_id)
    delete(session, SERVICE_ID, gone.id, gone.account_id)
    forget(session, gone.id)
    return keys


__all__ = [
    "change_service_id",
    "create_owner",
    "create_service_id",
    "delete_service_id",
    "set_service_id_locked",
]
