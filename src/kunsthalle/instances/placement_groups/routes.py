"""`/v1/placement_groups`."""

from __future__ import annotations

from msgspec import UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.crud import Resource, given, listing, making, reading, removing, updating
from kunsthalle.api.router import Route
from kunsthalle.core.errors import conflict
from kunsthalle.db.rows import insert_named
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import any_row
from kunsthalle.db.visibility import Authorized, may_create
from kunsthalle.instances.placement_groups.jobs import DELETE
from kunsthalle.instances.placement_groups.models import PlacementGroup
from kunsthalle.instances.placement_groups.resources import PLACEMENT_GROUP
from kunsthalle.instances.placement_groups.schemas import (
    CreatePlacementGroupRequest,
    PlacementGroupResponse,
    placement_group_response,
)
from kunsthalle.instances.tables import instances
from kunsthalle.jobs import queue
from kunsthalle.networks.queries import locked

PLACEMENT_GROUPS = Resource(PLACEMENT_GROUP, "/v1/placement_groups", placement_group_response, PlacementGroupResponse)


def _create(session: Session, body: CreatePlacementGroupRequest) -> PlacementGroup:
    named = None if isinstance(body.resource_group, UnsetType) else body.resource_group.id
    resource_group = chosen_group(session, named)
    may_create(session.ctx, PLACEMENT_GROUPS.action("create"), {"resourceGroupId": resource_group.id})
    ids = session.ctx.ids
    group = PlacementGroup(
        id=ids.resource(session.ctx.region.prefix),
        account_id=session.ctx.account_id,
        resource_group_id=resource_group.id,
        name=given(body.name, "") or ids.name(),
        strategy=body.strategy,
        lifecycle_state="stable",
        created_at=session.ctx.now(),
    )
    return insert_named(session, PLACEMENT_GROUP, group)


def _delete(session: Session, authorized: Authorized[PlacementGroup]) -> None:
    """409 while an instance is in it; else it goes when the engine has let go of it."""
    group = locked(session, PLACEMENT_GROUP, authorized.resource.id)
    if any_row(session, instances, instances.c.placement_group_id == group.id):
        raise conflict("placement_group_in_use", "The placement group has instances.")
    must(transition(session, PLACEMENT_GROUP, group.id, "deleting"), "The placement group is being deleted already.")
    queue.enqueue(session, DELETE, group.id)


def routes() -> tuple[Route, ...]:
    """Return what clients call."""
    return (
        listing(PLACEMENT_GROUPS, "List the placement groups."),
        reading(PLACEMENT_GROUPS, "Get a placement group."),
        making(PLACEMENT_GROUPS, "Create a placement group.", _create, CreatePlacementGroupRequest),
        updating(PLACEMENT_GROUPS, "Change a placement group."),
        removing(PLACEMENT_GROUPS, "Delete a placement group that no instance is in.", _delete, status=202),
    )
