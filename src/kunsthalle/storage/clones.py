"""Clones of snapshots: in which zones one may be restored fast. Every zone reads the same disks here, so that a clone
is a note in the books, and ready at once (reference/vpc-api.md B1).
"""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from kunsthalle.api.references import name_of
from kunsthalle.core.errors import conflict, not_found
from kunsthalle.storage.bodies import CloneBody
from kunsthalle.storage.kinds import SNAPSHOT
from kunsthalle.storage.model import Snapshot
from kunsthalle.storage.service import zone_named
from kunsthalle.store.rows import update
from kunsthalle.store.scope import Granted
from kunsthalle.store.unit import Unit

Clone = dict[str, Any]


def wanted(unit: Unit, bodies: list[CloneBody] | UnsetType) -> list[Clone]:
    """What a new snapshot is to have; 400 for a zone of another region."""
    if isinstance(bodies, UnsetType):
        return []
    field = "clones.zone"
    zones = dict.fromkeys(zone_named(unit, name_of(one.zone, field), field) for one in bodies)
    return [{"zone": zone, "created_at": unit.ctx.now()} for zone in zones]


def find(snapshot: Snapshot, zone: str) -> Clone:
    """The clone in a zone; 404 where there is none."""
    for clone in snapshot.clones:
        if clone["zone"] == zone:
            return clone
    raise not_found("zone_name")


def put(unit: Unit, granted: Granted[Snapshot], zone: str) -> Clone:
    """The clone in a zone, made if it was not there. 404 for a zone of another region."""
    snapshot = granted.it
    if zone not in unit.ctx.region.zones:
        raise not_found("zone_name")
    for clone in snapshot.clones:
        if clone["zone"] == zone:
            return clone
    clone = {"zone": zone, "created_at": unit.ctx.now()}
    _write(unit, snapshot, [*snapshot.clones, clone])
    return clone


def remove(unit: Unit, granted: Granted[Snapshot], zone: str) -> None:
    """404 where there is none."""
    gone = find(granted.it, zone)
    _write(unit, granted.it, [clone for clone in granted.it.clones if clone != gone])


def _write(unit: Unit, snapshot: Snapshot, clones: list[Clone]) -> None:
    columns = SNAPSHOT.table.c
    sure = (columns.revision == snapshot.revision, columns.lifecycle_state.in_(("pending", "stable")))
    if not update(unit, SNAPSHOT, snapshot.id, *sure, clones=clones):
        raise conflict("invalid_state", "The snapshot is being deleted, or was changed meanwhile; try again.")
