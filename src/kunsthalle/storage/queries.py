"""Questions about volumes and snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, false

from kunsthalle.api.request import Request
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.storage.kinds import SNAPSHOT, VOLUME
from kunsthalle.storage.model import Snapshot, Volume
from kunsthalle.storage.profiles import PROFILES
from kunsthalle.store.scope import Page, page
from kunsthalle.store.tables import number_of, rows_of
from kunsthalle.store.unit import Unit

_VOLUMES, _SNAPSHOTS = VOLUME.table.c, SNAPSHOT.table.c


def values(request: Request, name: str) -> list[str]:
    """A filter that may be repeated or hold several values between commas."""
    return [part for text in request.query.getlist(name) for part in text.split(",")]


def equals(request: Request, columns: dict[str, ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    """The conditions of filters that match a column exactly."""
    return [column == request.query[name] for name, column in columns.items() if name in request.query]


def _systems(request: Request, name: str, attribute: str) -> list[str]:
    wanted = values(request, name)
    return [key for key, system in OPERATING_SYSTEMS.items() if getattr(system, attribute) in wanted]


def _volume_conditions(request: Request) -> list[ColumnElement[bool]]:
    query = request.query
    exact: dict[str, ColumnElement[Any]] = {
        "name": _VOLUMES.name,
        "zone.name": _VOLUMES.zone,
        "resource_group.id": _VOLUMES.resource_group_id,
    }
    found = equals(request, exact)
    if "attachment_state" in query:
        states = values(request, "attachment_state")
        loose, attached = _VOLUMES.instance_id.is_(None), _VOLUMES.instance_id.is_not(None)
        wanted = [c for state, c in (("unattached", loose), ("attached", attached)) if state in states]
        found.append(wanted[0] if len(wanted) == 1 else (loose | attached if wanted else false()))
    if "encryption" in query and "provider_managed" not in values(request, "encryption"):
        found.append(false())
    for attribute in ("family", "architecture"):
        if (name := f"operating_system.{attribute}") in query:
            found.append(_VOLUMES.operating_system.in_(_systems(request, name, attribute)))
    if "storage_generation" in query:
        wanted_generations = values(request, "storage_generation")
        names = [name for name, one in PROFILES.items() if str(one.generation) in wanted_generations]
        found.append(_VOLUMES.profile.in_(names))
    return found


def list_volumes(unit: Unit, request: Request, after: tuple[int, str] | None, limit: int) -> Page[Volume]:
    """A page of volumes, newest first."""
    return page(unit, VOLUME, *_volume_conditions(request), after=after, limit=limit)


def list_snapshots(unit: Unit, request: Request, after: tuple[int, str] | None, limit: int) -> Page[Snapshot]:
    """A page of snapshots, newest first. Filters on the image match what was copied, whosever it is (F)."""
    exact: dict[str, ColumnElement[Any]] = {
        "name": _SNAPSHOTS.name,
        "resource_group.id": _SNAPSHOTS.resource_group_id,
        "source_volume.id": _SNAPSHOTS.source_volume_id,
        "source_image.id": _SNAPSHOTS.source_image_id,
        "source_image.crn": _SNAPSHOTS.source_image_crn,
    }
    return page(unit, SNAPSHOT, *equals(request, exact), after=after, limit=limit)


def attached_to(unit: Unit, instance_ids: Iterable[str]) -> dict[str, list[Volume]]:
    """The volumes of servers that were looked up already, the boot volume first."""
    ids = list(instance_ids)
    found: dict[str, list[Volume]] = {id_: [] for id_ in ids}
    for row in rows_of(unit, VOLUME.table, _VOLUMES.instance_id.in_(ids), order=_VOLUMES.created_at):
        volume = VOLUME.make(*row)
        found[str(volume.instance_id)].append(volume)
    for volumes in found.values():
        volumes.sort(key=lambda volume: volume.attachment_type != "boot")
    return found


def captures_of(unit: Unit, volume_id: str) -> int:
    """How many snapshots of a volume are being taken."""
    mine = (_SNAPSHOTS.source_volume_id == volume_id, _SNAPSHOTS.lifecycle_state == "pending")
    return number_of(unit, SNAPSHOT.table, *mine)


def restores_of(unit: Unit, snapshot_id: str) -> int:
    """How many volumes are being made of a snapshot."""
    return number_of(unit, VOLUME.table, _VOLUMES.source_snapshot_id == snapshot_id, _VOLUMES.status == "pending")
