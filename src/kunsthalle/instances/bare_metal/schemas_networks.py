"""Interfaces and attachments of bare metal servers as the VPC API shows them (reference/vpc-api.md B3)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.instances.bare_metal.bare_metal_interfaces import VLAN, virtual_of
from kunsthalle.instances.bare_metal.bare_metal_profiles import PORT_SPEED
from kunsthalle.instances.bare_metal.models import MetalInterface
from kunsthalle.instances.network_attachments import AttachmentReferenceResponse
from kunsthalle.instances.network_interfaces import InterfaceReferenceResponse
from kunsthalle.networks import floating_ips, security_groups
from kunsthalle.networks.network_references import (
    CrnReferenceResponse,
    FloatingIpReferenceResponse,
    IpReferenceResponse,
    TypedReferenceResponse,
    floating_ip_ref,
    interface_ref,
    security_group_ref,
)


class MetalInterfaceResponse(ResponseBody):
    """A network interface; `port_speed` in Mb/s. `allowed_vlans` are of `pci`, the last two of `vlan`."""

    allow_ip_spoofing: bool
    created_at: str
    enable_infrastructure_nat: bool
    floating_ips: list[FloatingIpReferenceResponse]
    href: str
    id: str
    interface_type: str
    mac_address: str
    name: str
    port_speed: int
    primary_ip: IpReferenceResponse
    resource_type: str
    security_groups: list[CrnReferenceResponse]
    status: str
    subnet: TypedReferenceResponse
    type: str
    allowed_vlans: list[int] | UnsetType = UNSET
    allow_interface_to_float: bool | UnsetType = UNSET
    vlan: int | UnsetType = UNSET


class MetalAttachmentResponse(AttachmentReferenceResponse):
    """A network attachment; the type and its fields as for an interface."""

    created_at: str
    interface_type: str
    lifecycle_state: str
    port_speed: int
    type: str
    allowed_vlans: list[int] | UnsetType = UNSET
    allow_to_float: bool | UnsetType = UNSET
    vlan: int | UnsetType = UNSET


def server_path(server_id: str) -> str:
    return f"/bare_metal_servers/{server_id}"


def _subnet(metal_interface: MetalInterface, ctx: Context) -> TypedReferenceResponse:
    subnet = metal_interface.subnet
    place = href(ctx, f"/subnets/{subnet['id']}")
    return TypedReferenceResponse(
        crn=subnet["crn"], href=place, id=subnet["id"], name=subnet["name"], resource_type="subnet"
    )


def _address(metal_interface: MetalInterface, ctx: Context) -> IpReferenceResponse:
    primary_ip = metal_interface.primary_ip
    place, type_ = href(ctx, primary_ip["path"]), "subnet_reserved_ip"
    return IpReferenceResponse(
        address=primary_ip["address"], href=place, id=primary_ip["id"], name=primary_ip["name"], resource_type=type_
    )


def interface_reference(metal_interface: MetalInterface, ctx: Context) -> InterfaceReferenceResponse:
    return InterfaceReferenceResponse(**_shown(metal_interface, "network_interfaces", "network_interface", ctx))


def _shown(metal_interface: MetalInterface, segment: str, type_: str, ctx: Context) -> dict[str, Any]:
    return {
        "href": href(ctx, f"{server_path(metal_interface.bare_metal_server_id)}/{segment}/{metal_interface.id}"),
        "id": metal_interface.id,
        "name": metal_interface.name,
        "primary_ip": _address(metal_interface, ctx),
        "resource_type": type_,
        "subnet": _subnet(metal_interface, ctx),
    }


def interface_response(metal_interface: MetalInterface, session: Session) -> MetalInterfaceResponse:
    """Of an attachment: what its virtual network interface says now."""
    ctx, spoofing, nat = session.ctx, metal_interface.allow_ip_spoofing, metal_interface.enable_infrastructure_nat
    if metal_interface.virtual_network_interface_id is not None:
        bound = virtual_of(session, metal_interface)
        spoofing, nat = bound.allow_ip_spoofing, bound.enable_infrastructure_nat
    wire = MetalInterfaceResponse(
        **_shown(metal_interface, "network_interfaces", "network_interface", ctx),
        allow_ip_spoofing=spoofing,
        created_at=rfc3339(metal_interface.created_at),
        enable_infrastructure_nat=nat,
        floating_ips=[floating_ip_ref(ip, ctx) for ip in floating_ips.of_target(session, metal_interface.bound)],
        interface_type=metal_interface.interface_type,
        mac_address=metal_interface.mac,
        port_speed=PORT_SPEED,
        security_groups=[
            security_group_ref(group, ctx) for group in security_groups.of_target(session, metal_interface.bound)
        ],
        status="available",
        type=metal_interface.type,
    )
    if metal_interface.interface_type == VLAN:
        wire.vlan, wire.allow_interface_to_float = metal_interface.vlan or 0, metal_interface.floats
    else:
        wire.allowed_vlans = metal_interface.allowed_vlans
    return wire


def _attached(metal_interface: MetalInterface, session: Session) -> dict[str, Any]:
    bound = virtual_of(session, metal_interface)
    shown = _shown(metal_interface, "network_attachments", "bare_metal_server_network_attachment", session.ctx)
    return {**shown, "virtual_network_interface": interface_ref(bound, session.ctx)}


def attachment_reference(metal_interface: MetalInterface, session: Session) -> AttachmentReferenceResponse:
    return AttachmentReferenceResponse(**_attached(metal_interface, session))


def attachment_response(metal_interface: MetalInterface, session: Session) -> MetalAttachmentResponse:
    wire = MetalAttachmentResponse(
        **_attached(metal_interface, session),
        created_at=rfc3339(metal_interface.created_at),
        interface_type=metal_interface.interface_type,
        lifecycle_state="stable",
        port_speed=PORT_SPEED,
        type=metal_interface.type,
    )
    if metal_interface.interface_type == VLAN:
        wire.vlan, wire.allow_to_float = metal_interface.vlan or 0, metal_interface.floats
    else:
        wire.allowed_vlans = metal_interface.allowed_vlans
    return wire
