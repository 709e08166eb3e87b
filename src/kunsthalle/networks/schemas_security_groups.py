"""Security groups as the VPC API shows them (reference/vpc-api.md B3, network)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import some
from kunsthalle.networks.models import SecurityGroup
from kunsthalle.networks.network_references import (
    TypedReferenceResponse,
    security_group_path,
    security_group_ref,
    vpc_ref,
)
from kunsthalle.networks.queries import named
from kunsthalle.networks.resources import SECURITY_GROUP, SECURITY_GROUP_TARGET, VPC
from kunsthalle.networks.security_group_rules import shown_protocol
from kunsthalle.networks.security_group_targets import TargetResponse, shown_with_address


class EndResponse(ResponseBody):
    """Where a rule applies: a block, an address, or a security group by reference."""

    cidr_block: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET
    href: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class SecurityGroupRuleResponse(ResponseBody):
    """A rule of a security group."""

    direction: str
    href: str
    id: str
    ip_version: str
    local: EndResponse
    name: str
    protocol: str
    remote: EndResponse
    resource_type: str
    port_min: int | UnsetType = UNSET
    port_max: int | UnsetType = UNSET
    type: int | UnsetType = UNSET
    code: int | UnsetType = UNSET


class SecurityGroupRulesResponse(ResponseBody):
    """Every rule of a security group; the list has no pages."""

    rules: list[SecurityGroupRuleResponse]


class SecurityGroupResponse(ResponseBody):
    """A security group with its rules."""

    created_at: str
    crn: str
    href: str
    id: str
    name: str
    resource_group: GroupResponse
    rules: list[SecurityGroupRuleResponse]
    targets: list[TargetResponse]
    vpc: TypedReferenceResponse


def _remote(session: Session, remote: dict[str, str]) -> EndResponse:
    if "group_id" not in remote:
        return EndResponse(**remote)
    group = security_group_ref(named(session, SECURITY_GROUP, remote["group_id"]), session.ctx)
    return EndResponse(crn=group.crn, href=group.href, id=group.id, name=group.name)


def group_rule_response(group: SecurityGroup, rule: dict[str, Any], session: Session) -> SecurityGroupRuleResponse:
    return SecurityGroupRuleResponse(
        direction=rule["direction"],
        href=href(session.ctx, f"{security_group_path(group.id)}/rules/{rule['id']}"),
        id=rule["id"],
        ip_version="ipv4",
        local=EndResponse(**rule["local"]),
        name=rule["name"],
        protocol=shown_protocol(session.ctx, rule["protocol"]),
        remote=_remote(session, rule["remote"]),
        resource_type="security_group_rule",
        **{key: rule[key] for key in ("port_min", "port_max", "type", "code") if key in rule},
    )


def security_group_response(group: SecurityGroup, session: Session) -> SecurityGroupResponse:
    ctx, targets = session.ctx, SECURITY_GROUP_TARGET.table
    return SecurityGroupResponse(
        created_at=rfc3339(group.created_at),
        crn=group.crn,
        href=href(ctx, security_group_path(group.id)),
        id=group.id,
        name=group.name,
        resource_group=group_response(session, group.resource_group_id),
        rules=[group_rule_response(group, rule, session) for rule in group.rules],
        targets=[
            shown_with_address(session, row.target, always=False)
            for row in some(session, SECURITY_GROUP_TARGET, targets.c.security_group_id == group.id)
        ],
        vpc=vpc_ref(named(session, VPC, group.vpc_id), ctx),
    )
