"""The signing keys of a store: made once, by whichever node comes first, shared by all, and kept encrypted."""

from __future__ import annotations

import json
from dataclasses import replace

from joserfc.jwk import KeySet, RSAKey

from kunsthalle.core.context import Context
from kunsthalle.store.encryption import Turn
from kunsthalle.store.engine import Store
from kunsthalle.store.facts import SIGNING_KEYS, get, once, put
from kunsthalle.store.unit import Unit

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

    known = store.read(ctx, lambda unit: get(unit, SIGNING_KEYS))
    if known is None:
        known = store.write(ctx, lambda unit: once(unit, SIGNING_KEYS, make))
    return KeySet.import_key_set(json.loads(cipher.decrypt(known, _PURPOSE)))


def renew(unit: Unit, turn: Turn) -> None:
    """Encrypts the keys anew; an earlier release kept them as a document in clear."""
    known = get(unit, SIGNING_KEYS)
    text = known if isinstance(known, str) else json.dumps(known)
    put(unit, SIGNING_KEYS, turn(text, _PURPOSE))
