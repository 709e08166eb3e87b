"""API keys: making, showing, changing, locking, disabling, removing. One public function a use case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kunsthalle.accounts.queries import user
from kunsthalle.authz.context import SYSTEM
from kunsthalle.authz.permissions import VALIDITY
from kunsthalle.core.clock import moment
from kunsthalle.core.errors import Problem, Reason, Target, conflict, forbidden, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.encryption import Turn
from kunsthalle.db.reencryption import SecretPlace
from kunsthalle.db.rows import IntegrityError, delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of, remove_rows
from kunsthalle.db.visibility import Authorized, find, require, some, unscoped
from kunsthalle.iam.history import forget, note
from kunsthalle.iam.models import ApiKey
from kunsthalle.iam.queries import NEVER, all_groups_of, custom_actions, hash_of, is_identity, policies_of
from kunsthalle.iam.resources import API_KEY, SERVICE_ID

EDIT_SERVICE_ID = "iam-identity.serviceid.update"
MAX_KEYS = 1_000
"""API keys of an identity: they go with it in one transaction (U)."""
_OF_SERVICE_IDS = "iam-ServiceId-"
_LEAKED = ("none", "disable", "delete")
_OWN_VALUE = re.compile(r"[A-Za-z0-9_\-]{20,255}")


@dataclass(frozen=True, slots=True)
class KeyPrototype:
    """What a key is made of besides its owner. `secret` is the maker's own value; `expires_at` is RFC 3339.

    `store_value`: whether the secret can be read later. Only for keys of service IDs.
    """

    name: str
    description: str | None = None
    secret: str | None = None
    expires_at: str | None = None
    support_sessions: bool = False
    action_when_leaked: str = "none"
    locked: bool = False
    disabled: bool = False
    store_value: bool = False


def create_api_key(
    session: Session, account_id: str, iam_id: str, name: str, description: str | None = None
) -> tuple[ApiKey, str]:
    """A new key of an identity of the account and its secret, which is shown this once."""
    return make_key(session, account_id, iam_id, KeyPrototype(name, description))


def make_key(session: Session, account_id: str, iam_id: str, key_prototype: KeyPrototype) -> tuple[ApiKey, str]:
    """A new key as asked for, and its secret. A person's is made by that person, or by the product for them."""
    ctx = session.ctx
    by = iam_id if ctx.actor == SYSTEM else ctx.actor.iam_id
    if by != iam_id:
        _may_make_for(session, iam_id)
    if (
        account_id != ctx.account_id
        or iam_id.startswith("iam-Profile-")
        or not is_identity(session, account_id, iam_id)
    ):
        raise invalid("bad_request", "The IAM ID is no user and no service ID of the account.", "iam_id")
    return _new_key(session, account_id, iam_id, key_prototype, by)


def make_invited_key(session: Session, account_id: str, iam_id: str, name: str) -> tuple[ApiKey, str]:
    """A key of a person who was invited to the account and has not accepted yet, and its secret.

    For the operator alone. It counts as made by that person, and gives no access to any account until they have
    accepted.
    """
    person = user(session, account_id, iam_id)
    if session.ctx.actor != SYSTEM or person is None or person.state != "PENDING":
        raise forbidden()
    return _new_key(session, account_id, iam_id, KeyPrototype(name), iam_id)


