"""`/v1/bare_metal_servers/{bare_metal_server_id}/network_interfaces` and `…/network_attachments`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, among, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.core.errors import not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, resolve
from kunsthalle.instances.bare_metal import bare_metal_interfaces
from kunsthalle.instances.bare_metal.models import MetalInterface
from kunsthalle.instances.bare_metal.requests import (
    MetalAttachmentRequest,
    MetalInterfaceRequest,
    UpdateMetalAttachmentRequest,
    UpdateMetalInterfaceRequest,
)
from kunsthalle.instances.bare_metal.resources import BARE_METAL, METAL_ATTACHMENT, METAL_INTERFACE
from kunsthalle.instances.bare_metal.schemas_networks import (
    MetalAttachmentResponse,
    MetalInterfaceResponse,
    attachment_response,
    interface_response,
)
from kunsthalle.networks import floating_ips
from kunsthalle.networks.floating_ips import FloatingIpResponse, floating_ip_response
from kunsthalle.networks.models import FloatingIp, ReservedIp
from kunsthalle.networks.queries import named
from kunsthalle.networks.resources import FLOATING_IP, RESERVED_IP
from kunsthalle.networks.schemas import ReservedIpResponse, ip_response

_SERVER, _INTERFACE = "bare_metal_server_id", "network_interface_id"
_BELOW = f"/v1/bare_metal_servers/{{{_SERVER}}}"
METAL_INTERFACES = Resource(
    METAL_INTERFACE,
    f"{_BELOW}/network_interfaces",
    interface_response,
    MetalInterfaceResponse,
    parent=BARE_METAL,
    parent_field=_SERVER,
)
METAL_ATTACHMENTS = Resource(
    METAL_ATTACHMENT,
    f"{_BELOW}/network_attachments",
    attachment_response,
    MetalAttachmentResponse,
    parent=BARE_METAL,
    parent_field=_SERVER,
)
_ONE = f"{METAL_INTERFACES.path}/{{{_INTERFACE}}}"
_IPS, _FLOATING = f"{_ONE}/ips", f"{_ONE}/floating_ips"


class MetalFloatingIps(ResponseBody):
    """All at once: this list has no pages."""

    floating_ips: list[FloatingIpResponse]


def _primary(session: Session, metal_interface: MetalInterface) -> ReservedIp:
    return named(session, RESERVED_IP, metal_interface.primary_ip["id"])


def _list_ips(session: Session, request: Request, interface: MetalInterface, query: PageParameters) -> dict[str, Any]:
    """List the primary address of a network interface of a bare metal server."""
    page = among(query, [_primary(session, interface)], lambda ip: ip.id)
    return collection(request, session, "ips", page, ip_response, query.limit)


def _get_ip(session: Session, request: Request, interface: MetalInterface) -> ReservedIpResponse:
    """Get the primary address of a network interface of a bare metal server."""
    ip = _primary(session, interface)
    if ip.id != request.params["id"]:
        raise not_found()
    return ip_response(ip, session)


def _list_floating(session: Session, _request: Request, interface: MetalInterface) -> MetalFloatingIps:
    """List the floating IPs of a network interface of a bare metal server."""
    owned = floating_ips.of_target(session, interface.bound)
    return MetalFloatingIps(floating_ips=[floating_ip_response(ip, session) for ip in owned])


def _floating(session: Session, request: Request, interface: MetalInterface) -> FloatingIp:
    """One of the interface's floating IPs, else 404."""
    for ip in floating_ips.of_target(session, interface.bound):
        if ip.id == request.params["id"]:
            return ip
    raise not_found()


def _get_floating(session: Session, request: Request, interface: MetalInterface) -> FloatingIpResponse:
    """Get one floating IP of a network interface of a bare metal server."""
    return floating_ip_response(_floating(session, request, interface), session)


def _add_floating(session: Session, request: Request, interface: MetalInterface) -> FloatingIpResponse:
    """Give a floating IP to a network interface of a bare metal server."""
    ip = resolve(session, FLOATING_IP, request.params["id"], "is.floating-ip.floating-ip.update").resource
    return floating_ip_response(bare_metal_interfaces.give_floating(session, interface, ip), session)


def _remove_floating(session: Session, request: Request, interface: MetalInterface) -> None:
    """Take a floating IP from a network interface of a bare metal server."""
    floating_ips.unbind(session, _floating(session, request, interface))


def routes() -> tuple[Route, ...]:
    read = access.item(METAL_INTERFACE, param=_INTERFACE, parents=(_SERVER,))
    change = access.item(METAL_INTERFACE, METAL_INTERFACES.action("update"), param=_INTERFACE, parents=(_SERVER,))
    item_path = f"{_FLOATING}/{{id}}"
    detach = METAL_ATTACHMENTS.on_one("delete")

    def remove_attachment(session: Session, _request: Request, interface: Authorized[MetalInterface]) -> None:
        """Delete one network attachment of a bare metal server."""
        bare_metal_interfaces.remove_attachment(session, interface)

    attachment = f"{METAL_ATTACHMENTS.path}/{{id}}"
    return (
        listing(METAL_INTERFACES, "List the network interfaces of a bare metal server."),
        reading(METAL_INTERFACES, "Get a network interface of a bare metal server."),
        making(
            METAL_INTERFACES,
            "Create a network interface of a bare metal server.",
            bare_metal_interfaces.add_interface,
            MetalInterfaceRequest,
        ),
        updating(
            METAL_INTERFACES,
            "Change a network interface of a bare metal server.",
            UpdateMetalInterfaceRequest,
            bare_metal_interfaces.change_interface,
        ),
        removing(
            METAL_INTERFACES,
            "Delete a network interface of a bare metal server.",
            bare_metal_interfaces.remove_interface,
        ),
        route("GET", _IPS, _list_ips, surface=VPC, access=read, query=PageParameters),
        route("GET", f"{_IPS}/{{id}}", _get_ip, surface=VPC, access=read, answer=ReservedIpResponse),
        route("GET", _FLOATING, _list_floating, surface=VPC, access=read, answer=MetalFloatingIps),
        route("GET", item_path, _get_floating, surface=VPC, access=read, answer=FloatingIpResponse),
        route("PUT", item_path, _add_floating, surface=VPC, access=change, answer=FloatingIpResponse, status=201),
        route("DELETE", item_path, _remove_floating, surface=VPC, access=change, status=204),
        listing(METAL_ATTACHMENTS, "List the network attachments of a bare metal server."),
        reading(METAL_ATTACHMENTS, "Get a network attachment of a bare metal server."),
        making(
            METAL_ATTACHMENTS,
            "Create a network attachment of a bare metal server.",
            bare_metal_interfaces.add_attachment,
            MetalAttachmentRequest,
        ),
        updating(
            METAL_ATTACHMENTS,
            "Change a network attachment of a bare metal server.",
            UpdateMetalAttachmentRequest,
            bare_metal_interfaces.change_attachment,
        ),
        route("DELETE", attachment, remove_attachment, surface=VPC, access=detach, status=202),
    )
