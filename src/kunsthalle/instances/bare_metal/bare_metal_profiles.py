"""Bare metal server profiles: static data, and what follows from their names.

Source: "x86-64 bare metal server profiles" of github.com/ibm-cloud-docs/vpc; sockets, and bx2-metal-192x768 with its
sibling, from a list of `ibmcloud is bare-metal-server-profiles` in a public Terraform template for VMware. Profiles
of s390x have another kind of interface and are not offered.
"""

from __future__ import annotations

from typing import Any

from kunsthalle.api.common_schemas import NamedResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.core import near_matches
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.instances.profile_values import Value, enum, fixed
from kunsthalle.networks.network_references import zone_ref

PORT_SPEED = 100_000
ARCHITECTURE = "amd64"
THREADS = 2
INTERFACES = 36
"""Interfaces that a server may have, of any type (U)."""
TPM_MODES = ("disabled", "tpm_2")

_FAMILIES = {
    "b": "balanced",
    "c": "compute",
    "m": "memory",
    "u": "ultra-high-memory",
    "v": "very-high-memory",
}
# Sizes, and for prefixes with `d` the disks beside the one that boots: `<vCPUs>x<GiB>[:<number>x<GB each>]`.
_GROUPS = (
    ("bx2", "96x384 192x768"),
    ("bx2d", "96x384:8x3200 192x768:16x3200"),
    ("cx2", "96x192"),
    ("cx2d", "96x192:8x3200"),
    ("mx2", "96x768"),
    ("mx2d", "96x768:8x3200"),
    ("vx2d", "96x1536:8x3200"),
    ("bx3", "48x256 64x256"),
    ("bx3d", "48x256:4x7680 64x256:4x7680 192x1024:8x7680"),
    ("cx3", "48x128 64x128"),
    ("cx3d", "48x128:4x7680 64x128:4x7680"),
    ("mx3", "16x128 48x512 64x512"),
    ("mx3d", "16x128:4x7680 48x512:4x7680 64x512:4x7680 96x1024:8x7680 128x1024:8x7680"),
    ("vx3", "16x256"),
    ("vx3d", "16x256:4x7680"),
    ("ux3", "16x512"),
    ("ux3d", "16x512:4x7680"),
)


@dataclass(frozen=True, slots=True)
class DiskKind:
    """So many disks of `size` GB."""

    quantity: int
    size: int
    interface: str


@dataclass(frozen=True, slots=True)
class BareMetalProfile:
    """`memory` in GiB; the first disk boots."""

    name: str
    vcpus: int
    memory: int
    more: tuple[int, int] = (0, 0)

    @property
    def family(self) -> str:
        return _FAMILIES[self.name[0]]

    @property
    def _second(self) -> bool:
        return self.name[2] == "2"

    @property
    def bandwidth(self) -> int:
        """In Mb/s: 100 Gb/s of the second generation, 200 of the third."""
        return 100_000 if self._second else 200_000

    @property
    def cores(self) -> int:
        return self.vcpus // THREADS

    @property
    def sockets(self) -> int:
        return 4 if self._second and self.vcpus > 96 else 2

    @property
    def disks(self) -> tuple[DiskKind, ...]:
        boot = DiskKind(1, 960 if self._second else 480, "sata")
        return (boot, DiskKind(*self.more, "nvme")) if self.more[0] else (boot,)

    @property
    def each_disk(self) -> tuple[DiskKind, ...]:
        """The disks of a server, one by one."""
        return tuple(kind for kind in self.disks for _ in range(kind.quantity))


def _profile(prefix: str, text: str) -> BareMetalProfile:
    size, _, disks = text.partition(":")
    vcpus, memory = size.split("x")
    quantity, each = disks.split("x") if disks else (0, 0)
    return BareMetalProfile(f"{prefix}-metal-{size}", int(vcpus), int(memory), (int(quantity), int(each)))


BARE_METAL_PROFILES = {
    profile.name: profile for prefix, sizes in _GROUPS for profile in (_profile(prefix, part) for part in sizes.split())
}


def named(name: str) -> BareMetalProfile:
    """The profile of that name in a path; 404 for another."""
    try:
        return BARE_METAL_PROFILES[name]
    except KeyError as error:
        raise not_found("name", hint=near_matches.hint(name, BARE_METAL_PROFILES)) from error


def chosen(name: str) -> BareMetalProfile:
    """The profile of that name in a body; 400 `bad_field` for another (vpc-api.md A6)."""
    try:
        return BARE_METAL_PROFILES[name]
    except KeyError as error:
        near = near_matches.hint(name, BARE_METAL_PROFILES)
        message = f"The provided bare metal server profile does not exist.{near}"
        raise invalid("bad_field", message, "profile") from error


class BareMetalProfileResponse(ResponseBody):
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
    zones: list[NamedResponse]


def _disk(kind: DiskKind) -> Value:
    types = enum(kind.interface)
    return {"quantity": fixed(kind.quantity), "size": fixed(kind.size), "supported_interface_types": types}


def profile_response(profile: BareMetalProfile, ctx: Context) -> BareMetalProfileResponse:
    counts: dict[str, Any] = {"type": "range", "min": 1, "max": INTERFACES}
    return BareMetalProfileResponse(
        bandwidth=fixed(profile.bandwidth),
        console_types={"type": "enum", "values": ["serial", "vnc"]},
        cpu_architecture=fixed(ARCHITECTURE),
        cpu_core_count=fixed(profile.cores),
        cpu_socket_count=fixed(profile.sockets),
        disks=[_disk(kind) for kind in profile.disks],
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
