"""What requests about VPCs, security groups and keys may say (reference/vpc-api.md B1)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.common_schemas import GroupRequest, Name
from kunsthalle.api.references import Identity
from kunsthalle.api.serialization import RequestBody
from kunsthalle.networks.dns import DnsRequest
from kunsthalle.networks.security_group_rules import Rules


class CreateVpcRequest(RequestBody):
    """Everything is optional."""

    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    address_prefix_management: Literal["auto", "manual"] | UnsetType = UNSET
    classic_access: bool | UnsetType = UNSET
    dns: DnsRequest | UnsetType = UNSET


class UpdateVpcRequest(RequestBody):
    """What may be changed of a VPC."""

    name: Name | UnsetType = UNSET
    dns: DnsRequest | UnsetType = UNSET


class CreateSecurityGroupRequest(RequestBody):
    """Without rules nothing is let through."""

    vpc: Identity
    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    rules: Rules | UnsetType = UNSET


class CreateKeyRequest(RequestBody):
    """`type`, when it is given, must be the type that the key is of."""

    public_key: Annotated[str, Meta(max_length=16_384)]
    type: str | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
