"""Floating IPs: addresses of the region, each given to at most one target.

Addresses are drawn from the block that is set aside for tests of networks (RFC 2544), at random, so that no account
can read from its own how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network

from msgspec import UNSET, UnsetType, field

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupRequest, GroupResponse, Name, NamedResponse
from kunsthalle.api.crud import Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.references import Identity, NamedIdentity, name_of, refer
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.api.vpc_parameters import Group
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.db.rows import delete, insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, may_create, some, unscoped
from kunsthalle.networks.ipv4_blocks import parse_address
from kunsthalle.networks.models import FloatingIp
from kunsthalle.networks.network_references import INTERFACE_TYPE, floating_ip_path, zone_ref
from kunsthalle.networks.queries import locked, usual, zone_of
from kunsthalle.networks.resources import FLOATING_IP, INTERFACE, RESERVED_IP
from kunsthalle.networks.security_group_targets import (
    BoundParameters,
    TargetResponse,
    bound_filters,
    find_target,
    shown_with_address,
)

POOL = IPv4Network("198.18.0.0/15")
GATEWAY_TYPE = "public_gateway"
_DRAWS = 64


class TargetRequest(Identity):
    """A virtual network interface, or an interface of a server."""


class CreateFloatingIpRequest(RequestBody):
    """Exactly one of `zone` and `target`."""

    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    zone: NamedIdentity | UnsetType = UNSET
    target: TargetRequest | UnsetType = UNSET


class UpdateFloatingIpRequest(RequestBody):
    """What may be changed; null takes the address from its target."""

    name: Name | UnsetType = UNSET
    target: TargetRequest | UnsetType | None = UNSET


class FloatingIpIdentity(Identity):
    """A floating IP, also by its address."""

    address: str | UnsetType = UNSET


class FloatingIpResponse(ResponseBody):
    """A floating IP."""

    address: str
    created_at: str
    crn: str
    href: str
    id: str
    name: str
    resource_group: GroupResponse
    status: str
    zone: NamedResponse
    target: TargetResponse | UnsetType = UNSET


def floating_ip_response(ip: FloatingIp, session: Session) -> FloatingIpResponse:
    always = ip.target is not None and ip.target["resource_type"] != GATEWAY_TYPE
    return FloatingIpResponse(
        address=ip.address,
        created_at=rfc3339(ip.created_at),
        crn=ip.crn,
        href=href(session.ctx, floating_ip_path(ip)),
        id=ip.id,
        name=ip.name,
        resource_group=group_response(session, ip.resource_group_id),
        status="available",
        zone=zone_ref(session.ctx, ip.zone),
        target=UNSET if ip.target is None else shown_with_address(session, ip.target, always=always),
    )


def reserve(session: Session, zone: str, name: str | None = None, group_id: str | None = None) -> FloatingIp:
    """A new address of a zone, given to nobody. 400 `over_quota` when the pool is as good as empty."""
    group = chosen_group(session, group_id).id
    may_create(session.ctx, "is.floating-ip.floating-ip.create", {"resourceGroupId": group})
    ids = session.ctx.ids
    made = FloatingIp(
        id=ids.resource(session.ctx.region.prefix),
        account_id=session.ctx.account_id,
        resource_group_id=group,
        name=name or ids.name(),
        zone=zone,
        number=_draw(session),
        target_id=None,
        target=None,
        created_at=session.ctx.now(),
    )
    return insert_named(session, FLOATING_IP, made)


def _draw(session: Session) -> int:
    for _ in range(_DRAWS):
        number = int(POOL.network_address) + int(session.ctx.ids.hex(8), 16) % POOL.num_addresses
        if not unscoped(session, FLOATING_IP, FLOATING_IP.table.c.number == number):
            return number
    raise invalid("over_quota", "The region has no free floating IP.")


def bind(session: Session, ip: FloatingIp, target: Mapping[str, str], field: str = "id") -> FloatingIp:
    """Gives an address to a target. 409 `floating_ip_in_use` for one that has a target."""
    free = FLOATING_IP.table.c.target_id.is_(None)
    if not update(session, FLOATING_IP, ip.id, free, target_id=target["id"], target=dict(target)):
        raise conflict("floating_ip_in_use", "The floating IP has a target already.", field)
    return unscoped(session, FLOATING_IP, FLOATING_IP.table.c.id == ip.id)[0]


def bind_to_interface(session: Session, ip: FloatingIp, target_id: str, field: str, type_: str = "field") -> FloatingIp:
    """Gives an address to an interface in its zone. 409 `target_in_use` for one that has an address and translates."""
    bindable = find_target(session, target_id, field, type_)
    target = bindable.target
    if bindable.subnet.zone != ip.zone:
        text = f"The target is in {bindable.subnet.zone}, the floating IP in {ip.zone}."
        raise invalid("zone_inconsistency", text, field, type_=type_)
    if target["resource_type"] == INTERFACE_TYPE:
        translates = locked(session, INTERFACE, target["id"], field, type_).enable_infrastructure_nat
    else:
        # The interface is another package's; its address is held instead, so that two cannot bind to it at once.
        unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id == target["id"], lock=True)
        translates = True
    others = [floating_ip for floating_ip in of_target(session, target["id"]) if floating_ip.id != ip.id]
    if translates and others:
        raise conflict("target_in_use", "The target has a floating IP already.", field)
    return bind(session, ip, target, field)


def of_target(session: Session, target_id: str) -> list[FloatingIp]:
    """The addresses that a target has."""
    return unscoped(session, FLOATING_IP, FLOATING_IP.table.c.target_id == target_id)


def release(session: Session, target_id: str) -> None:
    """Takes every floating IP from a target that goes away; they are kept."""
    for ip in of_target(session, target_id):
        unbind(session, ip)


def unbind(session: Session, ip: FloatingIp) -> None:
    """Takes an address from its target. 409 `floating_ip_in_use` for that of a public gateway."""
    if ip.target is not None and ip.target["resource_type"] == GATEWAY_TYPE:
        raise conflict("floating_ip_in_use", "A public gateway needs the floating IP.")
    update(session, FLOATING_IP, ip.id, target_id=None, target=None)


def refer_floating_ip(session: Session, identity: FloatingIpIdentity, field: str) -> FloatingIp:
    """The floating IP that is meant, which the caller may change."""
    plain = Identity(id=identity.id, crn=identity.crn, href=identity.href)
    if not isinstance(identity.address, UnsetType):
        number = int(parse_address(identity.address, f"{field}.address"))
        floating_ips = some(session, FLOATING_IP, FLOATING_IP.table.c.number == number, limit=1)
        if not floating_ips:
            raise not_found(field, "field")
        plain.id = floating_ips[0].id
    return refer(session, FLOATING_IP, plain, field, "is.floating-ip.floating-ip.update").resource


def _target_id(body: TargetRequest) -> str:
    """A target may be named by id, CRN or href; each of them ends with the id."""
    named = {text.rstrip("/").replace(":", "/").rsplit("/", 1)[-1] for text in _texts(body)}
    if not named:
        raise invalid("validation_required_field", "One of id, crn or href must be given.", "target")
    if len(named) > 1:
        raise invalid("bad_field", "id, crn and href mean different resources.", "target")
    return named.pop()


def _texts(body: TargetRequest) -> list[str]:
    return [text for text in (body.id, body.crn, body.href) if not isinstance(text, UnsetType)]


def _create(session: Session, body: CreateFloatingIpRequest) -> FloatingIp:
    group_id = None if isinstance(body.resource_group, UnsetType) else body.resource_group.id
    name = given(body.name, "") or None
    if (body.zone is UNSET) == (body.target is UNSET):
        raise invalid("validation_only_one", "Exactly one of zone and target must be given.", "zone")
    if not isinstance(body.zone, UnsetType):
        return reserve(session, zone_of(session, name_of(body.zone, "zone")), name, group_id)
    target_id = _target_id(body.target) if isinstance(body.target, TargetRequest) else ""
    ip = reserve(session, find_target(session, target_id, "target", "field").subnet.zone, name, group_id)
    return bind_to_interface(session, ip, target_id, "target")


def _update(session: Session, granted: Authorized[FloatingIp], body: UpdateFloatingIpRequest) -> None:
    if isinstance(body.target, UnsetType):
        return
    ip = locked(session, FLOATING_IP, granted.resource.id)
    chosen = (
        None if body.target is None else find_target(session, _target_id(body.target), "target", "field").target["id"]
    )
    if chosen == ip.target_id:
        return
    if ip.target_id is not None:
        unbind(session, ip)
    if chosen is not None:
        bind_to_interface(session, ip, chosen, "target")


def remove(session: Session, ip: FloatingIp) -> None:
    """Releases an address, whatever its target was, unless a public gateway needs it."""
    ip = locked(session, FLOATING_IP, ip.id)
    unbind(session, ip)
    delete(session, FLOATING_IP, ip.id, ip.account_id)


def _delete(session: Session, granted: Authorized[FloatingIp]) -> None:
    remove(session, granted.resource)


class FloatingIpParameters(BoundParameters, frozen=True):
    """Of the list of floating IPs."""

    resource_group_id: Group = field(name="resource_group.id", default=None)


FLOATING_IPS = Resource(
    FLOATING_IP,
    "/v1/floating_ips",
    floating_ip_response,
    FloatingIpResponse,
    {
        **usual(FLOATING_IP),
        **bound_filters(FLOATING_IP),
    },
    query=FloatingIpParameters,
    fresh="status",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(FLOATING_IPS, "List the floating IPs."),
        reading(FLOATING_IPS, "Get a floating IP."),
        making(FLOATING_IPS, "Create a floating IP.", _create, CreateFloatingIpRequest),
        updating(FLOATING_IPS, "Change a floating IP.", UpdateFloatingIpRequest, _update),
        removing(FLOATING_IPS, "Delete a floating IP.", _delete),
    )
