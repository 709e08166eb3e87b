"""Volume profiles as the VPC API shows them (reference/vpc-api.md E2)."""

from __future__ import annotations

from typing import Any

from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.block_storage.volume_profiles import VolumeProfile


class VolumeProfileResponse(ResponseBody):
    """A volume profile; each value says of which kind it is."""

    adjustable_capacity_states: dict[str, Any]
    adjustable_iops_states: dict[str, Any]
    bandwidth: dict[str, Any]
    boot_capacity: dict[str, Any]
    capacity: dict[str, Any]
    family: str
    href: str
    iops: dict[str, Any]
    name: str
    storage_generation: dict[str, Any]


def _range(bounds: tuple[int, int], default: int | None = None) -> dict[str, Any]:
    least, most = bounds
    return {"type": "range", "min": least, "max": most, "step": 1, "default": least if default is None else default}


def _iops(profile: VolumeProfile) -> dict[str, Any]:
    least, most = profile.iops
    if profile.tier is None:
        return _range(profile.iops, max(least, 3_000))
    return {"type": "dependent_range", "min": least, "max": most, "step": 1}


def profile_response(profile: VolumeProfile, ctx: Context) -> VolumeProfileResponse:
    chosen = profile.generation > 1  # only these let the bandwidth be chosen
    return VolumeProfileResponse(
        adjustable_capacity_states={"type": "enum", "values": profile.adjustable},
        adjustable_iops_states={"type": "enum", "values": profile.adjustable},
        bandwidth=_range(profile.bandwidth) if chosen else {"type": "dependent"},
        boot_capacity=_range(profile.boot_capacity, 100),
        capacity=_range(profile.capacity),
        family=profile.family,
        href=href(ctx, f"/volume/profiles/{profile.name}"),
        iops=_iops(profile),
        name=profile.name,
        storage_generation={"type": "fixed", "value": profile.generation},
    )
