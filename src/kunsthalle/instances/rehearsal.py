"""Whether the place of a catalog version's test deployment exists (catalog-iam-enterprise.md 1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunsthalle.core.errors import Problem
from kunsthalle.instances.profiles import INSTANCE_PROFILES
from kunsthalle.networks.kinds import KEY, SUBNET, VPC
from kunsthalle.store.scope import Kind, find
from kunsthalle.store.unit import Unit

_PLACES: tuple[tuple[str, Kind[Any]], ...] = (("vpc_id", VPC), ("subnet_id", SUBNET), ("ssh_key_id", KEY))


def rehearse(unit: Unit, values: Mapping[str, Any]) -> str | None:
    """What is wrong with the override values, or None. Values that are absent are not asked for."""
    profile = values.get("vpc_profile")
    if profile and profile not in INSTANCE_PROFILES:
        return f"vpc_profile {str(profile)[:64]} does not exist"
    if values.get("vpc_region") not in {None, "", unit.ctx.region.name}:
        return f"vpc_region must be {unit.ctx.region.name}"
    for name, kind in _PLACES:
        if values.get(name) and not _exists(unit, kind, str(values[name])):
            return f"{name} {str(values[name])[:64]} does not exist in the account"
    zone = values.get("subnet_zone")
    if zone and values.get("subnet_id") and find(unit, SUBNET, str(values["subnet_id"])).zone != zone:
        return f"subnet_zone is not the zone of subnet {values['subnet_id']}"
    return None


def _exists(unit: Unit, kind: Kind[Any], id_: str) -> bool:
    try:
        find(unit, kind, id_)
    except Problem:
        return False
    return True
