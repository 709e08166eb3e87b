"""The signing keys of a store: made once, by whichever node comes first, shared by all, and kept encrypted."""

from __future__ import annotations

import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from joserfc.jwk import KeySet, RSAKey
from joserfc.util import base64_to_int

from kunsthalle.authz.context import Context
from kunsthalle.db.encryption import Turn
from kunsthalle.db.engine import Store
from kunsthalle.db.kv import SIGNING_KEYS, get, once, put
from kunsthalle.db.session import Session

_BITS = 2_048


_PURPOSE = SIGNING_KEYS


def _new_key(ctx: Context) -> dict[str, object]:
    key = RSAKey.generate_key(_BITS, {"use": "sig", "alg": "RS256", "kid": ctx.ids.hex(16)}, private=True)
    return {"keys": [key.as_dict(private=True)]}


def load_keys(store: Store, ctx: Context) -> KeySet:
    """The key set of the store; the first key signs, all verify."""
    ctx, cipher = replace(ctx, trace="signing-keys"), store.cipher

    def make() -> str:
        return cipher.encrypt(json.dumps(_new_key(ctx)), _PURPOSE)

    known = store.read(ctx, lambda session: get(session, SIGNING_KEYS))
    if known is None:
        known = store.write(ctx, lambda session: once(session, SIGNING_KEYS, make))
    return KeySet([_imported(document) for document in json.loads(cipher.decrypt(known, _PURPOSE))["keys"]])


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


def renew(session: Session, turn: Turn) -> None:
    """Encrypts the keys anew; an earlier release kept them as a document in clear."""
    known = get(session, SIGNING_KEYS)
    text = known if isinstance(known, str) else json.dumps(known)
    put(session, SIGNING_KEYS, turn(text, _PURPOSE))
