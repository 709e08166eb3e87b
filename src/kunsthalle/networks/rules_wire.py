"""Security groups as the VPC API shows them (reference/vpc-api.md B3, network)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import GroupWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.networks.kinds import SECURITY_GROUP, SECURITY_GROUP_TARGET, VPC
from kunsthalle.networks.model import SecurityGroup
from kunsthalle.networks.queries import named
from kunsthalle.networks.references import (
    TypedReferenceWire,
    security_group_path,
    security_group_ref,
    vpc_ref,
)
from kunsthalle.networks.rules import shown_protocol
from kunsthalle.networks.targets import TargetWire, shown_with_address
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


class SecurityGroupRulesWire(Wire):
    """Every rule of a security group; the list has no pages."""

    rules: list[SecurityGroupRuleWire]


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


def _remote(unit: Unit, remote: dict[str, str]) -> EndWire:
    if "group_id" not in remote:
        return EndWire(**remote)
    group = security_group_ref(named(unit, SECURITY_GROUP, remote["group_id"]), unit.ctx)
    return EndWire(crn=group.crn, href=group.href, id=group.id, name=group.name)


def group_rule_wire(group: SecurityGroup, rule: dict[str, Any], unit: Unit) -> SecurityGroupRuleWire:
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
        rules=[group_rule_wire(group, rule, unit) for rule in group.rules],
        targets=[
            shown_with_address(unit, row.target, always=False)
            for row in some(unit, SECURITY_GROUP_TARGET, targets.c.security_group_id == group.id)
        ],
        vpc=vpc_ref(named(unit, VPC, group.vpc_id), ctx),
    )
