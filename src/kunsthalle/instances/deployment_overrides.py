"""Whether the place of a catalog version's test deployment exists (catalog-iam-enterprise.md 1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, find
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES
from kunsthalle.networks.resources import KEY, SUBNET, VPC

_PLACES: tuple[tuple[str, ResourceType[Any]], ...] = (("vpc_id", VPC), ("subnet_id", SUBNET), ("ssh_key_id", KEY))


def rehearse(session: Session, values: Mapping[str, Any]) -> str | None:
    """What is wrong with the override values, or None. Values that are absent are not asked for."""
    profile = values.get("vpc_profile")
    if profile and profile not in INSTANCE_PROFILES:
        return f"vpc_profile {str(profile)[:64]} does not exist"
    if values.get("vpc_region") not in {None, "", session.ctx.region.name}:
        return f"vpc_region must be {session.ctx.region.name}"
    for name, kind in _PLACES:
        if values.get(name) and not _exists(session, kind, str(values[name])):
            return f"{name} {str(values[name])[:64]} does not exist in the account"
    zone = values.get("subnet_zone")
    if zone and values.get("subnet_id") and find(session, SUBNET, str(values["subnet_id"])).zone != zone:
        return f"subnet_zone is not the zone of subnet {values['subnet_id']}"
    return None


def _exists(session: Session, kind: ResourceType[Any], id_: str) -> bool:
    try:
        find(session, kind, id_)
    except Problem:
        return False
    return True
