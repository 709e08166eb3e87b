"""Instance profiles: static data (reference/vpc-api.md E2; marks of its sources are there)."""

from __future__ import annotations

from dataclasses import dataclass

from kunsthalle.core import near
from kunsthalle.core.errors import invalid, not_found

DEFAULT = "bxf-2x8"
PORT_SPEED = 16_000
INTERFACES = 5


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """`memory` in GiB, bandwidths in Mb/s, `disk` (the server's own, in GB) 0 where there is none."""

    name: str
    family: str
    vcpus: int
    memory: int
    bandwidth: int
    architecture: str
    manufacturer: str
    disk: int = 0
    percentages: tuple[int, ...] = (100,)
    gpu: str | None = None
    gpu_memory: int = 0

    @property
    def volume_bandwidth(self) -> int:
        """A quarter of the bandwidth is the volumes'."""
        return self.bandwidth // 4


# name | family | GiB | Mb/s | disk GB; vCPUs are in the name
_INTEL = """
bx2-2x8|balanced|8|4000|0
bx2-4x16|balanced|16|8000|0
bx2-8x32|balanced|32|16000|0
bx2d-2x8|balanced|8|4000|75
bx2d-4x16|balanced|16|8000|150
bx3d-2x10|balanced|10|4000|65
cx2-2x4|compute|4|4000|0
cx2-4x8|compute|8|8000|0
mx2-2x16|memory|16|4000|0
mx2-4x32|memory|32|8000|0
"""
_IBM = """
bz2-2x8|balanced|8|4000|0
bz2-4x16|balanced|16|8000|0
cz2-2x4|compute|4|4000|0
"""


def _parse(line: str, architecture: str, manufacturer: str) -> InstanceProfile:
    name, family, memory, bandwidth, disk = line.split("|")
    vcpus = int(name.split("-")[1].split("x")[0])
    return InstanceProfile(name, family, vcpus, int(memory), int(bandwidth), architecture, manufacturer, int(disk))


INSTANCE_PROFILES = {
    profile.name: profile
    for profile in (
        InstanceProfile(DEFAULT, "balanced", 2, 8, 4_000, "amd64", "unassigned", percentages=(50, 100)),
        *(_parse(line, "amd64", "intel") for line in _INTEL.split()),
        *(_parse(line, "s390x", "ibm") for line in _IBM.split()),
        InstanceProfile("gx3-16x80x1l4", "gpu", 16, 80, 32_000, "amd64", "intel", gpu="L4", gpu_memory=24),
    )
}


def named(name: str) -> InstanceProfile:
    """The profile of that name in a path; 404 for another."""
    try:
        return INSTANCE_PROFILES[name]
    except KeyError as error:
        raise not_found("name", hint=near.hint(name, INSTANCE_PROFILES)) from error


def chosen(name: str) -> InstanceProfile:
    """The profile of that name in a body; 400 `bad_field` for another (vpc-api.md A6)."""
    try:
        return INSTANCE_PROFILES[name]
    except KeyError as error:
        message = f"The provided instance profile does not exist.{near.hint(name, INSTANCE_PROFILES)}"
        raise invalid("bad_field", message, "profile") from error
