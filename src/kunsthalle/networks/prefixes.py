"""Address prefixes: the ranges that subnets are cut from."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.api.families.vpc import href
from kunsthalle.api.references import NamedIdentity, name_of
from kunsthalle.api.regular import Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.routing import Route
from kunsthalle.api.shapes import Name, NamedWire
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.networks.addressing import subnet_block
from kunsthalle.networks.kinds import ADDRESS_PREFIX, SUBNET, VPC
from kunsthalle.networks.model import AddressPrefix, Vpc
from kunsthalle.networks.queries import in_vpc, locked, zone_of
from kunsthalle.networks.references import zone_ref
from kunsthalle.store.rows import delete, insert_named, update
from kunsthalle.store.scope import Granted
from kunsthalle.store.unit import Unit


class CreatePrefixBody(Body):
    """A range and its zone."""

    cidr: str
    zone: NamedIdentity
    is_default: bool = False
    name: Name | UnsetType = UNSET


class UpdatePrefixBody(Body):
    """What may be changed of a prefix."""

    name: Name | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET


class AddressPrefixWire(Wire):
    """An address prefix."""

    cidr: str
    created_at: str
    has_subnets: bool
    href: str
    id: str
    is_default: bool
    name: str
    zone: NamedWire


def _used(unit: Unit, prefix: AddressPrefix) -> bool:
    return any(subnet.network.subnet_of(prefix.network) for subnet in in_vpc(unit, SUBNET, prefix.vpc_id))


def prefix_wire(prefix: AddressPrefix, unit: Unit) -> AddressPrefixWire:
    return AddressPrefixWire(
        cidr=prefix.cidr,
        created_at=rfc3339(prefix.created_at),
        has_subnets=_used(unit, prefix),
        href=href(unit.ctx, f"/vpcs/{prefix.vpc_id}/address_prefixes/{prefix.id}"),
        id=prefix.id,
        is_default=prefix.is_default,
        name=prefix.name,
        zone=zone_ref(unit.ctx, prefix.zone),
    )


def _only_default(others: list[AddressPrefix], zone: str) -> None:
    if any(other.is_default and other.zone == zone for other in others):
        raise invalid("bad_field", "The zone has a default address prefix in the VPC already.", "is_default")


def _create(unit: Unit, vpc: Vpc, body: CreatePrefixBody) -> AddressPrefix:
    vpc = locked(unit, VPC, vpc.id, "vpc_id")
    zone = zone_of(unit, name_of(body.zone, "zone"))
    block = subnet_block(body.cidr, "cidr")
    others = in_vpc(unit, ADDRESS_PREFIX, vpc.id)
    if any(block.overlaps(other.network) for other in others):
        raise invalid("address_prefix_conflict", f"{block} overlaps another address prefix of the VPC.", "cidr")
    if body.is_default:
        _only_default(others, zone)
    made = AddressPrefix(
        id=unit.ctx.ids.resource(unit.ctx.region.prefix),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=vpc.resource_group_id,
        name=given(body.name, "") or unit.ctx.ids.name(),
        zone=zone,
        cidr=str(block),
        is_default=body.is_default,
        created_at=unit.ctx.now(),
    )
    return insert_named(unit, ADDRESS_PREFIX, made)


def _update(unit: Unit, granted: Granted[AddressPrefix], body: UpdatePrefixBody) -> None:
    locked(unit, VPC, granted.it.vpc_id, "vpc_id")
    prefix = locked(unit, ADDRESS_PREFIX, granted.it.id)
    wanted = given(body.is_default, prefix.is_default)
    if wanted != prefix.is_default:
        if wanted:
            _only_default(in_vpc(unit, ADDRESS_PREFIX, prefix.vpc_id), prefix.zone)
        update(unit, ADDRESS_PREFIX, prefix.id, is_default=wanted)


def _delete(unit: Unit, granted: Granted[AddressPrefix]) -> None:
    locked(unit, VPC, granted.it.vpc_id, "vpc_id")
    if _used(unit, granted.it):
        raise conflict("address_prefix_in_use", "Subnets use addresses of the prefix.")
    delete(unit, ADDRESS_PREFIX, granted.it.id, granted.it.account_id)


ADDRESS_PREFIXES = Resource(
    ADDRESS_PREFIX,
    "address prefix",
    "/v1/vpcs/{vpc_id}/address_prefixes",
    prefix_wire,
    AddressPrefixWire,
    parent=VPC,
    parent_field="vpc_id",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(ADDRESS_PREFIXES),
        reading(ADDRESS_PREFIXES),
        making(ADDRESS_PREFIXES, _create, CreatePrefixBody),
        updating(ADDRESS_PREFIXES, UpdatePrefixBody, _update),
        removing(ADDRESS_PREFIXES, _delete),
    )
