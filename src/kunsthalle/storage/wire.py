"""Volumes, attachments and snapshots as the VPC API shows them (reference/vpc-api.md B3, F)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import GroupWire, NamedWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.core.crn import Crn
from kunsthalle.images.model import Reference
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.images.wire import (
    AllowedUseWire,
    ImageReferenceWire,
    OperatingSystemWire,
    VersionReferenceWire,
    VolumeReferenceWire,
    operating_system_wire,
    reference_wire,
)
from kunsthalle.storage.model import Bootable, Snapshot, Volume
from kunsthalle.storage.profiles import PROFILES
from kunsthalle.store.unit import Unit


class InstanceReferenceWire(Wire):
    """A server, from the side of its volumes."""

    crn: str
    href: str
    id: str
    name: str


class SnapshotReferenceWire(Wire):
    """The snapshot a volume was made from."""

    crn: str
    href: str
    id: str
    name: str
    resource_type: str = "snapshot"


class DeviceWire(Wire):
    """How the server addresses the volume."""

    id: str


class VolumeAttachmentReferenceWire(Wire):
    """An attachment, from the side of the server."""

    device: DeviceWire
    href: str
    id: str
    name: str
    volume: VolumeReferenceWire


class VolumeAttachmentInVolumeWire(Wire):
    """An attachment, from the side of the volume."""

    delete_volume_on_instance_delete: bool
    device: DeviceWire
    href: str
    id: str
    instance: InstanceReferenceWire
    name: str
    type: str


class VolumeAttachmentWire(Wire):
    """An attachment by itself."""

    bandwidth: int
    created_at: str
    delete_volume_on_instance_delete: bool
    device: DeviceWire
    href: str
    id: str
    name: str
    status: str
    type: str
    volume: VolumeReferenceWire


class VolumeAttachments(Wire):
    """All at once: this list has no pages."""

    volume_attachments: list[VolumeAttachmentWire]


class PlanReferenceWire(Wire):
    """A billing plan by CRN."""

    crn: str


class CatalogUseWire(Wire):
    """The catalog version that something was made from, as it was then."""

    version: VersionReferenceWire
    plan: PlanReferenceWire | UnsetType = UNSET


class VolumeWire(Wire):
    """A volume."""

    active: bool
    adjustable_capacity_states: list[str]
    adjustable_iops_states: list[str]
    attachment_state: str
    bandwidth: int
    busy: bool
    capacity: int
    created_at: str
    crn: str
    encryption: str
    health_reasons: list[dict[str, str]]
    health_state: str
    href: str
    id: str
    iops: int
    name: str
    profile: NamedWire
    resource_group: GroupWire
    resource_type: str
    software_attachments: list[dict[str, str]]
    status: str
    status_reasons: list[dict[str, str]]
    storage_generation: int
    user_tags: list[str]
    volume_attachments: list[VolumeAttachmentInVolumeWire]
    zone: NamedWire
    allowed_use: AllowedUseWire | UnsetType = UNSET
    catalog_offering: CatalogUseWire | UnsetType = UNSET
    operating_system: OperatingSystemWire | UnsetType = UNSET
    source_image: ImageReferenceWire | UnsetType = UNSET
    source_snapshot: SnapshotReferenceWire | UnsetType = UNSET


class CloneWire(Wire):
    """A snapshot's copy in a zone, from which volumes are restored faster; here it is ready at once."""

    available: bool
    created_at: str
    zone: NamedWire


class Clones(Wire):
    """All at once: this list has no pages."""

    clones: list[CloneWire]


