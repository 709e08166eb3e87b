"""Volumes, attachments and snapshots as the VPC API shows them (reference/vpc-api.md B3, F)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupResponse, NamedResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.block_storage import volume_keys
from kunsthalle.block_storage.models import Bootable, Snapshot, Volume
from kunsthalle.block_storage.states import VOLUME_STATES
from kunsthalle.block_storage.volume_profiles import PROFILES
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.crn import Crn
from kunsthalle.db.session import Session
from kunsthalle.images.models import Reference
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.images.schemas import (
    AllowedUseResponse,
    ImageReferenceResponse,
    OperatingSystemResponse,
    VersionReferenceResponse,
    VolumeReferenceResponse,
    operating_system_response,
    reference_response,
)


class InstanceReferenceResponse(ResponseBody):
    """A server, from the side of its volumes."""

    crn: str
    href: str
    id: str
    name: str


class SnapshotReferenceResponse(ResponseBody):
    """The snapshot a volume was made from."""

    crn: str
    href: str
    id: str
    name: str
    resource_type: str = "snapshot"


class DeviceResponse(ResponseBody):
    """How the server addresses the volume."""

    id: str


class VolumeAttachmentReferenceResponse(ResponseBody):
    """An attachment, from the side of the server."""

    device: DeviceResponse
    href: str
    id: str
    name: str
    volume: VolumeReferenceResponse


class VolumeAttachmentInVolumeResponse(ResponseBody):
    """An attachment, from the side of the volume."""

    delete_volume_on_instance_delete: bool
    device: DeviceResponse
    href: str
    id: str
    instance: InstanceReferenceResponse
    name: str
    type: str


class VolumeAttachmentResponse(ResponseBody):
    """An attachment by itself."""

    bandwidth: int
    created_at: str
    delete_volume_on_instance_delete: bool
    device: DeviceResponse
    href: str
    id: str
    name: str
    status: str
    type: str
    volume: VolumeReferenceResponse


class PlanReferenceResponse(ResponseBody):
    """A billing plan by CRN."""

    crn: str


class CatalogUseResponse(ResponseBody):
    """The catalog version that something was made from, as it was then."""

    version: VersionReferenceResponse
    plan: PlanReferenceResponse | UnsetType = UNSET


class EncryptionKeyResponse(ResponseBody):
    """A root key by CRN."""

    crn: str


class VolumeResponse(ResponseBody):
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
    profile: NamedResponse
    resource_group: GroupResponse
    resource_type: str
    software_attachments: list[dict[str, str]]
    status: str
    status_reasons: list[dict[str, str]]
    storage_generation: int
    user_tags: list[str]
    volume_attachments: list[VolumeAttachmentInVolumeResponse]
    zone: NamedResponse
    allowed_use: AllowedUseResponse | UnsetType = UNSET
    encryption_key: EncryptionKeyResponse | UnsetType = UNSET
    catalog_offering: CatalogUseResponse | UnsetType = UNSET
    operating_system: OperatingSystemResponse | UnsetType = UNSET
    source_image: ImageReferenceResponse | UnsetType = UNSET
    source_snapshot: SnapshotReferenceResponse | UnsetType = UNSET


class CloneResponse(ResponseBody):
    """A snapshot's copy in a zone, from which volumes are restored faster; here it is ready at once."""

    available: bool
    created_at: str
    zone: NamedResponse


class Clones(ResponseBody):
    """All at once: this list has no pages."""

    clones: list[CloneResponse]


class SnapshotResponse(ResponseBody):
    """A snapshot. It has no `catalog_offering` (R8)."""

    bootable: bool
    clones: list[CloneResponse]
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
    resource_group: GroupResponse
    resource_type: str
    service_tags: list[str]
    size: int
    software_attachments: list[dict[str, str]]
    source_volume: VolumeReferenceResponse
    storage_generation: int
    user_tags: list[str]
    allowed_use: AllowedUseResponse | UnsetType = UNSET
    encryption_key: EncryptionKeyResponse | UnsetType = UNSET
    captured_at: str | UnsetType = UNSET
    operating_system: OperatingSystemResponse | UnsetType = UNSET
    source_image: ImageReferenceResponse | UnsetType = UNSET


