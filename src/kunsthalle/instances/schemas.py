"""Servers and their interfaces as the VPC API shows them (reference/vpc-api.md B2, B3, F)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupResponse, NamedResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.block_storage.schemas import (
    CatalogUseResponse,
    VolumeAttachmentReferenceResponse,
    attachment_reference_response,
    catalog_response,
    image_response,
)
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.db.session import Session
from kunsthalle.images.schemas import ImageReferenceResponse
from kunsthalle.instances import network_attachments, network_interfaces
from kunsthalle.instances.groups.schemas import MembershipReferenceResponse, membership_reference
from kunsthalle.instances.instance_options import shown as options_shown
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES, InstanceProfile
from kunsthalle.instances.local_disks import DiskResponse, disk_response, disks_of
from kunsthalle.instances.models import Instance
from kunsthalle.instances.network_attachments import AttachmentReferenceResponse
from kunsthalle.instances.network_interfaces import InterfaceReferenceResponse
from kunsthalle.instances.placement_groups.schemas import PlacementTargetResponse, placement_target_response
from kunsthalle.instances.queries import Parts, parts_of
from kunsthalle.instances.service import Action
from kunsthalle.instances.states import INSTANCE_STATES
from kunsthalle.networks.network_references import TypedReferenceResponse, zone_ref


class TypedNameResponse(ResponseBody):
    """A resource known by its name, with its type."""

    href: str
    name: str
    resource_type: str


class VcpuResponse(ResponseBody):
    """Processors; `percentage` of each is the server's."""

    architecture: str
    count: int
    manufacturer: str
    percentage: int


class GpuResponse(ResponseBody):
    """Graphics processors; `memory` in GiB."""

    count: int
    manufacturer: str
    memory: int
    model: str


class InstanceResponse(ResponseBody):
    """A server; `memory` in GiB, bandwidths in Mb/s."""

    availability: dict[str, Any]
    availability_policy: dict[str, Any]
    bandwidth: int
    boot_volume_attachment: VolumeAttachmentReferenceResponse
    cluster_network_attachments: list[dict[str, str]]
    confidential_compute_mode: str
    created_at: str
    crn: str
    disks: list[DiskResponse]
    enable_secure_boot: bool
    health_reasons: list[dict[str, str]]
    health_state: str
    href: str
    id: str
    lifecycle_reasons: list[dict[str, str]]
    lifecycle_state: str
    memory: int
    metadata_service: dict[str, Any]
    name: str
    network_attachments: list[AttachmentReferenceResponse]
    network_interfaces: list[InterfaceReferenceResponse]
    primary_network_interface: InterfaceReferenceResponse
    profile: TypedNameResponse
    reservation_affinity: dict[str, Any]
    resource_group: GroupResponse
    resource_type: str
    software_attachments: list[dict[str, str]]
    startable: bool
    status: str
    status_reasons: list[dict[str, str]]
    threads_per_core: int
    total_network_bandwidth: int
    total_volume_bandwidth: int
    vcpu: VcpuResponse
    volume_attachments: list[VolumeAttachmentReferenceResponse]
    volume_bandwidth_qos_mode: str
    vpc: TypedReferenceResponse
    zone: NamedResponse
    catalog_offering: CatalogUseResponse | UnsetType = UNSET
    gpu: GpuResponse | UnsetType = UNSET
    image: ImageReferenceResponse | UnsetType = UNSET
    instance_group_membership: MembershipReferenceResponse | UnsetType = UNSET
    placement_target: PlacementTargetResponse | UnsetType = UNSET
    primary_network_attachment: AttachmentReferenceResponse | UnsetType = UNSET


class ActionResponse(ResponseBody):
    """An action on a server."""

    created_at: str
    force: bool
    href: str
    id: str
    status: str
    type: str
    started_at: str | UnsetType = UNSET
    completed_at: str | UnsetType = UNSET


_LIFECYCLES = ClosedTable(
    "state of an instance",
    INSTANCE_STATES.states,
    {
        "pending": "pending",
        "starting": "stable",
        "running": "stable",
        "restarting": "stable",
        "stopping": "stable",
        "stopped": "stable",
        "failed": "stable",
        "deleting": "deleting",
    },
)
_HEALTH = ClosedTable(
    "state of an instance",
    INSTANCE_STATES.states,
    {
        "pending": "inapplicable",
        "starting": "ok",
        "running": "ok",
        "restarting": "ok",
        "stopping": "ok",
        "stopped": "ok",
        "failed": "inapplicable",
        "deleting": "inapplicable",
    },
)


