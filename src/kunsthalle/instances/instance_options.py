"""What a request sets of a server that is kept and shown again, and the rules between it and the profile (B2, E2)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from kunsthalle.authz.context import Context
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES, InstanceProfile
from kunsthalle.instances.requests import OptionsRequest

_FROM_RESERVATIONS = "2024-11-19"
"""From this API version on, servers use reservations by themselves unless told otherwise."""
_LEAST_BANDWIDTH = 500
_STOPPED = ("confidential_compute_mode", "enable_secure_boot", "threads_per_core", "vcpu", "volume_bandwidth_qos_mode")
"""Options that change only while the server is stopped."""


def options_of(body: OptionsRequest) -> dict[str, Any]:
    """What the request sets of the options, in the words of the wire."""
    sent = {name: getattr(body, name) for name in OptionsRequest.__struct_fields__}
    return {name: msgspec.to_builtins(value) for name, value in sent.items() if value is not UNSET}


def over(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Options with others laid over them, field by field."""
    merged = dict(old)
    for name, value in new.items():
        previous = old.get(name)
        merged[name] = {**previous, **value} if isinstance(previous, dict) and isinstance(value, dict) else value
    return merged


def settled(options: dict[str, Any], profile: InstanceProfile) -> dict[str, Any]:
    """The options of a new server, with what follows from them; 400 for what the profile or each other forbids."""
    check(options, profile)
    if _alone(options) and "policy" not in options.get("reservation_affinity", {}):
        return over(options, {"reservation_affinity": {"policy": "disabled"}})
    return options


def _alone(options: dict[str, Any]) -> bool:
    """Whether reservations cannot be used: by a server that may be taken away, or that has part of its processors."""
    part = options.get("vcpu", {}).get("percentage", 100) < 100
    return bool(part or options.get("availability", {}).get("class") == "spot")


def check(options: dict[str, Any], profile: InstanceProfile) -> None:
    """400 `bad_field` for options that do not go with the profile or with each other."""
    affinity = options.get("reservation_affinity", {})
    if affinity.get("policy") == "manual" or affinity.get("pool"):
        raise invalid("bad_field", "There are no reservations here.", "reservation_affinity")
    if _alone(options) and affinity.get("policy", "disabled") != "disabled":
        text = "A spot server, and one with part of its vCPUs, cannot use reservations."
        raise invalid("bad_field", text, "reservation_affinity.policy")
    _offered(options, "confidential_compute_mode", profile.confidential, profile)
    _offered(options, "enable_secure_boot", profile.secure_boot, profile)
    _offered(options, "threads_per_core", (2,), profile)
    _offered(options.get("vcpu", {}), "percentage", profile.percentages, profile, "vcpu.")
    most = profile.bandwidth - _LEAST_BANDWIDTH
    if options.get("total_volume_bandwidth", 0) > most:
        text = f"Servers of the profile {profile.name} give their volumes at most {most} Mb/s."
        raise invalid("validation_max_value", text, "total_volume_bandwidth")


def _offered(
    options: dict[str, Any], name: str, values: tuple[Any, ...], profile: InstanceProfile, prefix: str = ""
) -> None:
    if name in options and options[name] not in values:
        raise invalid("bad_field", f"The profile {profile.name} does not offer this value.", f"{prefix}{name}")


def refuse_running(changed: dict[str, Any], old: dict[str, Any], status: str) -> None:
    """409 for what changes only while a server is `stopping` or `stopped`."""
    for name in _STOPPED:
        if name in changed and changed[name] != old.get(name) and status not in {"stopping", "stopped"}:
            raise conflict("invalid_state", f"The server must be stopped, and is {status}.", name)


def shown(options: dict[str, Any], profile_name: str, ctx: Context) -> dict[str, Any]:
    """What was asked for, over what holds where nothing was (B2)."""
    profile = INSTANCE_PROFILES[profile_name]
    defaults: dict[str, Any] = {
        "availability": {"class": "standard"},
        "availability_policy": {"host_failure": "restart", "preemption": "stop"},
        "metadata_service": {"enabled": False, "protocol": "http", "response_hop_limit": 1},
        "reservation_affinity": {
            "policy": "automatic" if ctx.api_version >= _FROM_RESERVATIONS else "disabled",
            "pool": [],
        },
        "enable_secure_boot": False,
        "confidential_compute_mode": "disabled",
        "threads_per_core": 2,
        "total_volume_bandwidth": profile.volume_bandwidth,
        "volume_bandwidth_qos_mode": profile.volume_sharing[0],
    }
    return {
        name: {**default, **options.get(name, {})} if isinstance(default, dict) else options.get(name, default)
        for name, default in defaults.items()
    }
