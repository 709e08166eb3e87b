"""At every start: the database and the master key file belong together, and the newest key encrypts everything."""

from __future__ import annotations

from collections.abc import Callable

from kunsthalle.core.context import Context
from kunsthalle.local.master_keys import SETTING, MasterKeyError
from kunsthalle.store.encryption import Cipher, Turn
from kunsthalle.store.engine import Store
from kunsthalle.store.facts import MASTER_KEY, SIGNING_KEYS, get, locked, put
from kunsthalle.store.unit import Unit

Renew = Callable[[Unit, Turn], None]
"""Puts what the turn makes of it in the place of every secret value of the database."""


def ensure_encrypted(store: Store, ctx: Context, renew: Renew) -> None:
    """Encrypts what an earlier release left in clear, or an older key encrypted. `renew` is called only then.

    Makes the master key file of a database that has none. MasterKeyError when the file is not the database's.
    """
    known = store.read(ctx, lambda unit: get(unit, MASTER_KEY))
    if known is None or known["id"] != store.cipher.keys.newest:
        known = store.write(ctx, lambda unit: _encrypt_all(unit, renew))
    if known["scrub"]:
        store.scrub()
        store.write(ctx, lambda unit: put(unit, MASTER_KEY, {**known, "scrub": False}))


def _encrypt_all(unit: Unit, renew: Renew) -> dict[str, object]:
    cipher, known = unit.cipher, locked(unit, MASTER_KEY)
    if known is None:
        cipher.ensure()
    else:
        _check(cipher, str(known["id"]))
    used = get(unit, SIGNING_KEYS) is not None  # without them nobody ever had a token to write anything with
    if used:
        renew(unit, cipher.encrypt if known is None else cipher.renew)
    now = {"id": cipher.keys.newest, "scrub": used}
    put(unit, MASTER_KEY, now)
    return now


def _check(cipher: Cipher, needed: str) -> None:
    if needed not in cipher.keys.by_id:
        there = ", ".join(cipher.keys.by_id)
        raise MasterKeyError(
            f"The database is encrypted with the master key {needed}; {cipher.path} holds {there} instead. Put the file"
            f" back that was in use with this database, or name it with {SETTING}. All nodes of a database need the"
            " same file."
        )
