"""Questions about volumes and snapshots."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, field
from sqlalchemy import ColumnElement, false, or_

from kunsthalle.api.crud import among, in_order
from kunsthalle.api.vpc_parameters import SORT, UsualParameters, ZoneName
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.volume_profiles import PROFILES
from kunsthalle.db.pages import Page, page
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of, rows_of
from kunsthalle.db.visibility import some
from kunsthalle.db.wildcards import wildcards
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS

_VOLUMES, _SNAPSHOTS = VOLUME.table.c, SNAPSHOT.table.c
_NEWEST = "-created_at"
Tag = Annotated[str | None, Meta(description="Only resources with this user tag.")]
Never = Annotated[
    str | None, Meta(description="None is offered here: `null` matches everything, other values nothing.")
]
_PLAIN = re.compile(r"[A-Za-z0-9:/_ .-]{1,512}")
"""Tags, zones and CRNs: none of these is written otherwise in JSON, or means something in a pattern."""


class VolumeParameters(UsualParameters, frozen=True):
    """Of the list of volumes."""

    attachment_state: Annotated[
        tuple[Literal["attached", "unattached", "unusable"], ...],
        Meta(description="Only volumes that are attached to a server, or to none."),
    ] = ()
    encryption: Annotated[
        tuple[Literal["provider_managed", "user_managed"], ...],
        Meta(description="Only volumes encrypted with keys of the provider, or of the user."),
    ] = ()
    tag: Tag = None
    zone_name: ZoneName = field(name="zone.name", default=None)
    operating_system_family: Annotated[
        tuple[str, ...],
        Meta(
            description="Only volumes with a system of this family; `null` for those without one, `not:null` for any."
        ),
    ] = field(name="operating_system.family", default=())
    operating_system_architecture: Annotated[
        tuple[str, ...],
        Meta(description="Only volumes with a system for this architecture; `null` and `not:null` as for the family."),
    ] = field(name="operating_system.architecture", default=())
    storage_generation: Annotated[
        tuple[int, ...], Meta(description="Only volumes whose profile belongs to this generation of storage.")
    ] = ()


class SnapshotParameters(UsualParameters, frozen=True):
    """Of the list of snapshots. Backups, groups and copies in other regions are not offered: no snapshot has one."""

    tag: Tag = None
    sort: Annotated[Literal["created_at", "-created_at", "name", "-name"] | None, SORT] = None
    source_volume_id: Annotated[str | None, Meta(description="Only snapshots of the volume with this ID.")] = field(
        name="source_volume.id", default=None
    )
    source_volume_crn: Annotated[str | None, Meta(description="Only snapshots of the volume with this CRN.")] = field(
        name="source_volume.crn", default=None
    )
    source_image_id: Annotated[
        str | None,
        Meta(description="Only snapshots that go back to the image with this ID; `null` for none, `not:null` for any."),
    ] = field(name="source_image.id", default=None)
    source_image_crn: Annotated[
        str | None,
        Meta(
            description="Only snapshots that go back to the image with this CRN; `null` for none, `not:null` for any."
        ),
    ] = field(name="source_image.crn", default=None)
    clones_zone_name: Annotated[
        str | None, Meta(description="Only snapshots with a fast-restore clone in the zone of this name.")
    ] = field(name="clones[].zone.name", default=None)
    backup_policy_plan_id: Never = field(name="backup_policy_plan.id", default=None)
    copies_id: Never = field(name="copies[].id", default=None)
    copies_name: Never = field(name="copies[].name", default=None)
    copies_crn: Never = field(name="copies[].crn", default=None)
    copies_region: Never = field(name="copies[].remote.region.name", default=None)
    source_snapshot_id: Never = field(name="source_snapshot.id", default=None)
    source_snapshot_region: Never = field(name="source_snapshot.remote.region.name", default=None)
    source_volume_region: Never = field(name="source_volume.remote.region.name", default=None)
    source_image_region: Never = field(name="source_image.remote.region.name", default=None)
    consistency_group_id: Never = field(name="snapshot_consistency_group.id", default=None)
    consistency_group_crn: Never = field(name="snapshot_consistency_group.crn", default=None)


def _or_null(asked: Sequence[str], column: ColumnElement[Any], among: Sequence[str]) -> ColumnElement[bool]:
    """`null` and `not:null` ask whether there is a value at all (D4)."""
    if asked == ("null",):
        return column.is_(None)
    return column.is_not(None) if asked == ("not:null",) else column.in_(among)


def _holds(column: ColumnElement[Any], key: str, value: str) -> ColumnElement[bool]:
    """Whether a stored document has a text at a key, or, without a key, as an item of a list."""
    if not _PLAIN.fullmatch(value):
        return false()  # nothing of the kind is ever stored, and it would not match to the letter
    return wildcards(column, f'*"{key}":"{value}"*' if key else f'*"{value}"*')


def _systems(names: Sequence[str], attribute: str) -> list[str]:
    return [key for key, system in OPERATING_SYSTEMS.items() if getattr(system, attribute) in names]


def _attachment(states: Sequence[str]) -> ColumnElement[bool]:
    loose, attached = _VOLUMES.instance_id.is_(None), _VOLUMES.instance_id.is_not(None)
    value = [condition for state, condition in (("unattached", loose), ("attached", attached)) if state in states]
    return or_(false(), *value)


def _equals(*pairs: tuple[ColumnElement[Any], str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value is not None]


def _volume_conditions(query: VolumeParameters) -> list[ColumnElement[bool]]:
    conditions = _equals(
        (_VOLUMES.name, query.name),
        (_VOLUMES.zone, query.zone_name),
        (_VOLUMES.resource_group_id, query.resource_group_id),
    )
    if query.attachment_state:
        conditions.append(_attachment(query.attachment_state))
    if query.encryption and len(set(query.encryption)) == 1:
        by_provider = "provider_managed" in query.encryption
        conditions.append(_VOLUMES.encryption_key.is_(None) if by_provider else _VOLUMES.encryption_key.is_not(None))
    if query.tag is not None:
        conditions.append(_holds(_VOLUMES.user_tags, "", query.tag))
    for attribute, value in (
        ("family", query.operating_system_family),
        ("architecture", query.operating_system_architecture),
    ):
        if value:
            conditions.append(_or_null(value, _VOLUMES.operating_system, _systems(value, attribute)))
    if query.storage_generation:
        names = [name for name, profile in PROFILES.items() if profile.generation in query.storage_generation]
        conditions.append(_VOLUMES.profile.in_(names))
    return conditions


def list_volumes(session: Session, query: VolumeParameters) -> Page[Volume]:
    """A page of volumes, newest first."""
    return page(session, VOLUME, *_volume_conditions(query), after=query.start, limit=query.limit)


def _nowhere(query: SnapshotParameters) -> bool:
    """Whether it is asked for what no snapshot has here: backups, groups, copies in other regions."""
    asked = (
        query.backup_policy_plan_id,
        query.copies_id,
        query.copies_name,
        query.copies_crn,
        query.copies_region,
        query.source_snapshot_id,
        query.source_snapshot_region,
        query.source_volume_region,
        query.source_image_region,
        query.consistency_group_id,
        query.consistency_group_crn,
    )
    return any(backup_policy_plan_id not in {None, "null"} for backup_policy_plan_id in asked)


def _snapshot_conditions(query: SnapshotParameters) -> list[ColumnElement[bool]]:
    conditions = _equals(
        (_SNAPSHOTS.name, query.name),
        (_SNAPSHOTS.resource_group_id, query.resource_group_id),
        (_SNAPSHOTS.source_volume_id, query.source_volume_id),
    )
    for column, value in (
        (_SNAPSHOTS.source_image_id, query.source_image_id),
        (_SNAPSHOTS.source_image_crn, query.source_image_crn),
    ):
        if value is not None:
            conditions.append(_or_null((value,), column, [value]))
    if query.source_volume_crn is not None:
        conditions.append(_holds(_SNAPSHOTS.source_volume, "crn", query.source_volume_crn))
    if query.tag is not None:
        conditions.append(_holds(_SNAPSHOTS.user_tags, "", query.tag))
    if query.clones_zone_name is not None:
        conditions.append(_holds(_SNAPSHOTS.clones, "zone", query.clones_zone_name))
    if _nowhere(query):
        conditions.append(false())
    return conditions


def list_snapshots(session: Session, query: SnapshotParameters) -> Page[Snapshot]:
    """A page of snapshots, newest first unless sorted.

    Filters on the image match what was copied, whosever it is (F).
    """
    where = _snapshot_conditions(query)
    if query.sort in {None, _NEWEST}:
        return page(session, SNAPSHOT, *where, after=query.start, limit=query.limit)
    return among(query, in_order(some(session, SNAPSHOT, *where), str(query.sort)), lambda snapshot: str(snapshot.id))


def attached_to(session: Session, instance_ids: Iterable[str]) -> dict[str, list[Volume]]:
    """The volumes of servers that were looked up already, the boot volume first, the others as they came."""
    ids = list(instance_ids)
    volumes_of: dict[str, list[Volume]] = {id_: [] for id_ in ids}
    for row in rows_of(session, VOLUME.table, _VOLUMES.instance_id.in_(ids), order=_VOLUMES.attached_at):
        volume = VOLUME.from_row(row)
        volumes_of[str(volume.instance_id)].append(volume)
    for volumes in volumes_of.values():
        volumes.sort(key=lambda volume: volume.attachment_type != "boot")
    return volumes_of


def captures_of(session: Session, volume_id: str) -> int:
    """How many snapshots of a volume are being taken."""
    conditions = (_SNAPSHOTS.source_volume_id == volume_id, _SNAPSHOTS.lifecycle_state == "pending")
    return number_of(session, SNAPSHOT.table, *conditions)


def restores_of(session: Session, *snapshot_ids: str) -> int:
    """How many volumes are being made of snapshots."""
    made_of = _VOLUMES.source_snapshot_id.in_(snapshot_ids)
    return number_of(session, VOLUME.table, made_of, _VOLUMES.status == "pending")
