"""What root keys are for: wrapping the keys of others, and unwrapping them again."""

from __future__ import annotations

import base64
from functools import partial

from msgspec import Struct

from kunsthalle.core.errors import Problem
from kunsthalle.core.ids import entropy
from kunsthalle.db.session import Session
from kunsthalle.key_protect import wrapping
from kunsthalle.key_protect.key_refusals import bad_request, wrong_state
from kunsthalle.key_protect.models import Key
from kunsthalle.key_protect.service import material_of, refuse_unless_active
from kunsthalle.key_protect.wrapping import CannotUnwrap

_MOST_OCTETS = 4_096
_MOST_DATA, _MOST_DATA_LENGTH = 126, 255


class Wrapped(Struct, frozen=True):
    """A data encryption key, wrapped with a version of a root key. `plaintext` is the data key itself, base64."""

    ciphertext: str
    version_id: str
    plaintext: str | None = None


class Unwrapped(Struct, frozen=True):
    """The data encryption key, base64; where its key was rotated since, `rewrapped` with the version in force."""

    plaintext: str
    version_id: str
    rewrapped: Wrapped | None = None


def wrap(session: Session, key: Key, plaintext: str | None, aad: list[str]) -> Wrapped:
    """Wraps a data key. Without one, a new one of 32 octets is made, which the outcome shows."""
    _usable(session, key, "wrap", aad)
    octets = entropy(wrapping.KEY_OCTETS) if plaintext is None else _plain(plaintext)
    ciphertext = wrapping.wrap(_material(session, key), key.version_id, octets, aad)
    shown = base64.b64encode(octets).decode() if plaintext is None else None
    return Wrapped(ciphertext, key.version_id, shown)


def unwrap(session: Session, key: Key, ciphertext: str, aad: list[str]) -> Unwrapped:
    """The data key of a ciphertext that the key wrapped, at whatever version. 422-like refusals are 400 here."""
    _usable(session, key, "unwrap", aad)
    plaintext, version_id = opened(session, key, ciphertext, aad)
    rewrapped = None
    if version_id != key.version_id:
        again = wrapping.wrap(_material(session, key), key.version_id, plaintext, aad)
        rewrapped = Wrapped(again, key.version_id)
    return Unwrapped(base64.b64encode(plaintext).decode(), version_id, rewrapped)


def rewrap(session: Session, key: Key, ciphertext: str, aad: list[str]) -> tuple[Wrapped, str]:
    """The same data key, wrapped with the version in force; and the version that had wrapped it."""
    _usable(session, key, "rewrap", aad)
    plaintext, version_id = opened(session, key, ciphertext, aad)
    ciphertext = wrapping.wrap(_material(session, key), key.version_id, plaintext, aad)
    return Wrapped(ciphertext, key.version_id), version_id


def opened(session: Session, key: Key, ciphertext: str, aad: list[str]) -> tuple[bytes, str]:
    """The data key within a ciphertext, and the version that wrapped it. 400 unless the key wrapped it."""
    try:
        return wrapping.unwrap(partial(material_of, session, key), ciphertext, aad)
    except CannotUnwrap as error:
        raise _cannot() from error


def _cannot() -> Problem:
    text = "The ciphertext was not wrapped with this key and these additional data."
    return bad_request("UNPROCESSABLE_CIPHERTEXT_ERR", text, "ciphertext")


def _material(session: Session, key: Key) -> bytes:
    material = material_of(session, key, key.version_id)
    if material is None:
        raise RuntimeError(f"key {key.id} has no material of its version")
    if not material:
        raise wrong_state("The material of the key was left out when the saved state was loaded without secrets.")
    return material


def _plain(text: str) -> bytes:
    try:
        octets = wrapping.octets_of(text)
    except ValueError as error:
        raise bad_request("BASE64_ERR", "The plaintext must be base64.", "plaintext") from error
    if not 1 <= len(octets) <= _MOST_OCTETS:
        raise bad_request("PLAINTEXT_LEN_ERR", f"The plaintext has 1 to {_MOST_OCTETS:,} octets.", "plaintext")
    return octets


def _usable(session: Session, key: Key, action: str, aad: list[str]) -> None:
    if key.extractable:
        raise bad_request("KEY_ROOT_REQ_ERR", f"Only root keys {action}; this is a standard key.")
    if len(aad) > _MOST_DATA or any(len(text) > _MOST_DATA_LENGTH for text in aad):
        text = f"Additional data are at most {_MOST_DATA} texts of at most {_MOST_DATA_LENGTH} characters."
        raise bad_request("INVALID_AAD_ERR", text, "aad")
    refuse_unless_active(session, key, action)
