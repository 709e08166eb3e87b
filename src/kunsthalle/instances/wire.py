"""Servers and their interfaces as the VPC API shows them (reference/vpc-api.md B2, B3, F)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import GroupWire, NamedWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.images.wire import ImageReferenceWire
from kunsthalle.instances import interfaces, network_attachments
from kunsthalle.instances.disks import DiskWire, disk_wire, disks_of
from kunsthalle.instances.groups.wire import MembershipReferenceWire, membership_reference
from kunsthalle.instances.interfaces import InterfaceReferenceWire
from kunsthalle.instances.model import Instance
from kunsthalle.instances.network_attachments import AttachmentReferenceWire
from kunsthalle.instances.options import shown as options_shown
from kunsthalle.instances.profiles import INSTANCE_PROFILES, InstanceProfile
from kunsthalle.instances.queries import Parts, parts_of
from kunsthalle.instances.service import Action
from kunsthalle.networks.references import TypedReferenceWire, zone_ref
from kunsthalle.storage.wire import (
    CatalogUseWire,
    VolumeAttachmentReferenceWire,
    attachment_reference_wire,
    catalog_wire,
    image_wire,
)
from kunsthalle.store.unit import Unit


class TypedNameWire(Wire):
    """A thing known by its name, with its type."""

    href: str
    name: str
    resource_type: str


class VcpuWire(Wire):
    """Processors; `percentage` of each is the server's."""

    architecture: str
    count: int
    manufacturer: str
    percentage: int


class GpuWire(Wire):
    """Graphics processors; `memory` in GiB."""

    count: int
    manufacturer: str
    memory: int
    model: str


class InstanceWire(Wire):
    """A server; `memory` in GiB, bandwidths in Mb/s."""

    availability: dict[str, Any]
    availability_policy: dict[str, Any]
    bandwidth: int
    boot_volume_attachment: VolumeAttachmentReferenceWire
    cluster_network_attachments: list[dict[str, str]]
    confidential_compute_mode: str
    created_at: str
    crn: str
    disks: list[DiskWire]
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
    network_attachments: list[AttachmentReferenceWire]
    network_interfaces: list[InterfaceReferenceWire]
    primary_network_interface: InterfaceReferenceWire
    profile: TypedNameWire
    reservation_affinity: dict[str, Any]
    resource_group: GroupWire
    resource_type: str
    software_attachments: list[dict[str, str]]
    startable: bool
    status: str
    status_reasons: list[dict[str, str]]
    threads_per_core: int
    total_network_bandwidth: int
    total_volume_bandwidth: int
    vcpu: VcpuWire
    volume_attachments: list[VolumeAttachmentReferenceWire]
    volume_bandwidth_qos_mode: str
    vpc: TypedReferenceWire
    zone: NamedWire
    catalog_offering: CatalogUseWire | UnsetType = UNSET
    gpu: GpuWire | UnsetType = UNSET
    image: ImageReferenceWire | UnsetType = UNSET
    instance_group_membership: MembershipReferenceWire | UnsetType = UNSET
    primary_network_attachment: AttachmentReferenceWire | UnsetType = UNSET


class ActionWire(Wire):
    """An action on a server."""

    created_at: str
    force: bool
    href: str
    id: str
    status: str
    type: str
    started_at: str | UnsetType = UNSET
    completed_at: str | UnsetType = UNSET


_LIFECYCLES = {"pending": "pending", "deleting": "deleting"}


def _vcpu(profile: InstanceProfile, options: dict[str, Any]) -> VcpuWire:
    return VcpuWire(
        architecture=profile.architecture,
        count=profile.vcpus,
        manufacturer=profile.manufacturer,
        percentage=options.get("vcpu", {}).get("percentage", 100),
    )


def _gpu(profile: InstanceProfile) -> GpuWire | UnsetType:
    gpu = profile.gpu
    if gpu is None:
        return UNSET
    return GpuWire(count=gpu.count, manufacturer=gpu.manufacturer, memory=gpu.memory, model=gpu.model)


def _attachments(parts: Parts, ctx: Context) -> list[AttachmentReferenceWire]:
    virtual = parts.virtual
    attached = [one for one in parts.interfaces if one.virtual_network_interface_id is not None]
    return [network_attachments.reference_wire(one, virtual[one.bound], ctx) for one in attached]


def to_wire(instance: Instance, parts: Parts, unit: Unit) -> InstanceWire:
    """The server with what hangs on it."""
    ctx, profile = unit.ctx, INSTANCE_PROFILES[instance.profile]
    attached = [attachment_reference_wire(volume, ctx) for volume in parts.volumes]
    shown = [interfaces.reference_wire(interface, ctx) for interface in parts.interfaces]
    attachments = _attachments(parts, ctx)
    options = options_shown(instance.options, instance.profile, ctx)
    return InstanceWire(
        **options,
        bandwidth=profile.bandwidth,
        boot_volume_attachment=attached[0],
        cluster_network_attachments=[],
        created_at=rfc3339(instance.created_at),
        crn=instance.crn,
        disks=[disk_wire(disk, unit) for disk in disks_of(instance)],
        health_reasons=[],
        health_state="inapplicable" if instance.status in {"pending", "failed", "deleting"} else "ok",
        href=href(ctx, f"/instances/{instance.id}"),
        id=instance.id,
        lifecycle_reasons=[],
        lifecycle_state=_LIFECYCLES.get(instance.status, "stable"),
        memory=profile.memory,
        name=instance.name,
        network_attachments=attachments,
        network_interfaces=shown,
        primary_network_interface=shown[0],
        profile=TypedNameWire(
            href=href(ctx, f"/instance/profiles/{profile.name}"), name=profile.name, resource_type="instance_profile"
        ),
        resource_group=group_wire(unit, instance.resource_group_id),
        resource_type="instance",
        software_attachments=[],
        startable=instance.status == "stopped",
        status=instance.status,
        status_reasons=instance.status_reasons,
        total_network_bandwidth=max(0, profile.bandwidth - options["total_volume_bandwidth"]),
        vcpu=_vcpu(profile, instance.options),
        volume_attachments=attached,
        vpc=TypedReferenceWire(
            crn=instance.vpc_crn,
            href=href(ctx, f"/vpcs/{instance.vpc_id}"),
            id=instance.vpc_id,
            name=instance.vpc_name,
            resource_type="vpc",
        ),
        zone=zone_ref(ctx, instance.zone),
        catalog_offering=catalog_wire(instance.catalog_offering),
        gpu=_gpu(profile),
        image=image_wire(instance.image, ctx),
        instance_group_membership=membership_reference(parts.belonging, ctx),
        primary_network_attachment=attachments[0] if attachments else UNSET,
    )


def one_wire(instance: Instance, unit: Unit) -> InstanceWire:
    """One server with everything that hangs on it."""
    return to_wire(instance, parts_of(unit, [instance.id])[instance.id], unit)


def action_wire(action: Action, ctx: Context) -> ActionWire:
    at = rfc3339(action.created_at)
    return ActionWire(
        created_at=at,
        force=action.force,
        href=href(ctx, f"/instances/{action.instance_id}/actions/{action.id}"),
        id=action.id,
        status="completed" if action.completed else "pending",
        type=action.type,
        started_at=at if action.completed else UNSET,
        completed_at=at if action.completed else UNSET,
    )
