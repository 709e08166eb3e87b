"""The history of identities: who did what to an API key, a service ID, a trusted profile or an account's settings.

Changes are stored with the id of the resource, the newest `KEPT` of them. The creation is read from the resource
itself, so that it is known of resources of any age. The words of `action` are our own choice (U).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import put_row, remove_rows, rows_of
from kunsthalle.iam.tables import identity_history

KEPT = 100
ACTIONS = ("create", "update", "lock", "unlock", "disable", "enable")


class Created(Protocol):
    """A resource that knows when it was created, and by whom."""

    @property
    def id(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def created_at(self) -> int: ...
    @property
    def created_by(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Record:
    """One action. `params` are the names of the changed fields, never their values."""

    at: int
    iam_id: str
    account_id: str
    action: str
    params: list[str]


def note(session: Session, resource_id: str, action: str, params: Iterable[str] = ()) -> None:
    """Add what the caller has just done to a resource, which the transaction has already changed: one of `ACTIONS`."""
    if action not in ACTIONS:
        raise UnknownMember("action on an identity", action)
    ctx = session.ctx
    record = [ctx.now(), ctx.actor.iam_id, ctx.account_id, action, sorted(params)]
    records = [*_stored(session, [resource_id]).get(resource_id, []), record][-KEPT:]
    put_row(
        session,
        identity_history,
        ("resource_id",),
        replacing=("records",),
        resource_id=resource_id,
        records=records,
    )


def forget(session: Session, *resource_ids: str) -> None:
    """Delete the history of resources that are being deleted."""
    remove_rows(session, identity_history, identity_history.c.resource_id.in_(resource_ids))


def changes_of(session: Session, resource_id: str) -> list[Record]:
    """Return the stored changes of a resource, oldest first."""
    return [Record(*record) for record in _stored(session, [resource_id]).get(resource_id, [])]


def histories(session: Session, resources: Sequence[Created]) -> dict[str, list[Record]]:
    """Return the whole history of each resource by its id, oldest first: its creation, then its changes."""
    stored = _stored(session, [resource.id for resource in resources])
    return {
        resource.id: [
            Record(resource.created_at, resource.created_by, resource.account_id, "create", []),
            *(Record(*change) for change in stored.get(resource.id, [])),
        ]
        for resource in resources
    }


def _stored(session: Session, ids: list[str]) -> dict[str, list[Any]]:
    rows = rows_of(session, identity_history, identity_history.c.resource_id.in_(ids))
    return {row.resource_id: row.records for row in rows}
