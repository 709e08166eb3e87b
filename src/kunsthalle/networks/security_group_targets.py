"""What a security group or a floating IP may be bound to: interfaces of servers, and virtual network interfaces.

Interfaces of servers are another package's. What this package knows of one is what it said of itself when it took its
address, and that is enough to find it by its id.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.api.crud import Filter, equals
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.api.vpc_parameters import SORT, NamedParameters
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, some
from kunsthalle.networks.models import ReservedIp, Subnet, VirtualNetworkInterface
from kunsthalle.networks.network_references import (
    INTERFACE_TYPE,
    IpReferenceResponse,
    TypedReferenceResponse,
    interface_path,
    ip_ref,
    subnet_ref,
)
from kunsthalle.networks.queries import ip_of_target, named
from kunsthalle.networks.resources import INTERFACE, RESERVED_IP, SUBNET


class TargetResponse(ResponseBody):
    """What an address is bound to, or a security group applies to; the last two for interfaces."""

    href: str
    id: str
    name: str
    resource_type: str
    crn: str | UnsetType = UNSET
    primary_ip: IpReferenceResponse | UnsetType = UNSET
    subnet: TypedReferenceResponse | UnsetType = UNSET


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


def find_target(session: Session, id_: str, name: str = "id", type_: str = "parameter") -> Bindable:
    """By the id of a virtual network interface, of the attachment that uses it, or of a server's interface."""
    columns = INTERFACE.table.c
    interfaces = some(session, INTERFACE, (columns.id == id_) | (columns.target_id == id_), limit=1)
    if interfaces:
        return Bindable(interface_target(interfaces[0]), named(session, SUBNET, interfaces[0].subnet_id))
    addresses = some(session, RESERVED_IP, RESERVED_IP.table.c.target_id == id_)
    primary: ReservedIp | None = min(addresses, key=lambda ip: ip.number, default=None)
    if primary is None or primary.target is None:
        raise not_found(name, type_)
    return Bindable(primary.target, named(session, SUBNET, primary.subnet_id))


def shown(target: dict[str, str], ctx: Context) -> TargetResponse:
    """As an address shows what uses it."""
    return TargetResponse(
        href=href(ctx, target["href_path"]),
        id=target["id"],
        name=target["name"],
        resource_type=target["resource_type"],
        crn=target.get("crn", UNSET),
    )


def shown_with_address(session: Session, target: dict[str, str], *, always: bool) -> TargetResponse:
    """With the target's own address: of interfaces with a CRN, and, if `always`, of the others too."""
    wire = shown(target, session.ctx)
    own = wire.resource_type == INTERFACE_TYPE
    ip = ip_of_target(session, wire.id) if own or always else None
    if ip is not None:
        wire.primary_ip = ip_ref(ip, session.ctx)
        if own:
            wire.subnet = subnet_ref(named(session, SUBNET, ip.subnet_id), session.ctx)
    return wire


class BoundParameters(NamedParameters, frozen=True):
    """Of lists of addresses, which may be bound to something."""

    sort: Annotated[Literal["address", "-address", "created_at", "-created_at", "name", "-name"] | None, SORT] = None
    target_id: Annotated[str | None, Meta(description="Only addresses bound to the target with this ID.")] = field(
        name="target.id", default=None
    )
    target_crn: Annotated[str | None, Meta(description="Only addresses bound to the target with this CRN.")] = field(
        name="target.crn", default=None
    )
    target_name: Annotated[str | None, Meta(description="Only addresses bound to a target of this name.")] = field(
        name="target.name", default=None
    )
    target_resource_type: Annotated[
        str | None,
        Meta(description="Only addresses bound to a target of this type, such as `virtual_network_interface`."),
    ] = field(name="target.resource_type", default=None)


def bound_filters(kind: ResourceType[Any]) -> dict[str, Filter]:
    """The filters `target.*` of lists of resources that are bound to something."""
    columns = kind.table.c

    def by(key: str) -> Filter:
        def matching(session: Session, value: str) -> Any:
            bound = some(session, kind, columns.target_id.is_not(None))
            return columns.id.in_([interface.id for interface in bound if interface.target.get(key) == value])

        return matching

    more = {f"target_{key}": by(key) for key in ("crn", "name", "resource_type")}
    return {"target_id": equals(columns.target_id), **more}
