"""`/v1/virtual_network_interfaces`, and the addresses below one."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC as FAMILY
from kunsthalle.api.families.vpc import collection, href
from kunsthalle.api.regular import Resource, among, in_order, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.shapes import GroupWire, NamedWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, forbidden, not_found
from kunsthalle.networks import addresses, floating, groups, interfaces
from kunsthalle.networks.interfaces import CreateInterfaceBody, UpdateInterfaceBody
from kunsthalle.networks.kinds import FLOATING_IP, INTERFACE, RESERVED_IP, SUBNET, VPC
from kunsthalle.networks.model import FloatingIp, ReservedIp, VirtualNetworkInterface
from kunsthalle.networks.queries import locked, named, usual
from kunsthalle.networks.references import (
    INTERFACE_TYPE,
    CrnReferenceWire,
    FloatingIpReferenceWire,
    IpReferenceWire,
    TypedReferenceWire,
    floating_ip_ref,
    interface_path,
    ip_ref,
    security_group_ref,
    subnet_ref,
    vpc_ref,
    zone_ref,
)
from kunsthalle.networks.targets import TargetWire, interface_target, shown
from kunsthalle.store.scope import find, may
from kunsthalle.store.unit import Unit


class InterfaceWire(Wire):
    """A virtual network interface."""

    allow_ip_spoofing: bool
    auto_delete: bool
    created_at: str
    crn: str
    enable_infrastructure_nat: bool
    href: str
    id: str
    ips: list[IpReferenceWire]
    lifecycle_state: str
    mac_address: str
    name: str
    primary_ip: IpReferenceWire
    protocol_state_filtering_mode: str
    resource_group: GroupWire
    resource_type: str
    security_groups: list[CrnReferenceWire]
    subnet: TypedReferenceWire
    vpc: TypedReferenceWire
    zone: NamedWire
    target: TargetWire | UnsetType = UNSET


def interface_wire(interface: VirtualNetworkInterface, unit: Unit) -> InterfaceWire:
    ctx = unit.ctx
    ips = [ip_ref(ip, ctx) for ip in interfaces.ips_of(unit, interface)]
    subnet = named(unit, SUBNET, interface.subnet_id)
    return InterfaceWire(
        allow_ip_spoofing=interface.allow_ip_spoofing,
        auto_delete=interface.auto_delete,
        created_at=rfc3339(interface.created_at),
        crn=interface.crn,
        enable_infrastructure_nat=interface.enable_infrastructure_nat,
        href=href(ctx, interface_path(interface)),
        id=interface.id,
        ips=ips,
        lifecycle_state="stable",
        mac_address=interface.mac_address,
        name=interface.name,
        primary_ip=ips[0],
        protocol_state_filtering_mode=interface.protocol_state_filtering_mode,
        resource_group=group_wire(unit, interface.resource_group_id),
        resource_type=INTERFACE_TYPE,
        security_groups=[security_group_ref(one, ctx) for one in groups.of_target(unit, interface.id)],
        subnet=subnet_ref(subnet, ctx),
        vpc=vpc_ref(named(unit, VPC, interface.vpc_id), ctx),
        zone=zone_ref(ctx, subnet.zone),
        target=UNSET if interface.target is None else shown(interface.target, ctx),
    )


INTERFACES = Resource(
    INTERFACE,
    "virtual network interface",
    "/v1/virtual_network_interfaces",
    interface_wire,
    InterfaceWire,
    usual(INTERFACE),
    fresh="lifecycle_state",
)
_PARENT = "virtual_network_interface_id"
_IPS = f"{INTERFACES.path}/{{{_PARENT}}}/ips"
_FLOATING = f"{INTERFACES.path}/{{{_PARENT}}}/floating_ips"


def _list_ips(unit: Unit, request: Request) -> dict[str, Any]:
    """List the addresses of one virtual network interface."""
    owned = interfaces.ips_of(unit, request.granted.it)
    if "sort" in request.query:
        owned = in_order(owned, ("address", "created_at", "name"), request.query["sort"])
    found, limit = among(request, owned, lambda ip: ip.id)
    return collection(request, unit, "ips", found, lambda ip, u: ip_ref(ip, u.ctx), limit)


def _ip(unit: Unit, request: Request) -> ReservedIp:
    """One of the interface's addresses, else 404."""
    owned = interfaces.ips_of(unit, request.granted.it)
    found = next((ip for ip in owned if ip.id == request.params["id"]), None)
    if found is None:
        raise not_found()
    return found


