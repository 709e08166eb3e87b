"""Where a server stands: its zone, its VPC, and its network interfaces or attachments (reference/vpc-api.md B2)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.references import name_of, refer
from kunsthalle.block_storage.service import zone_named
from kunsthalle.core.errors import invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import name_taken
from kunsthalle.db.session import Session
from kunsthalle.instances import network_attachments, network_interfaces
from kunsthalle.instances.instance_profiles import InstanceProfile
from kunsthalle.instances.models import Interface
from kunsthalle.instances.network_attachments import PlannedAttachment
from kunsthalle.instances.network_interfaces import PlannedInterface
from kunsthalle.instances.requests import CreateInstanceRequest
from kunsthalle.networks.models import Vpc
from kunsthalle.networks.resources import VPC
from kunsthalle.networks.virtual_network_interfaces import check_addresses

Planned = PlannedInterface | PlannedAttachment
_NEW = "virtual_network_interface"
FAMILIES = (("primary_network_interface", "network_interfaces"), ("primary_network_attachment", "network_attachments"))
"""The two ways to say how a server is connected: the first one, and the others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Zone, VPC and interfaces; the first interface is the primary one."""

    zone: str
    vpc: Vpc
    interfaces: list[Planned]


def surface(body: CreateInstanceRequest) -> tuple[str, str] | None:
    """The fields of the way that is taken; None where nothing is said. 400 for both ways at once."""
    named_families = [any(getattr(body, field) not in (UNSET, []) for field in fields) for fields in FAMILIES]
    if all(named_families):
        text = f"A server has either {FAMILIES[0][1]} or {FAMILIES[1][1]}."
        raise invalid("validation_only_one", text, FAMILIES[1][0])
    return next((fields for fields, is_named in zip(FAMILIES, named_families, strict=True) if is_named), None)


def plan(session: Session, body: CreateInstanceRequest, profile: InstanceProfile, group_id: str) -> Place:
    """404 for what is not seen; 400 `zone_inconsistency`, `vpc_resource_separation` for what does not go together."""
    if isinstance(body.zone, UnsetType):
        raise invalid("validation_required_field", "Missing a required field.", "zone")
    zone = zone_named(session, name_of(body.zone, "zone"))
    vpc = None if isinstance(body.vpc, UnsetType) else refer(session, VPC, body.vpc, "vpc").resource
    vpc_id, planned = vpc.id if vpc else None, []
    for field, wish in _wishes(body, profile.interfaces):
        planned.append(_planned(session, zone, vpc_id, group_id, field, wish))
        vpc_id = planned[0].vpc.id
    names = [interface.name for interface in planned]
    if len(set(names)) < len(names):
        raise name_taken(next(name for name in names if names.count(name) > 1))
    return Place(zone, vpc or planned[0].vpc, planned)


def _wishes(body: CreateInstanceRequest, most: int) -> list[tuple[str, Any]]:
    """What is asked for, with where, the primary one first."""
    first, others = surface(body) or FAMILIES[0]
    primary = getattr(body, first)
    if isinstance(primary, UnsetType):
        raise invalid("validation_required_field", "Missing a required field.", first)
    more = getattr(body, others)
    more = [] if isinstance(more, UnsetType) else more
    if len(more) >= most:
        raise invalid("bad_field", f"A server of this profile has at most {most} network interfaces.", others)
    wishes = [(f"{first}.", primary), *((f"{others}.{at}.", wish) for at, wish in enumerate(more))]
    if first == FAMILIES[1][0]:
        check_addresses([(f"{field}{_NEW}.", wish.virtual_network_interface) for field, wish in wishes])
    return wishes


def _planned(session: Session, zone: str, vpc_id: str | None, group_id: str, field: str, wish: Any) -> Planned:
    if field.startswith(FAMILIES[1]):
        return network_attachments.plan(session, zone, vpc_id, group_id, field, wish)
    return network_interfaces.plan(session, zone, vpc_id, field, wish)


def settle(session: Session, place: Place, instance_id: str) -> list[Interface]:
    """Makes the interfaces: takes their addresses, puts them into their groups."""
    return [_make(session, planned, instance_id, at) for at, planned in enumerate(place.interfaces)]


def _make(session: Session, planned: Planned, instance_id: str, position: int) -> Interface:
    if isinstance(planned, PlannedAttachment):
        return network_attachments.make(session, planned, instance_id, position)
    return network_interfaces.make(session, planned, instance_id, position)


def give_back(session: Session, interfaces: list[Interface]) -> None:
    """The server is being deleted: frees the addresses of its own interfaces, which leave their groups."""
    for interface in interfaces:
        if interface.virtual_network_interface_id is None:
            network_interfaces.give_back(session, interface)


def let_go(session: Session, interfaces: list[Interface]) -> None:
    """The server is gone: so are its attachments, and the interfaces that go with them."""
    for interface in interfaces:
        if interface.virtual_network_interface_id is not None:
            network_attachments.give_back(session, interface)
