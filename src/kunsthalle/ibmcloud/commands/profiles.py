"""Profiles of servers and volumes (cli.md 3.2, 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kunsthalle.ibmcloud.printed_tables import look
from kunsthalle.ibmcloud.resource_commands import Resource, lists, shows


def setting(name: str) -> Callable[[Any], Any]:
    """What a profile says of a quantity: its value, its range, or its choices."""

    def get(profile: Any) -> Any:
        resource = look(profile, name)
        if not isinstance(resource, dict):
            return None
        if "value" in resource:
            return resource["value"]
        if "min" in resource:
            return f"{resource['min']}-{resource.get('max', '')}"
        return resource.get("values") or resource.get("type")

    return get


def _bound(name: str, which: str) -> Callable[[Any], Any]:
    def get(profile: Any) -> Any:
        resource = look(profile, name) or {}
        return resource.get(which, resource.get("value"))

    return get


def _storage(profile: Any) -> Any:
    return sum(look(disk, "size.value") or 0 for disk in profile.get("disks") or ()) or None


_INSTANCE = (
    ("Name", "name"),
    ("vCPU Manufacturer", "vcpu_manufacturer.value"),
    ("Architecture", "vcpu_architecture.value"),
    ("Family", "family"),
    ("vCPUs", setting("vcpu_count")),
    ("Memory(GiB)", setting("memory")),
    ("Bandwidth(Mbps)", setting("bandwidth")),
    ("Volume bandwidth(Mbps)", setting("total_volume_bandwidth")),
    ("GPUs", setting("gpu_count")),
    ("Storage(GB)", _storage),
    ("Min NIC Count", _bound("network_interface_count", "min")),
    ("Max NIC Count", _bound("network_interface_count", "max")),
)

INSTANCE_PROFILE = Resource(
    "instance profile",
    "instance profiles",
    "/v1/instance/profiles",
    "profiles",
    _INSTANCE,
    (
        *_INSTANCE,
        ("OS architecture", setting("os_architecture")),
        ("Secure boot modes", setting("secure_boot_modes")),
        ("Confidential compute modes", setting("confidential_compute_modes")),
        ("Status", "status"),
    ),
    by_name=True,
)

_VOLUME = (
    ("Name", "name"),
    ("Family", "family"),
    ("Capacity(GB)", setting("capacity")),
    ("Boot capacity(GB)", setting("boot_capacity")),
    ("IOPS", setting("iops")),
    ("Storage Generation", setting("storage_generation")),
)

VOLUME_PROFILE = Resource(
    "volume profile", "volume profiles", "/v1/volume/profiles", "profiles", _VOLUME, _VOLUME, by_name=True
)

COMMANDS = (
    lists(INSTANCE_PROFILE, "instance-profiles"),
    shows(INSTANCE_PROFILE, "instance-profile"),
    lists(VOLUME_PROFILE, "volume-profiles"),
    shows(VOLUME_PROFILE, "volume-profile"),
)
