"""Servers, their actions and templates as the VPC API shows them (reference/vpc-api.md B2, B3)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import GroupWire, NamedWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.images.wire import ImageReferenceWire, group_wire
from kunsthalle.instances.interface_wire import InterfaceReferenceWire, interface_reference_wire
from kunsthalle.instances.model import Instance, Interface, Template
from kunsthalle.instances.profiles import INSTANCE_PROFILES, InstanceProfile
from kunsthalle.instances.service import Action
from kunsthalle.networks.references import KeyReferenceWire, TypedReferenceWire
from kunsthalle.storage.model import Volume
from kunsthalle.storage.wire import (
    CatalogUseWire,
    VolumeAttachmentReferenceWire,
    attachment_reference_wire,
    catalog_wire,
    image_wire,
    zone_wire,
)
from kunsthalle.store.unit import Unit

POOLED_RESERVATIONS_SINCE = "2024-11-19"


class AvailabilityWire(Wire, rename={"class_": "class"}):
    """Whether the server may be taken away."""

    class_: str = "standard"


class AvailabilityPolicyWire(Wire):
    """What happens when the host fails or is needed."""

    host_failure: str = "restart"
    preemption: str = "stop"


class MetadataServiceWire(Wire):
    """The metadata service; there is none, and it is shown as it was asked for."""

    enabled: bool = False
    protocol: str = "http"
    response_hop_limit: int = 1


class ReservationAffinityWire(Wire):
    """Which reservations the server may use; there are none."""

    policy: str
    pool: list[dict[str, str]] = msgspec.field(default_factory=list)


class VcpuWire(Wire):
    """Processors, as the profile gives them."""

    architecture: str
    count: int
    manufacturer: str
    percentage: int = 100


class GpuWire(Wire):
    """Graphics processors; `memory` in GiB."""

    count: int
    manufacturer: str
    memory: int
    model: str


class ProfileReferenceWire(Wire):
    """An instance profile."""

    href: str
    name: str
    resource_type: str = "instance_profile"


class InstanceWire(Wire):
    """A server."""

    availability: AvailabilityWire
    availability_policy: AvailabilityPolicyWire
    bandwidth: int
    boot_volume_attachment: VolumeAttachmentReferenceWire
    cluster_network_attachments: list[dict[str, str]]
    confidential_compute_mode: str
    created_at: str
    crn: str
    disks: list[dict[str, Any]]
    enable_secure_boot: bool
    health_reasons: list[dict[str, str]]
    health_state: str
    href: str
    id: str
    lifecycle_reasons: list[dict[str, str]]
    lifecycle_state: str
    memory: int
    metadata_service: MetadataServiceWire
    name: str
    network_attachments: list[dict[str, Any]]
    network_interfaces: list[InterfaceReferenceWire]
    primary_network_interface: InterfaceReferenceWire
    profile: ProfileReferenceWire
    reservation_affinity: ReservationAffinityWire
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


class InitializationWire(Wire):
    """What the server was given at its creation."""

    keys: list[KeyReferenceWire]


class ActionWire(Wire):
    """An action asked of a server."""

    created_at: str
    force: bool
    href: str
    id: str
    status: str
    type: str


_LIFECYCLE = {"pending": "pending", "deleting": "deleting", "failed": "failed"}


def _health(status: str) -> str:
    return "inapplicable" if status in {"pending", "failed", "deleting"} else "ok"


def _vpc(instance: Instance, ctx: Context) -> TypedReferenceWire:
    return TypedReferenceWire(
        crn=instance.vpc_crn,
        href=href(ctx, f"/vpcs/{instance.vpc_id}"),
        id=instance.vpc_id,
        name=instance.vpc_name,
        resource_type="vpc",
    )


def _affinity(instance: Instance, ctx: Context) -> ReservationAffinityWire:
    default = "automatic" if ctx.api_version >= POOLED_RESERVATIONS_SINCE else "disabled"
    return ReservationAffinityWire(policy=instance.options.get("reservation_affinity", {}).get("policy", default))


def _gpu(profile: InstanceProfile) -> GpuWire | UnsetType:
    if profile.gpu is None:
        return UNSET
    return GpuWire(count=1, manufacturer="nvidia", memory=profile.gpu_memory, model=profile.gpu)


def _disks(instance: Instance, profile: InstanceProfile, ctx: Context) -> list[dict[str, Any]]:
    """The server's own disk, where its profile has one. Its id is the server's own UUID: there is at most one."""
    if not profile.disk:
        return []
    id_ = instance.id.partition("_")[2]
    return [
        {
            "created_at": rfc3339(instance.created_at),
            "href": href(ctx, f"/instances/{instance.id}/disks/{id_}"),
            "id": id_,
            "interface_type": "virtio_blk",
            "name": "instance-disk",
            "resource_type": "instance_disk",
            "size": profile.disk,
        }
    ]


def instance_wire(instance: Instance, volumes: list[Volume], interfaces: list[Interface], unit: Unit) -> InstanceWire:
    """`volumes` begins with the boot volume, `interfaces` with the primary one."""
    ctx, options, profile = unit.ctx, instance.options, INSTANCE_PROFILES[instance.profile]
    attached = [attachment_reference_wire(volume, ctx) for volume in volumes]
    shown = [interface_reference_wire(interface, ctx) for interface in interfaces]
    volume_bandwidth = options.get("total_volume_bandwidth", profile.volume_bandwidth)
    return InstanceWire(
        availability=msgspec.convert(options.get("availability", {}), AvailabilityWire),
        availability_policy=AvailabilityPolicyWire(**options.get("availability_policy", {})),
        bandwidth=profile.bandwidth,
        boot_volume_attachment=attached[0],
        cluster_network_attachments=[],
        confidential_compute_mode=options.get("confidential_compute_mode", "disabled"),
        created_at=rfc3339(instance.created_at),
        crn=instance.crn,
        disks=_disks(instance, profile, ctx),
        enable_secure_boot=options.get("enable_secure_boot", False),
        health_reasons=[],
        health_state=_health(instance.status),
        href=href(ctx, f"/instances/{instance.id}"),
        id=instance.id,
        lifecycle_reasons=[],
        lifecycle_state=_LIFECYCLE.get(instance.status, "stable"),
        memory=profile.memory,
        metadata_service=MetadataServiceWire(**options.get("metadata_service", {})),
        name=instance.name,
        network_attachments=[],
        network_interfaces=shown,
        primary_network_interface=shown[0],
        profile=ProfileReferenceWire(href=href(ctx, f"/instance/profiles/{profile.name}"), name=profile.name),
        reservation_affinity=_affinity(instance, ctx),
        resource_group=group_wire(unit, instance.resource_group_id),
        resource_type="instance",
        software_attachments=[],
        startable=instance.status == "stopped",
        status=instance.status,
        status_reasons=instance.status_reasons,
        threads_per_core=options.get("threads_per_core", 2),
        total_network_bandwidth=profile.bandwidth - volume_bandwidth,
        total_volume_bandwidth=volume_bandwidth,
        vcpu=VcpuWire(architecture=profile.architecture, count=profile.vcpus, manufacturer=profile.manufacturer),
        volume_attachments=attached,
        volume_bandwidth_qos_mode=options.get("volume_bandwidth_qos_mode", "pooled"),
        vpc=_vpc(instance, ctx),
        zone=zone_wire(ctx, instance.zone),
        catalog_offering=catalog_wire(instance.catalog_offering),
        gpu=_gpu(profile),
        image=image_wire(instance.image, ctx),
    )


def initialization_wire(instance: Instance, ctx: Context) -> InitializationWire:
    """The keys as they were copied then; a key that is gone since is still named."""
    return InitializationWire(
        keys=[
            KeyReferenceWire(
                crn=key["crn"],
                fingerprint=key["fingerprint"],
                href=href(ctx, f"/keys/{key['id']}"),
                id=key["id"],
                name=key["name"],
            )
            for key in instance.keys
        ]
    )


def action_wire(action: Action, ctx: Context) -> ActionWire:
    return ActionWire(
        created_at=rfc3339(action.created_at),
        force=action.force,
        href=href(ctx, f"/instances/{action.instance_id}/actions/{action.id}"),
        id=action.id,
        status="completed" if action.completed else "pending",
        type=action.type,
    )


def template_wire(template: Template, unit: Unit) -> dict[str, Any]:
    """The prototype as it is used, with what makes it a template."""
    ctx = unit.ctx
    return {
        **template.prototype,
        "created_at": rfc3339(template.created_at),
        "crn": template.crn,
        "href": href(ctx, f"/instance/templates/{template.id}"),
        "id": template.id,
        "name": template.name,
        "resource_group": group_wire(unit, template.resource_group_id),
        "zone": {"name": template.zone},
    }
