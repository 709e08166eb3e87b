"""What a security group or a floating IP may be bound to: interfaces of servers, and virtual network interfaces.

Interfaces of servers are another room's. What this room knows of one is what it said of itself when it took its
address, and that is enough to find it by its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.families.vpc import href
from kunsthalle.api.regular import Filter, equals
from kunsthalle.api.wire import Wire
from kunsthalle.core.context import Context
from kunsthalle.core.errors import not_found
from kunsthalle.networks.kinds import INTERFACE, RESERVED_IP, SUBNET
from kunsthalle.networks.model import ReservedIp, Subnet, VirtualNetworkInterface
from kunsthalle.networks.queries import ip_of_target, named
from kunsthalle.networks.references import (
    INTERFACE_TYPE,
    IpReferenceWire,
    TypedReferenceWire,
    interface_path,
    ip_ref,
    subnet_ref,
)
from kunsthalle.store.scope import Kind, some
from kunsthalle.store.unit import Unit


class TargetWire(Wire):
    """What an address is bound to, or a security group applies to; the last two for interfaces."""

    href: str
    id: str
    name: str
    resource_type: str
    crn: str | UnsetType = UNSET
    primary_ip: IpReferenceWire | UnsetType = UNSET
    subnet: TypedReferenceWire | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Bindable:
    """Something that can be bound to, and where it is."""

    target: dict[str, str]
    subnet: Subnet


def interface_target(interface: VirtualNetworkInterface) -> dict[str, str]:
    """How a virtual network interface describes itself."""
    return {
        "id": interface.id,
        "name": interface.name,
        "href_path": interface_path(interface),
        "resource_type": INTERFACE_TYPE,
        "crn": interface.crn,
    }


def find_target(unit: Unit, id_: str, name: str = "id", type_: str = "parameter") -> Bindable:
    """By the id of a virtual network interface, of the attachment that uses it, or of a server's interface."""
    columns = INTERFACE.table.c
    interfaces = some(unit, INTERFACE, (columns.id == id_) | (columns.target_id == id_), limit=1)
    if interfaces:
        return Bindable(interface_target(interfaces[0]), named(unit, SUBNET, interfaces[0].subnet_id))
    addresses = some(unit, RESERVED_IP, RESERVED_IP.table.c.target_id == id_)
    primary: ReservedIp | None = min(addresses, key=lambda ip: ip.number, default=None)
    if primary is None or primary.target is None:
        raise not_found(name, type_)
    return Bindable(primary.target, named(unit, SUBNET, primary.subnet_id))


def shown(target: dict[str, str], ctx: Context) -> TargetWire:
    """As an address shows what uses it."""
    return TargetWire(
        href=href(ctx, target["href_path"]),
        id=target["id"],
        name=target["name"],
        resource_type=target["resource_type"],
        crn=target.get("crn", UNSET),
    )


def shown_with_address(unit: Unit, target: dict[str, str], *, always: bool) -> TargetWire:
    """With the target's own address: of interfaces with a CRN, and, if `always`, of the others too."""
    wire = shown(target, unit.ctx)
    own = wire.resource_type == INTERFACE_TYPE
    ip = ip_of_target(unit, wire.id) if own or always else None
    if ip is not None:
        wire.primary_ip = ip_ref(ip, unit.ctx)
        if own:
            wire.subnet = subnet_ref(named(unit, SUBNET, ip.subnet_id), unit.ctx)
    return wire


def bound_filters(kind: Kind[Any]) -> dict[str, Filter]:
    """The filters `target.*` of lists of things that are bound to something."""
    columns = kind.table.c

    def by(key: str) -> Filter:
        def matching(unit: Unit, value: str) -> Any:
            bound = some(unit, kind, columns.target_id.is_not(None))
            return columns.id.in_([one.id for one in bound if one.target.get(key) == value])

        return matching

    more = {f"target.{key}": by(key) for key in ("crn", "name", "resource_type")}
    return {"target.id": equals(columns.target_id), **more}
