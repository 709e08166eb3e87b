"""Secrets that are still encrypted with an older master key: none, once a rotation is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kunsthalle.db.kv import MASTER_KEY, get
from kunsthalle.db.reencryption import census, reencrypt
from kunsthalle.local.master_keys import MasterKeyError
from kunsthalle.operator.doctor.findings import CheckContext, Finding
from kunsthalle.operator.master_key_rotation import secret_places


def counts(ward: CheckContext) -> Counter[str]:
    """How many secrets there are under each master key, by its id."""
    return census(ward.read, secret_places())


def old_keys(ward: CheckContext, secrets: Counter[str]) -> Iterator[Finding]:
    """Each older key, with how many secrets need it."""
    known = ward.read(lambda session: get(session, MASTER_KEY))
    newest = known.get("next", known["id"])
    for id_, count in sorted(secrets.items()):
        if id_ != newest:
            text = f"{count} secrets are still encrypted with this master key, not with {newest}. Keep it until then."
            yield Finding("old_master_key", id_, text, _reencrypt)


def _reencrypt(ward: CheckContext) -> bool:
    try:
        reencrypt(ward.read, ward.write, ward.store.cipher, secret_places())
    except MasterKeyError:
        return False
    return True
