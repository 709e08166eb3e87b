"""`/v1/vpcs`, `/v1/security_groups`, `/v1/keys`; and every other route of this package, from its own file."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, UnsetType

from kunsthalle.api import access
from kunsthalle.api.common_schemas import GroupRequest
from kunsthalle.api.crud import Resource, equals, given, listing, making, reading, removing, updating
from kunsthalle.api.references import refer
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC as FAMILY
from kunsthalle.api.vpc_parameters import InVpcParameters, UsualParameters
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find
from kunsthalle.networks import (
    address_prefixes,
    dns,
    floating_ips,
    network_acls,
    public_gateways,
    regions_and_zones,
    reserved_ips,
    routes_rules,
    routes_virtual_network_interfaces,
    routing_table_routes,
    routing_tables,
    security_groups,
    service,
    subnets,
)
from kunsthalle.networks.models import Key, SecurityGroup, SecurityGroupTarget, Vpc
from kunsthalle.networks.network_acls import NETWORK_ACLS
from kunsthalle.networks.queries import of_vpc, usual
from kunsthalle.networks.requests import (
    CreateKeyRequest,
    CreateSecurityGroupRequest,
    CreateVpcRequest,
    UpdateVpcRequest,
)
from kunsthalle.networks.resources import KEY, SECURITY_GROUP, SECURITY_GROUP_TARGET, VPC
from kunsthalle.networks.routing_tables import ROUTING_TABLES
from kunsthalle.networks.schemas import KeyResponse, VpcResponse, key_response, vpc_response
from kunsthalle.networks.schemas_security_groups import SecurityGroupResponse, security_group_response
from kunsthalle.networks.security_group_targets import TargetResponse, shown_with_address


def target_response(row: SecurityGroupTarget, session: Session) -> TargetResponse:
    """A target of a security group: virtual network interfaces also show their address and subnet."""
    return shown_with_address(session, row.target, always=False)


class VpcParameters(UsualParameters, frozen=True):
    """Of the list of VPCs."""

    classic_access: Annotated[
        bool | None, Meta(description="Only VPCs with access to classic infrastructure, or only those without.")
    ] = None


VPCS = Resource(
    VPC,
    "/v1/vpcs",
    vpc_response,
    VpcResponse,
    {**usual(VPC), "classic_access": equals(VPC.table.c.classic_access)},
    query=VpcParameters,
    fresh="status",
)
SECURITY_GROUPS = Resource(
    SECURITY_GROUP,
    "/v1/security_groups",
    security_group_response,
    SecurityGroupResponse,
    {**usual(SECURITY_GROUP), **of_vpc(SECURITY_GROUP.table.c.vpc_id)},
    query=InVpcParameters,
)
TARGETS = Resource(
    SECURITY_GROUP_TARGET,
    "/v1/security_groups/{security_group_id}/targets",
    target_response,
    TargetResponse,
    parent=SECURITY_GROUP,
    parent_field="security_group_id",
)
KEYS = Resource(KEY, "/v1/keys", key_response, KeyResponse, usual(KEY), query=UsualParameters)


def _group(body: GroupRequest | UnsetType) -> str | None:
    return None if isinstance(body, UnsetType) else body.id


def _create_vpc(session: Session, body: CreateVpcRequest) -> Vpc:
    return service.create_vpc(
        session,
        given(body.name, "") or None,
        group_id=_group(body.resource_group),
        prefixes=body.address_prefix_management != "manual",
        classic_access=body.classic_access is True,
        dns=dns.resolved(session, body.dns),
    )


def _update_vpc(session: Session, granted: Authorized[Vpc], body: UpdateVpcRequest) -> None:
    dns.change(session, granted.resource, body.dns)


def _create_security_group(session: Session, body: CreateSecurityGroupRequest) -> SecurityGroup:
    vpc = refer(session, VPC, body.vpc, "vpc").resource
    rules = given(body.rules, [])
    return service.create_security_group(
        session, vpc, given(body.name, "") or None, rules, group_id=_group(body.resource_group)
    )


def _create_key(session: Session, body: CreateKeyRequest) -> Key:
    type_ = given(body.type, "") or None
    group = _group(body.resource_group)
    return service.create_key(session, given(body.name, "") or None, body.public_key, type_=type_, group_id=group)


def _default(resource: Resource[Any], name: str, summary: str) -> Route:
    """What came with a VPC, below the VPC's own path."""

    def call(session: Session, _request: Request, vpc: Vpc) -> Any:
        return resource.to_response(find(session, resource.kind, getattr(vpc, f"{name}_id")), session)

    path, rule = f"/v1/vpcs/{{id}}/{name}", access.item(VPC)
    return route("GET", path, call, surface=FAMILY, access=rule, answer=resource.answer, summary=summary)


