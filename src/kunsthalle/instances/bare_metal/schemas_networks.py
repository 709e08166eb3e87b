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


def _subnet(it: MetalInterface, ctx: Context) -> TypedReferenceResponse:
    kept = it.subnet
    place = href(ctx, f"/subnets/{kept['id']}")
    return TypedReferenceResponse(crn=kept["crn"], href=place, id=kept["id"], name=kept["name"], resource_type="subnet")


def _address(it: MetalInterface, ctx: Context) -> IpReferenceResponse:
    kept = it.primary_ip
    place, type_ = href(ctx, kept["path"]), "subnet_reserved_ip"
    return IpReferenceResponse(
        address=kept["address"], href=place, id=kept["id"], name=kept["name"], resource_type=type_
    )


def interface_reference(it: MetalInterface, ctx: Context) -> InterfaceReferenceResponse:
    return InterfaceReferenceResponse(**_shown(it, "network_interfaces", "network_interface", ctx))


def _shown(it: MetalInterface, segment: str, type_: str, ctx: Context) -> dict[str, Any]:
    return {
        "href": href(ctx, f"{server_path(it.bare_metal_server_id)}/{segment}/{it.id}"),
        "id": it.id,
        "name": it.name,
        "primary_ip": _address(it, ctx),
        "resource_type": type_,
        "subnet": _subnet(it, ctx),
    }


def interface_response(it: MetalInterface, session: Session) -> MetalInterfaceResponse:
    """Of an attachment: what its virtual network interface says now."""
    ctx, spoofing, nat = session.ctx, it.allow_ip_spoofing, it.enable_infrastructure_nat
    if it.virtual_network_interface_id is not None:
        bound = virtual_of(session, it)
        spoofing, nat = bound.allow_ip_spoofing, bound.enable_infrastructure_nat
    wire = MetalInterfaceResponse(
        **_shown(it, "network_interfaces", "network_interface", ctx),
        allow_ip_spoofing=spoofing,
        created_at=rfc3339(it.created_at),
        enable_infrastructure_nat=nat,
        floating_ips=[floating_ip_ref(ip, ctx) for ip in floating_ips.of_target(session, it.bound)],
        interface_type=it.interface_type,
        mac_address=it.mac,
        port_speed=PORT_SPEED,
        security_groups=[security_group_ref(group, ctx) for group in security_groups.of_target(session, it.bound)],
        status="available",
        type=it.type,
    )
    if it.interface_type == VLAN:
        wire.vlan, wire.allow_interface_to_float = it.vlan or 0, it.floats
    else:
        wire.allowed_vlans = it.allowed_vlans
    return wire


def _attached(it: MetalInterface, session: Session) -> dict[str, Any]:
    bound = virtual_of(session, it)
    shown = _shown(it, "network_attachments", "bare_metal_server_network_attachment", session.ctx)
    return {**shown, "virtual_network_interface": interface_ref(bound, session.ctx)}


def attachment_reference(it: MetalInterface, session: Session) -> AttachmentReferenceResponse:
    return AttachmentReferenceResponse(**_attached(it, session))


def attachment_response(it: MetalInterface, session: Session) -> MetalAttachmentResponse:
    wire = MetalAttachmentResponse(
        **_attached(it, session),
        created_at=rfc3339(it.created_at),
        interface_type=it.interface_type,
        lifecycle_state="stable",
        port_speed=PORT_SPEED,
        type=it.type,
    )
    if it.interface_type == VLAN:
        wire.vlan, wire.allow_to_float = it.vlan or 0, it.floats
    else:
        wire.allowed_vlans = it.allowed_vlans
    return wire
