"""`/v1/virtual_network_interfaces`, and the addresses below one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api import access
from kunsthalle.api.common_schemas import GroupResponse, NamedResponse
from kunsthalle.api.crud import Resource, among, in_order, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.router import Call, Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import VPC as FAMILY
from kunsthalle.api.surfaces.vpc import PageParameters, collection, href
from kunsthalle.api.vpc_parameters import SORT, UsualParameters
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find, require
from kunsthalle.networks import address_allocation, floating_ips, security_groups, virtual_network_interfaces
from kunsthalle.networks.models import FloatingIp, ReservedIp, VirtualNetworkInterface
from kunsthalle.networks.network_references import (
    INTERFACE_TYPE,
    CrnReferenceResponse,
    FloatingIpReferenceResponse,
    IpReferenceResponse,
    TypedReferenceResponse,
    floating_ip_ref,
    interface_path,
    ip_ref,
    security_group_ref,
    subnet_ref,
    vpc_ref,
    zone_ref,
)
from kunsthalle.networks.queries import locked, named, usual
from kunsthalle.networks.resources import FLOATING_IP, INTERFACE, RESERVED_IP, SUBNET, VPC
from kunsthalle.networks.security_group_targets import TargetResponse, interface_target, shown
from kunsthalle.networks.virtual_network_interfaces import CreateInterfaceRequest, UpdateInterfaceRequest


class InterfaceResponse(ResponseBody):
    """A virtual network interface."""

    allow_ip_spoofing: bool
    auto_delete: bool
    created_at: str
    crn: str
    enable_infrastructure_nat: bool
    href: str
    id: str
    ips: list[IpReferenceResponse]
    lifecycle_state: str
    mac_address: str
    name: str
    primary_ip: IpReferenceResponse
    protocol_state_filtering_mode: str
    resource_group: GroupResponse
    resource_type: str
    security_groups: list[CrnReferenceResponse]
    subnet: TypedReferenceResponse
    vpc: TypedReferenceResponse
    zone: NamedResponse
    target: TargetResponse | UnsetType = UNSET


def interface_response(interface: VirtualNetworkInterface, session: Session) -> InterfaceResponse:
    ctx = session.ctx
    ips = [ip_ref(ip, ctx) for ip in virtual_network_interfaces.ips_of(session, interface)]
    subnet = named(session, SUBNET, interface.subnet_id)
    return InterfaceResponse(
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
        resource_group=group_response(session, interface.resource_group_id),
        resource_type=INTERFACE_TYPE,
        security_groups=[security_group_ref(group, ctx) for group in security_groups.of_target(session, interface.id)],
        subnet=subnet_ref(subnet, ctx),
        vpc=vpc_ref(named(session, VPC, interface.vpc_id), ctx),
        zone=zone_ref(ctx, subnet.zone),
        target=UNSET if interface.target is None else shown(interface.target, ctx),
    )


INTERFACES = Resource(
    INTERFACE,
    "/v1/virtual_network_interfaces",
    interface_response,
    InterfaceResponse,
    usual(INTERFACE),
    query=UsualParameters,
    fresh="lifecycle_state",
)
_PARENT = "virtual_network_interface_id"
_IPS = f"{INTERFACES.path}/{{{_PARENT}}}/ips"
_FLOATING = f"{INTERFACES.path}/{{{_PARENT}}}/floating_ips"


class IpParameters(PageParameters, frozen=True):
    """Of the lists of addresses of a virtual network interface."""

    sort: Annotated[Literal["address", "-address", "created_at", "-created_at", "name", "-name"] | None, SORT] = None


def _list_ips(
    session: Session, request: Request, interface: VirtualNetworkInterface, query: IpParameters
) -> dict[str, Any]:
    """List the addresses of one virtual network interface."""
    owned = virtual_network_interfaces.ips_of(session, interface)
    if query.sort is not None:
        owned = in_order(owned, query.sort)
    page = among(query, owned, lambda ip: ip.id)
    return collection(request, session, "ips", page, lambda ip, u: ip_ref(ip, u.ctx), query.limit)


def _ip(session: Session, request: Request, interface: VirtualNetworkInterface) -> ReservedIp:
    """One of the interface's addresses, else 404."""
    owned = virtual_network_interfaces.ips_of(session, interface)
    reserved_ip = next((ip for ip in owned if ip.id == request.params["id"]), None)
    if reserved_ip is None:
        raise not_found()
    return reserved_ip


def _get_ip(session: Session, request: Request, interface: VirtualNetworkInterface) -> IpReferenceResponse:
    """Get one address of one virtual network interface."""
    return ip_ref(_ip(session, request, interface), session.ctx)


