"""The bodies of requests and responses about placement groups."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupRequest, GroupResponse, Name
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.instances.placement_groups.models import PlacementGroup


class CreatePlacementGroupRequest(RequestBody):
    """A placement group to be made; without a name it gets one."""

    strategy: Literal["host_spread", "power_spread"]
    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET


class PlacementGroupResponse(ResponseBody):
    """A placement group."""

    created_at: str
    crn: str
    href: str
    id: str
    lifecycle_state: str
    name: str
    resource_group: GroupResponse
    resource_type: str
    strategy: str


class PlacementTargetResponse(ResponseBody):
    """The placement group that an instance is in."""

    crn: str
    href: str
    id: str
    name: str
    resource_type: str


def placement_group_response(group: PlacementGroup, session: Session) -> PlacementGroupResponse:
    """A placement group as the API shows it."""
    return PlacementGroupResponse(
        created_at=rfc3339(group.created_at),
        crn=group.crn,
        href=href(session.ctx, f"/placement_groups/{group.id}"),
        id=group.id,
        lifecycle_state=group.lifecycle_state,
        name=group.name,
        resource_group=group_response(session, group.resource_group_id),
        resource_type="placement_group",
        strategy=group.strategy,
    )


def placement_target_response(group: PlacementGroup | None, ctx: Context) -> PlacementTargetResponse | UnsetType:
    """The reference to a placement group; absent where an instance is in none."""
    if group is None:
        return UNSET
    return PlacementTargetResponse(
        crn=group.crn,
        href=href(ctx, f"/placement_groups/{group.id}"),
        id=group.id,
        name=group.name,
        resource_type="placement_group",
    )
