"""Data keys: what images and volumes are encrypted with, wrapped by root keys.

A resource keeps the CRN of a root key and its own data key, wrapped; both are of no use without the key service. What
is asked here is asked for the account of the session's context, which has to have an authorization from the service
`is` (or `server-protect`, as IBM's documentation of block storage has it) to `kms`, as Reader. The root key may be
another account's, which then has the authorization for this account. Without one, a key of another account is refused
as one that never existed.

Refusals are `KeyRefused`, with a cause that packages translate: to a `Problem` at requests (`problem`), to a reason
of a status in jobs.
"""

from __future__ import annotations

import base64
from enum import Enum
from functools import partial
from typing import NoReturn

from kunsthalle.core.crn import parse
from kunsthalle.core.errors import Problem, Reason, Target
from kunsthalle.core.ids import entropy
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find, unscoped
from kunsthalle.iam.authentication import is_authorized
from kunsthalle.key_protect import registrations, wrapping
from kunsthalle.key_protect.models import Key
from kunsthalle.key_protect.resources import PROTECTED_KEY
from kunsthalle.key_protect.service import material_of, state_of
from kunsthalle.key_protect.states import DEACTIVATED
from kunsthalle.key_protect.tables import protected_keys
from kunsthalle.key_protect.wrapping import KEY_OCTETS, CannotUnwrap
from kunsthalle.service_instances.resources import KEY_PROTECT, KEY_PROTECT_INSTANCE

SOURCES = ("is", "server-protect")
"""The services whose authorization counts: VPC infrastructure, and block storage within it."""
WRAP, UNWRAP = "kms.secrets.wrap", "kms.secrets.unwrap"
LONGEST_WRAPPED = 16_384
"""Characters of a wrapped data key; Key Protect wraps at most 4,096 octets, which come to some 8,000."""


class Cause(Enum):
    """Why a key is refused. The value is the code of the VPC API's refusals (U, where its documentation has none)."""

    NOT_FOUND = "encryption_key_not_found"
    NOT_AUTHORIZED = "encryption_key_not_authorized"
    NOT_ROOT = "encryption_key_invalid"
    OTHER_REGION = "encryption_key_region_invalid"
    DISABLED = "encryption_key_disabled"
    EXPIRED = "encryption_key_expired"
    DELETED = "encryption_key_deleted"
    NOT_WRAPPED_BY = "encrypted_data_key_invalid"
    LEFT_OUT = "encryption_key_unavailable"


_STATES = {"suspended": Cause.DISABLED, DEACTIVATED: Cause.EXPIRED, "destroyed": Cause.DELETED}
_TEXTS = {
    Cause.NOT_FOUND: "There is no such root key, or it cannot be accessed.",
    Cause.NOT_AUTHORIZED: (
        "The key cannot be used: the account has no authorization from the service is to this key of kms, as Reader."
    ),
    Cause.NOT_ROOT: "The key is a standard key: only root keys protect data keys.",
    Cause.OTHER_REGION: "The key is one of another region: only keys of the region of the request can be used.",
    Cause.DISABLED: "The key is disabled: enable it, and try again.",
    Cause.EXPIRED: "The key has expired.",
    Cause.DELETED: "The key was deleted.",
    Cause.NOT_WRAPPED_BY: "The data key was not wrapped with this root key.",
    Cause.LEFT_OUT: "The material of the key was left out when the saved state was loaded without secrets.",
}


class KeyRefused(Exception):
    """A root key, or a wrapped data key, that cannot be used, and why. Nothing secret is in it."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(_TEXTS[cause])
        self.cause = cause
        self.message = _TEXTS[cause]


class DataKey:
    """The octets of a data key, which show in no representation and are never pickled or copied into JSON."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def reveal(self) -> bytes:
        """The octets, for whoever hands them to a cipher."""
        return self._octets

    def __repr__(self) -> str:
        return "DataKey(********)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A data key is never written down.")


def chosen(session: Session, key_crn: str, kind: str, field: str) -> Key:
    """The root key that a request names for a new resource of a kind (`image`, `volume`).

    A `Problem` that names `field` unless the caller sees the key, which has to be an active root key of the region
    of the request that the account is authorized to use. A key of another account is seen by who is authorized.
    """
    try:
        _refuse_unseen(session, key_crn)
        key = _usable(session, key_crn, kind, WRAP)
        if key.location != session.ctx.region.name:
            raise KeyRefused(Cause.OTHER_REGION)
    except KeyRefused as refusal:
        raise problem(refusal, field) from refusal
    return key


def wrapped_new(session: Session, key: Key) -> str:
    """A new data key, wrapped with a key that was `chosen`. Its octets are `unwrap`'s to give.

    It is the base64 of 32 random octets: disks take it as their passphrase, and passphrases are text.
    """
    return _wrapped(session, key, base64.b64encode(entropy(KEY_OCTETS)))


def usable(session: Session, key_crn: str, kind: str) -> Key:
    """The root key that a new resource of a kind takes over from what it is made of. KeyRefused.

    Whether the caller sees the key does not matter: who may copy the resource has it encrypted as it was.
    """
    return _usable(session, key_crn, kind, WRAP)


def state_of_named(session: Session, key_crn: str) -> str:
    """The state of a root key that protects a resource: `destroyed` also once it, or its instance, is no more."""
    for key in _named(session, key_crn):
        if _instance_is_active(session, key):
            return state_of(session, key)
    return "destroyed"


