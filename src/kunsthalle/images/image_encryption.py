"""Encrypted images: the root key and the wrapped data key that one is made with, and what becomes of them.

The file of an encrypted image is a QCOW2 file encrypted with LUKS, whose passphrase is the unwrapped data key. Who asks
for the image has to see the root key, and the account needs the authorization for it (`key_protect/data_keys.py`);
whether the data key is one of that root key, and opens the file, the import finds out.
"""

from __future__ import annotations

import base64
import binascii
from functools import partial

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import or_

from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import invalid
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import unscoped
from kunsthalle.images.import_sources import VolumeSource
from kunsthalle.images.lifecycle_dates import apply_due_dates
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.schemas import EncryptionKeyRequest
from kunsthalle.jobs import queue
from kunsthalle.key_protect import data_keys
from kunsthalle.key_protect.data_keys import LONGEST_WRAPPED, Cause, DataKey, KeyRefused
from kunsthalle.key_protect.service import STATE_JOB

KIND = "image"
KEY, DATA_KEY = "encryption_key", "encrypted_data_key"
FORMAT = "qcow2"
"""The only format that can be encrypted, when it is imported and when it is exported."""
DISABLED, DELETED, NOT_OPENED = "encryption_key_disabled", "encryption_key_deleted", "encrypted_data_key_invalid"
_REASONS = {
    Cause.DISABLED: DISABLED,
    Cause.EXPIRED: DISABLED,
    Cause.DELETED: DELETED,
    Cause.NOT_FOUND: DELETED,
}
"""The documented reasons of a status; what else keeps a data key from being unwrapped makes it invalid (U)."""


class Encryption(Struct, frozen=True):
    """The CRN of a root key, and a data key that it wraps. Both are None for an image that is not encrypted."""

    key_crn: str | None = None
    data_key: str | None = None


NONE = Encryption()
_PAUSE = 60 * SECOND


def of_file(
    session: Session, key: EncryptionKeyRequest | UnsetType, data_key: str | UnsetType, format_: str
) -> Encryption:
    """What a request says of the file that it names. A `Problem` unless both are given or none, and of use."""
    if isinstance(key, UnsetType) and isinstance(data_key, UnsetType):
        return NONE
    if isinstance(key, UnsetType) or isinstance(data_key, UnsetType):
        missing = KEY if isinstance(key, UnsetType) else DATA_KEY
        text = f"{KEY} and {DATA_KEY} are given together, for a file that is encrypted; {missing} is missing."
        raise invalid("validation_required_field", text, missing)
    if format_ != FORMAT:
        text = f"Only {FORMAT.upper()} files can be encrypted; the object is to be a {format_.upper()} file."
        raise invalid("bad_field", text, KEY)
    _refuse_malformed(data_key)
    return Encryption(data_keys.chosen(session, key.crn, KIND, f"{KEY}.crn").crn, data_key)


def of_volume(
    session: Session, key: EncryptionKeyRequest | UnsetType, data_key: str | UnsetType, volume: VolumeSource
) -> Encryption:
    """An image of an encrypted volume is encrypted with its data key, which another root key may wrap anew."""
    if data_key is not UNSET:
        raise invalid("bad_field", f"{DATA_KEY} is for files only: the volume has a data key of its own.", DATA_KEY)
    if volume.encryption_key is None or volume.encrypted_data_key is None:
        if key is not UNSET:
            raise invalid("bad_field", "The volume is encrypted by the provider: its image has no key.", KEY)
        return NONE
    crn = f"{KEY}.crn"
    try:
        secret = data_keys.unwrap(session, volume.encryption_key, volume.encrypted_data_key, "volume")
    except KeyRefused as refusal:
        raise data_keys.problem(refusal, "source_volume") from refusal
    if isinstance(key, UnsetType) or key.crn == volume.encryption_key:
        return Encryption(volume.encryption_key, volume.encrypted_data_key)
    chosen = data_keys.chosen(session, key.crn, KIND, crn)
    return Encryption(chosen.crn, data_keys.wrapped(session, chosen, secret))


def _refuse_malformed(data_key: str) -> None:
    try:
        octets = base64.b64decode(data_key, validate=True)
    except (binascii.Error, ValueError) as error:
        text = "The wrapped data key must be base64, as Key Protect answers it."
        raise invalid("bad_field", text, DATA_KEY) from error
    if not octets or len(data_key) > LONGEST_WRAPPED:
        text = f"The wrapped data key has 1 to {LONGEST_WRAPPED:,} characters; given were {len(data_key):,}."
        raise invalid("bad_field", text, DATA_KEY)


def register(session: Session, image: Image) -> None:
    """The root key of a new image knows of it, and refuses to be deleted while it is there."""
    if image.encryption_key is not None:
        data_keys.register(session, image.encryption_key, image.crn)


def unregister(session: Session, image: Image) -> None:
    """The image is gone."""
    if image.encryption_key is not None:
        data_keys.unregister(session, image.crn)


def passphrase(session: Session, image: Image) -> DataKey | None:
    """What opens the file of an image, None where it is not encrypted. KeyRefused while the key cannot be used."""
    if image.encryption_key is None or image.encrypted_data_key is None:
        return None
    account = session.as_context(session.ctx.as_system(image.account_id))
    return data_keys.unwrap(account, image.encryption_key, image.encrypted_data_key, KIND)


def reason(refusal: KeyRefused) -> dict[str, str]:
    """The reason of a status that a refused key comes to."""
    return {"code": _REASONS.get(refusal.cause, NOT_OPENED), "message": refusal.message}


def state_job() -> queue.Handler:
    """Images follow their root key: it was disabled, enabled, deleted, restored, has expired, or its instance went."""
    return queue.Handler(STATE_JOB, _follow, _left)


def _follow(run: queue.Run) -> None:
    """Each image in a transaction of its own, by the state that its key has in it. The job's subject is the id of a key
    or of an instance, which may be gone already.
    """
    column, subject = IMAGE.table.c.encryption_key, run.job.subject
    protected = or_(
        column.endswith(f":key:{subject}", autoescape=True), column.contains(f":{subject}:key:", autoescape=True)
    )
    for id_ in run.read(lambda session: [image.id for image in unscoped(session, IMAGE, protected)]):
        run.write(partial(_follow_key, image_id=id_))
    run.finish()


def _follow_key(session: Session, image_id: str) -> None:
    for image in unscoped(session, IMAGE, IMAGE.table.c.id == image_id):
        state = data_keys.state_of_named(session, str(image.encryption_key))
        if state == "active":
            _make_usable(session, image_id)
        else:
            _make_unusable(session, image_id, DELETED if state == "destroyed" else DISABLED)


_TEXTS = {
    DISABLED: "The image is unusable until its encryption key is enabled again.",
    DELETED: "The image is unusable because its encryption key was deleted.",
}


def _make_unusable(session: Session, image_id: str, code: str) -> None:
    reasons = [{"code": code, "message": _TEXTS[code]}]
    if not transition(session, IMAGE, image_id, "unusable", status_reasons=reasons):
        update(session, IMAGE, image_id, IMAGE.table.c.status == "unusable", status_reasons=reasons)


def _make_usable(session: Session, image_id: str) -> None:
    """As before: `available`, or what its dates make of it."""
    if transition(session, IMAGE, image_id, "available", IMAGE.table.c.status == "unusable", status_reasons=[]):
        apply_due_dates(session, image_id)


def _left(session: Session, job: queue.Claimed, _error: Exception) -> None:
    """Tried again: what the states of images say must come to agree with their keys."""
    queue.enqueue(session, STATE_JOB, job.subject, due_at=session.ctx.now() + _PAUSE)
