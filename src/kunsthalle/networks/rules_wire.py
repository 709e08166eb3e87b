"""Security groups and network ACLs as the VPC API shows them (reference/vpc-api.md B3, network)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import GroupWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.networks.kinds import SECURITY_GROUP, SECURITY_GROUP_TARGET, VPC
from kunsthalle.networks.model import NetworkAcl, SecurityGroup
from kunsthalle.networks.queries import attached_subnets, named
from kunsthalle.networks.references import (
    TypedReferenceWire,
    network_acl_path,
    security_group_path,
    security_group_ref,
    subnet_ref,
    vpc_ref,
)
from kunsthalle.networks.rules import shown_protocol
from kunsthalle.networks.wire import TargetWire, target_wire
from kunsthalle.store.scope import some
from kunsthalle.store.unit import Unit


class EndWire(Wire):
    """Where a rule applies: a block, an address, or a security group by reference."""

    cidr_block: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET
    href: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class SecurityGroupRuleWire(Wire):
    """A rule of a security group."""

    direction: str
    href: str
    id: str
    ip_version: str
    local: EndWire
    name: str
    protocol: str
    remote: EndWire
    resource_type: str
    port_min: int | UnsetType = UNSET
    port_max: int | UnsetType = UNSET
    type: int | UnsetType = UNSET
    code: int | UnsetType = UNSET


class SecurityGroupWire(Wire):
    """A security group with its rules."""

    created_at: str
    crn: str
    href: str
    id: str
    name: str
    resource_group: GroupWire
    rules: list[SecurityGroupRuleWire]
    targets: list[TargetWire]
    vpc: TypedReferenceWire


class RuleReferenceWire(Wire):
    """A rule of a network ACL by reference."""

    href: str
    id: str
    name: str


class NetworkAclRuleWire(Wire):
    """A rule of a network ACL; `before` is the next one."""

    action: str
    created_at: str
    destination: str
    direction: str
    href: str
    id: str
    ip_version: str
    name: str
    protocol: str
    source: str
    before: RuleReferenceWire | UnsetType = UNSET


class NetworkAclWire(Wire):
    """A network ACL with its rules."""

    created_at: str
    crn: str
    href: str
    id: str
    name: str
    resource_group: GroupWire
    rules: list[NetworkAclRuleWire]
    subnets: list[TypedReferenceWire]
    vpc: TypedReferenceWire


def _remote(unit: Unit, remote: dict[str, str]) -> EndWire:
    if "group_id" not in remote:
        return EndWire(**remote)
    group = security_group_ref(named(unit, SECURITY_GROUP, remote["group_id"]), unit.ctx)
    return EndWire(crn=group.crn, href=group.href, id=group.id, name=group.name)


def _group_rule(group: SecurityGroup, rule: dict[str, Any], unit: Unit) -> SecurityGroupRuleWire:
    return SecurityGroupRuleWire(
        direction=rule["direction"],
        href=href(unit.ctx, f"{security_group_path(group.id)}/rules/{rule['id']}"),
        id=rule["id"],
        ip_version="ipv4",
        local=EndWire(**rule["local"]),
        name=rule["name"],
        protocol=shown_protocol(unit.ctx, rule["protocol"]),
        remote=_remote(unit, rule["remote"]),
        resource_type="security_group_rule",
        **{key: rule[key] for key in ("port_min", "port_max", "type", "code") if key in rule},
    )


def security_group_wire(group: SecurityGroup, unit: Unit) -> SecurityGroupWire:
    ctx, targets = unit.ctx, SECURITY_GROUP_TARGET.table
    return SecurityGroupWire(
        created_at=rfc3339(group.created_at),
        crn=group.crn,
        href=href(ctx, security_group_path(group.id)),
        id=group.id,
        name=group.name,
        resource_group=group_wire(unit, group.resource_group_id),
        rules=[_group_rule(group, rule, unit) for rule in group.rules],
        targets=[
            target_wire(row, unit) for row in some(unit, SECURITY_GROUP_TARGET, targets.c.security_group_id == group.id)
        ],
        vpc=vpc_ref(named(unit, VPC, group.vpc_id), ctx),
    )


def _acl_rules(acl: NetworkAcl, ctx: Context) -> list[NetworkAclRuleWire]:
    here = href(ctx, f"{network_acl_path(acl.id)}/rules")
    shown = [
        NetworkAclRuleWire(
            action=rule["action"],
            created_at=rfc3339(acl.created_at),
            destination=rule["destination"],
            direction=rule["direction"],
            href=f"{here}/{rule['id']}",
            id=rule["id"],
            ip_version="ipv4",
            name=rule["name"],
            protocol=shown_protocol(ctx, rule["protocol"]),
            source=rule["source"],
        )
        for rule in acl.rules
    ]
    for one, following in pairwise(shown):
        one.before = RuleReferenceWire(href=following.href, id=following.id, name=following.name)
    return shown


def acl_wire(acl: NetworkAcl, unit: Unit) -> NetworkAclWire:
    ctx = unit.ctx
    return NetworkAclWire(
        created_at=rfc3339(acl.created_at),
        crn=acl.crn,
        href=href(ctx, network_acl_path(acl.id)),
        id=acl.id,
        name=acl.name,
        resource_group=group_wire(unit, acl.resource_group_id),
        rules=_acl_rules(acl, ctx),
        subnets=[subnet_ref(subnet, ctx) for subnet in attached_subnets(unit, "network_acl_id", acl.id)],
        vpc=vpc_ref(named(unit, VPC, acl.vpc_id), ctx),
    )
