"""At every start: the database and the master key file belong together, and the newest key encrypts everything."""

from __future__ import annotations

from collections.abc import Callable

from kunsthalle.authz.context import Context
from kunsthalle.db.encryption import Cipher, Turn
from kunsthalle.db.engine import Store
from kunsthalle.db.kv import MASTER_KEY, SIGNING_KEYS, get, locked, put
from kunsthalle.db.session import Session
from kunsthalle.local.master_keys import SETTING, MasterKeyError

Renew = Callable[[Session, Turn], None]
"""Puts what the turn makes of it in the place of every secret value of the database."""


def ensure_encrypted(store: Store, ctx: Context, renew: Renew) -> None:
    """Encrypts what an earlier release left in clear, or an older key encrypted. `renew` is called only then.

    Makes the master key file of a database that has none. MasterKeyError when the file is not the database's.
    """
    known = store.read(ctx, lambda session: get(session, MASTER_KEY))
    if known is None or known["id"] != store.cipher.keys.newest:
        known = store.write(ctx, lambda session: _encrypt_all(session, renew))
    if known["scrub"]:
        store.scrub()
        store.write(ctx, lambda session: put(session, MASTER_KEY, {**known, "scrub": False}))


def _encrypt_all(session: Session, renew: Renew) -> dict[str, object]:
    cipher, known = session.cipher, locked(session, MASTER_KEY)
    if known is None:
        cipher.ensure()
    else:
        _check(cipher, str(known["id"]))
    used = get(session, SIGNING_KEYS) is not None  # without them nobody ever had a token to write anything with
    if used:
        renew(session, cipher.encrypt if known is None else cipher.renew)
    now = {"id": cipher.keys.newest, "scrub": used}
    put(session, MASTER_KEY, now)
    return now


def _check(cipher: Cipher, needed: str) -> None:
    if needed not in cipher.keys.by_id:
        there = ", ".join(cipher.keys.by_id)
        raise MasterKeyError(
            f"The database is encrypted with the master key {needed}; {cipher.place} holds {there} instead. Put the"
            f" file back that was in use with this database, or name it with {SETTING}. All nodes of a database need"
            " the same file."
        )
