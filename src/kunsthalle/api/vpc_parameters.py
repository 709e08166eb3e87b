"""Query parameters that many lists of the VPC API have (vpc-api.md D4)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from kunsthalle.api.surfaces.vpc import PageParameters

Name = Annotated[str | None, Meta(description="Only resources of exactly this name.")]
Group = Annotated[str | None, Meta(description="Only resources of the resource group with this ID.")]
ZoneName = Annotated[str | None, Meta(description="Only resources of the zone of this name.")]
SORT = Meta(description="The property that the list is sorted by; with `-` before it, in descending order.")


class NamedParameters(PageParameters, frozen=True):
    """Of a list whose resources have names."""

    name: Name = None


class UsualParameters(NamedParameters, frozen=True):
    """Of most lists."""

    resource_group_id: Group = field(name="resource_group.id", default=None)


class InVpcParameters(UsualParameters, frozen=True):
    """Of lists of resources that belong to a VPC."""

    vpc_id: Annotated[str | None, Meta(description="Only resources of the VPC with this ID.")] = field(
        name="vpc.id", default=None
    )
    vpc_crn: Annotated[str | None, Meta(description="Only resources of the VPC with this CRN.")] = field(
        name="vpc.crn", default=None
    )
    vpc_name: Annotated[str | None, Meta(description="Only resources of the VPC of this name.")] = field(
        name="vpc.name", default=None
    )
