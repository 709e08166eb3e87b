"""Instance profiles as the VPC API shows them (reference/vpc-api.md E2)."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import NamedWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.context import Context
from kunsthalle.instances.profiles import INTERFACES, PORT_SPEED, InstanceProfile
from kunsthalle.instances.values import Value, enum, fixed
from kunsthalle.networks.references import zone_ref


class InstanceProfileWire(Wire):
    """An instance profile; each value says of which kind it is."""

    availability_class: Value
    bandwidth: Value
    cluster_network_attachment_count: Value
    confidential_compute_modes: Value
    disks: list[Value]
    family: str
    href: str
    memory: Value
    name: str
    network_attachment_count: Value
    network_bandwidth_mode: Value
    network_interface_count: Value
    os_architecture: Value
    port_speed: Value
    reservation_terms: Value
    resource_type: str
    secure_boot_modes: Value
    status: str
    supported_cluster_network_profiles: list[Value]
    threads_per_core: Value
    total_volume_bandwidth: Value
    vcpu_architecture: Value
    vcpu_burst_limit: Value
    vcpu_count: Value
    vcpu_manufacturer: Value
    vcpu_percentage: Value
    volume_bandwidth_qos_modes: Value
    zones: list[NamedWire]
    gpu_count: Value | UnsetType = UNSET
    gpu_manufacturer: Value | UnsetType = UNSET
    gpu_memory: Value | UnsetType = UNSET
    gpu_model: Value | UnsetType = UNSET


def _gpu(profile: InstanceProfile) -> Value:
    if profile.gpu is None:
        return {}
    return {
        "gpu_count": fixed(1),
        "gpu_manufacturer": {"type": "enum", "values": ["nvidia"]},
        "gpu_memory": fixed(profile.gpu_memory),
        "gpu_model": {"type": "enum", "values": [profile.gpu]},
    }


def _disks(profile: InstanceProfile) -> list[Value]:
    if not profile.disk:
        return []
    interfaces = {"type": "enum", "values": ["nvme", "virtio_blk"], "default": "nvme"}
    return [{"quantity": fixed(1), "size": fixed(profile.disk), "supported_interface_types": interfaces}]


def profile_wire(profile: InstanceProfile, ctx: Context) -> InstanceProfileWire:
    count = {"type": "range", "min": 1, "max": INTERFACES}
    return InstanceProfileWire(
        availability_class=enum("standard", "spot"),
        bandwidth=fixed(profile.bandwidth),
        cluster_network_attachment_count={"type": "dependent"},
        confidential_compute_modes=enum("disabled"),
        disks=_disks(profile),
        family=profile.family,
        href=href(ctx, f"/instance/profiles/{profile.name}"),
        memory=fixed(profile.memory),
        name=profile.name,
        network_attachment_count=count,
        network_bandwidth_mode=fixed("standard"),
        network_interface_count=count,
        os_architecture=enum(profile.architecture),
        port_speed=fixed(PORT_SPEED),
        reservation_terms={"type": "enum", "values": []},
        resource_type="instance_profile",
        secure_boot_modes=enum(False, True),
        status="current",
        supported_cluster_network_profiles=[],
        threads_per_core=enum(2),
        total_volume_bandwidth=fixed(profile.volume_bandwidth),
        vcpu_architecture=fixed(profile.architecture),
        vcpu_burst_limit=fixed(100),
        vcpu_count=fixed(profile.vcpus),
        vcpu_manufacturer=fixed(profile.manufacturer),
        vcpu_percentage=enum(*profile.percentages, default=100),
        volume_bandwidth_qos_modes=enum("weighted", "pooled"),
        zones=[zone_ref(ctx, zone) for zone in ctx.region.zones],
        **_gpu(profile),
    )