def _get_ip(unit: Unit, request: Request) -> IpReferenceWire:
    """Get one address of one virtual network interface."""
    return ip_ref(_ip(unit, request), unit.ctx)


def _add_ip(unit: Unit, request: Request) -> IpReferenceWire:
    """Bind a reserved IP to one virtual network interface."""
    interface = locked(unit, INTERFACE, request.granted.it.id, _PARENT)
    ip = find(unit, RESERVED_IP, request.params["id"])
    if not may(unit, RESERVED_IP, ip, "is.subnet.subnet.update"):
        raise forbidden()
    if ip.target_id == interface.id:
        return ip_ref(ip, unit.ctx)
    if ip.subnet_id != interface.subnet_id:
        raise conflict("invalid_state", "The reserved IP is not in the subnet of the interface.")
    return ip_ref(addresses.bind(unit, ip, interface_target(interface)), unit.ctx)


def _remove_ip(unit: Unit, request: Request) -> None:
    """Take a reserved IP from one virtual network interface."""
    ip = _ip(unit, request)
    if ip.id == locked(unit, INTERFACE, request.granted.it.id, _PARENT).primary_ip_id:
        raise conflict("reserved_ip_in_use", "The primary address of an interface stays with it.")
    addresses.unbind(unit, ip)


def _list_floating(unit: Unit, request: Request) -> dict[str, Any]:
    """List the floating IPs of one virtual network interface."""
    owned = sorted(floating.of_target(unit, request.granted.it.id), key=lambda ip: ip.name)
    found, limit = among(request, owned, lambda ip: ip.id)
    return collection(request, unit, "floating_ips", found, lambda ip, u: floating_ip_ref(ip, u.ctx), limit)


def _floating(unit: Unit, request: Request) -> FloatingIp:
    """One of the interface's floating IPs, else 404."""
    owned = floating.of_target(unit, request.granted.it.id)
    found = next((ip for ip in owned if ip.id == request.params["id"]), None)
    if found is None:
        raise not_found()
    return found


def _get_floating(unit: Unit, request: Request) -> FloatingIpReferenceWire:
    """Get one floating IP of one virtual network interface."""
    return floating_ip_ref(_floating(unit, request), unit.ctx)


def _add_floating(unit: Unit, request: Request) -> FloatingIpReferenceWire:
    """Give a floating IP to one virtual network interface."""
    interface: VirtualNetworkInterface = request.granted.it
    ip = find(unit, FLOATING_IP, request.params["id"])
    if not may(unit, FLOATING_IP, ip, "is.floating-ip.floating-ip.update"):
        raise forbidden()
    if ip.target_id == interface.id:
        return floating_ip_ref(ip, unit.ctx)
    return floating_ip_ref(floating.bind_to_interface(unit, ip, interface.id, "id", "parameter"), unit.ctx)


def _remove_floating(unit: Unit, request: Request) -> None:
    """Take a floating IP from one virtual network interface."""
    floating.unbind(unit, _floating(unit, request))


def routes() -> tuple[Route, ...]:
    read = access.item(INTERFACE, param=_PARENT)
    change = access.item(INTERFACE, INTERFACES.action("update"), param=_PARENT)

    def below(method: str, path: str, call: Any, answer: Any = None) -> Route:
        rule = read if method == "GET" else change
        status = 204 if method == "DELETE" else 200
        return route(method, path, call, family=FAMILY, access=rule, answer=answer, status=status)

    return (
        listing(INTERFACES),
        reading(INTERFACES),
        making(INTERFACES, interfaces.create, CreateInterfaceBody),
        updating(INTERFACES, UpdateInterfaceBody, interfaces.change),
        removing(INTERFACES, interfaces.remove, shown="lifecycle_state"),
        below("GET", _IPS, _list_ips),
        below("GET", f"{_IPS}/{{id}}", _get_ip, IpReferenceWire),
        below("PUT", f"{_IPS}/{{id}}", _add_ip, IpReferenceWire),
        below("DELETE", f"{_IPS}/{{id}}", _remove_ip),
        below("GET", _FLOATING, _list_floating),
        below("GET", f"{_FLOATING}/{{id}}", _get_floating, FloatingIpReferenceWire),
        below("PUT", f"{_FLOATING}/{{id}}", _add_floating, FloatingIpReferenceWire),
        below("DELETE", f"{_FLOATING}/{{id}}", _remove_floating),
    )
