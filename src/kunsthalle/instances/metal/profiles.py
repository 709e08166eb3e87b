"""Bare metal server profiles: static data (reference/vpc-api.md E2; marks of its sources are there)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import NamedWire
from kunsthalle.api.wire import Wire
from kunsthalle.core import near
from kunsthalle.core.context import Context
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.instances.values import Value, enum, fixed
from kunsthalle.networks.references import zone_ref

BANDWIDTH, PORT_SPEED = 100_000, 100_000
ARCHITECTURE = "amd64"
CORES, SOCKETS, THREADS = 48, 2, 2
DISK_GB, DISK_INTERFACE = 960, "sata"
INTERFACES = 36
"""Interfaces that a server may have, of any type (U)."""
TPM_MODES = ("disabled", "tpm_2")


@dataclass(frozen=True, slots=True)
class BareMetalProfile:
    """`memory` in GiB."""

    name: str
    family: str
    memory: int


BARE_METAL_PROFILES = {
    profile.name: profile
    for profile in (
        BareMetalProfile("bx2-metal-96x384", "balanced", 384),
        BareMetalProfile("cx2-metal-96x192", "compute", 192),
        BareMetalProfile("mx2-metal-96x768", "memory", 768),
    )
}


def named(name: str) -> BareMetalProfile:
    """The profile of that name in a path; 404 for another."""
    try:
        return BARE_METAL_PROFILES[name]
    except KeyError as error:
        raise not_found("name", hint=near.hint(name, BARE_METAL_PROFILES)) from error


def chosen(name: str) -> BareMetalProfile:
    """The profile of that name in a body; 400 `bad_field` for another (vpc-api.md A6)."""
    try:
        return BARE_METAL_PROFILES[name]
    except KeyError as error:
        message = f"The provided bare metal server profile does not exist.{near.hint(name, BARE_METAL_PROFILES)}"
        raise invalid("bad_field", message, "profile") from error


class BareMetalProfileWire(Wire):
    """A bare metal server profile; each value says of which kind it is."""

    bandwidth: Value
    console_types: Value
    cpu_architecture: Value
    cpu_core_count: Value
    cpu_socket_count: Value
    disks: list[Value]
    family: str
    href: str
    memory: Value
    name: str
    network_attachment_count: Value
    network_interface_count: Value
    os_architecture: Value
    reservation_terms: Value
    resource_type: str
    supported_trusted_platform_module_modes: Value
    virtual_network_interfaces_supported: Value
    zones: list[NamedWire]


def profile_wire(profile: BareMetalProfile, ctx: Context) -> BareMetalProfileWire:
    counts: dict[str, Any] = {"type": "range", "min": 1, "max": INTERFACES}
    disk = {"quantity": fixed(1), "size": fixed(DISK_GB), "supported_interface_types": enum(DISK_INTERFACE)}
    return BareMetalProfileWire(
        bandwidth=fixed(BANDWIDTH),
        console_types={"type": "enum", "values": ["serial", "vnc"]},
        cpu_architecture=fixed(ARCHITECTURE),
        cpu_core_count=fixed(CORES),
        cpu_socket_count=fixed(SOCKETS),
        disks=[disk],
        family=profile.family,
        href=href(ctx, profile_path(profile.name)),
        memory=fixed(profile.memory),
        name=profile.name,
        network_attachment_count=counts,
        network_interface_count=counts,
        os_architecture=enum(ARCHITECTURE),
        reservation_terms={"type": "enum", "values": ["one_year", "three_year"]},
        resource_type="bare_metal_server_profile",
        supported_trusted_platform_module_modes=enum(*TPM_MODES),
        virtual_network_interfaces_supported=fixed(True),
        zones=[zone_ref(ctx, zone) for zone in ctx.region.zones],
    )


def profile_path(name: str) -> str:
    return f"/bare_metal_server/profiles/{name}"
