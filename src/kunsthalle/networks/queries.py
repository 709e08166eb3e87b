"""What the rows of a VPC say about each other."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import UNSET, UnsetType
from sqlalchemy import Column, ColumnElement, false

from kunsthalle.api.crud import Filter, equals
from kunsthalle.api.references import Identity, own_by_name, refer
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.db.visibility import Authorized, ResourceType, in_account, some, unscoped
from kunsthalle.networks.models import Key, ReservedIp, SecurityGroup, Subnet, Vpc
from kunsthalle.networks.resources import KEY, RESERVED_IP, SECURITY_GROUP, SUBNET, VPC

M = TypeVar("M")


def named(session: Session, kind: ResourceType[M], id_: str) -> M:
    """What a resource at hand is in or has, for the reference to it: of the same account by construction."""
    resource = in_account(session, kind, id_)
    if resource is None:
        raise LookupError(f"{kind.name} {id_}")
    return resource


def locked(session: Session, kind: ResourceType[M], id_: str, target: str = "id", type_: str = "parameter") -> M:
    """The row as it is now, and as it stays until this transaction ends; 404 when it is gone."""
    conditions = (kind.table.c.id == id_, kind.table.c.account_id == session.ctx.account_id)
    rows = unscoped(session, kind, *conditions, lock=True)
    if not rows:
        raise not_found(target, type_)
    return rows[0]


def in_vpc(session: Session, kind: ResourceType[M], vpc_id: str) -> list[M]:
    """Everything of a kind in a VPC, whatever the caller may see: for rules that hold for all of it."""
    return unscoped(session, kind, kind.table.c.vpc_id == vpc_id)


MOST_IN_VPC = 500
"""Security groups of a VPC, and network ACLs: they go with it in one transaction (U)."""


def refuse_full(session: Session, kind: ResourceType[Any], vpc_id: str, name: str) -> None:
    """400 `over_quota` where a VPC has as many resources of a kind as it may have."""
    if number_of(session, kind.table, kind.table.c.vpc_id == vpc_id) >= MOST_IN_VPC:
        raise invalid("over_quota", f"A VPC has at most {MOST_IN_VPC} {name}.", "vpc")


def attached_subnets(session: Session, column: str, id_: str) -> list[Subnet]:
    """The subnets that the caller may read and whose network ACL (or routing table) this is."""
    return some(session, SUBNET, SUBNET.table.c[column] == id_)


def available(session: Session, subnet: Subnet) -> int:
    """How many of a subnet's addresses nobody has, the provider included."""
    table = RESERVED_IP.table
    return subnet.network.num_addresses - number_of(session, table, table.c.subnet_id == subnet.id)


def ip_of_target(session: Session, target_id: str) -> ReservedIp | None:
    """The (first) address that a target has."""
    reserved_ips = unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id == target_id)
    return min(reserved_ips, key=lambda ip: ip.number, default=None)


def default_security_group(session: Session, vpc: Vpc) -> SecurityGroup:
    """The group that interfaces get when none is named."""
    return named(session, SECURITY_GROUP, vpc.default_security_group_id)


class KeyIdentity(Identity):
    """A key, also by its fingerprint (vpc-api.md A3)."""

    fingerprint: str | UnsetType = UNSET


def refer_key(session: Session, identity: KeyIdentity, field: str, action: str | None = None) -> Authorized[Key]:
    """The key that is meant; unknown, hidden and foreign are the same 404 with the field as target."""
    if isinstance(identity.fingerprint, UnsetType):
        return refer(session, KEY, identity, field, action)
    keys = some(session, KEY, KEY.table.c.fingerprint == identity.fingerprint, limit=1)
    if not keys:
        raise not_found(field, "field")
    if identity.id not in (UNSET, keys[0].id):
        raise invalid("bad_field", "id and fingerprint mean different keys.", field)
    return refer(session, KEY, Identity(id=keys[0].id, crn=identity.crn, href=identity.href), field, action)


def vpc_by_crn(column: Column[Any]) -> Filter:
    """The filter `vpc.crn`: resources whose VPC is the caller's own of that CRN."""

    def matching(session: Session, value: str) -> ColumnElement[bool]:
        try:
            crn = parse(value)
        except ValueError:
            return false()
        return column == (crn.resource if crn.account == session.ctx.account_id else None)

    return matching


def of_vpc(column: Column[Any]) -> dict[str, Filter]:
    """The filters by VPC."""

    def by_name(session: Session, value: str) -> ColumnElement[bool]:
        vpc = own_by_name(session, VPC, value)
        return column == (vpc.id if vpc else None)

    return {"vpc_id": equals(column), "vpc_crn": vpc_by_crn(column), "vpc_name": by_name}


def usual(kind: ResourceType[Any]) -> dict[str, Filter]:
    """The filters that nearly all lists have."""
    columns = kind.table.c
    return {"name": equals(columns.name), "resource_group_id": equals(columns.resource_group_id)}


def zone_of(session: Session, name: str, field: str = "zone") -> str:
    """A zone of the region; 400 `invalid_zone` for any other."""
    if name not in session.ctx.region.zones:
        raise invalid("invalid_zone", "The region has no such zone.", field)
    return name
