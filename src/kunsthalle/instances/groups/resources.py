"""How instance groups and what hangs below them are looked up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table

from kunsthalle.db.visibility import ResourceType
from kunsthalle.instances.groups.models import Action, InstanceGroup, Manager, Membership, Policy
from kunsthalle.instances.groups.states import ACTION_STATES, GROUP_STATES
from kunsthalle.instances.groups.tables import actions, groups, managers, memberships, policies

_READ = "is.instance-group.instance-group.read"


def _by(table: Table, column: str = "instance_group_id") -> dict[str, Any]:
    """What is below a group is seen, and changed, by whoever may see or change the group."""
    return {"instanceGroupId": table.c[column], "resourceGroupId": table.c.resource_group_id}


GROUP = ResourceType(
    "instance-group",
    groups,
    InstanceGroup,
    _READ,
    _by(groups, "id"),
    states=GROUP_STATES,
    state_column=groups.c.status,
    tallied=True,
)
MEMBERSHIP = ResourceType("instance-group-membership", memberships, Membership, _READ, _by(memberships))
MANAGER = ResourceType("instance-group-manager", managers, Manager, _READ, _by(managers))
POLICY = ResourceType("instance-group-policy", policies, Policy, _READ, _by(policies))
ACTION = ResourceType(
    "instance-group-action",
    actions,
    Action,
    _READ,
    _by(actions),
    states=ACTION_STATES,
    state_column=actions.c.status,
)
