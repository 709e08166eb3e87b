"""Network interfaces of servers: planned, made, changed, removed; their addresses and floating IPs.

What a server with network attachments shows here are those, read-only, for older clients (vpc-api.md B2).
"""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from kunsthalle.api.crud import given
from kunsthalle.api.references import refer
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.subresources import Part, listing, making, putting, reading, removing, updating
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import delete, insert, rename, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find, resolve, unscoped
from kunsthalle.instances.instance_profiles import PORT_SPEED
from kunsthalle.instances.models import Instance, Interface
from kunsthalle.instances.queries import free_position, interfaces_of, virtual_of
from kunsthalle.instances.requests import InterfaceRequest, UpdateInterfaceRequest
from kunsthalle.instances.resources import INSTANCE, INTERFACE
from kunsthalle.networks import address_allocation, floating_ips, security_groups
from kunsthalle.networks.floating_ips import FloatingIpResponse, floating_ip_response
from kunsthalle.networks.models import FloatingIp, ReservedIp, SecurityGroup, Subnet, Vpc
from kunsthalle.networks.network_references import (
    CrnReferenceResponse,
    FloatingIpReferenceResponse,
    IpReferenceResponse,
    TypedReferenceResponse,
    floating_ip_ref,
    ip_path,
    security_group_ref,
)
from kunsthalle.networks.queries import default_security_group, named
from kunsthalle.networks.resources import FLOATING_IP, RESERVED_IP, SECURITY_GROUP, SUBNET, VPC
from kunsthalle.networks.schemas import ReservedIpResponse, ip_response
from kunsthalle.networks.virtual_network_interfaces import IpRequest, mac_address

_TYPE = "network_interface"
_PATH = "/v1/instances/{instance_id}/network_interfaces"
_CHANGE_FLOATING = "is.floating-ip.floating-ip.update"


@dataclass(frozen=True, slots=True)
class PlannedInterface:
    """An interface to be: resolved, nothing taken yet. `field` stands before the names of refused fields."""

    field: str
    name: str
    vpc: Vpc
    subnet: Subnet
    groups: list[SecurityGroup]
    wish: IpRequest
    kept: ReservedIp | None
    allow_ip_spoofing: bool

    @property
    def kept_reference(self) -> dict[str, Any]:
        """What a template keeps of it in place of the references of the request."""
        document: dict[str, Any] = {"name": self.name, "subnet": {"id": self.subnet.id}}
        if self.kept is not None:
            document["primary_ip"] = {"id": self.kept.id}
        return document


def in_place(subnet: Subnet, zone: str, vpc_id: str | None, field: str) -> Subnet:
    """The subnet, if a server of that zone and VPC can be in it; 400 otherwise."""
    if subnet.zone != zone:
        raise invalid("zone_inconsistency", f"The subnet is in {subnet.zone}, not in {zone}.", field)
    if vpc_id not in {None, subnet.vpc_id}:
        raise invalid("vpc_resource_separation", "The subnet is in another VPC.", field)
    return subnet


def plan(session: Session, zone: str, vpc_id: str | None, field: str, body: InterfaceRequest) -> PlannedInterface:
    """404 for what is not seen; 400 `zone_inconsistency`, `vpc_resource_separation` for what does not go together.

    Without `vpc_id` the subnet decides on the VPC.
    """
    at = f"{field}subnet"
    subnet = in_place(refer(session, SUBNET, body.subnet, at).resource, zone, vpc_id, at)
    vpc = named(session, VPC, subnet.vpc_id)
    wish = IpRequest() if isinstance(body.primary_ip, UnsetType) else body.primary_ip
    return PlannedInterface(
        field=field,
        name=given(body.name, "") or session.ctx.ids.name(),
        vpc=vpc,
        subnet=subnet,
        groups=_groups(session, vpc, body, f"{field}security_groups"),
        wish=wish,
        kept=_kept(session, wish, subnet, f"{field}primary_ip"),
        allow_ip_spoofing=body.allow_ip_spoofing is True,
    )


def _groups(session: Session, vpc: Vpc, body: InterfaceRequest, field: str) -> list[SecurityGroup]:
    if isinstance(body.security_groups, UnsetType) or not body.security_groups:
        return [default_security_group(session, vpc)]
    resources = [
        refer(session, SECURITY_GROUP, security_group, field).resource for security_group in body.security_groups
    ]
    if any(group.vpc_id != vpc.id for group in resources):
        raise invalid("vpc_resource_separation", "The security group is in another VPC.", field)
    return resources


def _kept(session: Session, wish: IpRequest, subnet: Subnet, field: str) -> ReservedIp | None:
    """The address that is reserved already, where one is meant; 400 for one of another subnet."""
    if not wish.identified:
        return None
    resource = refer(session, RESERVED_IP, wish, field).resource
    if resource.subnet_id != subnet.id:
        raise invalid("bad_field", "The reserved IP is in another subnet.", field)
    return resource


