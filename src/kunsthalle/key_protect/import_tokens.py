"""Import tokens: a public key and a nonce, with which clients send key material that nobody on the way can read.

The client encrypts the material with the public key (RSA-OAEP, SHA-256), and the nonce with the material (AES-GCM), so
that the service knows that both belong together. An instance has one token; a new one takes its place.
https://cloud.ibm.com/docs/key-protect?topic=key-protect-create-import-tokens
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.ids import entropy
from kunsthalle.db.encryption import Turn
from kunsthalle.db.reencryption import SecretPlace
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import change_rows, put_row, remove_rows, rows_of
from kunsthalle.key_protect.key_refusals import bad_request
from kunsthalle.key_protect.tables import import_tokens
from kunsthalle.key_protect.wrapping import octets_of

NONCE_OCTETS = 12
RSA_BITS = 2_048
"""Enough for every root key; longer ones take seconds to make."""
_ROOT_OCTETS = (16, 24, 32)


class Sealed(Struct, frozen=True):
    """Key material as a client encrypted it, with the nonce that it encrypted with the material; each base64."""

    payload: str
    nonce: str
    iv: str


class ImportToken(Struct, frozen=True):
    """What is known of a token. `public_key` is the base64 of a PEM."""

    created_at: int
    expires_at: int
    most_retrievals: int
    retrievals_left: int
    public_key: str = ""
    nonce: str = ""


def create(session: Session, instance_id: str, private_key: str, seconds: int, most_retrievals: int) -> ImportToken:
    """A new token of the instance, in the place of the one before."""
    now = session.ctx.now()
    made = ImportToken(now, now + seconds * SECOND, most_retrievals, most_retrievals)
    values = {
        "instance_id": instance_id,
        "private_key": session.cipher.encrypt(private_key, purpose(instance_id, "key")),
        "nonce": session.cipher.encrypt(_text(entropy(NONCE_OCTETS)), purpose(instance_id, "nonce")),
        "created_at": made.created_at,
        "expires_at": made.expires_at,
        "most_retrievals": made.most_retrievals,
        "retrievals_left": made.retrievals_left,
    }
    replacing = tuple(name for name in values if name != "instance_id")
    put_row(session, import_tokens, ("instance_id",), replacing=replacing, **values)
    return made


def purpose(instance_id: str, noun: str) -> str:
    """What a secret of a token is encrypted for."""
    return f"{instance_id}/import-token-{noun}"


def new_private_key() -> str:
    """A new private key as a PEM. It takes long to make: never within a transaction that writes."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.private_bytes(*form).decode()


def retrieve(session: Session, instance_id: str) -> ImportToken:
    """The token with its public key and its nonce, for as many times as it was made for. 409 once it has expired."""
    columns = import_tokens.c
    left = {columns.retrievals_left: columns.retrievals_left - 1}
    _live(session, instance_id)
    if not change_rows(session, import_tokens, left, columns.instance_id == instance_id, columns.retrievals_left > 0):
        raise _expired("The import token was retrieved as many times as it may be.")
    row = _live(session, instance_id)
    return ImportToken(
        row.created_at,
        row.expires_at,
        row.most_retrievals,
        row.retrievals_left,
        _public_key(_private_key(session, row)),
        session.cipher.decrypt(row.nonce, purpose(instance_id, "nonce")),
    )


def _live(session: Session, instance_id: str) -> Any:
    for row in rows_of(session, import_tokens, import_tokens.c.instance_id == instance_id):
        if row.expires_at <= session.ctx.now():
            raise _expired("The import token has expired.")
        return row
    text = "The instance has no import token: create one with POST /api/v2/import_token."
    raise Problem(Reason.NOT_FOUND, "IMPORT_TOKEN_NOT_FOUND_ERR", text)


def _expired(text: str) -> Problem:
    return Problem(Reason.CONFLICT, "IMPORT_TOKEN_EXPIRED_ERR", text)


def _private_key(session: Session, row: Any) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = session.cipher.decrypt(row.private_key, purpose(row.instance_id, "key"))
    if not text:
        raise _expired("The import token was left out when the saved state was loaded without secrets.")
    return load_pem_private_key(text.encode(), None)


def _public_key(private_key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return _text(private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def opened(session: Session, instance_id: str, sealed: Sealed) -> str:
    """The key material that a client encrypted, base64. 400 unless it and its nonce are those of the token in force."""
    row = _live(session, instance_id)
    material = _decrypted(_private_key(session, row), _octets(sealed.payload, "payload"))
    data = _nonce(material, _octets(sealed.nonce, "encryptedNonce"), _octets(sealed.iv, "iv"))
    if not hmac.compare_digest(_text(data), session.cipher.decrypt(row.nonce, purpose(instance_id, "nonce"))):
        text = "The encrypted nonce given does not match existing record: take that of the import token in force."
        raise bad_request("INCORRECT_NONCE_ERR", text, "encryptedNonce")
    return _text(material)


def _decrypted(private_key: Any, payload: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    form = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    try:
        material: bytes = private_key.decrypt(payload, form)
    except ValueError as error:
        text = "The payload was not encrypted with the public key of the import token in force (RSA-OAEP, SHA-256)."
        raise bad_request("PAYLOAD_ERR", text, "payload") from error
    if len(material) not in _ROOT_OCTETS:
        raise bad_request("INCORRECT_PAYLOAD_LEN_ERR", "The payload of a root key has 16, 24 or 32 octets.", "payload")
    return material


def _nonce(material: bytes, encrypted: bytes, iv: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    text = "The provided encrypted nonce was not encrypted with the key material given, or with another iv."
    if len(iv) != NONCE_OCTETS:
        raise bad_request("INCORRECT_NONCE_IV_ERR", text, "iv")
    try:
        return AESGCM(material).decrypt(iv, encrypted, None)
    except InvalidTag as error:
        raise bad_request("INCORRECT_NONCE_IV_ERR", text, "encryptedNonce") from error


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _octets(text: str, field: str) -> bytes:
    try:
        return octets_of(text)
    except ValueError as error:
        raise bad_request("BASE64_ERR", f"{field} must be base64.", field) from error


def _turned(instance_id: str, values: Sequence[str], turn: Turn) -> list[str]:
    private_key, nonce = values
    return [turn(private_key, purpose(instance_id, "key")), turn(nonce, purpose(instance_id, "nonce"))]


SECRETS = SecretPlace(import_tokens.c.instance_id, (import_tokens.c.private_key, import_tokens.c.nonce), _turned)
"""Where the secrets of tokens are, for the master key that they are encrypted with."""


def forget_instance(session: Session, instance_id: str) -> None:
    remove_rows(session, import_tokens, import_tokens.c.instance_id == instance_id)