def _vcpu(profile: InstanceProfile, options: dict[str, Any]) -> VcpuResponse:
    return VcpuResponse(
        architecture=profile.architecture,
        count=profile.vcpus,
        manufacturer=profile.manufacturer,
        percentage=options.get("vcpu", {}).get("percentage", 100),
    )


def _gpu(profile: InstanceProfile) -> GpuResponse | UnsetType:
    gpu = profile.gpu
    if gpu is None:
        return UNSET
    return GpuResponse(count=gpu.count, manufacturer=gpu.manufacturer, memory=gpu.memory, model=gpu.model)


def _attachments(parts: Parts, ctx: Context) -> list[AttachmentReferenceResponse]:
    virtual = parts.virtual
    attached = [interface for interface in parts.interfaces if interface.virtual_network_interface_id is not None]
    return [network_attachments.reference_response(interface, virtual[interface.bound], ctx) for interface in attached]


def to_response(instance: Instance, parts: Parts, session: Session) -> InstanceResponse:
    """The server with what hangs on it."""
    ctx, profile = session.ctx, INSTANCE_PROFILES[instance.profile]
    attached = [attachment_reference_response(volume, ctx) for volume in parts.volumes]
    shown = [network_interfaces.reference_response(interface, ctx) for interface in parts.interfaces]
    attachments = _attachments(parts, ctx)
    options = options_shown(instance.options, instance.profile, ctx)
    return InstanceResponse(
        **options,
        bandwidth=profile.bandwidth,
        boot_volume_attachment=attached[0],
        cluster_network_attachments=[],
        created_at=rfc3339(instance.created_at),
        crn=instance.crn,
        disks=[disk_response(disk, session) for disk in disks_of(instance)],
        health_reasons=[],
        health_state=_HEALTH[instance.status],
        href=href(ctx, f"/instances/{instance.id}"),
        id=instance.id,
        lifecycle_reasons=[],
        lifecycle_state=_LIFECYCLES[instance.status],
        memory=profile.memory,
        name=instance.name,
        network_attachments=attachments,
        network_interfaces=shown,
        primary_network_interface=shown[0],
        profile=TypedNameResponse(
            href=href(ctx, f"/instance/profiles/{profile.name}"), name=profile.name, resource_type="instance_profile"
        ),
        resource_group=group_response(session, instance.resource_group_id),
        resource_type="instance",
        software_attachments=[],
        startable=instance.status == "stopped",
        status=instance.status,
        status_reasons=instance.status_reasons,
        total_network_bandwidth=max(0, profile.bandwidth - options["total_volume_bandwidth"]),
        vcpu=_vcpu(profile, instance.options),
        volume_attachments=attached,
        vpc=TypedReferenceResponse(
            crn=instance.vpc_crn,
            href=href(ctx, f"/vpcs/{instance.vpc_id}"),
            id=instance.vpc_id,
            name=instance.vpc_name,
            resource_type="vpc",
        ),
        zone=zone_ref(ctx, instance.zone),
        catalog_offering=catalog_response(instance.catalog_offering),
        gpu=_gpu(profile),
        image=image_response(instance.image, ctx),
        instance_group_membership=membership_reference(parts.belonging, ctx),
        placement_target=placement_target_response(parts.placement_group, ctx),
        primary_network_attachment=attachments[0] if attachments else UNSET,
    )


def one_response(instance: Instance, session: Session) -> InstanceResponse:
    """One server with everything that hangs on it."""
    return to_response(instance, parts_of(session, [instance])[instance.id], session)


def action_response(action: Action, ctx: Context) -> ActionResponse:
    at = rfc3339(action.created_at)
    return ActionResponse(
        created_at=at,
        force=action.force,
        href=href(ctx, f"/instances/{action.instance_id}/actions/{action.id}"),
        id=action.id,
        status="completed" if action.completed else "pending",
        type=action.type,
        started_at=at if action.completed else UNSET,
        completed_at=at if action.completed else UNSET,
    )