def zone_response(ctx: Context, zone: str) -> NamedResponse:
    return NamedResponse(href=href(ctx, f"/regions/{ctx.region.name}/zones/{zone}"), name=zone)


def image_response(image: dict[str, str] | None, ctx: Context) -> ImageReferenceResponse | UnsetType:
    """The kept reference; nothing is asked of the image itself (R6)."""
    return UNSET if image is None else reference_response(Reference(**image), ctx)


def system_response(name: str | None, ctx: Context) -> OperatingSystemResponse | UnsetType:
    return UNSET if name is None else operating_system_response(OPERATING_SYSTEMS[name], ctx)


def uses_response(bootable: Bootable) -> AllowedUseResponse | UnsetType:
    return AllowedUseResponse(**bootable.uses) if bootable.bootable else UNSET


def key_response(bootable: Bootable) -> EncryptionKeyResponse | UnsetType:
    """The reference to the root key of a volume or snapshot. The caller need not be able to see the key."""
    return UNSET if bootable.encryption_key is None else EncryptionKeyResponse(crn=bootable.encryption_key)


def catalog_response(offering: dict[str, str] | None) -> CatalogUseResponse | UnsetType:
    """`offering` is {"version": crn} and, if one was named, {"plan": crn}."""
    if offering is None:
        return UNSET
    plan = PlanReferenceResponse(crn=offering["plan"]) if "plan" in offering else UNSET
    return CatalogUseResponse(version=VersionReferenceResponse(crn=offering["version"]), plan=plan)


def volume_reference_response(reference: dict[str, str], ctx: Context) -> VolumeReferenceResponse:
    id_ = reference["id"]
    return VolumeReferenceResponse(
        crn=reference["crn"], href=href(ctx, f"/volumes/{id_}"), id=id_, name=reference["name"]
    )


def _attachment_href(volume: Volume, ctx: Context) -> str:
    return href(ctx, f"/instances/{volume.instance_id}/volume_attachments/{volume.attachment_id}")


def attachment_reference_response(volume: Volume, ctx: Context) -> VolumeAttachmentReferenceResponse:
    """An attached volume, as its server shows it."""
    return VolumeAttachmentReferenceResponse(
        device=DeviceResponse(id=str(volume.attachment_id)),
        href=_attachment_href(volume, ctx),
        id=str(volume.attachment_id),
        name=str(volume.attachment_name),
        volume=volume_reference_response(volume.reference, ctx),
    )


_HEALTH = ClosedTable(
    "state of a volume",
    VOLUME_STATES.states,
    {
        "pending": "inapplicable",
        "available": "ok",
        "updating": "ok",
        "failed": "inapplicable",
        "pending_deletion": "inapplicable",
    },
)


def _attachment_status(volume: Volume) -> str:
    if volume.status == "pending_deletion":
        return "deleting"
    making = volume.status == "pending" and volume.attachment_status == "attached"
    return "attaching" if making else volume.attachment_status or "attached"


def attachment_response(volume: Volume, ctx: Context) -> VolumeAttachmentResponse:
    """The attachment of an attached volume."""
    return VolumeAttachmentResponse(
        bandwidth=volume.bandwidth,
        created_at=rfc3339(volume.attached_at or volume.created_at),
        delete_volume_on_instance_delete=volume.attachment_auto_delete,
        device=DeviceResponse(id=str(volume.attachment_id)),
        href=_attachment_href(volume, ctx),
        id=str(volume.attachment_id),
        name=str(volume.attachment_name),
        status=_attachment_status(volume),
        type=str(volume.attachment_type),
        volume=volume_reference_response(volume.reference, ctx),
    )


