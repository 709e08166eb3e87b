"""The signing keys of a store: made once, by whichever node comes first, shared by all, kept encrypted, and rotated.

A rotation signs nobody out: an old key verifies until the last token that it has signed is over. All of it is real
time, as tokens have it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from joserfc.jwk import KeySet, RSAKey
from joserfc.util import base64_to_int

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import conflict
from kunsthalle.core.records import dataclass
from kunsthalle.db import audit
from kunsthalle.db.encryption import Cipher, Turn
from kunsthalle.db.engine import Store
from kunsthalle.db.kv import SIGNING_KEYS, get, locked, once, put
from kunsthalle.db.reencryption import SecretPlace
from kunsthalle.db.session import Session
from kunsthalle.db.tables import facts
from kunsthalle.iam.tokens import REFRESH_LIFETIME

_BITS = 2_048


_PURPOSE = SIGNING_KEYS


OVERLAP = 3 * SECOND
"""Microseconds from the moment that a new key is known until it signs: every node has read it by then."""
LAST_TOKEN = (REFRESH_LIFETIME + 60) * SECOND
"""Microseconds for which a key verifies after another has begun to sign: until the last token that it signed ends."""
MAX_KEYS = 16
ROTATE = "kunsthalle.signing-keys.rotate"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, from when it signs, and until when it verifies (None: it is not replaced yet), both in real time."""

    key: RSAKey
    begins: int
    ends: int | None

    @property
    def id(self) -> str:
        return str(self.key.kid)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys of a store, newest first."""

    keys: tuple[SigningKey, ...]

    def signing(self, now: int) -> SigningKey:
        """The newest key whose time to sign has come."""
        return next((entry for entry in self.keys if entry.begins <= now), self.keys[-1])

    def verifying(self, now: int) -> KeySet:
        """The keys whose tokens count."""
        return KeySet([entry.key for entry in self.keys if entry.ends is None or entry.ends > now])


def _new_document(ctx: Context) -> dict[str, object]:
    key = RSAKey.generate_key(_BITS, {"use": "sig", "alg": "RS256", "kid": ctx.ids.hex(16)}, private=True)
    return dict(key.as_dict(private=True))


def _new_key(ctx: Context) -> dict[str, object]:
    return {"keys": [_new_document(ctx)]}


def load_keys(store: Store, ctx: Context) -> tuple[SigningKeys, str]:
    """The keys of the store, and the text that they were read from; made if there are none."""
    ctx, cipher = replace(ctx, trace="signing-keys"), store.cipher

    def make() -> str:
        return cipher.encrypt(json.dumps(_new_key(ctx)), _PURPOSE)

    known = store.read(ctx, lambda session: get(session, SIGNING_KEYS))
    if known is None:
        known = store.write(ctx, lambda session: once(session, SIGNING_KEYS, make))
    return parse_keys(cipher, known), known


def parse_keys(cipher: Cipher, text: str) -> SigningKeys:
    """The keys of the stored text."""
    documents = json.loads(cipher.decrypt(text, _PURPOSE))["keys"]
    return SigningKeys(
        tuple(SigningKey(_imported(entry), entry.get("begins", 0), entry.get("ends")) for entry in documents)
    )


def rotate(session: Session) -> SigningKeys:
    """Add a key, which signs from in a moment on; the one that signs now verifies until its last token has ended.

    Keys whose last token has ended are removed. 409 while too many are still needed.
    """
    now, cipher = session.ctx.clock.real(), session.cipher
    known = json.loads(cipher.decrypt(locked(session, SIGNING_KEYS), _PURPOSE))["keys"]
    needed = [entry for entry in known if entry.get("ends") is None or entry["ends"] > now]
    if len(needed) >= MAX_KEYS:
        text = f"{MAX_KEYS} signing keys are still needed, each until the last token that it signed has ended."
        raise conflict("conflict", f"{text} Rotate again when one has.")
    begins = now + OVERLAP
    old = [{**entry, "ends": entry.get("ends") or begins + LAST_TOKEN} for entry in needed]
    new = _new_document(session.ctx)
    text = json.dumps({"keys": [{**new, "begins": begins}, *old]})
    put(session, SIGNING_KEYS, cipher.encrypt(text, _PURPOSE))
    audit.record(session, ROTATE, str(new["kid"]), 200)
    return parse_keys(cipher, get(session, SIGNING_KEYS))


_NUMBERS = {"d": "d", "p": "p", "q": "q", "dmp1": "dp", "dmq1": "dq", "iqmp": "qi"}
"""What the library for RSA calls the parts of a private key, and how a JSON Web Key does (RFC 7518 6.3.2)."""


def _imported(document: dict[str, str]) -> RSAKey:
    """A key as `_new_key` made it. That its primes are primes is not proven again, which would take 40 ms: nobody
    without the master key can have changed it.
    """
    public = RSAPublicNumbers(base64_to_int(document["e"]), base64_to_int(document["n"]))
    parts = {name: base64_to_int(document[key]) for name, key in _NUMBERS.items()}
    private = RSAPrivateNumbers(**parts, public_numbers=public).private_key(unsafe_skip_rsa_key_validation=True)
    return RSAKey.import_key(private, {"use": document["use"], "alg": document["alg"], "kid": document["kid"]})


def _turned(_key: str, values: Sequence[Any], turn: Turn) -> list[Any]:
    """The keys, encrypted anew; an earlier release kept them as a document in clear."""
    return [turn(known if isinstance(known, str) else json.dumps(known), _PURPOSE) for known in values]


SECRETS = SecretPlace(facts.c.key, (facts.c.value,), _turned, (facts.c.key == SIGNING_KEYS,))
"""Where the keys are, for the master key that they are encrypted with."""
