"""What requests of this room may say (reference/vpc-api.md B1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.references import Identity, NamedIdentity
from kunsthalle.api.shapes import GroupBody, Name
from kunsthalle.api.wire import Body
from kunsthalle.networks.rules import Rules


class CreateVpcBody(Body):
    """Everything is optional."""

    name: Name | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET
    address_prefix_management: Literal["auto", "manual"] | UnsetType = UNSET
    classic_access: bool | UnsetType = UNSET


class CreateSubnetBody(Body):
    """Exactly one of `ipv4_cidr_block` and `total_ipv4_address_count` (which needs `zone`)."""

    vpc: Identity
    name: Name | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET
    ipv4_cidr_block: str | UnsetType = UNSET
    total_ipv4_address_count: int | UnsetType = UNSET
    zone: NamedIdentity | UnsetType = UNSET
    ip_version: Literal["ipv4", "both"] | UnsetType = UNSET
    network_acl: Identity | UnsetType = UNSET
    routing_table: Identity | UnsetType = UNSET
    public_gateway: Any = UNSET


class CreateSecurityGroupBody(Body):
    """Without rules nothing is let through."""

    vpc: Identity
    name: Name | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET
    rules: Rules | UnsetType = UNSET


class CreateKeyBody(Body):
    """`type`, when it is given, must be the type that the key is of."""

    public_key: Annotated[str, Meta(max_length=16_384)]
    type: str | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET
