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
from kunsthalle.instances.groups.wire import MembershipReferenceWire, membership_reference
from kunsthalle.instances.model import Instance, Interface
from kunsthalle.instances.profiles import INSTANCE_PROFILES, PORT_SPEED, InstanceProfile
from kunsthalle.instances.queries import interfaces_of
from kunsthalle.instances.service import Action
from kunsthalle.networks import floating, groups
from kunsthalle.networks.references import (
    CrnReferenceWire,
    FloatingIpReferenceWire,
    IpReferenceWire,
    KeyReferenceWire,
    TypedReferenceWire,
    floating_ip_ref,
    security_group_ref,
    zone_ref,
)
from kunsthalle.storage.model import Volume
from kunsthalle.storage.queries import attached_to
from kunsthalle.storage.wire import (
    CatalogUseWire,
    VolumeAttachmentReferenceWire,
    attachment_reference_wire,
    catalog_wire,
    image_wire,
)
from kunsthalle.store.unit import Unit

_FROM_RESERVATIONS = "2024-11-19"
"""From this API version on, servers use reservations by themselves unless told otherwise."""


class TypedNameWire(Wire):
    """A thing known by its name, with its type."""

    href: str
    name: str
    resource_type: str


class InterfaceReferenceWire(Wire):
    """An interface, from the side of its server."""

    href: str
    id: str
    name: str
    primary_ip: IpReferenceWire
    resource_type: str
    subnet: TypedReferenceWire


class InterfaceWire(Wire):
    """A network interface."""

    allow_ip_spoofing: bool
    created_at: str
    floating_ips: list[FloatingIpReferenceWire]
    href: str
    id: str
    name: str
    port_speed: int
    primary_ip: IpReferenceWire
    resource_type: str
    security_groups: list[CrnReferenceWire]
    status: str
    subnet: TypedReferenceWire
    type: str


class Interfaces(Wire):
    """All at once: this list has no pages."""

    network_interfaces: list[InterfaceWire]


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


class DiskWire(Wire):
    """A disk of the host that the server may use; `size` in GB."""

    created_at: str
    href: str
    id: str
    interface_type: str
    name: str
    resource_type: str
    size: int


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
    network_attachments: list[dict[str, str]]
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


class InitializationWire(Wire):
    """What a server was given at its first start. Passwords are not made here."""

    keys: list[KeyReferenceWire]


def _subnet(interface: Interface, ctx: Context) -> TypedReferenceWire:
    kept = interface.subnet
    place = href(ctx, f"/subnets/{kept['id']}")
    return TypedReferenceWire(crn=kept["crn"], href=place, id=kept["id"], name=kept["name"], resource_type="subnet")


def _address(interface: Interface, ctx: Context) -> IpReferenceWire:
    kept = interface.primary_ip
    return IpReferenceWire(
        address=kept["address"],
        href=href(ctx, kept["path"]),
        id=kept["id"],
        name=kept["name"],
        resource_type="subnet_reserved_ip",
    )


def _interface_href(interface: Interface, ctx: Context) -> str:
    return href(ctx, f"/instances/{interface.instance_id}/network_interfaces/{interface.id}")


def interface_reference_wire(interface: Interface, ctx: Context) -> InterfaceReferenceWire:
    return InterfaceReferenceWire(
        href=_interface_href(interface, ctx),
        id=interface.id,
        name=interface.name,
        primary_ip=_address(interface, ctx),
        resource_type="network_interface",
        subnet=_subnet(interface, ctx),
    )


def interface_wire(interface: Interface, unit: Unit) -> InterfaceWire:
    ctx = unit.ctx
    return InterfaceWire(
        allow_ip_spoofing=interface.allow_ip_spoofing,
        created_at=rfc3339(interface.created_at),
        floating_ips=[floating_ip_ref(ip, ctx) for ip in floating.of_target(unit, interface.id)],
        href=_interface_href(interface, ctx),
        id=interface.id,
        name=interface.name,
        port_speed=PORT_SPEED,
        primary_ip=_address(interface, ctx),
        resource_type="network_interface",
        security_groups=[security_group_ref(group, ctx) for group in groups.of_target(unit, interface.id)],
        status="available",
        subnet=_subnet(interface, ctx),
        type=interface.type,
    )


_LIFECYCLES = {"pending": "pending", "deleting": "deleting"}


def _vcpu(profile: InstanceProfile) -> VcpuWire:
    return VcpuWire(
        architecture=profile.architecture,
        count=profile.vcpus,
        manufacturer=profile.manufacturer,
        percentage=100,
    )


def _gpu(profile: InstanceProfile) -> GpuWire | UnsetType:
    if profile.gpu is None:
        return UNSET
    return GpuWire(count=1, manufacturer="nvidia", memory=profile.gpu_memory, model=profile.gpu)


def _disks(instance: Instance, profile: InstanceProfile, ctx: Context) -> list[DiskWire]:
    if not profile.disk:
        return []
    id_ = instance.id.partition("_")[2]
    return [
        DiskWire(
            created_at=rfc3339(instance.created_at),
            href=href(ctx, f"/instances/{instance.id}/disks/{id_}"),
            id=id_,
            interface_type="nvme",
            name="instance-disk-1",
            resource_type="instance_disk",
            size=profile.disk,
        )
    ]


def _options(instance: Instance, ctx: Context) -> dict[str, Any]:
    """What was asked for, over what holds where nothing was (B2)."""
    defaults: dict[str, Any] = {
        "availability": {"class": "standard"},
        "availability_policy": {"host_failure": "restart", "preemption": "stop"},
        "metadata_service": {"enabled": False, "protocol": "http", "response_hop_limit": 1},
        "reservation_affinity": {
            "policy": "automatic" if ctx.api_version >= _FROM_RESERVATIONS else "disabled",
            "pool": [],
        },
        "enable_secure_boot": False,
        "confidential_compute_mode": "disabled",
        "threads_per_core": 2,
        "total_volume_bandwidth": INSTANCE_PROFILES[instance.profile].volume_bandwidth,
        "volume_bandwidth_qos_mode": "weighted",
    }
    given = instance.options
    return {
        name: {**default, **given.get(name, {})} if isinstance(default, dict) else given.get(name, default)
        for name, default in defaults.items()
    }


def to_wire(instance: Instance, volumes: list[Volume], interfaces: list[Interface], unit: Unit) -> InstanceWire:
    """The server with its volumes (the boot volume first) and interfaces (the primary one first)."""
    ctx, profile = unit.ctx, INSTANCE_PROFILES[instance.profile]
    attached = [attachment_reference_wire(volume, ctx) for volume in volumes]
    shown = [interface_reference_wire(interface, ctx) for interface in interfaces]
    options = _options(instance, ctx)
    return InstanceWire(
        **options,
        bandwidth=profile.bandwidth,
        boot_volume_attachment=attached[0],
        cluster_network_attachments=[],
        created_at=rfc3339(instance.created_at),
        crn=instance.crn,
        disks=_disks(instance, profile, ctx),
        health_reasons=[],
        health_state="inapplicable" if instance.status in {"pending", "failed", "deleting"} else "ok",
        href=href(ctx, f"/instances/{instance.id}"),
        id=instance.id,
        lifecycle_reasons=[],
        lifecycle_state=_LIFECYCLES.get(instance.status, "stable"),
        memory=profile.memory,
        name=instance.name,
        network_attachments=[],
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
        vcpu=_vcpu(profile),
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
        instance_group_membership=membership_reference(instance.id, unit),
    )


def one_wire(instance: Instance, unit: Unit) -> InstanceWire:
    """One server with everything that hangs on it."""
    id_ = instance.id
    return to_wire(instance, attached_to(unit, [id_])[id_], interfaces_of(unit, [id_])[id_], unit)


def initialization_wire(instance: Instance, ctx: Context) -> InitializationWire:
    keys = [
        KeyReferenceWire(
            crn=key["crn"],
            fingerprint=key["fingerprint"],
            href=href(ctx, f"/keys/{key['id']}"),
            id=key["id"],
            name=key["name"],
        )
        for key in instance.keys
    ]
    return InitializationWire(keys=keys)


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
