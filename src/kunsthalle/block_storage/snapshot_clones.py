"""Clones of snapshots: in which zones one may be restored fast. Every zone reads the same disks here, so that a clone
is a note in the books, and ready at once (reference/vpc-api.md B1).
"""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from kunsthalle.api.references import name_of
from kunsthalle.block_storage.models import Snapshot
from kunsthalle.block_storage.requests import CloneRequest
from kunsthalle.block_storage.resources import SNAPSHOT
from kunsthalle.block_storage.service import zone_named
from kunsthalle.core.errors import conflict, not_found
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized

Clone = dict[str, Any]


def wanted(session: Session, bodies: list[CloneRequest] | UnsetType) -> list[Clone]:
    """What a new snapshot is to have; 400 for a zone of another region."""
    if isinstance(bodies, UnsetType):
        return []
    field = "clones.zone"
    zones = dict.fromkeys(zone_named(session, name_of(answer.zone, field), field) for answer in bodies)
    return [{"zone": zone, "created_at": session.ctx.now()} for zone in zones]


def find(snapshot: Snapshot, zone: str) -> Clone:
    """The clone in a zone; 404 where there is none."""
    for clone in snapshot.clones:
        if clone["zone"] == zone:
            return clone
    raise not_found("zone_name")


def put(session: Session, granted: Authorized[Snapshot], zone: str) -> Clone:
    """The clone in a zone, made if it was not there. 404 for a zone of another region."""
    snapshot = granted.resource
    if zone not in session.ctx.region.zones:
        raise not_found("zone_name")
    for clone in snapshot.clones:
        if clone["zone"] == zone:
            return clone
    clone = {"zone": zone, "created_at": session.ctx.now()}
    _write(session, snapshot, [*snapshot.clones, clone])
    return clone


def remove(session: Session, granted: Authorized[Snapshot], zone: str) -> None:
    """404 where there is none."""
    gone = find(granted.resource, zone)
    _write(session, granted.resource, [clone for clone in granted.resource.clones if clone != gone])


def _write(session: Session, snapshot: Snapshot, clones: list[Clone]) -> None:
    columns = SNAPSHOT.table.c
    sure = (columns.revision == snapshot.revision, columns.lifecycle_state.in_(("pending", "stable")))
    if not update(session, SNAPSHOT, snapshot.id, *sure, clones=clones):
        raise conflict("invalid_state", "The snapshot is being deleted, or was changed meanwhile; try again.")
