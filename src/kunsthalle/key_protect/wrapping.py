"""Wrapping with a root key: AES-256-GCM, with the version of the key and the additional data bound to the outcome.

A ciphertext is the base64 of a JSON document, as the service's own are: `ciphertext`, `iv`, `version` (of the form),
`handle` (the version of the key). Clients treat it as opaque.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable

from kunsthalle.core.ids import entropy

KEY_OCTETS = 32
_FORM = "5.0.0"
_NONCE_OCTETS = 12
_HANDLE = re.compile(r"[0-9a-f-]{36}")


class CannotUnwrap(Exception):
    """No ciphertext of this key, or other additional data."""


def wrap(material: bytes, version_id: str, plaintext: bytes, aad: list[str]) -> str:
    """The wrapped form of a plaintext, under a version of a root key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = entropy(_NONCE_OCTETS)
    sealed = AESGCM(material).encrypt(nonce, plaintext, _bound(version_id, aad))
    document = {"ciphertext": _text(sealed), "iv": _text(nonce), "version": _FORM, "handle": version_id}
    return _text(json.dumps(document).encode())


def unwrap(material_of: Callable[[str], bytes | None], ciphertext: str, aad: list[str]) -> tuple[bytes, str]:
    """The plaintext, and the version of the key that wrapped it. CannotUnwrap for anything else.

    `material_of` gives the key material of a version of the key, None where there is no such version,
    nothing where it was left out of a saved state.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        document = json.loads(octets_of(ciphertext))
        version_id, nonce = str(document["handle"]), octets_of(document["iv"])
        sealed, form = octets_of(document["ciphertext"]), document["version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CannotUnwrap from error
    material = material_of(version_id) if _HANDLE.fullmatch(version_id) else None
    if not material or form != _FORM or len(nonce) != _NONCE_OCTETS:
        raise CannotUnwrap
    try:
        return AESGCM(material).decrypt(nonce, sealed, _bound(version_id, aad)), version_id
    except InvalidTag as error:
        raise CannotUnwrap from error


def _bound(version_id: str, aad: list[str]) -> bytes:
    return json.dumps([version_id, *aad]).encode()


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def octets_of(text: str) -> bytes:
    """The octets of base64. ValueError for any other text, with the decoder's complaint about it.

    Letters beyond ASCII are complained about as no `binascii.Error`, which is a kind of ValueError.
    """
    return base64.b64decode(text, validate=True)
