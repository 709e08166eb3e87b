"""Keys: creating, changing, deleting and restoring them; one public function a use case."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from kunsthalle.core.clock import DAY, HOUR
from kunsthalle.core.errors import Problem, not_found
from kunsthalle.core.ids import entropy
from kunsthalle.db.encryption import Turn
from kunsthalle.db.reencryption import SecretPlace
from kunsthalle.db.rows import IntegrityError, delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.unscoped import add_row, any_row, number_of, remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find, may_create, unscoped
from kunsthalle.jobs import queue
from kunsthalle.key_protect import import_tokens, key_policies
from kunsthalle.key_protect.import_tokens import Sealed
from kunsthalle.key_protect.key_refusals import bad_request, in_use, rotated_lately, taken, wrong_state
from kunsthalle.key_protect.models import DEFAULT_RING, Key, KeyRing
from kunsthalle.key_protect.resources import KEY_RING, PROTECTED_KEY
from kunsthalle.key_protect.states import DEACTIVATED
from kunsthalle.key_protect.tables import key_aliases, key_registrations, key_versions, protected_keys
from kunsthalle.key_protect.wrapping import KEY_OCTETS, octets_of
from kunsthalle.service_instances.models import ServiceInstance

CREATE, READ = "kms.secrets.create", "kms.secrets.read"
REWRAP_JOB = "key.rewrap"
"""The job after a rotation, which those packages do that keep data keys."""

PURGE_JOB = "kms.purge"
STATE_JOB = "kms.state"
"""The job after a key came into another state, for whoever has resources that it protects."""
RESTORABLE, PURGEABLE, PURGED = 30 * DAY, 4 * HOUR, 90 * DAY
"""After its deletion a key can be restored for so long, be purged from then on, and is purged then."""
MOST_ALIASES, MOST_RINGS = 5, 50
RESERVED = frozenset(
    (
        *("allowed_ip", "key", "keys", "metadata", "policy", "policies", "registration", "registrations"),
        *("ring", "rings", "rotate", "wrap", "unwrap", "rewrap", "version", "versions"),
    )
)
"""Words that are no aliases: https://cloud.ibm.com/docs/key-protect?topic=key-protect-create-key-alias"""
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,89}")
_RING = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,99}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ROOT_OCTETS = (16, 24, 32)
_STANDARD_OCTETS = 7_500


class NewKey(Struct, frozen=True):
    """What a key is made with; `payload` is base64, None where the service generates the material.

    `sealed` is the payload in the form that an import token asks for; `overrides` are policies of this key that take
    the place of those of its instance.
    """

    name: str
    extractable: bool
    payload: str | None
    description: str
    expires_at: int | None
    aliases: list[str]
    ring: str
    sealed: Sealed | None = None
    overrides: list[key_policies.NewKeyPolicy] = field(default_factory=list)


def create(session: Session, instance: ServiceInstance, value: NewKey) -> Key:
    """A new key, with its material and its aliases."""
    ctx, now = session.ctx, session.ctx.now()
    may_create(ctx, CREATE, {"serviceInstance": instance.id, "keyRing": value.ring})
    _known_ring(session, instance.id, value.ring)
    imported, by_token = value.payload is not None or value.sealed is not None, value.sealed is not None
    key_policies.refuse_way(session, instance.id, extractable=value.extractable, imported=imported, by_token=by_token)
    if value.expires_at is not None and value.expires_at <= now:
        raise bad_request("KEY_EXP_DATE_INVALID_ERR", "The date of expiration must be in the future.", "expirationDate")
    made = Key(
        id=ctx.ids.uuid(),
        account_id=ctx.account_id,
        instance_id=instance.id,
        location=instance.location,
        key_ring_id=value.ring,
        name=value.name,
        description=value.description,
        extractable=value.extractable,
        imported=imported,
        state="active",
        version_id=ctx.ids.uuid(),
        expires_at=value.expires_at,
        rotated_at=None,
        deleted_at=None,
        deleted_by=None,
        created_by=ctx.actor.iam_id,
        updated_at=now,
        created_at=now,
    )
    insert(session, PROTECTED_KEY, made)
    payload = _unsealed(session, instance.id, value.payload, value.sealed)
    _keep(session, made.version_id, made.id, _material(payload, extractable=value.extractable))
    key_policies.inherit(session, made, value.overrides)
    for alias in value.aliases:
        add_alias(session, made, alias)
    if made.expires_at is not None:
        queue.enqueue(session, STATE_JOB, made.id, due_at=made.expires_at)
    return made


