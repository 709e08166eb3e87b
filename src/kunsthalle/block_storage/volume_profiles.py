"""Volume profiles: static data, and what follows from them (reference/vpc-api.md E2)."""

from __future__ import annotations

from msgspec import UnsetType

from kunsthalle.core import near_matches
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.core.records import dataclass

DEFAULT = "general-purpose"
BOOT_LEAST = 10


@dataclass(frozen=True, slots=True)
class VolumeProfile:
    """Capacities are in GB, `block` (bytes of one operation) turns iops into a bandwidth in Mb/s.

    `tier` is iops per GB, None where the iops may be chosen. `unattached` tells whether it adjusts without a server.
    """

    name: str
    family: str
    generation: int
    capacity: tuple[int, int]
    boot_capacity: tuple[int, int]
    iops: tuple[int, int]
    tier: int | None
    block: int
    bandwidth: tuple[int, int]
    unattached: bool = False

    @property
    def adjustable(self) -> list[str]:
        """In which attachment states capacity and iops may be changed."""
        return ["attached", "unattached"] if self.unattached else ["attached"]

    def iops_for(self, capacity: int, asked: int | None) -> int:
        """What a volume of this capacity gets; a tier decides by itself, whatever is asked (G3)."""
        least, most = self.iops
        if self.tier is not None:
            return min(most, max(least, self.tier * capacity))
        if asked is None:
            return min(most, max(least, 3_000))
        if asked < least:
            raise invalid("validation_min_value", f"The iops must be at least {least}.", "iops")
        if asked > most:
            raise invalid("validation_max_value", f"The iops must be at most {most}.", "iops")
        return asked

    def bandwidth_asked(self, iops: int, asked: int | UnsetType) -> int:
        """The bandwidth that is asked for, of a profile that lets it be chosen; else what follows from the iops.

        400 for another one where it cannot be chosen, or out of its bounds.
        """
        if isinstance(asked, UnsetType):
            return self.bandwidth_for(iops)
        if self.generation == 1:
            if asked == self.bandwidth_for(iops):
                return asked
            raise invalid("bad_field", f"The bandwidth of the profile {self.name} follows from its iops.", "bandwidth")
        least, most = self.bandwidth
        if asked < least:
            raise invalid("validation_min_value", f"The bandwidth must be at least {least} Mb/s.", "bandwidth")
        if asked > most:
            raise invalid("validation_max_value", f"The bandwidth must be at most {most} Mb/s.", "bandwidth")
        return asked

    def bandwidth_for(self, iops: int) -> int:
        """Mb/s that so many operations of the profile's block size make."""
        least, most = self.bandwidth
        return min(most, max(least, iops * self.block * 8 // 1_000_000))


_KIB = 1024
PROFILES = {
    profile.name: profile
    for profile in (
        VolumeProfile(
            "general-purpose", "tiered", 1, (10, 16_000), (10, 250), (3_000, 48_000), 3, 16 * _KIB, (1, 5_360)
        ),
        VolumeProfile("5iops-tier", "tiered", 1, (10, 9_600), (10, 250), (3_000, 48_000), 5, 16 * _KIB, (1, 6_144)),
        VolumeProfile("10iops-tier", "tiered", 1, (10, 4_800), (10, 250), (3_000, 48_000), 10, 256 * _KIB, (1, 8_192)),
        VolumeProfile("custom", "custom", 1, (10, 16_000), (10, 250), (100, 48_000), None, 256 * _KIB, (1, 8_192)),
        VolumeProfile(
            "sdp",
            "defined_performance",
            2,
            (1, 32_000),
            (10, 32_000),
            (100, 64_000),
            None,
            16 * _KIB,
            (1_000, 8_192),
            unattached=True,
        ),
    )
}


def most_of(name: str) -> int:
    """The largest capacity, in GB, that a volume of a profile may ever grow to: by other profiles like it, too."""
    return max(profile.capacity[1] for profile in PROFILES.values() if profile.generation == PROFILES[name].generation)


def named(name: str) -> VolumeProfile:
    """The profile of that name in a path; 404 for another."""
    try:
        return PROFILES[name]
    except KeyError as error:
        raise not_found("name", hint=near_matches.hint(name, PROFILES)) from error


def chosen(name: str, field: str) -> VolumeProfile:
    """The profile of that name in a body; 400 `bad_field` for another (vpc-api.md A6)."""
    try:
        return PROFILES[name]
    except KeyError as error:
        message = f"The provided volume profile does not exist.{near_matches.hint(name, PROFILES)}"
        raise invalid("bad_field", message, field) from error


def check_capacity(capacity: int, bounds: tuple[int, int], field: str) -> int:
    """400 with the bound that was broken; else the capacity."""
    least, most = bounds
    if capacity < least:
        raise invalid("validation_min_value", f"The capacity must be at least {least} GB.", field)
    if capacity > most:
        raise invalid("validation_max_value", f"The capacity must be at most {most} GB.", field)
    return capacity
