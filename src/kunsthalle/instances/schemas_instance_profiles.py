"""Instance profiles as the VPC API shows them (reference/vpc-api.md E2)."""

from __future__ import annotations

from functools import lru_cache

from msgspec import UNSET, UnsetType

from kunsthalle.api.common_schemas import NamedResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.authz.context import Context
from kunsthalle.core.regions import REGIONS
from kunsthalle.instances.instance_profiles import PORT_SPEED, SORTED, InstanceProfile
from kunsthalle.instances.profile_values import Value, enum, fixed


class InstanceProfileResponse(ResponseBody):
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
    zones: list[NamedResponse]
    gpu_count: Value | UnsetType = UNSET
    gpu_manufacturer: Value | UnsetType = UNSET
    gpu_memory: Value | UnsetType = UNSET
    gpu_model: Value | UnsetType = UNSET
    numa_count: Value | UnsetType = UNSET


def _gpu(profile: InstanceProfile) -> Value:
    gpu = profile.gpu
    if gpu is None:
        return {}
    return {
        "gpu_count": fixed(gpu.count),
        "gpu_manufacturer": {"type": "enum", "values": [gpu.manufacturer]},
        "gpu_memory": fixed(gpu.memory),
        "gpu_model": {"type": "enum", "values": [gpu.model]},
    }


def _disks(profile: InstanceProfile) -> list[Value]:
    quantity, size = profile.disks
    if not quantity:
        return []
    interfaces = enum(*profile.disk_interfaces)
    return [{"quantity": fixed(quantity), "size": fixed(size), "supported_interface_types": interfaces}]


def profile_response(profile: InstanceProfile, ctx: Context) -> InstanceProfileResponse:
    return _wire(profile, ctx.origin, ctx.region.name)


# Made once for each name of this server; names come from clients, so few are kept.
@lru_cache(maxsize=4 * len(SORTED))
def _wire(profile: InstanceProfile, origin: str, region: str) -> InstanceProfileResponse:
    count = {"type": "range", "min": 1, "max": profile.interfaces}
    return InstanceProfileResponse(
        availability_class=enum("standard", "spot"),
        bandwidth=fixed(profile.bandwidth),
        cluster_network_attachment_count={"type": "dependent"},
        confidential_compute_modes=enum(*profile.confidential),
        disks=_disks(profile),
        family=profile.family,
        href=f"{origin}/v1/instance/profiles/{profile.name}",
        memory=fixed(profile.memory),
        name=profile.name,
        network_attachment_count=count,
        network_bandwidth_mode=fixed("standard"),
        network_interface_count=count,
        os_architecture=enum(profile.architecture),
        port_speed=fixed(PORT_SPEED),
        reservation_terms={"type": "enum", "values": []},
        resource_type="instance_profile",
        secure_boot_modes=enum(*profile.secure_boot),
        status=profile.status,
        supported_cluster_network_profiles=[],
        threads_per_core=enum(2),
        total_volume_bandwidth=fixed(profile.volume_bandwidth),
        vcpu_architecture=fixed(profile.architecture),
        vcpu_burst_limit=fixed(100),
        vcpu_count=fixed(profile.vcpus),
        vcpu_manufacturer=fixed(profile.manufacturer),
        vcpu_percentage=enum(*profile.percentages, default=100),
        volume_bandwidth_qos_modes=enum(*profile.volume_sharing),
        zones=[
            NamedResponse(href=f"{origin}/v1/regions/{region}/zones/{zone}", name=zone)
            for zone in REGIONS[region].zones
        ],
        numa_count=UNSET if profile.numa is None else fixed(profile.numa),
        **_gpu(profile),
    )
