"""What requests about VPCs, security groups and keys may say (reference/vpc-api.md B1)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.references import Identity
from kunsthalle.api.shapes import GroupBody, Name
from kunsthalle.api.wire import Body
from kunsthalle.networks.names import DnsBody
from kunsthalle.networks.rules import Rules


class CreateVpcBody(Body):
    """Everything is optional."""

    name: Name | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET
    address_prefix_management: Literal["auto", "manual"] | UnsetType = UNSET
    classic_access: bool | UnsetType = UNSET
    dns: DnsBody | UnsetType = UNSET


class UpdateVpcBody(Body):
    """What may be changed of a VPC."""

    name: Name | UnsetType = UNSET
    dns: DnsBody | UnsetType = UNSET


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
