"""Questions about volumes and snapshots."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, false, or_

from kunsthalle.api.crud import among
from kunsthalle.api.request import Request
from kunsthalle.api.surfaces.vpc import paging
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.volume_profiles import PROFILES
from kunsthalle.core.errors import invalid
from kunsthalle.db.pages import Page, page
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of, rows_of
from kunsthalle.db.visibility import some
from kunsthalle.db.wildcards import wildcards
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS

_VOLUMES, _SNAPSHOTS = VOLUME.table.c, SNAPSHOT.table.c
_NEWEST, _SORTED = "-created_at", ("created_at", "name")
_PLAIN = re.compile(r"[A-Za-z0-9:/_ .-]{1,512}")
"""Tags, zones and CRNs: none of these is written otherwise in JSON, or means something in a pattern."""


def values(request: Request, name: str) -> list[str]:
    """A filter that may be repeated or hold several values between commas."""
    return [part for text in request.query.getlist(name) for part in text.split(",")]


def equals(request: Request, columns: dict[str, ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    """The conditions of filters that match a column exactly."""
    return [column == request.query[name] for name, column in columns.items() if name in request.query]


def _or_null(request: Request, name: str, column: ColumnElement[Any], among: list[str]) -> ColumnElement[bool]:
    """`null` and `not:null` ask whether there is a value at all (D4)."""
    asked = request.query[name]
    if asked == "null":
        return column.is_(None)
    return column.is_not(None) if asked == "not:null" else column.in_(among)


def _holds(column: ColumnElement[Any], key: str, value: str) -> ColumnElement[bool]:
    """Whether a stored document has a text at a key, or, without a key, as an item of a list."""
    if not _PLAIN.fullmatch(value):
        return false()  # nothing of the kind is ever stored, and it would not match to the letter
    return wildcards(column, f'*"{key}":"{value}"*' if key else f'*"{value}"*')


def _systems(request: Request, name: str, attribute: str) -> list[str]:
    wanted = values(request, name)
    return [key for key, system in OPERATING_SYSTEMS.items() if getattr(system, attribute) in wanted]


def _attachment(request: Request) -> ColumnElement[bool]:
    states = values(request, "attachment_state")
    loose, attached = _VOLUMES.instance_id.is_(None), _VOLUMES.instance_id.is_not(None)
    wanted = [condition for state, condition in (("unattached", loose), ("attached", attached)) if state in states]
    return or_(false(), *wanted)


def _volume_conditions(request: Request) -> list[ColumnElement[bool]]:
    query = request.query
    exact: dict[str, ColumnElement[Any]] = {
        "name": _VOLUMES.name,
        "zone.name": _VOLUMES.zone,
        "resource_group.id": _VOLUMES.resource_group_id,
    }
    found = equals(request, exact)
    if "attachment_state" in query:
        found.append(_attachment(request))
    if "encryption" in query and "provider_managed" not in values(request, "encryption"):
        found.append(false())
    if "tag" in query:
        found.append(_holds(_VOLUMES.user_tags, "", query["tag"]))
    for attribute in ("family", "architecture"):
        if (name := f"operating_system.{attribute}") in query:
            found.append(_or_null(request, name, _VOLUMES.operating_system, _systems(request, name, attribute)))
    if "storage_generation" in query:
        wanted_generations = values(request, "storage_generation")
        names = [name for name, one in PROFILES.items() if str(one.generation) in wanted_generations]
        found.append(_VOLUMES.profile.in_(names))
    return found


def list_volumes(session: Session, request: Request, after: tuple[int, str] | None, limit: int) -> Page[Volume]:
    """A page of volumes, newest first."""
    return page(session, VOLUME, *_volume_conditions(request), after=after, limit=limit)


_NEVER = (
    "backup_policy_plan.id",
    "copies[].id",
    "copies[].name",
    "copies[].crn",
    "copies[].remote.region.name",
    "source_snapshot.id",
    "source_snapshot.remote.region.name",
    "source_volume.remote.region.name",
    "source_image.remote.region.name",
    "snapshot_consistency_group.id",
    "snapshot_consistency_group.crn",
)
"""What no snapshot has here: backups, groups, copies in other regions."""


def _snapshot_conditions(request: Request) -> list[ColumnElement[bool]]:
    query = request.query
    exact: dict[str, ColumnElement[Any]] = {
        "name": _SNAPSHOTS.name,
        "resource_group.id": _SNAPSHOTS.resource_group_id,
        "source_volume.id": _SNAPSHOTS.source_volume_id,
    }
    found = equals(request, exact)
    for name, column in (
        ("source_image.id", _SNAPSHOTS.source_image_id),
        ("source_image.crn", _SNAPSHOTS.source_image_crn),
    ):
        if name in query:
            found.append(_or_null(request, name, column, [query[name]]))
    if "source_volume.crn" in query:
        found.append(_holds(_SNAPSHOTS.source_volume, "crn", query["source_volume.crn"]))
    if "tag" in query:
        found.append(_holds(_SNAPSHOTS.user_tags, "", query["tag"]))
    if "clones[].zone.name" in query:
        found.append(_holds(_SNAPSHOTS.clones, "zone", query["clones[].zone.name"]))
    if any(query.get(name, "null") != "null" for name in _NEVER):
        found.append(false())
    return found


def list_snapshots(session: Session, request: Request) -> tuple[Page[Snapshot], int]:
    """A page of snapshots, newest first unless sorted, and its limit.

    Filters on the image match what was copied, whosever it is (F).
    """
    where = _snapshot_conditions(request)
    asked = request.query.get("sort", _NEWEST)
    if asked == _NEWEST:
        after, limit = paging(request)
        return page(session, SNAPSHOT, *where, after=after, limit=limit), limit
    name = asked.removeprefix("-")
    if name not in _SORTED:
        raise invalid("validation_enum", f"The list can be sorted by {', '.join(_SORTED)}.", "sort", type_="parameter")
    every = some(session, SNAPSHOT, *where)
    every.sort(key=lambda one: (getattr(one, name), one.id), reverse=asked.startswith("-"))
    return among(request, every, lambda one: one.id)


def attached_to(session: Session, instance_ids: Iterable[str]) -> dict[str, list[Volume]]:
    """The volumes of servers that were looked up already, the boot volume first, the others as they came."""
    ids = list(instance_ids)
    found: dict[str, list[Volume]] = {id_: [] for id_ in ids}
    for row in rows_of(session, VOLUME.table, _VOLUMES.instance_id.in_(ids), order=_VOLUMES.attached_at):
        volume = VOLUME.from_row(row)
        found[str(volume.instance_id)].append(volume)
    for volumes in found.values():
        volumes.sort(key=lambda volume: volume.attachment_type != "boot")
    return found


def captures_of(session: Session, volume_id: str) -> int:
    """How many snapshots of a volume are being taken."""
    mine = (_SNAPSHOTS.source_volume_id == volume_id, _SNAPSHOTS.lifecycle_state == "pending")
    return number_of(session, SNAPSHOT.table, *mine)


def restores_of(session: Session, snapshot_id: str) -> int:
    """How many volumes are being made of a snapshot."""
    return number_of(session, VOLUME.table, _VOLUMES.source_snapshot_id == snapshot_id, _VOLUMES.status == "pending")