def is_deleted(session: Session, key_crn: str) -> bool:
    """Whether a root key that protects a resource is destroyed, or not even known any more."""
    return session.once(("state", key_crn), lambda: state_of_named(session, key_crn)) == "destroyed"


def wrapped(session: Session, key: Key, secret: DataKey) -> str:
    """A data key that is there already, wrapped with a key that was `chosen`."""
    return _wrapped(session, key, secret.reveal())


def unwrap(session: Session, key_crn: str, wrapped: str, kind: str) -> DataKey:
    """The data key of a resource of a kind (`image`, `volume`). KeyRefused, whatever the cause.

    For jobs and boots of the account: the caller's own roles do not matter, the account's authorization does.
    """
    key = _usable(session, key_crn, kind, UNWRAP)
    return DataKey(_opened(session, key, wrapped)[0])


def rewrap(session: Session, key_crn: str, wrapped: str, kind: str) -> str:
    """The same data key, wrapped with the version of the root key that is in force now. KeyRefused as `unwrap`."""
    key = _usable(session, key_crn, kind, UNWRAP)
    octets, version_id = _opened(session, key, wrapped)
    return wrapped if version_id == key.version_id else _wrapped(session, key, octets)


def register(session: Session, key_crn: str, resource_crn: str) -> None:
    """The resource is protected by the key, which then refuses its deletion unless forced."""
    for key in _named(session, key_crn):
        registrations.register(session, key, resource_crn)


def unregister(session: Session, resource_crn: str) -> None:
    """The resource is gone, or protected by nothing any more."""
    registrations.unregister(session, resource_crn)


def problem(refusal: KeyRefused, field: str) -> Problem:
    """The refusal as the answer to a request whose `field` names the key, or has the data key: 400, 403 or 404."""
    reasons = {Cause.NOT_FOUND: Reason.NOT_FOUND, Cause.NOT_AUTHORIZED: Reason.FORBIDDEN}
    reason = reasons.get(refusal.cause, Reason.INVALID)
    return Problem(reason, refusal.cause.value, refusal.message, Target(field))


def _named(session: Session, key_crn: str) -> list[Key]:
    """The key of a CRN, whosever it is; none where there is none."""
    try:
        named = parse(key_crn)
    except ValueError:
        return []
    if (named.service, named.type) != (KEY_PROTECT, "key"):
        return []
    rows = unscoped(session, PROTECTED_KEY, protected_keys.c.id == named.resource)
    return [key for key in rows if key.crn == key_crn]


def _usable(session: Session, key_crn: str, kind: str, action: str) -> Key:
    """The key, if the account may use it now for a kind of resource. KeyRefused otherwise."""
    for key in _named(session, key_crn):
        _refuse_unauthorized(session, key, kind, action)
        if key.extractable:
            raise KeyRefused(Cause.NOT_ROOT)
        state = state_of(session, key)
        if state != "active":
            raise KeyRefused(_STATES[state])
        return key
    raise KeyRefused(Cause.NOT_FOUND)


def _refuse_unauthorized(session: Session, key: Key, kind: str, action: str) -> None:
    foreign = key.account_id != session.ctx.account_id
    target = {
        "serviceName": KEY_PROTECT,
        "serviceInstance": key.instance_id,
        "keyRing": key.key_ring_id,
        "resourceType": "key",
        "resource": key.id,
    }
    if not _instance_is_active(session, key):
        raise KeyRefused(Cause.NOT_FOUND)
    owner = key.account_id
    if not any(
        is_authorized(session, source, target, action, owner=owner, kind=kind, by_owner=True) for source in SOURCES
    ):
        raise KeyRefused(Cause.NOT_FOUND if foreign else Cause.NOT_AUTHORIZED)


def _instance_is_active(session: Session, key: Key) -> bool:
    columns = KEY_PROTECT_INSTANCE.table.c
    return bool(unscoped(session, KEY_PROTECT_INSTANCE, columns.id == key.instance_id, columns.state == "active"))


def _refuse_unseen(session: Session, key_crn: str) -> None:
    """A key of the account itself that the caller's roles do not show is absent for the caller."""
    for key in _named(session, key_crn):
        if key.account_id == session.ctx.account_id:
            try:
                find(session, PROTECTED_KEY, key.id)
            except Problem as unseen:
                raise KeyRefused(Cause.NOT_FOUND) from unseen


def _wrapped(session: Session, key: Key, octets: bytes) -> str:
    material = material_of(session, key, key.version_id)
    if not material:
        raise KeyRefused(Cause.LEFT_OUT)
    return wrapping.wrap(material, key.version_id, octets, [])


def _opened(session: Session, key: Key, wrapped: str) -> tuple[bytes, str]:
    """The octets of a data key, and the version of the root key that wrapped it."""
    if len(wrapped) > LONGEST_WRAPPED:
        raise KeyRefused(Cause.NOT_WRAPPED_BY)
    try:
        return wrapping.unwrap(partial(material_of, session, key), wrapped, [])
    except CannotUnwrap as error:
        left_out = not material_of(session, key, key.version_id)
        raise KeyRefused(Cause.LEFT_OUT if left_out else Cause.NOT_WRAPPED_BY) from error