def make(session: Session, planned: PlannedInterface, instance_id: str, position: int) -> Interface:
    """Takes the address, joins the groups, writes the interface."""
    id_ = session.ctx.ids.resource(session.ctx.region.zones[planned.subnet.zone])
    target = {
        "id": id_,
        "name": planned.name,
        "href_path": f"/instances/{instance_id}/network_interfaces/{id_}",
        "resource_type": _TYPE,
    }
    taken = _take(session, planned, target)
    security_groups.attach(session, planned.vpc, planned.groups, target, f"{planned.field}security_groups")
    return insert(
        session,
        INTERFACE,
        Interface(
            id=id_,
            account_id=session.ctx.account_id,
            instance_id=instance_id,
            position=position,
            name=planned.name,
            type="secondary" if position else "primary",
            subnet={"id": planned.subnet.id, "crn": planned.subnet.crn, "name": planned.subnet.name},
            primary_ip=kept_address(taken),
            allow_ip_spoofing=planned.allow_ip_spoofing,
            mac=mac_address(session.ctx.ids),
            virtual_network_interface_id=None,
            created_at=session.ctx.now(),
        ),
    )


def kept_address(ip: ReservedIp) -> dict[str, str]:
    """What an interface keeps of its address."""
    return {"id": ip.id, "address": ip.address, "name": ip.name, "path": ip_path(ip)}


def _take(session: Session, planned: PlannedInterface, target: dict[str, str]) -> ReservedIp:
    field, wish = f"{planned.field}primary_ip", planned.wish
    if planned.kept is not None:
        return address_allocation.bind(session, planned.kept, target, field)
    return address_allocation.reserve(
        session,
        planned.subnet,
        given(wish.address, "") or None,
        name=given(wish.name, "") or None,
        target=target,
        field=f"{field}.address",
        auto_delete=given(wish.auto_delete, True),
    )


def give_back(session: Session, interface: Interface) -> None:
    """Frees the addresses, and leaves the groups."""
    address_allocation.release(session, interface.id)
    security_groups.detach(session, interface.id)


def _own(interfaces: list[Interface]) -> None:
    """409 where the interfaces are what older clients see of network attachments."""
    if interfaces[0].virtual_network_interface_id is not None:
        text = "The server has network attachments; its network interfaces show them and cannot be changed."
        raise conflict("invalid_state", text)


def _create(session: Session, instance: Instance, body: InterfaceRequest) -> Interface:
    interfaces, position = free_position(session, instance, body.name)
    _own(interfaces)
    planned = plan(session, instance.zone, instance.vpc_id, "", body)
    return make(session, planned, instance.id, position)


def _change(session: Session, _instance: Instance, interface: Interface, body: UpdateInterfaceRequest) -> Interface:
    _own([interface])
    name = given(body.name, interface.name)
    if name != interface.name:
        rename(session, INTERFACE, interface.id, name)
        address_allocation.rename_target(session, interface.id, name)
    if given(body.allow_ip_spoofing, interface.allow_ip_spoofing) != interface.allow_ip_spoofing:
        update(session, INTERFACE, interface.id, allow_ip_spoofing=body.allow_ip_spoofing)
    return unscoped(session, INTERFACE, INTERFACE.table.c.id == interface.id)[0]


def _remove(session: Session, _instance: Instance, interface: Interface) -> None:
    _own([interface])
    if interface.type == "primary":
        raise conflict("invalid_state", "The primary network interface stays with its server.")
    delete(session, INTERFACE, interface.id, interface.account_id)
    give_back(session, interface)


class InterfaceReferenceResponse(ResponseBody):
    """An interface, from the side of its server."""

    href: str
    id: str
    name: str
    primary_ip: IpReferenceResponse
    resource_type: str
    subnet: TypedReferenceResponse


class InterfaceResponse(ResponseBody):
    """A network interface."""

    allow_ip_spoofing: bool
    created_at: str
    floating_ips: list[FloatingIpReferenceResponse]
    href: str
    id: str
    name: str
    port_speed: int
    primary_ip: IpReferenceResponse
    resource_type: str
    security_groups: list[CrnReferenceResponse]
    status: str
    subnet: TypedReferenceResponse
    type: str


def subnet_reference(interface: Interface, ctx: Context) -> TypedReferenceResponse:
    """The subnet as it was when the interface was made."""
    subnet = interface.subnet
    place = href(ctx, f"/subnets/{subnet['id']}")
    return TypedReferenceResponse(
        crn=subnet["crn"], href=place, id=subnet["id"], name=subnet["name"], resource_type="subnet"
    )


