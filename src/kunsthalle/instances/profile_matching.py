"""Which profiles go with an image: `images.fitting.Profiles`."""

from __future__ import annotations

from itertools import product
from typing import Any

from kunsthalle.images.allowed_use import permits, permits_bare_metal
from kunsthalle.images.compatible_profiles import Wanted
from kunsthalle.instances.bare_metal.bare_metal_profiles import ARCHITECTURE, BARE_METAL_PROFILES
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES, InstanceProfile

_BOOLS, _PROTOCOLS = (False, True), ("http", "https")


def variables(profile: InstanceProfile, *, secure_boot: bool, metadata: bool, protocol: str) -> dict[str, Any]:
    """What an image's expression may ask of a server of a profile (vpc-api.md D1)."""
    gpu = profile.gpu
    return {
        "enable_secure_boot": secure_boot,
        "gpu.count": gpu.count if gpu else 0,
        "gpu.manufacturer": gpu.manufacturer if gpu else "",
        "gpu.memory": gpu.memory if gpu else 0,
        "gpu.model": gpu.model if gpu else "",
        "metadata_service.enabled": metadata,
        "metadata_service.protocol": protocol,
        "vcpu.count": profile.vcpus,
    }


class Fitting:
    """See images.fitting.Profiles. A profile fits if some server of it does."""

    def instance(self, system_wish: Wanted) -> list[str]:
        if system_wish.system.user_data_format != "cloud_init":
            return []
        of_kind = [
            instance_profile
            for instance_profile in INSTANCE_PROFILES.values()
            if instance_profile.architecture == system_wish.system.architecture
        ]
        return [
            instance_profile.name for instance_profile in of_kind if _possible(instance_profile, system_wish.expression)
        ]

    def bare_metal(self, system_wish: Wanted) -> list[str]:
        if system_wish.managed or system_wish.system.architecture != ARCHITECTURE:
            return []
        fits = any(permits_bare_metal(system_wish.expression, {"enable_secure_boot": secure}) for secure in _BOOLS)
        return list(BARE_METAL_PROFILES) if fits else []


def _possible(profile: InstanceProfile, expression: str) -> bool:
    return any(
        permits(expression, variables(profile, secure_boot=secure, metadata=metadata, protocol=protocol))
        for secure, metadata, protocol in product(profile.secure_boot, _BOOLS, _PROTOCOLS)
    )
