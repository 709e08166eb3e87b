"""API keys that open nothing: those of people that somebody else made, while releases allowed it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kunsthalle.core.access import STANDING
from kunsthalle.doctor.findings import Books, Finding, Ward
from kunsthalle.identity.history import forget
from kunsthalle.identity.kinds import API_KEY
from kunsthalle.identity.model import ApiKey
from kunsthalle.store.rows import delete
from kunsthalle.store.scope import unguarded
from kunsthalle.store.unit import Unit

_C = API_KEY.table.c


def made_by_others(unit: Unit) -> list[ApiKey]:
    """The keys of people that somebody else made."""
    return unguarded(unit, API_KEY, _C.created_by != _C.iam_id, ~_C.iam_id.startswith("iam-", autoescape=True))


def keys(books: Books) -> Iterator[Finding]:
    """Each of them, until it is deleted."""
    for key in books.keys_by_others:
        text = (
            f"In account {key.account_id} {key.created_by} made this API key of {key.iam_id}, who alone may have one."
            " It cannot be enabled. Look in the audit for what was done by it, as for further keys of that person."
        )
        yield Finding("key_made_by_another", key.id, text, partial(_delete, key))


def _delete(key: ApiKey, ward: Ward) -> bool:
    def gone(unit: Unit) -> None:
        unit.changed(STANDING)
        forget(unit, key.id)
        delete(unit, API_KEY, key.id, key.account_id)

    ward.write(gone)
    return True
