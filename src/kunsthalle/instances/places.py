"""Where a server stands: zone, VPC, its interfaces' subnets, addresses and groups (reference/vpc-api.md B2)."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UnsetType

from kunsthalle.api.references import name_of, refer
from kunsthalle.api.regular import given
from kunsthalle.core.errors import invalid
from kunsthalle.instances.bodies import CreateInstanceBody, InterfaceBody
from kunsthalle.instances.kinds import INTERFACE
from kunsthalle.instances.model import Interface
from kunsthalle.instances.profiles import INTERFACES
from kunsthalle.networks import addresses, groups
from kunsthalle.networks.interfaces import IpBody, mac_address
from kunsthalle.networks.kinds import RESERVED_IP, SECURITY_GROUP, SUBNET, VPC
from kunsthalle.networks.model import ReservedIp, SecurityGroup, Subnet, Vpc
from kunsthalle.networks.queries import default_security_group, named
from kunsthalle.networks.references import ip_path
from kunsthalle.storage.service import zone_named
from kunsthalle.store.rows import insert, name_taken
from kunsthalle.store.unit import Unit

_PRIMARY = "primary_network_interface"


@dataclass(frozen=True, slots=True)
class Planned:
    """An interface to be: resolved, nothing taken yet. `field` is where the request asks for it."""

    field: str
    name: str
    subnet: Subnet
    groups: list[SecurityGroup]
    wish: IpBody
    kept: ReservedIp | None
    allow_ip_spoofing: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Zone, VPC and interfaces; the first interface is the primary one."""

    zone: str
    vpc: Vpc
    interfaces: list[Planned]


def plan(unit: Unit, body: CreateInstanceBody) -> Place:
    """404 for what is not seen; 400 `zone_inconsistency`, `vpc_resource_separation` for what does not go together."""
    if isinstance(body.zone, UnsetType):
        raise invalid("validation_required_field", "Missing a required field.", "zone")
    zone = zone_named(unit, name_of(body.zone, "zone"))
    if isinstance(body.primary_network_interface, UnsetType):
        raise invalid("validation_required_field", "Missing a required field.", _PRIMARY)
    more = [] if isinstance(body.network_interfaces, UnsetType) else body.network_interfaces
    if len(more) >= INTERFACES:
        raise invalid("bad_field", f"A server has at most {INTERFACES} interfaces.", "network_interfaces")
    wishes = [(_PRIMARY, body.primary_network_interface)]
    wishes += [(f"network_interfaces.{number}", wish) for number, wish in enumerate(more)]
    subnets = [refer(unit, SUBNET, wish.subnet, f"{field}.subnet").it for field, wish in wishes]
    if isinstance(body.vpc, UnsetType):
        vpc = named(unit, VPC, subnets[0].vpc_id)
    else:
        vpc = refer(unit, VPC, body.vpc, "vpc").it
    planned = [_planned(unit, zone, vpc, *one) for one in zip(wishes, subnets, strict=True)]
    names = [one.name for one in planned]
    if len(set(names)) < len(names):
        raise name_taken(next(name for name in names if names.count(name) > 1))
    return Place(zone, vpc, planned)


def _planned(unit: Unit, zone: str, vpc: Vpc, asked: tuple[str, InterfaceBody], subnet: Subnet) -> Planned:
    field, body = asked
    if subnet.zone != zone:
        raise invalid("zone_inconsistency", f"The subnet is in {subnet.zone}, not in {zone}.", f"{field}.subnet")
    if subnet.vpc_id != vpc.id:
        raise invalid("vpc_resource_separation", "The subnet is in another VPC.", f"{field}.subnet")
    wish = IpBody() if isinstance(body.primary_ip, UnsetType) else body.primary_ip
    return Planned(
        field=field,
        name=given(body.name, "") or unit.ctx.ids.name(),
        subnet=subnet,
        groups=_groups(unit, vpc, body, f"{field}.security_groups"),
        wish=wish,
        kept=_kept(unit, wish, subnet, f"{field}.primary_ip"),
        allow_ip_spoofing=body.allow_ip_spoofing is True,
    )


def _groups(unit: Unit, vpc: Vpc, body: InterfaceBody, field: str) -> list[SecurityGroup]:
    if isinstance(body.security_groups, UnsetType) or not body.security_groups:
        return [default_security_group(unit, vpc)]
    found = [refer(unit, SECURITY_GROUP, one, field).it for one in body.security_groups]
    if any(group.vpc_id != vpc.id for group in found):
        raise invalid("vpc_resource_separation", "The security group is in another VPC.", field)
    return found


def _kept(unit: Unit, wish: IpBody, subnet: Subnet, field: str) -> ReservedIp | None:
    """The address that is reserved already, where one is meant; 400 for one of another subnet."""
    if not wish.identified:
        return None
    kept = refer(unit, RESERVED_IP, wish, field).it
    if kept.subnet_id != subnet.id:
        raise invalid("bad_field", "The reserved IP is in another subnet.", field)
    return kept


def settle(unit: Unit, place: Place, instance_id: str) -> list[Interface]:
    """Makes the interfaces: takes their addresses, puts them into their groups."""
    return [_make(unit, place, planned, instance_id, at) for at, planned in enumerate(place.interfaces)]


def _make(unit: Unit, place: Place, planned: Planned, instance_id: str, position: int) -> Interface:
    id_ = unit.ctx.ids.resource(unit.ctx.region.zones[place.zone])
    target = {
        "id": id_,
        "name": planned.name,
        "href_path": f"/instances/{instance_id}/network_interfaces/{id_}",
        "resource_type": "network_interface",
    }
    taken = _take(unit, planned, target)
    groups.attach(unit, place.vpc, planned.groups, target, f"{planned.field}.security_groups")
    interface = Interface(
        id=id_,
        account_id=unit.ctx.account_id,
        instance_id=instance_id,
        position=position,
        name=planned.name,
        type="primary" if position == 0 else "secondary",
        subnet={"id": planned.subnet.id, "crn": planned.subnet.crn, "name": planned.subnet.name},
        primary_ip={"id": taken.id, "address": taken.address, "name": taken.name, "path": ip_path(taken)},
        allow_ip_spoofing=planned.allow_ip_spoofing,
        mac=mac_address(unit.ctx.ids),
        created_at=unit.ctx.now(),
    )
    return insert(unit, INTERFACE, interface)


def _take(unit: Unit, planned: Planned, target: dict[str, str]) -> ReservedIp:
    field, wish = f"{planned.field}.primary_ip", planned.wish
    if planned.kept is not None:
        return addresses.bind(unit, planned.kept, target, field)
    return addresses.reserve(
        unit,
        planned.subnet,
        given(wish.address, "") or None,
        name=given(wish.name, "") or None,
        target=target,
        field=f"{field}.address",
        auto_delete=given(wish.auto_delete, True),
    )


def give_back(unit: Unit, interfaces: list[Interface]) -> None:
    """Frees the addresses, and leaves the groups."""
    for interface in interfaces:
        addresses.release(unit, interface.id)
        groups.detach(unit, interface.id)
