"""Network interfaces of servers as the VPC API shows them (reference/vpc-api.md B3)."""

from __future__ import annotations

from kunsthalle.api.families.vpc import href
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.instances.model import Interface
from kunsthalle.instances.profiles import PORT_SPEED
from kunsthalle.networks.groups import of_target
from kunsthalle.networks.references import CrnReferenceWire, IpReferenceWire, TypedReferenceWire, security_group_ref
from kunsthalle.store.unit import Unit


class InterfaceReferenceWire(Wire):
    """An interface, from the side of its server."""

    href: str
    id: str
    name: str
    primary_ip: IpReferenceWire
    resource_type: str
    subnet: TypedReferenceWire


class InterfaceWire(Wire):
    """An interface by itself."""

    allow_ip_spoofing: bool
    created_at: str
    floating_ips: list[dict[str, str]]
    href: str
    id: str
    name: str
    port_speed: int
    primary_ip: IpReferenceWire
    resource_type: str
    security_groups: list[CrnReferenceWire]
    status: str
    subnet: TypedReferenceWire
    type: str


class InterfacesWire(Wire):
    """All at once: this list has no pages."""

    network_interfaces: list[InterfaceWire]


def _href(interface: Interface, ctx: Context) -> str:
    return href(ctx, f"/instances/{interface.instance_id}/network_interfaces/{interface.id}")


def _address(interface: Interface, ctx: Context) -> IpReferenceWire:
    kept = interface.primary_ip
    return IpReferenceWire(
        address=kept["address"],
        href=href(ctx, kept["path"]),
        id=kept["id"],
        name=kept["name"],
        resource_type="subnet_reserved_ip",
    )


def _subnet(interface: Interface, ctx: Context) -> TypedReferenceWire:
    kept = interface.subnet
    return TypedReferenceWire(
        crn=kept["crn"],
        href=href(ctx, f"/subnets/{kept['id']}"),
        id=kept["id"],
        name=kept["name"],
        resource_type="subnet",
    )


def interface_reference_wire(interface: Interface, ctx: Context) -> InterfaceReferenceWire:
    return InterfaceReferenceWire(
        href=_href(interface, ctx),
        id=interface.id,
        name=interface.name,
        primary_ip=_address(interface, ctx),
        resource_type="network_interface",
        subnet=_subnet(interface, ctx),
    )


def interface_wire(interface: Interface, unit: Unit) -> InterfaceWire:
    ctx = unit.ctx
    return InterfaceWire(
        allow_ip_spoofing=interface.allow_ip_spoofing,
        created_at=rfc3339(interface.created_at),
        floating_ips=[],
        href=_href(interface, ctx),
        id=interface.id,
        name=interface.name,
        port_speed=PORT_SPEED,
        primary_ip=_address(interface, ctx),
        resource_type="network_interface",
        security_groups=[security_group_ref(group, ctx) for group in of_target(unit, interface.id)],
        status="available",
        subnet=_subnet(interface, ctx),
        type=interface.type,
    )
