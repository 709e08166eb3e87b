"""Address prefixes: the ranges that subnets are cut from."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.api.common_schemas import Name, NamedResponse
from kunsthalle.api.crud import Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.references import NamedIdentity, name_of
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import delete, insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.networks.ipv4_blocks import subnet_block
from kunsthalle.networks.models import AddressPrefix, Vpc
from kunsthalle.networks.network_references import zone_ref
from kunsthalle.networks.queries import in_vpc, locked, refuse_full, zone_of
from kunsthalle.networks.resources import ADDRESS_PREFIX, SUBNET, VPC


class CreatePrefixRequest(RequestBody):
    """A range and its zone."""

    cidr: str
    zone: NamedIdentity
    is_default: bool = False
    name: Name | UnsetType = UNSET


class UpdatePrefixRequest(RequestBody):
    """What may be changed of a prefix."""

    name: Name | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET


class AddressPrefixResponse(ResponseBody):
    """An address prefix."""

    cidr: str
    created_at: str
    has_subnets: bool
    href: str
    id: str
    is_default: bool
    name: str
    zone: NamedResponse


def _used(session: Session, prefix: AddressPrefix) -> bool:
    return any(subnet.network.subnet_of(prefix.network) for subnet in in_vpc(session, SUBNET, prefix.vpc_id))


def prefix_response(prefix: AddressPrefix, session: Session) -> AddressPrefixResponse:
    return AddressPrefixResponse(
        cidr=prefix.cidr,
        created_at=rfc3339(prefix.created_at),
        has_subnets=_used(session, prefix),
        href=href(session.ctx, f"/vpcs/{prefix.vpc_id}/address_prefixes/{prefix.id}"),
        id=prefix.id,
        is_default=prefix.is_default,
        name=prefix.name,
        zone=zone_ref(session.ctx, prefix.zone),
    )


def _only_default(others: list[AddressPrefix], zone: str) -> None:
    if any(other.is_default and other.zone == zone for other in others):
        raise invalid("bad_field", "The zone has a default address prefix in the VPC already.", "is_default")


def _create(session: Session, vpc: Vpc, body: CreatePrefixRequest) -> AddressPrefix:
    vpc = locked(session, VPC, vpc.id, "vpc_id")
    zone = zone_of(session, name_of(body.zone, "zone"))
    block = subnet_block(body.cidr, "cidr")
    others = in_vpc(session, ADDRESS_PREFIX, vpc.id)
    if any(block.overlaps(other.network) for other in others):
        raise invalid("address_prefix_conflict", f"{block} overlaps another address prefix of the VPC.", "cidr")
    if body.is_default:
        _only_default(others, zone)
    refuse_full(session, ADDRESS_PREFIX, vpc.id, "address prefixes")
    made = AddressPrefix(
        id=session.ctx.ids.resource(session.ctx.region.prefix),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=vpc.resource_group_id,
        name=given(body.name, "") or session.ctx.ids.name(),
        zone=zone,
        cidr=str(block),
        is_default=body.is_default,
        created_at=session.ctx.now(),
    )
    return insert_named(session, ADDRESS_PREFIX, made)


def _update(session: Session, granted: Authorized[AddressPrefix], body: UpdatePrefixRequest) -> None:
    locked(session, VPC, granted.resource.vpc_id, "vpc_id")
    prefix = locked(session, ADDRESS_PREFIX, granted.resource.id)
    is_default = given(body.is_default, prefix.is_default)
    if is_default != prefix.is_default:
        if is_default:
            _only_default(in_vpc(session, ADDRESS_PREFIX, prefix.vpc_id), prefix.zone)
        update(session, ADDRESS_PREFIX, prefix.id, is_default=is_default)


def _delete(session: Session, granted: Authorized[AddressPrefix]) -> None:
    locked(session, VPC, granted.resource.vpc_id, "vpc_id")
    if _used(session, granted.resource):
        raise conflict("address_prefix_in_use", "Subnets use addresses of the prefix.")
    delete(session, ADDRESS_PREFIX, granted.resource.id, granted.resource.account_id)


ADDRESS_PREFIXES = Resource(
    ADDRESS_PREFIX,
    "/v1/vpcs/{vpc_id}/address_prefixes",
    prefix_response,
    AddressPrefixResponse,
    parent=VPC,
    parent_field="vpc_id",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(ADDRESS_PREFIXES, "List the address prefixes."),
        reading(ADDRESS_PREFIXES, "Get an address prefix."),
        making(ADDRESS_PREFIXES, "Create an address prefix.", _create, CreatePrefixRequest),
        updating(ADDRESS_PREFIXES, "Change an address prefix.", UpdatePrefixRequest, _update),
        removing(ADDRESS_PREFIXES, "Delete an address prefix.", _delete),
    )
