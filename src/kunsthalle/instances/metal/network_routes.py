"""`/v1/bare_metal_servers/{bare_metal_server_id}/network_interfaces` and `…/network_attachments`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection
from kunsthalle.api.regular import Resource, among, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.wire import Wire
from kunsthalle.core.errors import not_found
from kunsthalle.instances.metal import interfaces
from kunsthalle.instances.metal.bodies import (
    MetalAttachmentBody,
    MetalInterfaceBody,
    UpdateMetalAttachmentBody,
    UpdateMetalInterfaceBody,
)
from kunsthalle.instances.metal.kinds import BARE_METAL, METAL_ATTACHMENT, METAL_INTERFACE
from kunsthalle.instances.metal.model import MetalInterface
from kunsthalle.instances.metal.network_wire import (
    MetalAttachmentWire,
    MetalInterfaceWire,
    attachment_wire,
    interface_wire,
)
from kunsthalle.networks import floating
from kunsthalle.networks.floating import FloatingIpWire, floating_ip_wire
from kunsthalle.networks.kinds import FLOATING_IP, RESERVED_IP
from kunsthalle.networks.model import FloatingIp, ReservedIp
from kunsthalle.networks.queries import named
from kunsthalle.networks.wire import ReservedIpWire, ip_wire
from kunsthalle.store.scope import resolve
from kunsthalle.store.unit import Unit

_SERVER, _INTERFACE = "bare_metal_server_id", "network_interface_id"
_BELOW = f"/v1/bare_metal_servers/{{{_SERVER}}}"
METAL_INTERFACES = Resource(
    METAL_INTERFACE,
    "network interface of a bare metal server",
    f"{_BELOW}/network_interfaces",
    interface_wire,
    MetalInterfaceWire,
    parent=BARE_METAL,
    parent_field=_SERVER,
)
METAL_ATTACHMENTS = Resource(
    METAL_ATTACHMENT,
    "network attachment of a bare metal server",
    f"{_BELOW}/network_attachments",
    attachment_wire,
    MetalAttachmentWire,
    parent=BARE_METAL,
    parent_field=_SERVER,
)
_ONE = f"{METAL_INTERFACES.path}/{{{_INTERFACE}}}"
_IPS, _FLOATING = f"{_ONE}/ips", f"{_ONE}/floating_ips"


class MetalFloatingIps(Wire):
    """All at once: this list has no pages."""

    floating_ips: list[FloatingIpWire]


def _primary(unit: Unit, it: MetalInterface) -> ReservedIp:
    return named(unit, RESERVED_IP, it.primary_ip["id"])


def _list_ips(unit: Unit, request: Request) -> dict[str, Any]:
    """List the primary address of a network interface of a bare metal server."""
    found, limit = among(request, [_primary(unit, request.granted.it)], lambda ip: ip.id)
    return collection(request, unit, "ips", found, ip_wire, limit)


def _get_ip(unit: Unit, request: Request) -> ReservedIpWire:
    """Get the primary address of a network interface of a bare metal server."""
    ip = _primary(unit, request.granted.it)
    if ip.id != request.params["id"]:
        raise not_found()
    return ip_wire(ip, unit)


def _list_floating(unit: Unit, request: Request) -> MetalFloatingIps:
    """List the floating IPs of a network interface of a bare metal server."""
    owned = floating.of_target(unit, request.granted.it.bound)
    return MetalFloatingIps(floating_ips=[floating_ip_wire(ip, unit) for ip in owned])


def _floating(unit: Unit, request: Request) -> FloatingIp:
    """One of the interface's floating IPs, else 404."""
    for ip in floating.of_target(unit, request.granted.it.bound):
        if ip.id == request.params["id"]:
            return ip
    raise not_found()


def _get_floating(unit: Unit, request: Request) -> FloatingIpWire:
    """Get one floating IP of a network interface of a bare metal server."""
    return floating_ip_wire(_floating(unit, request), unit)


def _add_floating(unit: Unit, request: Request) -> FloatingIpWire:
    """Give a floating IP to a network interface of a bare metal server."""
    ip = resolve(unit, FLOATING_IP, request.params["id"], "is.floating-ip.floating-ip.update").it
    return floating_ip_wire(interfaces.give_floating(unit, request.granted.it, ip), unit)


def _remove_floating(unit: Unit, request: Request) -> None:
    """Take a floating IP from a network interface of a bare metal server."""
    floating.unbind(unit, _floating(unit, request))


def routes() -> tuple[Route, ...]:
    read = access.item(METAL_INTERFACE, param=_INTERFACE, parents=(_SERVER,))
    change = access.item(METAL_INTERFACE, METAL_INTERFACES.action("update"), param=_INTERFACE, parents=(_SERVER,))
    one = f"{_FLOATING}/{{id}}"
    detach = METAL_ATTACHMENTS.on_one("delete")

    def remove_attachment(unit: Unit, request: Request) -> None:
        """Delete one network attachment of a bare metal server."""
        interfaces.remove_attachment(unit, request.granted)

    attachment = f"{METAL_ATTACHMENTS.path}/{{id}}"
    return (
        listing(METAL_INTERFACES),
        reading(METAL_INTERFACES),
        making(METAL_INTERFACES, interfaces.add_interface, MetalInterfaceBody),
        updating(METAL_INTERFACES, UpdateMetalInterfaceBody, interfaces.change_interface),
        removing(METAL_INTERFACES, interfaces.remove_interface),
        route("GET", _IPS, _list_ips, family=VPC, access=read),
        route("GET", f"{_IPS}/{{id}}", _get_ip, family=VPC, access=read, answer=ReservedIpWire),
        route("GET", _FLOATING, _list_floating, family=VPC, access=read, answer=MetalFloatingIps),
        route("GET", one, _get_floating, family=VPC, access=read, answer=FloatingIpWire),
        route("PUT", one, _add_floating, family=VPC, access=change, answer=FloatingIpWire, status=201),
        route("DELETE", one, _remove_floating, family=VPC, access=change, status=204),
        listing(METAL_ATTACHMENTS),
        reading(METAL_ATTACHMENTS),
        making(METAL_ATTACHMENTS, interfaces.add_attachment, MetalAttachmentBody),
        updating(METAL_ATTACHMENTS, UpdateMetalAttachmentBody, interfaces.change_attachment),
        route("DELETE", attachment, remove_attachment, family=VPC, access=detach, status=202),
    )
