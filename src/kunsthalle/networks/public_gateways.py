"""Public gateways: one for each zone of a VPC, with a floating IP of its own."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupRequest, GroupResponse, Name, NamedResponse
from kunsthalle.api.crud import NameRequest, Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.references import Identity, NamedIdentity, name_of, refer
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.api.vpc_parameters import UsualParameters
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import delete, insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.db.visibility import Authorized, may_create
from kunsthalle.networks import floating_ips
from kunsthalle.networks.address_allocation import rename_target
from kunsthalle.networks.floating_ips import GATEWAY_TYPE, FloatingIpIdentity, refer_floating_ip
from kunsthalle.networks.models import FloatingIp, PublicGateway
from kunsthalle.networks.network_references import (
    FloatingIpReferenceResponse,
    TypedReferenceResponse,
    floating_ip_ref,
    public_gateway_path,
    vpc_ref,
    zone_ref,
)
from kunsthalle.networks.queries import in_vpc, locked, named, usual, zone_of
from kunsthalle.networks.resources import FLOATING_IP, PUBLIC_GATEWAY, SUBNET, VPC


class FloatingIpRequest(FloatingIpIdentity):
    """One that is there, or what the new one shall be."""

    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET


class CreatePublicGatewayRequest(RequestBody):
    """Without a floating IP a new one is reserved."""

    vpc: Identity
    zone: NamedIdentity
    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    floating_ip: FloatingIpRequest | UnsetType = UNSET


class PublicGatewayResponse(ResponseBody):
    """A public gateway."""

    created_at: str
    crn: str
    floating_ip: FloatingIpReferenceResponse
    href: str
    id: str
    name: str
    resource_group: GroupResponse
    resource_type: str
    status: str
    vpc: TypedReferenceResponse
    zone: NamedResponse


def gateway_response(gateway: PublicGateway, session: Session) -> PublicGatewayResponse:
    ctx = session.ctx
    return PublicGatewayResponse(
        created_at=rfc3339(gateway.created_at),
        crn=gateway.crn,
        floating_ip=floating_ip_ref(named(session, FLOATING_IP, gateway.floating_ip_id), ctx),
        href=href(ctx, public_gateway_path(gateway)),
        id=gateway.id,
        name=gateway.name,
        resource_group=group_response(session, gateway.resource_group_id),
        resource_type=GATEWAY_TYPE,
        status="available",
        vpc=vpc_ref(named(session, VPC, gateway.vpc_id), ctx),
        zone=zone_ref(ctx, gateway.zone),
    )


def _floating_ip(
    session: Session, body: FloatingIpRequest | UnsetType, zone: str, group: str
) -> tuple[FloatingIp, bool]:
    """The gateway's address, and whether it was reserved for it."""
    if isinstance(body, UnsetType):
        return floating_ips.reserve(session, zone, None, group), True
    if all(value is UNSET for value in (body.id, body.crn, body.href, body.address)):
        own = group if isinstance(body.resource_group, UnsetType) else body.resource_group.id
        return floating_ips.reserve(session, zone, given(body.name, "") or None, own), True
    ip = refer_floating_ip(session, body, "floating_ip")
    if ip.zone != zone:
        raise invalid("zone_inconsistency", f"The floating IP is in {ip.zone}.", "floating_ip")
    return ip, False


def _create(session: Session, body: CreatePublicGatewayRequest) -> PublicGateway:
    group = chosen_group(session, None if isinstance(body.resource_group, UnsetType) else body.resource_group.id).id
    may_create(session.ctx, "is.public-gateway.public-gateway.create", {"resourceGroupId": group})
    vpc = locked(session, VPC, refer(session, VPC, body.vpc, "vpc").resource.id, "vpc", "field")
    zone = zone_of(session, name_of(body.zone, "zone"))
    if any(other.zone == zone for other in in_vpc(session, PUBLIC_GATEWAY, vpc.id)):
        raise invalid("bad_field", "The VPC has a public gateway in this zone already.", "zone")
    ip, own = _floating_ip(session, body.floating_ip, zone, group)
    made = PublicGateway(
        id=session.ctx.ids.resource(session.ctx.region.prefix),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=group,
        name=given(body.name, "") or session.ctx.ids.name(),
        zone=zone,
        floating_ip_id=ip.id,
        made_floating_ip=own,
        created_at=session.ctx.now(),
    )
    insert_named(session, PUBLIC_GATEWAY, made)
    target = {"id": made.id, "name": made.name, "href_path": public_gateway_path(made)}
    floating_ips.bind(session, ip, {**target, "resource_type": GATEWAY_TYPE, "crn": made.crn}, "floating_ip")
    return made


def _update(session: Session, granted: Authorized[PublicGateway], body: NameRequest) -> None:
    rename_target(session, granted.resource.id, given(body.name, granted.resource.name))


def _delete(session: Session, granted: Authorized[PublicGateway]) -> None:
    locked(session, VPC, granted.resource.vpc_id)
    gateway = locked(session, PUBLIC_GATEWAY, granted.resource.id)
    if number_of(session, SUBNET.table, SUBNET.table.c.public_gateway_id == gateway.id):
        raise conflict("public_gateway_in_use", "The public gateway is attached to subnets.")
    delete(session, PUBLIC_GATEWAY, gateway.id, gateway.account_id)
    update(session, FLOATING_IP, gateway.floating_ip_id, target_id=None, target=None)
    if gateway.made_floating_ip:
        delete(session, FLOATING_IP, gateway.floating_ip_id, gateway.account_id)


PUBLIC_GATEWAYS = Resource(
    PUBLIC_GATEWAY,
    "/v1/public_gateways",
    gateway_response,
    PublicGatewayResponse,
    usual(PUBLIC_GATEWAY),
    query=UsualParameters,
    fresh="status",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(PUBLIC_GATEWAYS, "List the public gateways."),
        reading(PUBLIC_GATEWAYS, "Get a public gateway."),
        making(PUBLIC_GATEWAYS, "Create a public gateway.", _create, CreatePublicGatewayRequest),
        updating(PUBLIC_GATEWAYS, "Change a public gateway.", change=_update),
        removing(PUBLIC_GATEWAYS, "Delete a public gateway.", _delete),
    )
