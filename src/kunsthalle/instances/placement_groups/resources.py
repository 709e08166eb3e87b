"""How placement groups are looked up."""

from __future__ import annotations

from kunsthalle.db.visibility import ResourceType
from kunsthalle.instances.placement_groups.models import PlacementGroup
from kunsthalle.instances.placement_groups.states import PLACEMENT_GROUP_STATES
from kunsthalle.instances.placement_groups.tables import placement_groups

PLACEMENT_GROUP = ResourceType(
    "placement-group",
    placement_groups,
    PlacementGroup,
    "is.placement-group.placement-group.read",
    {"placementGroupId": placement_groups.c.id, "resourceGroupId": placement_groups.c.resource_group_id},
    states=PLACEMENT_GROUP_STATES,
    state_column=placement_groups.c.lifecycle_state,
)
USE = "is.placement-group.placement-group.operate"
"""What it takes to place an instance in one."""
