"""Reading public SSH keys; pure. What is kept is the key as written anew from its numbers, never the caller's text.

The algorithm's name and the comment may be missing (reference/vpc-api.md B2). Options and further lines are refused:
the key ends up in files that servers trust.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from kunsthalle.core.errors import Problem, invalid
from kunsthalle.core.records import dataclass

FIELD = "public_key"
_TYPES = {b"ssh-rsa": "rsa", b"ssh-ed25519": "ed25519"}
_OTHER_TYPES = (b"ssh-", b"ecdsa-", b"sk-")
_RSA_LENGTHS = (2048, 4096)
_ED25519_LENGTH = 256


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`line` is `<algorithm> <base64>`, `length` in bits, `fingerprint` `SHA256:<base64 without padding>`."""

    type: str
    line: str
    fingerprint: str
    length: int


def parse(text: str) -> PublicKey:
    """400 `key_parse_failure` for what is no public key, `key_invalid_type` for one of another type or length."""
    named, encoded = _words(text)
    algorithm = _algorithm(encoded)
    if named not in (None, algorithm):
        raise _unreadable("The algorithm's name and the key do not fit together.")
    if algorithm not in _TYPES:
        if algorithm.startswith(_OTHER_TYPES):
            raise invalid("key_invalid_type", "The key must be an RSA or an Ed25519 key.", FIELD)
        raise _unreadable("The text is not a public key in OpenSSH form.")
    try:
        key = load_ssh_public_key(algorithm + b" " + encoded)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable(f"The key cannot be read: {error}") from error
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    digest = hashlib.sha256(base64.b64decode(line.split(" ")[1])).digest()
    fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    return PublicKey(_TYPES[algorithm], line, fingerprint, _length(key))


def _words(text: str) -> tuple[bytes | None, bytes]:
    """The algorithm, if it is named, and the base64 part."""
    line = text.strip().replace("\t", " ")
    if not line.isprintable():
        raise _unreadable("A key is one line without control characters.")
    try:
        words = [word.encode("ascii") for word in line.split(None, 2)[:2]]
    except UnicodeEncodeError as error:
        raise _unreadable("The text is not a public key in OpenSSH form.") from error
    if words and words[0].startswith(b"AAAA"):
        return None, words[0]
    if len(words) < 2:
        raise _unreadable("The text is not a public key in OpenSSH form.")
    return words[0], words[1]


def _algorithm(encoded: bytes) -> bytes:
    """The name that the key's own bytes begin with, as RFC 4253 6.6 has it."""
    try:
        blob = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise _unreadable("The key is not valid base64.") from error
    return blob[4 : 4 + int.from_bytes(blob[:4])]


def _length(key: object) -> int:
    if isinstance(key, Ed25519PublicKey):
        return _ED25519_LENGTH
    if isinstance(key, RSAPublicKey) and key.key_size in _RSA_LENGTHS:
        return key.key_size
    raise invalid("key_invalid_type", "An RSA key must have 2048 or 4096 bits.", FIELD)


def _unreadable(message: str) -> Problem:
    return invalid("key_parse_failure", message, FIELD)
