"""A saved database, a SQLite file, is brought to this release: its schema, and the keys that its secrets need."""

from __future__ import annotations

from pathlib import Path

from kunsthalle.all_tables import prepare
from kunsthalle.authz.context import Context
from kunsthalle.db import kv
from kunsthalle.db.encryption import Cipher
from kunsthalle.db.engine import Store
from kunsthalle.db.reencryption import Places, ensure_encrypted, missing_key, replace_all
from kunsthalle.db.session import Session
from kunsthalle.db.tables import facts
from kunsthalle.db.unscoped import remove_rows


def bring(path: Path, cipher: Cipher, ctx: Context, secrets: Places, *, without_secrets: bool) -> None:
    """Migrate the file and encrypt what it holds with the newest key. NewerSchema, MasterKeyError.

    `without_secrets`: if it was encrypted with a key that is not here, what nobody can read is emptied.
    """
    store = Store(f"sqlite:///{path}", cipher)
    try:
        prepare(store)
        if without_secrets:
            store.write(ctx, lambda session: _without_secrets(session, secrets))
        ensure_encrypted(store, ctx, secrets)
    finally:
        store.close()


def _without_secrets(session: Session, secrets: Places) -> None:
    """What nobody here can read is emptied, and the database is one of the keys that are here."""
    known = kv.get(session, kv.MASTER_KEY)
    if known is None or missing_key(session.cipher, known) is None:
        return
    replace_all(session, secrets(), lambda _value, purpose: session.cipher.encrypt("", purpose))
    remove_rows(session, facts, facts.c.key == kv.SIGNING_KEYS)  # the server has its own, or makes some
    kv.put(session, kv.MASTER_KEY, {"id": session.cipher.keys.newest, "scrub": False})