def _unsealed(session: Session, instance_id: str, payload: str | None, sealed: Sealed | None) -> str | None:
    return payload if sealed is None else import_tokens.opened(session, instance_id, sealed)


def _material(payload: str | None, *, extractable: bool) -> bytes:
    """The octets of a key: those of the payload, or new ones."""
    if payload is None:
        return entropy(KEY_OCTETS)
    try:
        octets = octets_of(payload)
    except ValueError as error:
        raise bad_request("PAYLOAD_ERR", "The payload must be base64.", "payload") from error
    if (extractable and 1 <= len(octets) <= _STANDARD_OCTETS) or (not extractable and len(octets) in _ROOT_OCTETS):
        return octets
    lengths = f"1 to {_STANDARD_OCTETS:,}" if extractable else "16, 24 or 32"
    kind = "standard" if extractable else "root"
    text = f"The payload of a {kind} key has {lengths} octets; these are {len(octets):,}."
    raise bad_request("INCORRECT_PAYLOAD_LEN_ERR", text, "payload")


def _keep(session: Session, version_id: str, key_id: str, material: bytes) -> None:
    sealed = session.cipher.encrypt(base64.b64encode(material).decode(), purpose(version_id))
    add_row(session, key_versions, id=version_id, key_id=key_id, material=sealed, created_at=session.ctx.now())


def purpose(version_id: str) -> str:
    """What the material of a version is encrypted for."""
    return f"{version_id}/key-material"


def material_of(session: Session, key: Key, version_id: str) -> bytes | None:
    """The key material of a version of the key; None where it has no such version."""
    for row in rows_of(session, key_versions, key_versions.c.id == version_id, key_versions.c.key_id == key.id):
        return base64.b64decode(session.cipher.decrypt(row.material, purpose(row.id)))
    return None


def _turned(version_id: str, values: Sequence[str], turn: Turn) -> list[str]:
    return [turn(value, purpose(version_id)) for value in values]


SECRETS = SecretPlace(key_versions.c.id, (key_versions.c.material,), _turned)
"""Where key material is, for the master key that it is encrypted with."""


def payload_of(session: Session, key: Key) -> str | None:
    """The payload of a standard key as clients gave it; None for root keys, which nobody reads, and destroyed ones."""
    if not key.extractable or key.state == "destroyed":
        return None
    return base64.b64encode(material_of(session, key, key.version_id) or b"").decode()


def state_of(session: Session, key: Key) -> str:
    """The state at this moment: an active or suspended key is deactivated from its date of expiration on."""
    expired = key.expires_at is not None and key.expires_at <= session.ctx.now()
    return DEACTIVATED if expired and key.state != "destroyed" else key.state


def refuse_unless_active(session: Session, key: Key, action: str) -> None:
    """409 unless the key can be used."""
    state = state_of(session, key)
    if state != "active":
        raise wrong_state(f"The key is {state}: only an active key can be used to {action}.")


def move(session: Session, granted: Authorized[Key], ring: str) -> Key:
    """Puts a key into another key ring of its instance."""
    key = granted.resource
    if key.state == "destroyed":
        raise wrong_state("The key is destroyed: it cannot be moved to another key ring.")
    _known_ring(session, key.instance_id, ring)
    _touch(session, key, key_ring_id=ring)
    return find(session, PROTECTED_KEY, key.id)


