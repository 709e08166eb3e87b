"""The keys of volumes and snapshots: chosen when one is made, opened by the jobs that need their disks.

A disk has a data key of its own, wrapped with its owner's root key; one that is restored from a snapshot with the same
root key keeps the snapshot's, so that its bytes are copied as they are. The passphrase of a disk is its data key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from msgspec import UnsetType

from kunsthalle.block_storage.models import PROVIDER_MANAGED, Sealing, Snapshot, Volume
from kunsthalle.block_storage.requests import EncryptionKeyRequest
from kunsthalle.core.errors import Problem, conflict
from kunsthalle.db.session import Session
from kunsthalle.hypervisor.protocol import NOT_ENCRYPTED, Passphrases
from kunsthalle.key_protect import data_keys
from kunsthalle.key_protect.data_keys import Cause, KeyRefused

_KIND, _BASE_KIND = "volume", "image"
"""Kinds of resources that data keys are asked for."""


def chosen(session: Session, asked: EncryptionKeyRequest | UnsetType, source: Sealing, field: str) -> Sealing:
    """How a new disk is encrypted that begins as what `source` seals, an image or a snapshot, or as nothing.

    With the key that is asked for, else with the source's. A `Problem` that names `field` for a key that the caller
    does not see, and one that cannot be used now.
    """
    if isinstance(asked, UnsetType):
        return _inherited(session, source, field)
    key = data_keys.chosen(session, asked.crn, _KIND, f"{field}.crn")
    if key.crn == source.encryption_key and source.encrypted_data_key is not None:
        return source
    return Sealing(key.crn, data_keys.wrapped_new(session, key), source.base_key, source.base_data_key)


def _inherited(session: Session, source: Sealing, field: str) -> Sealing:
    if source.encryption_key is None:
        return PROVIDER_MANAGED
    try:
        if source.encrypted_data_key is not None:
            data_keys.unwrap(session, source.encryption_key, source.encrypted_data_key, _KIND)
            return source
        key = data_keys.usable(session, source.encryption_key, _KIND)
    except KeyRefused as refusal:
        raise data_keys.problem(refusal, field) from refusal
    return Sealing(key.crn, data_keys.wrapped_new(session, key), source.base_key, source.base_data_key)


def columns(sealing: Sealing) -> dict[str, Any]:
    """What a row keeps of it."""
    return asdict(sealing)


def register(session: Session, disk: Volume | Snapshot) -> None:
    """The root keys of a new disk know of it, and keep from being deleted."""
    for key in disk.sealing.keys:
        data_keys.register(session, key, disk.crn)


def unregister(session: Session, disk: Volume | Snapshot) -> None:
    """The disk is gone."""
    if disk.sealing.keys:
        data_keys.unregister(session, disk.crn)


def passphrases(session: Session, disk: Volume | Snapshot | None) -> Passphrases:
    """What opens a disk, for the jobs of its account. KeyRefused while a root key cannot be used."""
    if disk is None or not disk.sealing.keys:
        return NOT_ENCRYPTED
    account = session.as_context(session.ctx.as_system(disk.account_id))
    return Passphrases(
        disk=_opened(account, disk.encryption_key, disk.encrypted_data_key, _KIND),
        base=_opened(account, disk.base_key, disk.base_data_key, _BASE_KIND),
    )


def _opened(session: Session, key: str | None, wrapped: str | None, kind: str) -> bytes | None:
    if key is None or wrapped is None:
        return None
    return data_keys.unwrap(session, key, wrapped, kind).reveal()


def refuse_unusable(session: Session, disks: Iterable[Volume], field: str | None = None) -> None:
    """Refuse to attach disks, or to start from them, while a root key of theirs cannot be used: 409 with the reason."""
    for disk in disks:
        try:
            passphrases(session, disk)
        except KeyRefused as refusal:
            raise _conflict(disk, refusal, field) from refusal


def _conflict(disk: Volume, refusal: KeyRefused, field: str | None) -> Problem:
    text = f"The volume {disk.name} cannot be opened. {refusal.message}"
    return conflict(refusal.cause.value, text, field)


def reasons(session: Session, disk: Volume) -> list[dict[str, str]]:
    """Why a volume cannot be used, in the API's codes: its root key was deleted. Nothing while a key is disabled: the
    volume is as it was when the key is enabled again.
    """
    for key in disk.sealing.keys:
        if data_keys.is_deleted(session, key):
            text = "The volume cannot be used: its encryption key was deleted."
            return [{"code": Cause.DELETED.value, "message": text}]
    return []
