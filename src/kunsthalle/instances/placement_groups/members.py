"""Which instances are in a placement group: written on the instances, bounded by the group's strategy."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UnsetType
from sqlalchemy import Column, ColumnElement, false

from kunsthalle.api.references import Identity, refer
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.db.visibility import unscoped
from kunsthalle.instances.placement_groups.models import PlacementGroup
from kunsthalle.instances.placement_groups.resources import PLACEMENT_GROUP, USE
from kunsthalle.instances.placement_groups.tables import placement_groups
from kunsthalle.instances.tables import instances
from kunsthalle.networks.queries import locked

FIELD = "placement_target"
MOST = {"host_spread": 12, "power_spread": 4}
"""Instances of a placement group, by its strategy: "a maximum of 12 instances", "a maximum of four instances"
(https://cloud.ibm.com/docs/vpc?topic=vpc-about-placement-groups-for-vpc, of 2025-06-27).
"""


def target_of(session: Session, identity: Identity | UnsetType) -> PlacementGroup | None:
    """The placement group that a prototype names, if it names one. 404 for one that is not seen, or something else;
    403 where it may not be used.
    """
    return None if isinstance(identity, UnsetType) else refer(session, PLACEMENT_GROUP, identity, FIELD, USE).resource


def enter(session: Session, group: PlacementGroup | None) -> str | None:
    """The id of a group that one more instance is to be in. 400 `over_quota`; 409 while it is being deleted."""
    if group is None:
        return None
    now = locked(session, PLACEMENT_GROUP, group.id, FIELD, "field")
    if now.lifecycle_state != "stable":
        raise conflict("invalid_state", f"The placement group is {now.lifecycle_state}.", FIELD)
    most = MOST[now.strategy]
    if number_of(session, instances, instances.c.placement_group_id == now.id) >= most:
        text = f"A placement group with the strategy {now.strategy} has at most {most} instances."
        raise invalid("over_quota", text, FIELD)
    return now.id


def groups_of(session: Session, ids: Iterable[str | None]) -> dict[str | None, PlacementGroup]:
    """Placement groups of instances that were looked up already, by id; nothing is asked where there are none."""
    group_ids = {id_ for id_ in ids if id_ is not None}
    groups = unscoped(session, PLACEMENT_GROUP, placement_groups.c.id.in_(group_ids)) if group_ids else []
    return {group.id: group for group in groups}


def placed_in(id_: str | None, crn: str | None, name: str | None, own: Column[str]) -> list[ColumnElement[bool]]:
    """What a list asks of the placement group: its id, its CRN, its name. Of other accounts' instances none is in the
    list anyway.
    """
    conditions: list[ColumnElement[bool]] = [] if id_ is None else [own == id_]
    if crn is not None:
        conditions.append(own == of_crn if (of_crn := _id_in(crn)) else false())
    if name is not None:
        conditions.append(exists(placement_groups, placement_groups.c.id == own, placement_groups.c.name == name))
    return conditions


def _id_in(text: str) -> str:
    try:
        crn = parse(text)
    except ValueError:
        return ""
    return crn.resource if (crn.service, crn.type) == ("is", "placement-group") else ""
