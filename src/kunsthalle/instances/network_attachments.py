"""Network attachments of servers: how a virtual network interface comes to a server, and leaves it."""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from kunsthalle.api.crud import NameRequest, given
from kunsthalle.api.references import refer
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.subresources import Part, listing, making, reading, removing, updating
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import delete, insert, rename
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.instances.instance_profiles import PORT_SPEED
from kunsthalle.instances.models import Instance, Interface
from kunsthalle.instances.network_interfaces import address_reference, in_place, kept_address, subnet_reference
from kunsthalle.instances.queries import free_position, interfaces_of, virtual_of
from kunsthalle.instances.requests import NetworkAttachmentRequest
from kunsthalle.instances.resources import INSTANCE, INTERFACE
from kunsthalle.networks import virtual_network_interfaces as virtual
from kunsthalle.networks.models import Subnet, VirtualNetworkInterface, Vpc
from kunsthalle.networks.network_references import IpReferenceResponse, TypedReferenceResponse, interface_ref
from kunsthalle.networks.queries import locked, named
from kunsthalle.networks.resources import INTERFACE as VIRTUAL
from kunsthalle.networks.resources import SUBNET, VPC

_TYPE = "instance_network_attachment"
_BIND = "is.virtual-network-interface.virtual-network-interface.update"


@dataclass(frozen=True, slots=True)
class PlannedAttachment:
    """An attachment to be: of an interface that is there, or of one to be made. `field` as of PlannedInterface."""

    field: str
    name: str
    vpc: Vpc
    subnet: Subnet
    existing: VirtualNetworkInterface | None
    wanted: virtual.Plan | None

    @property
    def kept_reference(self) -> dict[str, Any]:
        """What a template keeps of it in place of the references of the request."""
        if self.existing is not None:
            return {"name": self.name, "virtual_network_interface": {"id": self.existing.id}}
        return {"name": self.name}


def plan(
    session: Session, zone: str, vpc_id: str | None, group_id: str, field: str, body: NetworkAttachmentRequest
) -> PlannedAttachment:
    """404 for what is not seen; 400 for what does not go together; without `vpc_id` the subnet decides on the VPC."""
    asked, at = body.virtual_network_interface, f"{field}virtual_network_interface"
    existing, planned_attachment = None, None
    if asked.identity is not None:
        existing = refer(session, VIRTUAL, asked.identity, at, _BIND).resource
        if not existing.enable_infrastructure_nat:
            raise invalid("bad_field", "Servers need an interface with infrastructure NAT.", at)
        subnet = in_place(named(session, SUBNET, existing.subnet_id), zone, vpc_id, at)
    else:
        planned_attachment = virtual.plan(session, asked, bound=True, group_id=group_id, prefix=f"{at}.")
        subnet = in_place(planned_attachment.subnet, zone, vpc_id, f"{at}.subnet")
    name = given(body.name, "") or session.ctx.ids.name()
    return PlannedAttachment(field, name, named(session, VPC, subnet.vpc_id), subnet, existing, planned_attachment)


def make(session: Session, planned: PlannedAttachment, instance_id: str, position: int) -> Interface:
    """Makes the interface if there is none yet, and binds it. 409 for one that has a target."""
    id_ = session.ctx.ids.resource(session.ctx.region.zones[planned.subnet.zone])
    target = {
        "id": id_,
        "name": planned.name,
        "href_path": f"/instances/{instance_id}/network_attachments/{id_}",
        "resource_type": _TYPE,
    }
    existing = planned.existing if planned.wanted is None else virtual.make(session, planned.wanted)
    assert existing is not None  # noqa: S101  one of both, by PlannedAttachment's word; for the type checker
    virtual.bind(session, existing, target, f"{planned.field}virtual_network_interface")
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
            primary_ip=kept_address(virtual.ips_of(session, existing)[0]),
            allow_ip_spoofing=existing.allow_ip_spoofing,
            mac=existing.mac_address,
            virtual_network_interface_id=existing.id,
            created_at=session.ctx.now(),
        ),
    )


