"""Network interfaces and attachments of bare metal servers: made, changed, removed.

What a server with attachments shows as its interfaces are those, read-only, for older clients (vpc-api.md B2).
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import UnsetType

from kunsthalle.api.crud import given
from kunsthalle.api.references import refer
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import delete, insert_named, rename, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.instances.bare_metal.bare_metal_profiles import INTERFACES
from kunsthalle.instances.bare_metal.models import BareMetalServer, MetalInterface
from kunsthalle.instances.bare_metal.requests import (
    MetalAttachmentRequest,
    MetalInterfaceRequest,
    UpdateMetalAttachmentRequest,
    UpdateMetalInterfaceRequest,
)
from kunsthalle.instances.bare_metal.resources import BARE_METAL, METAL_INTERFACE
from kunsthalle.instances.network_interfaces import in_place, kept_address
from kunsthalle.networks import address_allocation, floating_ips, security_groups
from kunsthalle.networks import virtual_network_interfaces as virtual
from kunsthalle.networks.models import FloatingIp, ReservedIp, Subnet, VirtualNetworkInterface
from kunsthalle.networks.queries import locked, named
from kunsthalle.networks.resources import INTERFACE as VIRTUAL
from kunsthalle.networks.resources import SUBNET
from kunsthalle.networks.virtual_network_interfaces import mac_address

PCI, VLAN = "pci", "vlan"
Asked = TypeVar("Asked", MetalInterfaceRequest, MetalAttachmentRequest)
_BIND = "is.virtual-network-interface.virtual-network-interface.update"


@dataclass(frozen=True, slots=True)
class Site:
    """Where an interface is to be: without `vpc_id`, its subnet decides on the VPC."""

    server_id: str
    group_id: str
    zone: str
    vpc_id: str | None


def of_server(session: Session, server_id: str) -> list[MetalInterface]:
    """The interfaces of a server, the primary one first."""
    metal_interfaces = unscoped(session, METAL_INTERFACE, METAL_INTERFACE.table.c.bare_metal_server_id == server_id)
    return sorted(metal_interfaces, key=lambda metal_interface: metal_interface.position)


def virtual_of(session: Session, metal_interface: MetalInterface) -> VirtualNetworkInterface:
    """What an attachment uses; 404 where the server has just gone, and that with it."""
    for attached in unscoped(session, VIRTUAL, VIRTUAL.table.c.id == metal_interface.virtual_network_interface_id):
        return attached
    raise not_found()


def make(
    session: Session,
    site: Site,
    body: MetalInterfaceRequest | MetalAttachmentRequest,
    field: str,
    others: list[MetalInterface],
) -> tuple[MetalInterface, Subnet]:
    """A new interface, behind the `others` of its server. `field` stands before the names of refused fields."""
    _refuse_type(body, field, others)
    id_ = session.ctx.ids.resource(session.ctx.region.zones[site.zone])
    name = given(body.name, "") or session.ctx.ids.name()
    if isinstance(body, MetalAttachmentRequest):
        parts, subnet, ip = _attach(session, site, body, field, _target(site, id_, name, "network_attachments"))
        floats = body.allow_to_float
    else:
        parts, subnet, ip = _settle(session, site, body, field, _target(site, id_, name, "network_interfaces"))
        floats = body.allow_interface_to_float
    made = MetalInterface(
        id=id_,
        account_id=session.ctx.account_id,
        bare_metal_server_id=site.server_id,
        resource_group_id=site.group_id,
        position=others[-1].position + 1 if others else 0,
        name=name,
        interface_type=body.interface_type,
        subnet={"id": subnet.id, "crn": subnet.crn, "name": subnet.name},
        primary_ip=kept_address(ip),
        **parts,
        allowed_vlans=given(body.allowed_vlans, []),
        vlan=given(body.vlan, None),
        floats=floats,
        created_at=session.ctx.now(),
    )
    return insert_named(session, METAL_INTERFACE, made), subnet


_TYPES = {"network_interfaces": "network_interface", "network_attachments": "bare_metal_server_network_attachment"}


def _target(site: Site, id_: str, name: str, segment: str) -> dict[str, str]:
    path = f"/bare_metal_servers/{site.server_id}/{segment}/{id_}"
    return {"id": id_, "name": name, "href_path": path, "resource_type": _TYPES[segment]}


def _refuse_type(
    body: MetalInterfaceRequest | MetalAttachmentRequest, field: str, others: list[MetalInterface]
) -> None:
    """400 where the type and what is said of VLANs do not go together."""
    if len(others) >= INTERFACES:
        raise invalid("bad_field", f"A bare metal server has at most {INTERFACES} interfaces.", f"{field}name")
    floats = body.allow_to_float if isinstance(body, MetalAttachmentRequest) else body.allow_interface_to_float
    if body.interface_type == PCI:
        if floats or not isinstance(body.vlan, UnsetType):
            raise invalid("bad_field", "Only an interface of the type vlan has a VLAN or floats.", f"{field}vlan")
        return
    if not others:
        raise invalid("bad_field", "The primary interface is of the type pci.", f"{field}interface_type")
    if isinstance(body.vlan, UnsetType):
        raise invalid("validation_required_field", "Missing a required field.", f"{field}vlan")
    if not isinstance(body.allowed_vlans, UnsetType):
        raise invalid("bad_field", "Only an interface of the type pci allows VLANs.", f"{field}allowed_vlans")
    if not any(body.vlan in other.allowed_vlans for other in others):
        raise invalid("bad_field", "No interface of the type pci allows the VLAN.", f"{field}vlan")


def _settle(
    session: Session, site: Site, body: MetalInterfaceRequest, field: str, target: dict[str, str]
) -> tuple[dict[str, Any], Subnet, ReservedIp]:
    at = f"{field}subnet"
    subnet = in_place(refer(session, SUBNET, body.subnet, at).resource, site.zone, site.vpc_id, at)
    spoofing = body.allow_ip_spoofing is True
    _refuse_switches(spoofing=spoofing, nat=body.enable_infrastructure_nat, field=field)
    ip = virtual.settle(session, subnet, target, body.primary_ip, body.security_groups, field)
    parts = {
        "allow_ip_spoofing": spoofing,
        "enable_infrastructure_nat": body.enable_infrastructure_nat,
        "mac": mac_address(session.ctx.ids),
        "virtual_network_interface_id": None,
    }
    return parts, subnet, ip


def _refuse_switches(*, spoofing: bool, nat: bool, field: str = "") -> None:
    if spoofing and not nat:
        text = "Without infrastructure NAT, allow_ip_spoofing must be false."
        raise invalid("bad_field", text, f"{field}allow_ip_spoofing")


def _attach(
    session: Session, site: Site, body: MetalAttachmentRequest, field: str, target: dict[str, str]
) -> tuple[dict[str, Any], Subnet, ReservedIp]:
    asked, at = body.virtual_network_interface, f"{field}virtual_network_interface"
    if asked.identity is not None:
        own_virtual = refer(session, VIRTUAL, asked.identity, at, _BIND).resource
    else:
        planned = virtual.plan(session, asked, bound=True, group_id=site.group_id, prefix=f"{at}.")
        own_virtual = virtual.make(session, planned)
    subnet = in_place(named(session, SUBNET, own_virtual.subnet_id), site.zone, site.vpc_id, at)
    virtual.bind(session, own_virtual, target, at)
    parts = {
        "allow_ip_spoofing": own_virtual.allow_ip_spoofing,
        "enable_infrastructure_nat": own_virtual.enable_infrastructure_nat,
        "mac": own_virtual.mac_address,
        "virtual_network_interface_id": own_virtual.id,
    }
    return parts, subnet, virtual.ips_of(session, own_virtual)[0]


def _add(session: Session, server: BareMetalServer, body: Asked, *, attaching: bool) -> MetalInterface:
    """One more interface of a server that is there; one of the type pci only while it stands still."""
    server = locked(session, BARE_METAL, server.id, "bare_metal_server_id")
    others = of_server(session, server.id)
    if (others[0].virtual_network_interface_id is not None) != attaching:
        raise conflict("invalid_state", "A server has either network attachments or network interfaces.")
    if body.interface_type == PCI:
        _refuse_moving(server)
    site = Site(server.id, server.resource_group_id, server.zone, server.vpc_id)
    return make(session, site, body, "", others)[0]


def add_interface(session: Session, server: BareMetalServer, body: MetalInterfaceRequest) -> MetalInterface:
    return _add(session, server, body, attaching=False)


def add_attachment(session: Session, server: BareMetalServer, body: MetalAttachmentRequest) -> MetalInterface:
    return _add(session, server, body, attaching=True)


def _refuse_moving(server: BareMetalServer) -> None:
    if server.status != "stopped":
        raise conflict("invalid_state", "A pci interface comes and goes only while the server is stopped.")


def change_interface(session: Session, granted: Authorized[MetalInterface], body: UpdateMetalInterfaceRequest) -> None:
    """PATCH of all but the name. 409 for what only mirrors an attachment."""
    interface = granted.resource
    _refuse_mirror(interface)
    spoofing = given(body.allow_ip_spoofing, interface.allow_ip_spoofing)
    nat = given(body.enable_infrastructure_nat, interface.enable_infrastructure_nat)
    _refuse_switches(spoofing=spoofing, nat=nat)
    update(session, METAL_INTERFACE, interface.id, allow_ip_spoofing=spoofing, enable_infrastructure_nat=nat)
    _change(session, interface, body)


def _change(
    session: Session, metal_interface: MetalInterface, body: UpdateMetalInterfaceRequest | UpdateMetalAttachmentRequest
) -> None:
    if not isinstance(body.allowed_vlans, UnsetType):
        used = {
            other.vlan
            for other in of_server(session, metal_interface.bare_metal_server_id)
            if other.vlan in metal_interface.allowed_vlans
        }
        if metal_interface.interface_type != PCI or not used <= set(body.allowed_vlans):
            text = "It must go on to allow the VLANs that interfaces of the server use; only pci interfaces do."
            raise invalid("bad_field", text, "allowed_vlans")
        update(session, METAL_INTERFACE, metal_interface.id, allowed_vlans=body.allowed_vlans)
    if not isinstance(body.name, UnsetType) and body.name != metal_interface.name:
        rename(session, METAL_INTERFACE, metal_interface.id, body.name)
        address_allocation.rename_target(session, metal_interface.id, body.name)
        virtual.rename_target(session, metal_interface.id, body.name)


def change_attachment(
    session: Session, granted: Authorized[MetalInterface], body: UpdateMetalAttachmentRequest
) -> None:
    """PATCH of an attachment; what it is bound to is changed there."""
    _change(session, granted.resource, body)


def _refuse_mirror(metal_interface: MetalInterface) -> None:
    if metal_interface.virtual_network_interface_id is not None:
        raise conflict("invalid_state", "The interface mirrors a network attachment; change that.")


def remove_interface(session: Session, granted: Authorized[MetalInterface]) -> None:
    """409 for what only mirrors an attachment, and as for an attachment."""
    _refuse_mirror(granted.resource)
    remove_attachment(session, granted)


def remove_attachment(session: Session, granted: Authorized[MetalInterface]) -> None:
    """409 for the primary one, a pci one of a server that is not stopped, one whose VLANs are used."""
    interface = granted.resource
    if interface.position == 0:
        raise conflict("invalid_state", "The primary interface stays with its server.")
    server = locked(session, BARE_METAL, interface.bare_metal_server_id, "bare_metal_server_id")
    if interface.interface_type == PCI:
        _refuse_moving(server)
        rest = [other for other in of_server(session, server.id) if other.id != interface.id]
        allowed = {vlan for other in rest for vlan in other.allowed_vlans}
        if any(other.vlan is not None and other.vlan not in allowed for other in rest):
            raise conflict("invalid_state", "Interfaces of the server use a VLAN that only this one allows.")
    give_back(session, interface)
    delete(session, METAL_INTERFACE, interface.id, interface.account_id)


def give_back(session: Session, metal_interface: MetalInterface) -> None:
    """Frees the address and leaves the groups, or lets go of the virtual network interface."""
    if metal_interface.virtual_network_interface_id is not None:
        virtual.unbind(session, metal_interface.id)
        return
    address_allocation.release(session, metal_interface.id)
    security_groups.detach(session, metal_interface.id)


def give_floating(session: Session, metal_interface: MetalInterface, ip: FloatingIp) -> FloatingIp:
    """Gives a floating IP to an interface; with infrastructure NAT, in the place of the one it had."""
    if ip.target_id == metal_interface.bound:
        return ip
    if metal_interface.virtual_network_interface_id is not None:
        nat = virtual_of(session, metal_interface).enable_infrastructure_nat
    else:
        nat = metal_interface.enable_infrastructure_nat
    if ip.target_id is not None:
        raise conflict("floating_ip_in_use", "The floating IP has a target already.")
    if nat:
        floating_ips.release(session, metal_interface.bound)
    return floating_ips.bind_to_interface(session, ip, metal_interface.bound, "id", "parameter")