def _get_target(session: Session, request: Request, group: SecurityGroup) -> TargetResponse:
    """Get one target of one security group."""
    return target_response(security_groups.member(session, group, request.params["id"]), session)


def _add_target(session: Session, request: Request, group: SecurityGroup) -> Reply:
    """Put one target into one security group."""
    target, new = security_groups.add(session, group, request.params["id"])
    return Reply(target_response(target, session), status=201 if new else 200)


def _remove_target(session: Session, request: Request, group: SecurityGroup) -> None:
    """Take one target out of one security group."""
    security_groups.remove(session, group, request.params["id"])


def _target_routes() -> tuple[Route, ...]:
    item_path, param = f"{TARGETS.path}/{{id}}", TARGETS.parent_field
    read = access.item(SECURITY_GROUP, param=param)
    change = access.item(SECURITY_GROUP, SECURITY_GROUPS.action("update"), param=param)
    return (
        listing(TARGETS, "List the targets of a security group."),
        route("GET", item_path, _get_target, surface=FAMILY, access=read, answer=TargetResponse),
        route("PUT", item_path, _add_target, surface=FAMILY, access=change, answer=TargetResponse),
        route("DELETE", item_path, _remove_target, surface=FAMILY, access=change, status=204),
    )


def routes() -> tuple[Route, ...]:
    return (
        *regions_and_zones.routes(),
        listing(VPCS, "List the VPCs."),
        listing(SECURITY_GROUPS, "List the security groups."),
        listing(KEYS, "List the SSH keys."),
        reading(VPCS, "Get a VPC."),
        reading(SECURITY_GROUPS, "Get a security group."),
        reading(KEYS, "Get an SSH key."),
        making(VPCS, "Create a VPC.", _create_vpc, CreateVpcRequest),
        making(SECURITY_GROUPS, "Create a security group.", _create_security_group, CreateSecurityGroupRequest),
        making(KEYS, "Create an SSH key.", _create_key, CreateKeyRequest),
        updating(VPCS, "Change a VPC.", UpdateVpcRequest, _update_vpc),
        updating(SECURITY_GROUPS, "Change a security group."),
        updating(KEYS, "Change an SSH key."),
        removing(VPCS, "Delete a VPC.", service.delete_vpc),
        removing(SECURITY_GROUPS, "Delete a security group.", service.delete_security_group),
        removing(KEYS, "Delete an SSH key.", service.delete_key),
        _default(SECURITY_GROUPS, "default_security_group", "Get the default security group of a VPC."),
        _default(NETWORK_ACLS, "default_network_acl", "Get the default network ACL of a VPC."),
        _default(ROUTING_TABLES, "default_routing_table", "Get the default routing table of a VPC."),
        *_target_routes(),
        *address_prefixes.routes(),
        *routing_tables.routes(),
        *routing_table_routes.routes(),
        *dns.routes(),
        *subnets.routes(),
        *reserved_ips.routes(),
        *routes_rules.routes(),
        *network_acls.routes(),
        *public_gateways.routes(),
        *floating_ips.routes(),
        *routes_virtual_network_interfaces.routes(),
    )