def set_enabled(session: Session, granted: Authorized[Key], *, enabled: bool) -> None:
    """Suspends a root key, or makes it active again. 409 from any other state."""
    key, to = granted.resource, "active" if enabled else "suspended"
    if key.extractable:
        raise bad_request("KEY_ROOT_REQ_ERR", "Only root keys can be enabled and disabled.")
    moves = key.state == ("suspended" if enabled else "active") and state_of(session, key) != DEACTIVATED
    if not moves or not transition(session, PROTECTED_KEY, key.id, to, updated_at=session.ctx.now()):
        raise wrong_state(f"The key is {state_of(session, key)}: it cannot be {'enabled' if enabled else 'disabled'}.")
    if enabled:  # it may have been disabled while its data keys were being rewrapped
        queue.enqueue(session, REWRAP_JOB, key.id)
    queue.enqueue(session, STATE_JOB, key.id)


def rotate(session: Session, granted: Authorized[Key], payload: str | None, sealed: Sealed | None = None) -> None:
    """New material for a root key; what was wrapped before is unwrapped with the material of its time.

    409 within an hour of the last rotation:
    https://cloud.ibm.com/docs/key-protect?topic=key-protect-key-rotation#rotation-frequency
    """
    key = granted.resource
    if key.extractable:
        raise bad_request("KEY_ROOT_REQ_ERR", "Only root keys can be rotated.")
    refuse_unless_active(session, key, "rotate")
    if key.rotated_at is not None and session.ctx.now() < key.rotated_at + HOUR:
        raise rotated_lately()
    payload = _unsealed(session, key.instance_id, payload, sealed)
    if key.imported != (payload is not None):
        text = "An imported key is rotated with a new payload, a generated one without."
        raise bad_request("KEY_IMPORT_STATUS_ERR", text, "payload")
    renew_material(session, key, payload)


def renew_material(session: Session, key: Key, payload: str | None) -> None:
    """New material for a root key, and the next rotation that its policy asks for."""
    version_id, now = session.ctx.ids.uuid(), session.ctx.now()
    _keep(session, version_id, key.id, _material(payload, extractable=False))
    _touch(session, key, version_id=version_id, rotated_at=now)
    key_policies.schedule_rotation(session, find(session, PROTECTED_KEY, key.id))
    queue.enqueue(session, REWRAP_JOB, key.id)


def remove(session: Session, granted: Authorized[Key], *, force: bool) -> Key:
    """Destroys a key; it can be restored for thirty days. 409 while something is protected by it, unless forced."""
    key, now = granted.resource, session.ctx.now()
    used = number_of(session, key_registrations, key_registrations.c.key_id == key.id)
    if used and not force:
        raise in_use(f"The key protects {used} resource{'' if used == 1 else 's'}: see its registrations.")
    key_policies.refuse_unless_authorized(session, key)
    values = {"deleted_at": now, "deleted_by": session.ctx.actor.iam_id, "updated_at": now}
    if not transition(session, PROTECTED_KEY, key.id, "destroyed", **values):
        raise wrong_state("The key was deleted already.")
    remove_rows(session, key_aliases, key_aliases.c.key_id == key.id)
    queue.enqueue(session, PURGE_JOB, key.id, due_at=now + PURGED)
    queue.cancel(session, key_policies.ROTATE_JOB, key.id)
    queue.enqueue(session, STATE_JOB, key.id)
    return find(session, PROTECTED_KEY, key.id)


def restore(session: Session, granted: Authorized[Key]) -> Key:
    """A destroyed key is active again."""
    key, now = granted.resource, session.ctx.now()
    if key.state != "destroyed" or key.deleted_at is None:
        raise wrong_state("The key was not deleted.")
    if now > key.deleted_at + RESTORABLE:
        raise bad_request("KEY_RESTORE_EXPIRED", "The key was deleted more than 30 days ago: it cannot be restored.")
    if key.expires_at is not None and key.expires_at <= now:
        raise bad_request("KEY_EXPIRED_ERR", "The key is expired: it cannot be restored.")
    transition(session, PROTECTED_KEY, key.id, "active", deleted_at=None, deleted_by=None, updated_at=now)
    queue.cancel(session, PURGE_JOB, key.id)
    queue.enqueue(session, STATE_JOB, key.id)
    key_policies.withdraw_all(session, key.id)
    restored = find(session, PROTECTED_KEY, key.id)
    key_policies.schedule_rotation(session, restored)
    queue.enqueue(session, REWRAP_JOB, key.id)  # as of a key that is enabled again
    return restored