def _add_ip(session: Session, request: Request, interface: VirtualNetworkInterface) -> IpReferenceResponse:
    """Bind a reserved IP to one virtual network interface."""
    interface = locked(session, INTERFACE, interface.id, _PARENT)
    ip = find(session, RESERVED_IP, request.params["id"])
    require(session, RESERVED_IP, ip, "is.subnet.subnet.update")
    if ip.target_id == interface.id:
        return ip_ref(ip, session.ctx)
    if ip.subnet_id != interface.subnet_id:
        raise conflict("invalid_state", "The reserved IP is not in the subnet of the interface.")
    return ip_ref(address_allocation.bind(session, ip, interface_target(interface)), session.ctx)


def _remove_ip(session: Session, request: Request, interface: VirtualNetworkInterface) -> None:
    """Take a reserved IP from one virtual network interface."""
    ip = _ip(session, request, interface)
    if ip.id == locked(session, INTERFACE, interface.id, _PARENT).primary_ip_id:
        raise conflict("reserved_ip_in_use", "The primary address of an interface stays with it.")
    address_allocation.unbind(session, ip)


def _list_floating(
    session: Session, request: Request, interface: VirtualNetworkInterface, query: IpParameters
) -> dict[str, Any]:
    """List the floating IPs of one virtual network interface."""
    owned = in_order(floating_ips.of_target(session, interface.id), query.sort or "name")
    page = among(query, owned, lambda ip: ip.id)
    return collection(request, session, "floating_ips", page, lambda ip, u: floating_ip_ref(ip, u.ctx), query.limit)


def _floating(session: Session, request: Request, interface: VirtualNetworkInterface) -> FloatingIp:
    """One of the interface's floating IPs, else 404."""
    owned = floating_ips.of_target(session, interface.id)
    floating_ip = next((ip for ip in owned if ip.id == request.params["id"]), None)
    if floating_ip is None:
        raise not_found()
    return floating_ip


def _get_floating(
    session: Session, request: Request, interface: VirtualNetworkInterface
) -> FloatingIpReferenceResponse:
    """Get one floating IP of one virtual network interface."""
    return floating_ip_ref(_floating(session, request, interface), session.ctx)


def _add_floating(
    session: Session, request: Request, interface: VirtualNetworkInterface
) -> FloatingIpReferenceResponse:
    """Give a floating IP to one virtual network interface."""
    ip = find(session, FLOATING_IP, request.params["id"])
    require(session, FLOATING_IP, ip, "is.floating-ip.floating-ip.update")
    if ip.target_id == interface.id:
        return floating_ip_ref(ip, session.ctx)
    return floating_ip_ref(floating_ips.bind_to_interface(session, ip, interface.id, "id", "parameter"), session.ctx)


def _remove_floating(session: Session, request: Request, interface: VirtualNetworkInterface) -> None:
    """Take a floating IP from one virtual network interface."""
    floating_ips.unbind(session, _floating(session, request, interface))


def _page_of(path: str, call: Call, rule: access.Access) -> Route:
    return route("GET", path, call, surface=FAMILY, access=rule, query=IpParameters)


def routes() -> tuple[Route, ...]:
    read = access.item(INTERFACE, param=_PARENT)
    change = access.item(INTERFACE, INTERFACES.action("update"), param=_PARENT)

    def below(method: str, path: str, call: Any, answer: Any = None) -> Route:
        rule = read if method == "GET" else change
        status = 204 if method == "DELETE" else 200
        return route(method, path, call, surface=FAMILY, access=rule, answer=answer, status=status)

    return (
        listing(INTERFACES, "List the virtual network interfaces."),
        reading(INTERFACES, "Get a virtual network interface."),
        making(
            INTERFACES, "Create a virtual network interface.", virtual_network_interfaces.create, CreateInterfaceRequest
        ),
        updating(
            INTERFACES, "Change a virtual network interface.", UpdateInterfaceRequest, virtual_network_interfaces.change
        ),
        removing(
            INTERFACES,
            "Delete a virtual network interface.",
            virtual_network_interfaces.remove,
            shown="lifecycle_state",
        ),
        _page_of(_IPS, _list_ips, read),
        below("GET", f"{_IPS}/{{id}}", _get_ip, IpReferenceResponse),
        below("PUT", f"{_IPS}/{{id}}", _add_ip, IpReferenceResponse),
        below("DELETE", f"{_IPS}/{{id}}", _remove_ip),
        _page_of(_FLOATING, _list_floating, read),
        below("GET", f"{_FLOATING}/{{id}}", _get_floating, FloatingIpReferenceResponse),
        below("PUT", f"{_FLOATING}/{{id}}", _add_floating, FloatingIpReferenceResponse),
        below("DELETE", f"{_FLOATING}/{{id}}", _remove_floating),
    )