class SnapshotWire(Wire):
    """A snapshot. It has no `catalog_offering` (R8)."""

    bootable: bool
    clones: list[CloneWire]
    copies: list[dict[str, str]]
    created_at: str
    crn: str
    deletable: bool
    encryption: str
    href: str
    id: str
    lifecycle_state: str
    minimum_capacity: int
    name: str
    progress: int
    resource_group: GroupWire
    resource_type: str
    service_tags: list[str]
    size: int
    software_attachments: list[dict[str, str]]
    source_volume: VolumeReferenceWire
    storage_generation: int
    user_tags: list[str]
    allowed_use: AllowedUseWire | UnsetType = UNSET
    captured_at: str | UnsetType = UNSET
    operating_system: OperatingSystemWire | UnsetType = UNSET
    source_image: ImageReferenceWire | UnsetType = UNSET


def zone_wire(ctx: Context, zone: str) -> NamedWire:
    return NamedWire(href=href(ctx, f"/regions/{ctx.region.name}/zones/{zone}"), name=zone)


def image_wire(image: dict[str, str] | None, ctx: Context) -> ImageReferenceWire | UnsetType:
    """The kept reference; nothing is asked of the image itself (R6)."""
    return UNSET if image is None else reference_wire(Reference(**image), ctx)


def system_wire(name: str | None, ctx: Context) -> OperatingSystemWire | UnsetType:
    return UNSET if name is None else operating_system_wire(OPERATING_SYSTEMS[name], ctx)


def uses_wire(it: Bootable) -> AllowedUseWire | UnsetType:
    return AllowedUseWire(**it.uses) if it.bootable else UNSET


def catalog_wire(offering: dict[str, str] | None) -> CatalogUseWire | UnsetType:
    """`offering` is {"version": crn} and, if one was named, {"plan": crn}."""
    if offering is None:
        return UNSET
    plan = PlanReferenceWire(crn=offering["plan"]) if "plan" in offering else UNSET
    return CatalogUseWire(version=VersionReferenceWire(crn=offering["version"]), plan=plan)


def volume_reference_wire(reference: dict[str, str], ctx: Context) -> VolumeReferenceWire:
    id_ = reference["id"]
    return VolumeReferenceWire(crn=reference["crn"], href=href(ctx, f"/volumes/{id_}"), id=id_, name=reference["name"])


def _attachment_href(volume: Volume, ctx: Context) -> str:
    return href(ctx, f"/instances/{volume.instance_id}/volume_attachments/{volume.attachment_id}")


def attachment_reference_wire(volume: Volume, ctx: Context) -> VolumeAttachmentReferenceWire:
    """An attached volume, as its server shows it."""
    return VolumeAttachmentReferenceWire(
        device=DeviceWire(id=str(volume.attachment_id)),
        href=_attachment_href(volume, ctx),
        id=str(volume.attachment_id),
        name=str(volume.attachment_name),
        volume=volume_reference_wire(volume.reference, ctx),
    )


def _attachment_status(volume: Volume) -> str:
    if volume.status == "pending_deletion":
        return "deleting"
    making = volume.status == "pending" and volume.attachment_status == "attached"
    return "attaching" if making else volume.attachment_status or "attached"


def attachment_wire(volume: Volume, ctx: Context) -> VolumeAttachmentWire:
    """The attachment of an attached volume."""
    return VolumeAttachmentWire(
        bandwidth=volume.bandwidth,
        created_at=rfc3339(volume.attached_at or volume.created_at),
        delete_volume_on_instance_delete=volume.attachment_auto_delete,
        device=DeviceWire(id=str(volume.attachment_id)),
        href=_attachment_href(volume, ctx),
        id=str(volume.attachment_id),
        name=str(volume.attachment_name),
        status=_attachment_status(volume),
        type=str(volume.attachment_type),
        volume=volume_reference_wire(volume.reference, ctx),
    )


