"""`/v1/vpcs`, `/v1/security_groups`, `/v1/keys`; and every other route of this room, from its own file."""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC as FAMILY
from kunsthalle.api.references import refer
from kunsthalle.api.regular import Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.shapes import GroupBody
from kunsthalle.networks import (
    acls,
    floating,
    gateways,
    geography,
    groups,
    interface_routes,
    names,
    prefixes,
    reserved,
    routing,
    rule_routes,
    service,
    subnets,
    ways,
)
from kunsthalle.networks.acls import NETWORK_ACLS
from kunsthalle.networks.bodies import CreateKeyBody, CreateSecurityGroupBody, CreateVpcBody, UpdateVpcBody
from kunsthalle.networks.kinds import KEY, SECURITY_GROUP, SECURITY_GROUP_TARGET, VPC
from kunsthalle.networks.model import Key, SecurityGroup, SecurityGroupTarget, Vpc
from kunsthalle.networks.queries import of_vpc, usual
from kunsthalle.networks.routing import ROUTING_TABLES
from kunsthalle.networks.rules_wire import SecurityGroupWire, security_group_wire
from kunsthalle.networks.targets import TargetWire, shown_with_address
from kunsthalle.networks.wire import KeyWire, VpcWire, key_wire, vpc_wire
from kunsthalle.store.scope import Granted, find
from kunsthalle.store.unit import Unit


def target_wire(row: SecurityGroupTarget, unit: Unit) -> TargetWire:
    """A target of a security group: virtual network interfaces also show their address and subnet."""
    return shown_with_address(unit, row.target, always=False)


VPCS = Resource(
    VPC,
    "VPC",
    "/v1/vpcs",
    vpc_wire,
    VpcWire,
    {**usual(VPC), "classic_access": lambda _unit, value: VPC.table.c.classic_access == (value == "true")},
    fresh="status",
)
SECURITY_GROUPS = Resource(
    SECURITY_GROUP,
    "security group",
    "/v1/security_groups",
    security_group_wire,
    SecurityGroupWire,
    {**usual(SECURITY_GROUP), **of_vpc(SECURITY_GROUP.table.c.vpc_id)},
)
TARGETS = Resource(
    SECURITY_GROUP_TARGET,
    "target of a security group",
    "/v1/security_groups/{security_group_id}/targets",
    target_wire,
    TargetWire,
    parent=SECURITY_GROUP,
    parent_field="security_group_id",
)
KEYS = Resource(KEY, "key", "/v1/keys", key_wire, KeyWire, usual(KEY))


def _group(body: GroupBody | UnsetType) -> str | None:
    return None if isinstance(body, UnsetType) else body.id


def _create_vpc(unit: Unit, body: CreateVpcBody) -> Vpc:
    return service.create_vpc(
        unit,
        given(body.name, "") or None,
        group_id=_group(body.resource_group),
        prefixes=body.address_prefix_management != "manual",
        classic_access=body.classic_access is True,
        dns=names.resolved(unit, body.dns),
    )


def _update_vpc(unit: Unit, granted: Granted[Vpc], body: UpdateVpcBody) -> None:
    names.change(unit, granted.it, body.dns)


def _create_security_group(unit: Unit, body: CreateSecurityGroupBody) -> SecurityGroup:
    vpc = refer(unit, VPC, body.vpc, "vpc").it
    rules = given(body.rules, [])
    return service.create_security_group(
        unit, vpc, given(body.name, "") or None, rules, group_id=_group(body.resource_group)
    )


def _create_key(unit: Unit, body: CreateKeyBody) -> Key:
    type_ = given(body.type, "") or None
    group = _group(body.resource_group)
    return service.create_key(unit, given(body.name, "") or None, body.public_key, type_=type_, group_id=group)


def _default(resource: Resource[Any], what: str) -> Route:
    """What came with a VPC, below the VPC's own path."""

    def call(unit: Unit, request: Request) -> Any:
        return resource.to_wire(find(unit, resource.kind, getattr(request.granted.it, f"{what}_id")), unit)

    call.__doc__ = f"Get the default {resource.noun} of one VPC."
    return route("GET", f"/v1/vpcs/{{id}}/{what}", call, family=FAMILY, access=access.item(VPC), answer=resource.answer)


def _get_target(unit: Unit, request: Request) -> TargetWire:
    """Get one target of one security group."""
    return target_wire(groups.member(unit, request.granted.it, request.params["id"]), unit)


def _add_target(unit: Unit, request: Request) -> TargetWire:
    """Put one target into one security group."""
    return target_wire(groups.add(unit, request.granted.it, request.params["id"]), unit)


def _remove_target(unit: Unit, request: Request) -> None:
    """Take one target out of one security group."""
    groups.remove(unit, request.granted.it, request.params["id"])


def _target_routes() -> tuple[Route, ...]:
    one, param = f"{TARGETS.path}/{{id}}", TARGETS.parent_field
    read = access.item(SECURITY_GROUP, param=param)
    change = access.item(SECURITY_GROUP, SECURITY_GROUPS.action("update"), param=param)
    return (
        listing(TARGETS),
        route("GET", one, _get_target, family=FAMILY, access=read, answer=TargetWire),
        route("PUT", one, _add_target, family=FAMILY, access=change, answer=TargetWire),
        route("DELETE", one, _remove_target, family=FAMILY, access=change, status=204),
    )


def routes() -> tuple[Route, ...]:
    everything: tuple[Resource[Any], ...] = (VPCS, SECURITY_GROUPS, KEYS)
    return (
        *geography.routes(),
        *(listing(one) for one in everything),
        *(reading(one) for one in everything),
        making(VPCS, _create_vpc, CreateVpcBody),
        making(SECURITY_GROUPS, _create_security_group, CreateSecurityGroupBody),
        making(KEYS, _create_key, CreateKeyBody),
        updating(VPCS, UpdateVpcBody, _update_vpc),
        updating(SECURITY_GROUPS),
        updating(KEYS),
        removing(VPCS, service.delete_vpc),
        removing(SECURITY_GROUPS, service.delete_security_group),
        removing(KEYS, service.delete_key),
        _default(SECURITY_GROUPS, "default_security_group"),
        _default(NETWORK_ACLS, "default_network_acl"),
        _default(ROUTING_TABLES, "default_routing_table"),
        *_target_routes(),
        *prefixes.routes(),
        *routing.routes(),
        *ways.routes(),
        *names.routes(),
        *subnets.routes(),
        *reserved.routes(),
        *rule_routes.routes(),
        *acls.routes(),
        *gateways.routes(),
        *floating.routes(),
        *interface_routes.routes(),
    )
