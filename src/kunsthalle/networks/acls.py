"""Network ACLs."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.references import Identity, refer
from kunsthalle.api.regular import Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.routing import Route
from kunsthalle.api.shapes import GroupBody, GroupWire, Name
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.networks.acl_rules import AclRules, AclRuleWire, copied, make_acl_rules, rules_wire
from kunsthalle.networks.kinds import NETWORK_ACL, SUBNET, VPC
from kunsthalle.networks.model import NetworkAcl
from kunsthalle.networks.queries import attached_subnets, locked, named, usual
from kunsthalle.networks.references import TypedReferenceWire, network_acl_path, subnet_ref, vpc_ref
from kunsthalle.store.rows import delete, insert_named
from kunsthalle.store.scope import Granted, may_create
from kunsthalle.store.tables import number_of
from kunsthalle.store.unit import Unit


class CreateAclBody(Body):
    """`rules`, or an ACL to copy, whose VPC is taken when none is named (vpc-api.md G3)."""

    vpc: Identity | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET
    rules: AclRules | UnsetType = UNSET
    source_network_acl: Identity | UnsetType = UNSET


class NetworkAclWire(Wire):
    """A network ACL with its rules."""

    created_at: str
    crn: str
    href: str
    id: str
    name: str
    resource_group: GroupWire
    rules: list[AclRuleWire]
    subnets: list[TypedReferenceWire]
    vpc: TypedReferenceWire


def acl_wire(acl: NetworkAcl, unit: Unit) -> NetworkAclWire:
    ctx = unit.ctx
    return NetworkAclWire(
        created_at=rfc3339(acl.created_at),
        crn=acl.crn,
        href=href(ctx, network_acl_path(acl.id)),
        id=acl.id,
        name=acl.name,
        resource_group=group_wire(unit, acl.resource_group_id),
        rules=rules_wire(acl, ctx),
        subnets=[subnet_ref(subnet, ctx) for subnet in attached_subnets(unit, "network_acl_id", acl.id)],
        vpc=vpc_ref(named(unit, VPC, acl.vpc_id), ctx),
    )


def _create(unit: Unit, body: CreateAclBody) -> NetworkAcl:
    group = chosen_group(unit, None if isinstance(body.resource_group, UnsetType) else body.resource_group.id).id
    may_create(unit.ctx, NETWORK_ACLS.action("create"), {"resourceGroupId": group})
    if body.rules is not UNSET and body.source_network_acl is not UNSET:
        text = "At most one of rules and source_network_acl can be given."
        raise invalid("validation_only_one", text, "source_network_acl")
    source = None
    if not isinstance(body.source_network_acl, UnsetType):
        source = refer(unit, NETWORK_ACL, body.source_network_acl, "source_network_acl").it
    if not isinstance(body.vpc, UnsetType):
        vpc_id = refer(unit, VPC, body.vpc, "vpc").it.id
    elif source is not None:
        vpc_id = source.vpc_id
    else:
        raise invalid("validation_required_field", "Missing a required field.", "vpc")
    vpc = locked(unit, VPC, vpc_id, "vpc", "field")
    made = NetworkAcl(
        id=unit.ctx.ids.resource(unit.ctx.region.prefix),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=group,
        name=given(body.name, "") or unit.ctx.ids.name(),
        rules=copied(unit, source.rules) if source else make_acl_rules(unit, given(body.rules, [])),
        created_at=unit.ctx.now(),
    )
    return insert_named(unit, NETWORK_ACL, made)


def _delete(unit: Unit, granted: Granted[NetworkAcl]) -> None:
    """409 `acl_in_use` for a VPC's default and while subnets use it."""
    vpc = locked(unit, VPC, granted.it.vpc_id)
    acl = locked(unit, NETWORK_ACL, granted.it.id)
    if vpc.default_network_acl_id == acl.id:
        raise conflict("acl_in_use", "The network ACL is the default of its VPC.")
    if number_of(unit, SUBNET.table, SUBNET.table.c.network_acl_id == acl.id):
        raise conflict("acl_in_use", "The network ACL is attached to subnets.")
    delete(unit, NETWORK_ACL, acl.id, acl.account_id)


NETWORK_ACLS = Resource(NETWORK_ACL, "network ACL", "/v1/network_acls", acl_wire, NetworkAclWire, usual(NETWORK_ACL))


def routes() -> tuple[Route, ...]:
    return (
        listing(NETWORK_ACLS),
        reading(NETWORK_ACLS),
        making(NETWORK_ACLS, _create, CreateAclBody),
        updating(NETWORK_ACLS),
        removing(NETWORK_ACLS, _delete),
    )