def _attachments(volume: Volume, ctx: Context) -> list[VolumeAttachmentInVolumeResponse]:
    id_ = volume.instance_id
    if id_ is None:
        return []
    crn = str(Crn("is", volume.zone, volume.account_id, "", "instance", id_))
    name = str(volume.instance_name)
    return [
        VolumeAttachmentInVolumeResponse(
            delete_volume_on_instance_delete=volume.attachment_auto_delete,
            device=DeviceResponse(id=str(volume.attachment_id)),
            href=_attachment_href(volume, ctx),
            id=str(volume.attachment_id),
            instance=InstanceReferenceResponse(crn=crn, href=href(ctx, f"/instances/{id_}"), id=id_, name=name),
            name=str(volume.attachment_name),
            type=str(volume.attachment_type),
        )
    ]


def _source_snapshot(volume: Volume, ctx: Context) -> SnapshotReferenceResponse | UnsetType:
    source_snapshot = volume.source_snapshot
    if source_snapshot is None:
        return UNSET
    return SnapshotReferenceResponse(
        crn=source_snapshot["crn"],
        href=href(ctx, f"/snapshots/{source_snapshot['id']}"),
        id=source_snapshot["id"],
        name=source_snapshot["name"],
    )


def volume_response(volume: Volume, session: Session) -> VolumeResponse:
    ctx, profile = session.ctx, PROFILES[volume.profile]
    return VolumeResponse(
        active=volume.active,
        adjustable_capacity_states=profile.adjustable,
        adjustable_iops_states=profile.adjustable,
        attachment_state="unattached" if volume.instance_id is None else "attached",
        bandwidth=volume.bandwidth,
        busy=volume.status == "updating",
        capacity=volume.capacity,
        created_at=rfc3339(volume.created_at),
        crn=volume.crn,
        encryption=volume.encryption,
        health_reasons=[],
        health_state=_HEALTH[volume.status],
        href=href(ctx, f"/volumes/{volume.id}"),
        id=volume.id,
        iops=volume.iops,
        name=volume.name,
        profile=NamedResponse(href=href(ctx, f"/volume/profiles/{volume.profile}"), name=volume.profile),
        resource_group=group_response(session, volume.resource_group_id),
        resource_type="volume",
        software_attachments=[],
        status=volume.status,
        status_reasons=[*volume.status_reasons, *volume_keys.reasons(session, volume)],
        storage_generation=profile.generation,
        user_tags=volume.user_tags,
        volume_attachments=_attachments(volume, ctx),
        zone=zone_response(ctx, volume.zone),
        allowed_use=uses_response(volume),
        encryption_key=key_response(volume),
        catalog_offering=catalog_response(volume.catalog_offering),
        operating_system=system_response(volume.operating_system, ctx),
        source_image=image_response(volume.source_image, ctx),
        source_snapshot=_source_snapshot(volume, ctx),
    )


def clone_response(clone: dict[str, Any], ctx: Context) -> CloneResponse:
    return CloneResponse(
        available=True, created_at=rfc3339(clone["created_at"]), zone=zone_response(ctx, clone["zone"])
    )


def snapshot_response(snapshot: Snapshot, session: Session) -> SnapshotResponse:
    ctx = session.ctx
    captured = snapshot.captured_at
    return SnapshotResponse(
        bootable=snapshot.bootable,
        clones=[clone_response(clone, ctx) for clone in snapshot.clones],
        copies=[],
        created_at=rfc3339(snapshot.created_at),
        crn=snapshot.crn,
        deletable=True,
        encryption=snapshot.encryption,
        href=href(ctx, f"/snapshots/{snapshot.id}"),
        id=snapshot.id,
        lifecycle_state=snapshot.lifecycle_state,
        minimum_capacity=snapshot.minimum_capacity,
        name=snapshot.name,
        progress=0 if captured is None else 100,
        resource_group=group_response(session, snapshot.resource_group_id),
        resource_type="snapshot",
        service_tags=[],
        size=snapshot.size,
        software_attachments=[],
        source_volume=volume_reference_response(snapshot.source_volume, ctx),
        storage_generation=1,
        user_tags=snapshot.user_tags,
        allowed_use=uses_response(snapshot),
        encryption_key=key_response(snapshot),
        captured_at=UNSET if captured is None else rfc3339(captured),
        operating_system=system_response(snapshot.operating_system, ctx),
        source_image=image_response(snapshot.source_image, ctx),
    )
