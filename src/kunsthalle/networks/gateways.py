"""Public gateways: one for each zone of a VPC, with a floating IP of its own."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.references import Identity, NamedIdentity, name_of, refer
from kunsthalle.api.regular import NameBody, Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.routing import Route
from kunsthalle.api.shapes import GroupBody, GroupWire, Name, NamedWire
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.networks import floating
from kunsthalle.networks.addresses import rename_target
from kunsthalle.networks.floating import GATEWAY_TYPE, FloatingIpIdentity, refer_floating_ip
from kunsthalle.networks.kinds import FLOATING_IP, PUBLIC_GATEWAY, SUBNET, VPC
from kunsthalle.networks.model import FloatingIp, PublicGateway
from kunsthalle.networks.queries import in_vpc, locked, named, usual, zone_of
from kunsthalle.networks.references import (
    FloatingIpReferenceWire,
    TypedReferenceWire,
    floating_ip_ref,
    public_gateway_path,
    vpc_ref,
    zone_ref,
)
from kunsthalle.store.rows import delete, insert_named, update
from kunsthalle.store.scope import Granted, may_create
from kunsthalle.store.tables import number_of
from kunsthalle.store.unit import Unit


class FloatingIpBody(FloatingIpIdentity):
    """One that is there, or what the new one shall be."""

    name: Name | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET


class CreatePublicGatewayBody(Body):
    """Without a floating IP a new one is reserved."""

    vpc: Identity
    zone: NamedIdentity
    name: Name | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET
    floating_ip: FloatingIpBody | UnsetType = UNSET


class PublicGatewayWire(Wire):
    """A public gateway."""

    created_at: str
    crn: str
    floating_ip: FloatingIpReferenceWire
    href: str
    id: str
    name: str
    resource_group: GroupWire
    resource_type: str
    status: str
    vpc: TypedReferenceWire
    zone: NamedWire


def gateway_wire(gateway: PublicGateway, unit: Unit) -> PublicGatewayWire:
    ctx = unit.ctx
    return PublicGatewayWire(
        created_at=rfc3339(gateway.created_at),
        crn=gateway.crn,
        floating_ip=floating_ip_ref(named(unit, FLOATING_IP, gateway.floating_ip_id), ctx),
        href=href(ctx, public_gateway_path(gateway)),
        id=gateway.id,
        name=gateway.name,
        resource_group=group_wire(unit, gateway.resource_group_id),
        resource_type=GATEWAY_TYPE,
        status="available",
        vpc=vpc_ref(named(unit, VPC, gateway.vpc_id), ctx),
        zone=zone_ref(ctx, gateway.zone),
    )


def _floating_ip(unit: Unit, body: FloatingIpBody | UnsetType, zone: str, group: str) -> tuple[FloatingIp, bool]:
    """The gateway's address, and whether it was reserved for it."""
    if isinstance(body, UnsetType):
        return floating.reserve(unit, zone, None, group), True
    if all(value is UNSET for value in (body.id, body.crn, body.href, body.address)):
        own = group if isinstance(body.resource_group, UnsetType) else body.resource_group.id
        return floating.reserve(unit, zone, given(body.name, "") or None, own), True
    ip = refer_floating_ip(unit, body, "floating_ip")
    if ip.zone != zone:
        raise invalid("zone_inconsistency", f"The floating IP is in {ip.zone}.", "floating_ip")
    return ip, False


def _create(unit: Unit, body: CreatePublicGatewayBody) -> PublicGateway:
    group = chosen_group(unit, None if isinstance(body.resource_group, UnsetType) else body.resource_group.id).id
    may_create(unit.ctx, "is.public-gateway.public-gateway.create", {"resourceGroupId": group})
    vpc = locked(unit, VPC, refer(unit, VPC, body.vpc, "vpc").it.id, "vpc", "field")
    zone = zone_of(unit, name_of(body.zone, "zone"))
    if any(other.zone == zone for other in in_vpc(unit, PUBLIC_GATEWAY, vpc.id)):
        raise invalid("bad_field", "The VPC has a public gateway in this zone already.", "zone")
    ip, own = _floating_ip(unit, body.floating_ip, zone, group)
    made = PublicGateway(
        id=unit.ctx.ids.resource(unit.ctx.region.prefix),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=group,
        name=given(body.name, "") or unit.ctx.ids.name(),
        zone=zone,
        floating_ip_id=ip.id,
        made_floating_ip=own,
        created_at=unit.ctx.now(),
    )
    insert_named(unit, PUBLIC_GATEWAY, made)
    target = {"id": made.id, "name": made.name, "href_path": public_gateway_path(made)}
    floating.bind(unit, ip, {**target, "resource_type": GATEWAY_TYPE, "crn": made.crn}, "floating_ip")
    return made


def _update(unit: Unit, granted: Granted[PublicGateway], body: NameBody) -> None:
    rename_target(unit, granted.it.id, given(body.name, granted.it.name))


def _delete(unit: Unit, granted: Granted[PublicGateway]) -> None:
    locked(unit, VPC, granted.it.vpc_id)
    gateway = locked(unit, PUBLIC_GATEWAY, granted.it.id)
    if number_of(unit, SUBNET.table, SUBNET.table.c.public_gateway_id == gateway.id):
        raise conflict("public_gateway_in_use", "The public gateway is attached to subnets.")
    delete(unit, PUBLIC_GATEWAY, gateway.id, gateway.account_id)
    update(unit, FLOATING_IP, gateway.floating_ip_id, target_id=None, target=None)
    if gateway.made_floating_ip:
        delete(unit, FLOATING_IP, gateway.floating_ip_id, gateway.account_id)


PUBLIC_GATEWAYS = Resource(
    PUBLIC_GATEWAY,
    "public gateway",
    "/v1/public_gateways",
    gateway_wire,
    PublicGatewayWire,
    usual(PUBLIC_GATEWAY),
    fresh="status",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(PUBLIC_GATEWAYS),
        reading(PUBLIC_GATEWAYS),
        making(PUBLIC_GATEWAYS, _create, CreatePublicGatewayBody),
        updating(PUBLIC_GATEWAYS, change=_update),
        removing(PUBLIC_GATEWAYS, _delete),
    )