def give_back(session: Session, attachment: Interface) -> None:
    """Lets go of the interface; one that is to go with its attachment goes."""
    virtual.unbind(session, attachment.id)


def _create(session: Session, instance: Instance, body: NetworkAttachmentRequest) -> Interface:
    attachments, position = free_position(session, instance, body.name)
    if attachments[0].virtual_network_interface_id is None:
        raise conflict("invalid_state", "The server has network interfaces of its own, and takes no attachments.")
    planned = plan(session, instance.zone, instance.vpc_id, instance.resource_group_id, "", body)
    return make(session, planned, instance.id, position)


def _change(session: Session, _instance: Instance, attachment: Interface, body: NameRequest) -> Interface:
    if isinstance(body.name, UnsetType) or body.name == attachment.name:
        return attachment
    rename(session, INTERFACE, attachment.id, body.name)
    virtual.rename_target(session, attachment.id, body.name)
    return unscoped(session, INTERFACE, INTERFACE.table.c.id == attachment.id)[0]


def _remove(session: Session, instance: Instance, attachment: Interface) -> None:
    if attachment.type == "primary":
        raise conflict("invalid_state", "The primary network attachment stays with its server.")
    locked(session, INSTANCE, instance.id, "instance_id")
    delete(session, INTERFACE, attachment.id, attachment.account_id)
    give_back(session, attachment)


class AttachmentReferenceResponse(ResponseBody):
    """An attachment, from the side of its server."""

    href: str
    id: str
    name: str
    primary_ip: IpReferenceResponse
    resource_type: str
    subnet: TypedReferenceResponse
    virtual_network_interface: TypedReferenceResponse


class AttachmentResponse(AttachmentReferenceResponse):
    """A network attachment."""

    created_at: str
    lifecycle_state: str
    port_speed: int
    type: str


def _shown(attachment: Interface, virtual_network_interface: VirtualNetworkInterface, ctx: Context) -> dict[str, Any]:
    return {
        "href": href(ctx, f"/instances/{attachment.instance_id}/network_attachments/{attachment.id}"),
        "id": attachment.id,
        "name": attachment.name,
        "primary_ip": address_reference(attachment, ctx),
        "resource_type": _TYPE,
        "subnet": subnet_reference(attachment, ctx),
        "virtual_network_interface": interface_ref(virtual_network_interface, ctx),
    }


def reference_response(
    attachment: Interface, virtual_network_interface: VirtualNetworkInterface, ctx: Context
) -> AttachmentReferenceResponse:
    return AttachmentReferenceResponse(**_shown(attachment, virtual_network_interface, ctx))


def _wire(attachment: Interface, session: Session) -> AttachmentResponse:
    virtual = virtual_of(session, [attachment])[attachment.bound]
    return AttachmentResponse(
        **_shown(attachment, virtual, session.ctx),
        created_at=rfc3339(attachment.created_at),
        lifecycle_state="stable",
        port_speed=PORT_SPEED,
        type=attachment.type,
    )


def _owned(session: Session, _request: Request, instance: Instance) -> list[Interface]:
    id_ = instance.id
    return [
        interface
        for interface in interfaces_of(session, [id_])[id_]
        if interface.virtual_network_interface_id is not None
    ]


ATTACHMENTS = Part(
    INSTANCE,
    "/v1/instances/{instance_id}/network_attachments",
    _owned,
    _wire,
    AttachmentResponse,
)


def routes() -> tuple[Route, ...]:
    return (
        listing(ATTACHMENTS, "List the network attachments of a server."),
        reading(ATTACHMENTS, "Get a network attachment of a server."),
        making(ATTACHMENTS, "Create a network attachment of a server.", _create, NetworkAttachmentRequest),
        updating(ATTACHMENTS, "Change a network attachment of a server.", _change, NameRequest),
        removing(ATTACHMENTS, "Delete a network attachment of a server.", _remove, status=202),
    )
