"""Registrations: which resources a key protects. Their packages register them; whoever sees the key sees them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import put_row, remove_rows, rows_of
from kunsthalle.key_protect.key_lists import PageParameters
from kunsthalle.key_protect.models import Key
from kunsthalle.key_protect.schemas import RegistrationResponse, RegistrationsResponse, VersionResponse, page
from kunsthalle.key_protect.tables import key_registrations


def register(session: Session, key: Key, resource_crn: str) -> None:
    """The resource is protected by the key, at the version in force, and keeps it from being deleted without force."""
    values: dict[str, Any] = {
        "key_id": key.id,
        "resource_crn": resource_crn,
        "instance_id": key.instance_id,
        "version_id": key.version_id,
        "created_by": session.ctx.actor.iam_id,
        "created_at": session.ctx.now(),
    }
    put_row(session, key_registrations, ("key_id", "resource_crn"), replacing=("version_id",), **values)


def unregister(session: Session, resource_crn: str) -> None:
    """The resource is gone, or protected by nothing any more."""
    remove_rows(session, key_registrations, key_registrations.c.resource_crn == resource_crn)


def listed(session: Session, query: PageParameters, *where: ColumnElement[bool]) -> RegistrationsResponse:
    """The registrations that meet conditions, of which one names keys that the caller sees."""
    rows = rows_of(session, key_registrations, *where, order=key_registrations.c.resource_crn)
    shown = [_shown(row) for row in rows]
    return RegistrationsResponse(*page("registration", shown, query))


def _shown(row: Any) -> RegistrationResponse:
    at = rfc3339(row.created_at)
    return RegistrationResponse(
        key_id=row.key_id,
        crn=row.resource_crn,
        created_by=row.created_by,
        created=at,
        updated=at,
        description="",
        prevents_deletion=False,
        version=VersionResponse(id=row.version_id),
    )