def purge(session: Session, granted: Authorized[Key]) -> Key:
    """Takes away what is known of a destroyed key. 409 in the first four hours."""
    key = granted.resource
    if key.state != "destroyed" or key.deleted_at is None:
        raise wrong_state("The key was not deleted: only a deleted key can be purged.")
    if session.ctx.now() < key.deleted_at + PURGEABLE:
        raise wrong_state("The key can be purged four hours after its deletion.")
    queue.cancel(session, PURGE_JOB, key.id)
    erase(session, key)
    return key


def erase(session: Session, key: Key) -> None:
    """The row of a key goes, with all that hangs on it."""
    for table in (key_versions, key_aliases, key_registrations):
        remove_rows(session, table, table.c.key_id == key.id)
    key_policies.forget_key(session, key.id)
    delete(session, PROTECTED_KEY, key.id, key.account_id)


def purge_job() -> queue.Handler:
    """Ninety days after its deletion a key is purged."""

    def run(run: queue.Run) -> None:
        def due(session: Session) -> None:
            for key in unscoped(session, PROTECTED_KEY, protected_keys.c.id == run.job.subject):
                if key.state == "destroyed":
                    erase(session, key)

        run.finish(due)

    return queue.Handler(PURGE_JOB, run, lambda session, job, _error: _again(session, job))


def _again(session: Session, job: queue.Claimed) -> None:
    queue.enqueue(session, PURGE_JOB, job.subject, due_at=session.ctx.now() + DAY)


def _touch(session: Session, key: Key, **values: Any) -> None:
    update(session, PROTECTED_KEY, key.id, updated_at=session.ctx.now(), **values)


# Aliases: further names of a key, unique within its instance.


def add_alias(session: Session, key: Key, alias: str) -> None:
    """A further name. 409 where it is taken in the instance, 400 beyond five, and for what could be a key's ID: a key
    is found by its alias first, and nobody may put another key in the place of one.
    """
    columns = key_aliases.c
    if alias in RESERVED:
        text = f"{alias} is a word of the paths of this API: a key of this alias could not be named by it."
        raise bad_request("KEY_ALIAS_INVALID_ERR", text, "alias")
    if not _ALIAS.fullmatch(alias) or _UUID.fullmatch(alias):
        raise _bad_name("KEY_ALIAS_INVALID_ERR", "An alias", 90, "alias", alias)
    if number_of(session, key_aliases, columns.key_id == key.id) >= MOST_ALIASES:
        raise bad_request("KEY_ALIAS_QUOTA_ERR", f"A key has at most {MOST_ALIASES} aliases.", "alias")
    values = {"alias": alias, "key_id": key.id, "created_by": session.ctx.actor.iam_id, "created_at": session.ctx.now()}
    try:
        add_row(session, key_aliases, instance_id=key.instance_id, **values)
    except IntegrityError as error:
        text = f"The alias {alias} is that of another key of the instance."
        raise taken("KEY_ALIAS_NOT_UNIQUE_ERR", text, "alias") from error


def _bad_name(code: str, noun: str, most: int, field: str, value: str) -> Problem:
    form = f"2 to {most} letters, digits, hyphens or underscores, begins with a letter or a digit, and is no UUID"
    return bad_request(code, f"{noun} has {form}; given was {value[:most]!r}.", field)


def remove_alias(session: Session, granted: Authorized[Key], alias: str) -> None:
    columns = key_aliases.c
    if not remove_rows(session, key_aliases, columns.key_id == granted.resource.id, columns.alias == alias):
        raise not_found("alias")