def _new_key(
    session: Session, account_id: str, iam_id: str, key_prototype: KeyPrototype, by: str
) -> tuple[ApiKey, str]:
    ctx = session.ctx
    if key_prototype.secret is not None and not _OWN_VALUE.fullmatch(key_prototype.secret):
        raise invalid("bad_request", "An own key has 20 to 255 letters, digits, hyphens or underscores.", "apikey")
    if key_prototype.store_value and not iam_id.startswith(_OF_SERVICE_IDS):
        text = "store_value must be false or absent: the values of API keys of users are not stored."
        raise invalid("bad_request", text, "store_value")
    keys = API_KEY.table
    if number_of(session, keys, keys.c.account_id == account_id, keys.c.iam_id == iam_id) >= MAX_KEYS:
        raise conflict("conflict", f"An identity has at most {MAX_KEYS} API keys in an account: delete one first.")
    secret, now, id_ = key_prototype.secret or ctx.ids.secret(), ctx.now(), f"ApiKey-{ctx.ids.uuid()}"
    key = ApiKey(
        id=id_,
        account_id=account_id,
        iam_id=iam_id,
        name=_named(key_prototype.name),
        description=key_prototype.description,
        hash=hash_of(secret),
        stored_value=session.cipher.encrypt(secret, _purpose(id_)) if key_prototype.store_value else None,
        locked=key_prototype.locked,
        disabled=key_prototype.disabled,
        expires_at=_expiry(session, key_prototype.expires_at),
        support_sessions=key_prototype.support_sessions,
        action_when_leaked=_leaked(key_prototype.action_when_leaked),
        created_by=by,
        modified_at=now,
        created_at=now,
    )
    try:
        return insert(session, API_KEY, key), secret
    except IntegrityError as error:
        raise conflict("bad_request", "This value cannot be used as a key.", "apikey") from error


def _may_make_for(session: Session, iam_id: str) -> None:
    """403 unless it is a service ID that the caller may change, and that holds no more than the caller.

    Whoever has a person's key is that person in every account they are a member of, whatever may be held here.
    """
    if not iam_id.startswith("iam-"):
        text = "An API key of a person is made by that person alone; for a program make a service ID and a key of that."
        raise forbidden(text)
    service_ids = some(session, SERVICE_ID, SERVICE_ID.table.c.iam_id == iam_id)
    if service_ids:
        require(session, SERVICE_ID, service_ids[0], EDIT_SERVICE_ID)
    if not service_ids:
        raise invalid("bad_request", "The IAM ID is no user and no service ID of the account.", "iam_id")
    no_more_than_held(session, iam_id)


def no_more_than_held(session: Session, subject: str) -> None:
    """403 unless the caller holds whatever a subject and its groups hold: who acts as it gains nothing."""
    ctx = session.ctx
    custom = custom_actions(session, ctx.account_id)
    for id_ in (subject, *all_groups_of(session, ctx.account_id, subject)):
        for policy in policies_of(session, ctx.account_id, id_):
            if policy.type == "access" and not ctx.grants.covers_grant(policy.grant(custom)):
                raise forbidden("You cannot give more than you hold.")


def value_of(session: Session, key: ApiKey) -> str | None:
    """The secret of a key that stores it, for callers who could make such a key themselves; None for others (U)."""
    if key.stored_value is None or not _could_make(session, key.iam_id):
        return None
    return session.cipher.decrypt(key.stored_value, _purpose(key.id))


def _could_make(session: Session, iam_id: str) -> bool:
    if iam_id != session.ctx.actor.iam_id:
        try:
            _may_make_for(session, iam_id)
        except Problem:
            return False
    return True


def _purpose(key_id: str) -> str:
    """What a stored value is encrypted for: it decrypts in the row of this key alone."""
    return f"{key_id}/apikey"


def _turned(id_: str, values: Sequence[str], turn: Turn) -> list[str]:
    return [turn(value, _purpose(id_)) for value in values]


_STORED = API_KEY.table.c.stored_value
SECRETS = SecretPlace(API_KEY.table.c.id, (_STORED,), _turned, (_STORED.is_not(None),))
"""Where stored values are, for the master key that they are encrypted with."""


def _named(name: str) -> str:
    if not 1 <= len(name) <= 255:
        raise invalid("bad_request", "A name has 1 to 255 characters.", "name")
    return name


def _leaked(action: str) -> str:
    if action not in _LEAKED:
        raise invalid("bad_request", f"action_when_leaked must be one of {', '.join(_LEAKED)}.", "action_when_leaked")
    return action


def _expiry(session: Session, text: str | None) -> int | None:
    if not text:
        return None
    try:
        at = moment(text)
    except (ValueError, OverflowError) as error:
        raise invalid("bad_request", "expires_at must be a moment as RFC 3339 writes it.", "expires_at") from error
    if at <= session.ctx.now():
        raise invalid("bad_request", "expires_at must be in the future.", "expires_at")
    return at


