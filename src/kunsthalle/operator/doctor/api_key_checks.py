"""API keys that open nothing: those of people that somebody else made, while releases allowed it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kunsthalle.authz.permissions import VALIDITY
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.iam.history import forget
from kunsthalle.iam.models import ApiKey
from kunsthalle.iam.resources import API_KEY
from kunsthalle.operator.doctor.findings import CheckContext, ExpectedReferences, Finding

_C = API_KEY.table.c


def made_by_others(session: Session) -> list[ApiKey]:
    """The keys of people that somebody else made."""
    return unscoped(session, API_KEY, _C.created_by != _C.iam_id, ~_C.iam_id.startswith("iam-", autoescape=True))


def keys(books: ExpectedReferences) -> Iterator[Finding]:
    """Each of them, until it is deleted."""
    for key in books.keys_by_others:
        text = (
            f"In account {key.account_id} {key.created_by} made this API key of {key.iam_id}, who alone may have one."
            " It cannot be enabled. Look in the audit for what was done by it, as for further keys of that person."
        )
        yield Finding("key_made_by_another", key.id, text, partial(_delete, key))


def _delete(key: ApiKey, ward: CheckContext) -> bool:
    def gone(session: Session) -> None:
        session.invalidate(VALIDITY)
        forget(session, key.id)
        delete(session, API_KEY, key.id, key.account_id)

    ward.write(gone)
    return True