def aliases_of(session: Session, keys: list[Key]) -> dict[str, list[str]]:
    """The aliases of keys, by their ids."""
    aliases_by_key: dict[str, list[str]] = {key.id: [] for key in keys}
    for row in rows_of(session, key_aliases, key_aliases.c.key_id.in_(list(aliases_by_key)), order=key_aliases.c.alias):
        aliases_by_key[row.key_id].append(row.alias)
    return aliases_by_key


def named(session: Session, instance_id: str, id_or_alias: str) -> str:
    """The id of the key that an alias of the instance means; what is given, where it is no alias."""
    columns = key_aliases.c
    for row in rows_of(session, key_aliases, columns.instance_id == instance_id, columns.alias == id_or_alias):
        return str(row.key_id)
    return id_or_alias


# Key rings: groups of keys within an instance, for policies.


def create_ring(session: Session, instance: ServiceInstance, name: str) -> KeyRing:
    """A new key ring. 409 where there is one of the name."""
    ctx = session.ctx
    if not _RING.fullmatch(name) or _UUID.fullmatch(name):
        raise _bad_name("KEY_RING_ID_INVALID_ERR", "The ID of a key ring", 100, "id", name)
    may_create(ctx, "kms.keyrings.create", {"serviceInstance": instance.id, "keyRing": name})
    if number_of(session, KEY_RING.table, KEY_RING.table.c.instance_id == instance.id) >= MOST_RINGS:
        raise bad_request("KEY_RING_QUOTA_ERR", f"An instance has at most {MOST_RINGS} key rings.", "id")
    made = KeyRing(ctx.ids.uuid(), ctx.account_id, instance.id, name, ctx.actor.iam_id, ctx.now())
    try:
        if name == DEFAULT_RING:
            raise taken("KEY_RING_ID_NOT_UNIQUE_ERR", f"The key ring {name} is there in every instance.", "id")
        return insert(session, KEY_RING, made)
    except IntegrityError as error:
        raise taken("KEY_RING_ID_NOT_UNIQUE_ERR", f"There is a key ring {name} already.", "id") from error


def remove_ring(session: Session, granted: Authorized[KeyRing], *, force: bool) -> None:
    """Takes a key ring away. Forced, destroyed keys in it move to the default one. 409 while other keys are in it."""
    ring, columns = granted.resource, protected_keys.c
    inside = (columns.instance_id == ring.instance_id, columns.key_ring_id == ring.name)
    if any_row(session, protected_keys, *inside, *([columns.state != "destroyed"] if force else [])):
        text = "There are keys in the key ring: move them to another one first"
        raise in_use(f"{text}." if force else f"{text}; deleted keys move by themselves with force=true.")
    for key in unscoped(session, PROTECTED_KEY, *inside):
        _touch(session, key, key_ring_id=DEFAULT_RING)
    delete(session, KEY_RING, ring.id, ring.account_id)


def _known_ring(session: Session, instance_id: str, name: str) -> None:
    columns = KEY_RING.table.c
    known = name == DEFAULT_RING or any_row(
        session, KEY_RING.table, columns.instance_id == instance_id, columns.name == name
    )
    if not known:
        raise bad_request("KEY_RING_NOT_FOUND_ERR", f"The instance has no key ring {name}.", "X-Kms-Key-Ring")


def erase_instance(session: Session, instance_id: str, account_id: str) -> None:
    """All keys and key rings of an instance go."""
    for key in unscoped(session, PROTECTED_KEY, protected_keys.c.instance_id == instance_id):
        queue.cancel(session, PURGE_JOB, key.id)
        erase(session, key)
    for ring in unscoped(session, KEY_RING, KEY_RING.table.c.instance_id == instance_id):
        delete(session, KEY_RING, ring.id, account_id)
    key_policies.forget_instance(session, instance_id)
    import_tokens.forget_instance(session, instance_id)