def stale(field: str = "If-Match") -> Problem:
    """409: somebody else has changed the resource since it was read."""
    return Problem(
        Reason.CONFLICT,
        "conflict",
        "The resource was changed since it was read. Read it again.",
        Target(field, "header"),
    )


def locked() -> Problem:
    """409: what is locked is neither changed nor removed."""
    return Problem(Reason.CONFLICT, "BXNIM0130E", "It is locked: unlock it first.")


def change_key(session: Session, granted: Authorized[ApiKey], revision: int | None, **changes: Any) -> ApiKey:
    """Changes what is given of name, description, support_sessions, action_when_leaked and expires_at."""
    key = granted.resource
    if key.locked:
        raise locked()
    values = dict(changes)
    if "name" in values:
        _named(values["name"])
    if "action_when_leaked" in values:
        _leaked(values["action_when_leaked"])
    if "expires_at" in values:
        until = values["expires_at"] = _expiry(session, values["expires_at"])
        if (until or NEVER) > (key.expires_at or NEVER):
            _its_person_alone(session, key)
        session.invalidate(VALIDITY)
    as_read = () if revision is None else (API_KEY.table.c.revision == revision,)
    if not update(session, API_KEY, key.id, *as_read, modified_at=session.ctx.now(), **values):
        raise stale()
    note(session, key.id, "update", changes)
    return find(session, API_KEY, key.id)


def set_locked(session: Session, granted: Authorized[ApiKey], value: bool) -> None:
    """A locked key is not changed and not removed, and nothing is renewed by it."""
    update(session, API_KEY, granted.resource.id, locked=value, modified_at=session.ctx.now())
    note(session, granted.resource.id, "lock" if value else "unlock")


def set_disabled(session: Session, granted: Authorized[ApiKey], value: bool) -> None:
    """Disable the key: it gets no tokens, and its tokens end."""
    if not value:
        _its_person_alone(session, granted.resource)
    session.invalidate(VALIDITY)
    update(session, API_KEY, granted.resource.id, disabled=value, modified_at=session.ctx.now())
    note(session, granted.resource.id, "disable" if value else "enable")


def _its_person_alone(session: Session, key: ApiKey) -> None:
    """403 for another caller than the person of the key. 409 for a key that can never be enabled."""
    if key.of_person and key.iam_id != session.ctx.actor.iam_id:
        raise forbidden("Only the person whose API key it is can enable it or let it live longer.")
    if key.made_by_another:
        text = f"The API key was made by {key.created_by} and not by its own person: delete it and make a new one."
        raise conflict("conflict", text)


def delete_api_key(session: Session, granted: Authorized[ApiKey]) -> None:
    """Delete the key; its tokens end."""
    if granted.resource.locked:
        raise locked()
    session.invalidate(VALIDITY)
    delete(session, API_KEY, granted.resource.id, granted.resource.account_id)
    forget(session, granted.resource.id)


def delete_keys_of(session: Session, account_id: str, iam_id: str) -> list[str]:
    """Removes every key of an identity that is going; their ids."""
    table = API_KEY.table
    conditions = (table.c.account_id == account_id, table.c.iam_id == iam_id)
    ids = [key.id for key in unscoped(session, API_KEY, *conditions)]
    session.invalidate(VALIDITY)
    forget(session, *ids)
    remove_rows(session, table, *conditions)
    return ids


def usable(key: ApiKey | None, now: int) -> ApiKey:
    """The key, if it opens anything; 400 in the words of the token endpoint otherwise."""
    if key is None:
        raise Problem(Reason.INVALID, "BXNIM0415E", "Provided API key could not be found.")
    if key.disabled:
        raise Problem(Reason.INVALID, "BXNIM0438E", "Provided API key is disabled.")
    if key.expires_at is not None and key.expires_at <= now:
        raise Problem(Reason.INVALID, "BXNIM0451E", "Provided API key is expired.")
    return key


def as_owner(session: Session, iam_id: str) -> Session:
    """The same transaction by another hand, for keys that an identity is given with its birth."""
    return session.as_context(replace(session.ctx, actor=replace(session.ctx.actor, iam_id=iam_id)))
