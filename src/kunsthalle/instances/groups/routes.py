"""`/v1/instance_groups` and everything below it."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.db.session import Session
from kunsthalle.instances.groups import managers, scheduled_actions
from kunsthalle.instances.groups.models import InstanceGroup
from kunsthalle.instances.groups.requests import (
    CreateActionRequest,
    CreateGroupRequest,
    CreateManagerRequest,
    CreatePolicyRequest,
    UpdateActionRequest,
    UpdateGroupRequest,
    UpdateManagerRequest,
    UpdateMembershipRequest,
    UpdatePolicyRequest,
)
from kunsthalle.instances.groups.resources import ACTION, GROUP, MANAGER, MEMBERSHIP, POLICY
from kunsthalle.instances.groups.schemas import (
    InstanceGroupResponse,
    MembershipResponse,
    group_wire_of,
    membership_response,
)
from kunsthalle.instances.groups.schemas_managers import (
    GroupActionResponse,
    ManagerResponse,
    PolicyResponse,
    action_response,
    manager_response,
    policy_response,
)
from kunsthalle.instances.groups.service import GroupService, change_membership

_GROUP, _MANAGER = "instance_group_id", "instance_group_manager_id"
GROUPS = Resource(GROUP, "/v1/instance_groups", group_wire_of, InstanceGroupResponse)
_BELOW = f"{GROUPS.path}/{{{_GROUP}}}"
MEMBERSHIPS = Resource(
    MEMBERSHIP,
    f"{_BELOW}/memberships",
    membership_response,
    MembershipResponse,
    parent=GROUP,
    parent_field=_GROUP,
)
MANAGERS = Resource(
    MANAGER,
    f"{_BELOW}/managers",
    manager_response,
    ManagerResponse,
    parent=GROUP,
    parent_field=_GROUP,
)
POLICIES = Resource(
    POLICY,
    f"{MANAGERS.path}/{{{_MANAGER}}}/policies",
    policy_response,
    PolicyResponse,
    parent=MANAGER,
    parent_field=_MANAGER,
    above=_GROUP,
)
ACTIONS = Resource(
    ACTION,
    f"{MANAGERS.path}/{{{_MANAGER}}}/actions",
    action_response,
    GroupActionResponse,
    parent=MANAGER,
    parent_field=_MANAGER,
    above=_GROUP,
)


def _unbalance(session: Session, _request: Request, _group: InstanceGroup) -> None:
    """Take one instance group from its load balancer: none here has one."""


def routes(service: GroupService) -> tuple[Route, ...]:
    def clear(session: Session, _request: Request, group: InstanceGroup) -> None:
        """Delete every membership of one instance group."""
        service.remove_members(session, group.id)

    change = access.item(GROUP, GROUPS.action("update"), param=_GROUP)
    return (
        listing(GROUPS, "List the instance groups."),
        reading(GROUPS, "Get an instance group."),
        making(GROUPS, "Create an instance group.", service.create, CreateGroupRequest),
        updating(GROUPS, "Change an instance group.", UpdateGroupRequest, service.change),
        removing(GROUPS, "Delete an instance group.", service.delete),
        route("DELETE", f"{_BELOW}/load_balancer", _unbalance, surface=VPC, access=change, status=204),
        listing(MEMBERSHIPS, "List the memberships of an instance group."),
        reading(MEMBERSHIPS, "Get a membership of an instance group."),
        updating(MEMBERSHIPS, "Change a membership of an instance group.", UpdateMembershipRequest, change_membership),
        removing(MEMBERSHIPS, "Delete a membership of an instance group.", service.remove_member),
        route("DELETE", MEMBERSHIPS.path, clear, surface=VPC, access=change, status=204),
        listing(MANAGERS, "List the managers of an instance group."),
        reading(MANAGERS, "Get a manager of an instance group."),
        making(MANAGERS, "Create a manager of an instance group.", managers.create, CreateManagerRequest),
        updating(MANAGERS, "Change a manager of an instance group.", UpdateManagerRequest, managers.change),
        removing(MANAGERS, "Delete a manager of an instance group.", managers.remove),
        listing(POLICIES, "List the policies of a manager of an instance group."),
        reading(POLICIES, "Get a policy of a manager of an instance group."),
        making(
            POLICIES, "Create a policy of a manager of an instance group.", managers.create_policy, CreatePolicyRequest
        ),
        updating(
            POLICIES, "Change a policy of a manager of an instance group.", UpdatePolicyRequest, managers.change_policy
        ),
        removing(POLICIES, "Delete a policy of a manager of an instance group.", managers.remove_policy),
        listing(ACTIONS, "List the actions of a manager of an instance group."),
        reading(ACTIONS, "Get an action of a manager of an instance group."),
        making(
            ACTIONS,
            "Create an action of a manager of an instance group.",
            scheduled_actions.create,
            CreateActionRequest,
        ),
        updating(
            ACTIONS,
            "Change an action of a manager of an instance group.",
            UpdateActionRequest,
            scheduled_actions.change,
        ),
        removing(ACTIONS, "Delete an action of a manager of an instance group.", scheduled_actions.remove),
    )
