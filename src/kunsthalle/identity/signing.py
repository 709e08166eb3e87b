"""The signing keys of a store: made once, by whichever node comes first, and shared by all."""

from __future__ import annotations

from dataclasses import replace

from joserfc.jwk import KeySet, RSAKey

from kunsthalle.core.context import Context
from kunsthalle.store.engine import Store
from kunsthalle.store.facts import SIGNING_KEYS, get, once

_BITS = 2_048


def _new_key(ctx: Context) -> dict[str, object]:
    key = RSAKey.generate_key(_BITS, {"use": "sig", "alg": "RS256", "kid": ctx.ids.hex(16)}, private=True)
    return {"keys": [key.as_dict(private=True)]}


def load_keys(store: Store, ctx: Context) -> KeySet:
    """The key set of the store; the first key signs, all verify."""
    ctx = replace(ctx, trace="signing-keys")
    known = store.read(ctx, lambda unit: get(unit, SIGNING_KEYS))
    if known is None:
        known = store.write(ctx, lambda unit: once(unit, SIGNING_KEYS, lambda: _new_key(ctx)))
    return KeySet.import_key_set(known)
