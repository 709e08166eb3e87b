"""Network ACLs."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupRequest, GroupResponse, Name
from kunsthalle.api.crud import Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.references import Identity, refer
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.api.vpc_parameters import UsualParameters
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import delete, insert_named
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.db.visibility import Authorized, may_create
from kunsthalle.networks.acl_rules import AclRuleResponse, AclRules, copied, make_acl_rules, rules_response
from kunsthalle.networks.models import NetworkAcl
from kunsthalle.networks.network_references import TypedReferenceResponse, network_acl_path, subnet_ref, vpc_ref
from kunsthalle.networks.queries import attached_subnets, locked, named, refuse_full, usual
from kunsthalle.networks.resources import NETWORK_ACL, SUBNET, VPC


class CreateAclRequest(RequestBody):
    """`rules`, or an ACL to copy, whose VPC is taken when none is named (vpc-api.md G3)."""

    vpc: Identity | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    rules: AclRules | UnsetType = UNSET
    source_network_acl: Identity | UnsetType = UNSET


class NetworkAclResponse(ResponseBody):
    """A network ACL with its rules."""

    created_at: str
    crn: str
    href: str
    id: str
    name: str
    resource_group: GroupResponse
    rules: list[AclRuleResponse]
    subnets: list[TypedReferenceResponse]
    vpc: TypedReferenceResponse


def acl_response(acl: NetworkAcl, session: Session) -> NetworkAclResponse:
    ctx = session.ctx
    return NetworkAclResponse(
        created_at=rfc3339(acl.created_at),
        crn=acl.crn,
        href=href(ctx, network_acl_path(acl.id)),
        id=acl.id,
        name=acl.name,
        resource_group=group_response(session, acl.resource_group_id),
        rules=rules_response(acl, ctx),
        subnets=[subnet_ref(subnet, ctx) for subnet in attached_subnets(session, "network_acl_id", acl.id)],
        vpc=vpc_ref(named(session, VPC, acl.vpc_id), ctx),
    )


def _create(session: Session, body: CreateAclRequest) -> NetworkAcl:
    group = chosen_group(session, None if isinstance(body.resource_group, UnsetType) else body.resource_group.id).id
    may_create(session.ctx, NETWORK_ACLS.action("create"), {"resourceGroupId": group})
    if body.rules is not UNSET and body.source_network_acl is not UNSET:
        text = "At most one of rules and source_network_acl can be given."
        raise invalid("validation_only_one", text, "source_network_acl")
    source = None
    if not isinstance(body.source_network_acl, UnsetType):
        source = refer(session, NETWORK_ACL, body.source_network_acl, "source_network_acl").resource
    if not isinstance(body.vpc, UnsetType):
        vpc_id = refer(session, VPC, body.vpc, "vpc").resource.id
    elif source is not None:
        vpc_id = source.vpc_id
    else:
        raise invalid("validation_required_field", "Missing a required field.", "vpc")
    vpc = locked(session, VPC, vpc_id, "vpc", "field")
    refuse_full(session, NETWORK_ACL, vpc.id, "network ACLs")
    made = NetworkAcl(
        id=session.ctx.ids.resource(session.ctx.region.prefix),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=group,
        name=given(body.name, "") or session.ctx.ids.name(),
        rules=copied(session, source.rules) if source else make_acl_rules(session, given(body.rules, [])),
        created_at=session.ctx.now(),
    )
    return insert_named(session, NETWORK_ACL, made)


def _delete(session: Session, granted: Authorized[NetworkAcl]) -> None:
    """409 `acl_in_use` for a VPC's default and while subnets use it."""
    vpc = locked(session, VPC, granted.resource.vpc_id)
    acl = locked(session, NETWORK_ACL, granted.resource.id)
    if vpc.default_network_acl_id == acl.id:
        raise conflict("acl_in_use", "The network ACL is the default of its VPC.")
    if number_of(session, SUBNET.table, SUBNET.table.c.network_acl_id == acl.id):
        raise conflict("acl_in_use", "The network ACL is attached to subnets.")
    delete(session, NETWORK_ACL, acl.id, acl.account_id)


NETWORK_ACLS = Resource(
    NETWORK_ACL,
    "/v1/network_acls",
    acl_response,
    NetworkAclResponse,
    usual(NETWORK_ACL),
    query=UsualParameters,
)


def routes() -> tuple[Route, ...]:
    return (
        listing(NETWORK_ACLS, "List the network ACLs."),
        reading(NETWORK_ACLS, "Get a network ACL."),
        making(NETWORK_ACLS, "Create a network ACL.", _create, CreateAclRequest),
        updating(NETWORK_ACLS, "Change a network ACL."),
        removing(NETWORK_ACLS, "Delete a network ACL.", _delete),
    )
