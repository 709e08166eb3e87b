"""Instance profiles: static data from `profile_table`, and the documented rules by which the rest follows from a name.

The rules are those of the pages that the table names: what the characters of a name mean, the bandwidth by vCPUs and
generation, the number of interfaces, NUMA domains of generations 3 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kunsthalle.core import near_matches
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.instances.profile_table import GPUS, GROUPS, SHARES

DEFAULT = "bxf-2x8"
PORT_SPEED = 16_000

_FAMILIES = {
    "b": "balanced",
    "c": "compute",
    "g": "gpu",
    "m": "memory",
    "n": "nano",
    "o": "storage-optimized",
    "u": "ultra-high-memory",
    "v": "very-high-memory",
}
_SIZE = re.compile(r"(\d+)x(\d+)(?:x(\d+)([a-z][a-z0-9]*))?(?::(\d+)x(\d+))?(?:@(\d+))?")
_SUCCEEDED = ("bx2", "cx2", "mx2", "vx2", "gx2")
"""Beginnings of names that have a later generation; such profiles are `previous`, and go on."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """`memory` in GiB, of all of them together."""

    count: int
    manufacturer: str
    model: str
    memory: int


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """`memory` in GiB, bandwidths in Mb/s; `disks` are the server's own: how many, and the GB of each."""

    name: str
    vcpus: int
    memory: int
    bandwidth: int
    disks: tuple[int, int] = (0, 0)
    gpu: Gpu | None = None

    @property
    def _prefix(self) -> str:
        return self.name.partition("-")[0]

    @property
    def flexible(self) -> bool:
        """Whether servers of it go wherever there is room, whatever the processor's generation."""
        return self._prefix[2] == "f"

    @property
    def generation(self) -> int:
        return 2 if self.flexible else int(self._prefix[2])

    @property
    def family(self) -> str:
        return _FAMILIES[self.name[0]]

    @property
    def architecture(self) -> str:
        return "s390x" if self.name[1] == "z" else "amd64"

    @property
    def manufacturer(self) -> str:
        if self.architecture == "s390x":
            return "ibm"
        if self.flexible:
            return "unassigned"
        return "amd" if self._prefix.endswith("a") else "intel"

    @property
    def status(self) -> str:
        return "previous" if self.name.startswith(_SUCCEEDED) else "current"

    @property
    def volume_bandwidth(self) -> int:
        """A quarter of the bandwidth is the volumes'."""
        return self.bandwidth // 4

    @property
    def interfaces(self) -> int:
        """How many network interfaces a server may have."""
        if self.flexible:
            return 1 if self.vcpus <= 4 else 2
        return next(most for least, most in ((49, 15), (17, 10), (0, 5)) if self.vcpus >= least)

    @property
    def numa(self) -> int | None:
        """The NUMA domains, where they are documented."""
        if self.generation < 3 or (self.gpu is not None and self.generation < 4):
            return None
        return 1 if self.vcpus < 32 else 2

    @property
    def percentages(self) -> tuple[int, ...]:
        """The parts of its vCPUs that a server may have."""
        return (*SHARES.get(self.name, ()), 100)

    @property
    def confidential(self) -> tuple[str, ...]:
        return ("disabled", "sgx", "tdx") if self._prefix.endswith("dc") else ("disabled",)

    @property
    def secure_boot(self) -> tuple[bool, ...]:
        """Accelerated profiles, and s390x, have none."""
        return (False,) if self.gpu is not None or self.architecture == "s390x" else (False, True)

    @property
    def volume_sharing(self) -> tuple[str, ...]:
        """How the bandwidth is divided among the volumes; the first is the default."""
        return ("pooled", "weighted") if self.generation > 3 else ("weighted", "pooled")

    @property
    def disk_interfaces(self) -> tuple[str, ...]:
        """How the disks can be attached; the first is the default."""
        if self.gpu is not None:
            return ("nvme",)
        return ("virtio_blk",) if self.generation > 2 or self.name[0] == "o" else ("nvme", "virtio_blk")


def _bandwidth(prefix: str, vcpus: int) -> int:
    """2 Gb/s a vCPU, of AMD's 1; at most 80 Gb/s of generation 2 and flexible profiles, 200 Gb/s of later ones."""
    rate = 1_000 if prefix == "bx2a" else 2_000
    return min(vcpus * rate, 80_000 if prefix[2] in "2f" else 200_000)


def _profiles(prefix: str, sizes: str) -> Iterator[InstanceProfile]:
    for text in sizes.split():
        match = _SIZE.fullmatch(text)
        assert match is not None, text  # noqa: S101  the table is ours
        vcpus, memory, count, model, quantity, size, bandwidth = match.groups()
        name = f"{prefix}-{re.split('[:@]', text)[0]}"
        yield InstanceProfile(
            name,
            int(vcpus),
            int(memory),
            int(bandwidth or _bandwidth(prefix, int(vcpus))),
            (int(quantity or 0), int(size or 0)),
            _gpu(int(count), model) if count else None,
        )


def _gpu(count: int, suffix: str) -> Gpu:
    maker, model, memory = GPUS[suffix]
    return Gpu(count, maker, model, count * memory)


INSTANCE_PROFILES = {profile.name: profile for group in GROUPS for profile in _profiles(*group)}
SORTED = tuple(sorted(INSTANCE_PROFILES.values(), key=lambda instance_profile: instance_profile.name))


def named(name: str) -> InstanceProfile:
    """The profile of that name in a path; 404 for another."""
    try:
        return INSTANCE_PROFILES[name]
    except KeyError as error:
        raise not_found("name", hint=near_matches.hint(name, INSTANCE_PROFILES)) from error


def chosen(name: str) -> InstanceProfile:
    """The profile of that name in a body; 400 `bad_field` for another (vpc-api.md A6)."""
    try:
        return INSTANCE_PROFILES[name]
    except KeyError as error:
        message = f"The provided instance profile does not exist.{near_matches.hint(name, INSTANCE_PROFILES)}"
        raise invalid("bad_field", message, "profile") from error