def _attachments(volume: Volume, ctx: Context) -> list[VolumeAttachmentInVolumeWire]:
    id_ = volume.instance_id
    if id_ is None:
        return []
    crn = str(Crn("is", volume.zone, volume.account_id, "", "instance", id_))
    name = str(volume.instance_name)
    return [
        VolumeAttachmentInVolumeWire(
            delete_volume_on_instance_delete=volume.attachment_auto_delete,
            device=DeviceWire(id=str(volume.attachment_id)),
            href=_attachment_href(volume, ctx),
            id=str(volume.attachment_id),
            instance=InstanceReferenceWire(crn=crn, href=href(ctx, f"/instances/{id_}"), id=id_, name=name),
            name=str(volume.attachment_name),
            type=str(volume.attachment_type),
        )
    ]


def _source_snapshot(volume: Volume, ctx: Context) -> SnapshotReferenceWire | UnsetType:
    kept = volume.source_snapshot
    if kept is None:
        return UNSET
    return SnapshotReferenceWire(
        crn=kept["crn"], href=href(ctx, f"/snapshots/{kept['id']}"), id=kept["id"], name=kept["name"]
    )


def volume_wire(volume: Volume, unit: Unit) -> VolumeWire:
    ctx, profile = unit.ctx, PROFILES[volume.profile]
    return VolumeWire(
        active=volume.active,
        adjustable_capacity_states=profile.adjustable,
        adjustable_iops_states=profile.adjustable,
        attachment_state="unattached" if volume.instance_id is None else "attached",
        bandwidth=volume.bandwidth,
        busy=volume.status == "updating",
        capacity=volume.capacity,
        created_at=rfc3339(volume.created_at),
        crn=volume.crn,
        encryption="provider_managed",
        health_reasons=[],
        health_state="ok" if volume.status in {"available", "updating"} else "inapplicable",
        href=href(ctx, f"/volumes/{volume.id}"),
        id=volume.id,
        iops=volume.iops,
        name=volume.name,
        profile=NamedWire(href=href(ctx, f"/volume/profiles/{volume.profile}"), name=volume.profile),
        resource_group=group_wire(unit, volume.resource_group_id),
        resource_type="volume",
        software_attachments=[],
        status=volume.status,
        status_reasons=volume.status_reasons,
        storage_generation=profile.generation,
        user_tags=volume.user_tags,
        volume_attachments=_attachments(volume, ctx),
        zone=zone_wire(ctx, volume.zone),
        allowed_use=uses_wire(volume),
        catalog_offering=catalog_wire(volume.catalog_offering),
        operating_system=system_wire(volume.operating_system, ctx),
        source_image=image_wire(volume.source_image, ctx),
        source_snapshot=_source_snapshot(volume, ctx),
    )


def clone_wire(clone: dict[str, Any], ctx: Context) -> CloneWire:
    return CloneWire(available=True, created_at=rfc3339(clone["created_at"]), zone=zone_wire(ctx, clone["zone"]))


def snapshot_wire(snapshot: Snapshot, unit: Unit) -> SnapshotWire:
    ctx = unit.ctx
    captured = snapshot.captured_at
    return SnapshotWire(
        bootable=snapshot.bootable,
        clones=[clone_wire(one, ctx) for one in snapshot.clones],
        copies=[],
        created_at=rfc3339(snapshot.created_at),
        crn=snapshot.crn,
        deletable=True,
        encryption="provider_managed",
        href=href(ctx, f"/snapshots/{snapshot.id}"),
        id=snapshot.id,
        lifecycle_state=snapshot.lifecycle_state,
        minimum_capacity=snapshot.minimum_capacity,
        name=snapshot.name,
        progress=0 if captured is None else 100,
        resource_group=group_wire(unit, snapshot.resource_group_id),
        resource_type="snapshot",
        service_tags=[],
        size=snapshot.size,
        software_attachments=[],
        source_volume=volume_reference_wire(snapshot.source_volume, ctx),
        storage_generation=1,
        user_tags=snapshot.user_tags,
        allowed_use=uses_wire(snapshot),
        captured_at=UNSET if captured is None else rfc3339(captured),
        operating_system=system_wire(snapshot.operating_system, ctx),
        source_image=image_wire(snapshot.source_image, ctx),
    )
