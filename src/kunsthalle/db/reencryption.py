"""The database and the master keys belong together, and the newest key encrypts everything.

What an older key encrypted is encrypted anew in slices, each a short transaction of its own, before a start or while
the server serves. Whoever reads meanwhile has both keys. Killed anywhere, it begins again: what is under the newest
key already stays as it is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, select

from kunsthalle.authz.context import Context
from kunsthalle.db.encryption import CannotDecrypt, Cipher, Turn, key_id_of
from kunsthalle.db.engine import Store
from kunsthalle.db.kv import MASTER_KEY, SIGNING_KEYS, get, locked, put
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import change_rows, columns_of, first_keys
from kunsthalle.local.master_keys import SETTING, MasterKeyError

SLICE = 100
"""Rows that a transaction looks at, at most."""
SLICE_SECONDS = 0.02
"""After so long a slice ends, however few rows it has looked at."""


class SecretPlace(NamedTuple):
    """Columns of a table that hold encrypted values, in the rows that meet `where`. `key` is its primary key.

    `turned` has a turn make the new values of a row of its key and its values; it may change those in place.
    """

    key: Column[str]
    columns: tuple[Column[Any], ...]
    turned: Callable[[str, Sequence[Any], Turn], Sequence[Any]]
    where: tuple[ColumnElement[bool], ...] = ()


Places = Callable[[], tuple[SecretPlace, ...]]
"""Every place of the database; called only when they are needed, for it loads the packages."""
Work = Callable[[Callable[[Session], Any]], Any]
"""Runs a function in a transaction of its own, and returns what it does."""


def ensure_encrypted(store: Store, ctx: Context, places: Places) -> None:
    """Encrypts what an earlier release left in clear, or an older key encrypted.

    Makes the master key file of a database that has none. MasterKeyError when the file is not the database's.
    """
    known = store.read(ctx, lambda session: get(session, MASTER_KEY))
    if known is None:
        known = store.write(ctx, lambda session: _encrypt_all(session, places))
    if _unfinished(known, store.cipher):
        known = reencrypt(partial(store.read, ctx), partial(store.write, ctx), store.cipher, places())
    if known["scrub"]:
        store.scrub()
        store.write(ctx, lambda session: put(session, MASTER_KEY, {**known, "scrub": False}))


def _unfinished(known: dict[str, Any], cipher: Cipher) -> bool:
    return "next" in known or bool(known["id"] != cipher.keys.newest)


def _encrypt_all(session: Session, places: Places) -> dict[str, Any]:
    """Of a release that kept them in clear: all in one transaction, for nothing else tells which are done."""
    cipher, known = session.cipher, locked(session, MASTER_KEY)
    if known is not None:  # another node was quicker
        return dict(known)
    cipher.ensure()
    used = get(session, SIGNING_KEYS) is not None  # without them nobody ever had a token to write anything with
    if used:
        replace_all(session, places(), cipher.encrypt)
    now = {"id": cipher.keys.newest, "scrub": used}
    put(session, MASTER_KEY, now)
    return now


def replace_all(session: Session, places: Sequence[SecretPlace], turn: Turn) -> None:
    """Puts what the turn makes of it in the place of every secret value of the database."""
    for place in places:
        for key, *values in columns_of(session, place.key, *place.columns, where=place.where):
            _replace(session, place, key, place.turned(key, values, turn))


def _replace(session: Session, place: SecretPlace, key: str, values: Sequence[Any]) -> None:
    change_rows(session, place.key.table, dict(zip(place.columns, values, strict=True)), place.key == key)


def begin(session: Session, newest: str) -> None:
    """From here on the database needs a further key, which encrypts what is written. MasterKeyError without its own."""
    known = locked(session, MASTER_KEY)
    check_keys(session.cipher, known)
    if known["id"] != newest or "next" in known:
        put(session, MASTER_KEY, {**known, "next": newest})


def check_keys(cipher: Cipher, known: dict[str, Any]) -> None:
    """MasterKeyError unless the keys are there that the database needs."""
    needed = missing_key(cipher, known)
    if needed is not None:
        there = ", ".join(cipher.keys.by_id)
        raise MasterKeyError(
            f"The database is encrypted with the master key {needed}; {cipher.place} holds {there} instead. Put the"
            f" file back that was in use with this database, or name it with {SETTING}. All nodes of a database need"
            " the same file."
        )


def missing_key(cipher: Cipher, known: dict[str, Any]) -> str | None:
    """The id of a key that the database needs and nobody has here."""
    needed = (str(known[name]) for name in ("id", "next") if name in known)
    return next((id_ for id_ in needed if id_ not in cipher.keys.by_id), None)


def reencrypt(read: Work, write: Work, cipher: Cipher, places: Sequence[SecretPlace]) -> dict[str, Any]:
    """Encrypts with the newest key whatever is under an older one; what the database says of its key from then on.

    MasterKeyError, before anything is changed, when a key is missing that something is encrypted with.
    """
    check_keys(cipher, read(lambda session: get(session, MASTER_KEY)))
    for id_, count in census(read, places).items():
        if id_ not in cipher.keys.by_id:
            text = f"{count} secrets of the database are encrypted with the master key {id_}, which is missing"
            raise MasterKeyError(f"{text} in {cipher.place}. Put it back, before the others; nothing was changed.")
    newest = cipher.keys.newest
    write(partial(begin, newest=newest))
    while sum(_renew_place(write, place) for place in places):
        pass  # once more: a change that began before may have put back what it had read
    return dict(write(partial(_finish, newest=newest)))


def _finish(session: Session, newest: str) -> dict[str, Any]:
    known = locked(session, MASTER_KEY)
    if known.get("next", newest) != newest:  # a further key has come meanwhile
        return dict(known)
    now = {"id": newest, "scrub": True}
    put(session, MASTER_KEY, now)
    return now


def _renew_place(write: Work, place: SecretPlace) -> int:
    after: str | None = ""
    changed = 0
    while after is not None:
        after, count = write(partial(renew_slice, place=place, after=after))
        changed += count
    return changed


def renew_slice(session: Session, place: SecretPlace, after: str) -> tuple[str | None, int]:
    """The next rows after a key: the last one that was looked at, None when there are no more, and how many changed.

    MasterKeyError for a value that does not decrypt; then none of the slice is changed.
    """
    until = time.monotonic() + SLICE_SECONDS
    keys = first_keys(session, place.key, SLICE, place.key > after, *place.where)
    changed = 0
    for key in keys:
        changed += _renew_row(session, place, key)
        if time.monotonic() > until:
            return key, changed
    return (keys[-1] if len(keys) == SLICE else None), changed


def _renew_row(session: Session, place: SecretPlace, key: str) -> bool:
    cipher, changes = session.cipher, Counter[str]()

    def turn(value: str, purpose: str) -> str:
        if key_id_of(value) == cipher.keys.newest:
            return value
        changes[purpose] += 1
        return cipher.renew(value, purpose)

    row = session.first(select(*place.columns).where(place.key == key).with_for_update())
    if row is None:
        return False
    try:
        values = place.turned(key, list(row), turn)
    except CannotDecrypt as error:
        text = f"A secret of the row {key} of {place.key.table.name} does not decrypt: {error}."
        raise MasterKeyError(f"{text} Put the key back that it needs, or restore a backup.") from error
    if changes:
        _replace(session, place, key, values)
    return bool(changes)


def census(read: Work, places: Sequence[SecretPlace]) -> Counter[str]:
    """How many secrets there are under each key, by its id. Each slice is a transaction of its own."""
    counts: Counter[str] = Counter()

    def count(value: str, _purpose: str) -> str:
        counts[key_id_of(value)] += 1
        return value

    for place in places:
        after: str | None = ""
        while after is not None:
            after = read(partial(_look, place=place, after=after, turn=count))
    return counts


def _look(session: Session, place: SecretPlace, after: str, turn: Turn) -> str | None:
    keys = first_keys(session, place.key, SLICE, place.key > after, *place.where)
    last = keys[-1] if keys else ""
    between = (place.key > after, place.key <= last, *place.where)
    for key, *values in columns_of(session, place.key, *place.columns, where=between):
        place.turned(key, values, turn)
    return last if len(keys) == SLICE else None