def address_reference(interface: Interface, ctx: Context) -> IpReferenceResponse:
    """The primary address."""
    primary_ip = interface.primary_ip
    return IpReferenceResponse(
        address=primary_ip["address"],
        href=href(ctx, primary_ip["path"]),
        id=primary_ip["id"],
        name=primary_ip["name"],
        resource_type="subnet_reserved_ip",
    )


def _href(interface: Interface, ctx: Context) -> str:
    return href(ctx, f"/instances/{interface.instance_id}/network_interfaces/{interface.id}")


def reference_response(interface: Interface, ctx: Context) -> InterfaceReferenceResponse:
    return InterfaceReferenceResponse(
        href=_href(interface, ctx),
        id=interface.id,
        name=interface.name,
        primary_ip=address_reference(interface, ctx),
        resource_type=_TYPE,
        subnet=subnet_reference(interface, ctx),
    )


def _wire(interface: Interface, session: Session) -> InterfaceResponse:
    ctx, virtual = session.ctx, virtual_of(session, [interface]).get(interface.bound)
    return InterfaceResponse(
        allow_ip_spoofing=interface.allow_ip_spoofing if virtual is None else virtual.allow_ip_spoofing,
        created_at=rfc3339(interface.created_at),
        floating_ips=[floating_ip_ref(ip, ctx) for ip in floating_ips.of_target(session, interface.bound)],
        href=_href(interface, ctx),
        id=interface.id,
        name=interface.name,
        port_speed=PORT_SPEED,
        primary_ip=address_reference(interface, ctx),
        resource_type=_TYPE,
        security_groups=[
            security_group_ref(group, ctx) for group in security_groups.of_target(session, interface.bound)
        ],
        status="available",
        subnet=subnet_reference(interface, ctx),
        type=interface.type,
    )


def _owned(session: Session, _request: Request, instance: Instance) -> list[Interface]:
    id_ = instance.id
    return interfaces_of(session, [id_])[id_]


def _above(session: Session, request: Request, instance: Instance) -> Interface:
    """The interface that a path below one names, else 404."""
    for interface in _owned(session, request, instance):
        if interface.id == request.params["network_interface_id"]:
            return interface
    raise not_found("network_interface_id")


def _floating_ips(session: Session, request: Request, instance: Instance) -> list[FloatingIp]:
    interface = _above(session, request, instance)
    return sorted(floating_ips.of_target(session, interface.bound), key=lambda ip: ip.name)


def _addresses(session: Session, request: Request, instance: Instance) -> list[ReservedIp]:
    primary = _above(session, request, instance).primary_ip["id"]
    return unscoped(session, RESERVED_IP, RESERVED_IP.table.c.id == primary)


def _add_floating(session: Session, request: Request, instance: Instance) -> FloatingIp:
    """What the floating IP was bound to before gives it up."""
    interface = _above(session, request, instance)
    ip = resolve(session, FLOATING_IP, request.params["id"], _CHANGE_FLOATING).resource
    if ip.target_id == interface.bound:
        return ip
    if ip.target_id is not None:
        floating_ips.unbind(session, ip)
        ip = find(session, FLOATING_IP, ip.id)
    return floating_ips.bind_to_interface(session, ip, interface.id, "id", "parameter")


def _remove_floating(session: Session, _instance: Instance, ip: FloatingIp) -> None:
    floating_ips.unbind(session, ip)


INTERFACES = Part(INSTANCE, _PATH, _owned, _wire, InterfaceResponse)
_BELOW = f"{_PATH}/{{network_interface_id}}"
FLOATING_IPS = Part(
    INSTANCE,
    f"{_BELOW}/floating_ips",
    _floating_ips,
    floating_ip_response,
    FloatingIpResponse,
)
IPS = Part(
    INSTANCE,
    f"{_BELOW}/ips",
    _addresses,
    ip_response,
    ReservedIpResponse,
    paged=True,
)


def routes() -> tuple[Route, ...]:
    return (
        listing(INTERFACES, "List the network interfaces of a server."),
        reading(INTERFACES, "Get a network interface of a server."),
        making(INTERFACES, "Create a network interface of a server.", _create, InterfaceRequest),
        updating(INTERFACES, "Change a network interface of a server.", _change, UpdateInterfaceRequest),
        removing(INTERFACES, "Delete a network interface of a server.", _remove),
        listing(FLOATING_IPS, "List the floating IPs of a network interface of a server."),
        reading(FLOATING_IPS, "Get a floating IP of a network interface of a server."),
        putting(FLOATING_IPS, "Add a floating IP of a network interface of a server.", _add_floating, status=201),
        removing(FLOATING_IPS, "Delete a floating IP of a network interface of a server.", _remove_floating),
        listing(IPS, "List the addresses of a network interface of a server."),
        reading(IPS, "Get an address of a network interface of a server."),
    )
