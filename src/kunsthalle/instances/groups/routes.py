"""`/v1/instance_groups` and everything below it."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.db.session import Session
from kunsthalle.instances.groups import managers, scheduled_actions
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
GROUPS = Resource(GROUP, "instance group", "/v1/instance_groups", group_wire_of, InstanceGroupResponse)
_BELOW = f"{GROUPS.path}/{{{_GROUP}}}"
MEMBERSHIPS = Resource(
    MEMBERSHIP,
    "membership of an instance group",
    f"{_BELOW}/memberships",
    membership_response,
    MembershipResponse,
    parent=GROUP,
    parent_field=_GROUP,
)
MANAGERS = Resource(
    MANAGER,
    "manager of an instance group",
    f"{_BELOW}/managers",
    manager_response,
    ManagerResponse,
    parent=GROUP,
    parent_field=_GROUP,
)
POLICIES = Resource(
    POLICY,
    "policy of a manager of an instance group",
    f"{MANAGERS.path}/{{{_MANAGER}}}/policies",
    policy_response,
    PolicyResponse,
    parent=MANAGER,
    parent_field=_MANAGER,
    above=_GROUP,
)
ACTIONS = Resource(
    ACTION,
    "action of a manager of an instance group",
    f"{MANAGERS.path}/{{{_MANAGER}}}/actions",
    action_response,
    GroupActionResponse,
    parent=MANAGER,
    parent_field=_MANAGER,
    above=_GROUP,
)


def _unbalance(session: Session, request: Request) -> None:
    """Take one instance group from its load balancer: none here has one."""


def routes(service: GroupService) -> tuple[Route, ...]:
    def clear(session: Session, request: Request) -> None:
        """Delete every membership of one instance group."""
        service.remove_members(session, request.authorized.resource.id)

    change = access.item(GROUP, GROUPS.action("update"), param=_GROUP)
    return (
        listing(GROUPS),
        reading(GROUPS),
        making(GROUPS, service.create, CreateGroupRequest),
        updating(GROUPS, UpdateGroupRequest, service.change),
        removing(GROUPS, service.delete),
        route("DELETE", f"{_BELOW}/load_balancer", _unbalance, surface=VPC, access=change, status=204),
        listing(MEMBERSHIPS),
        reading(MEMBERSHIPS),
        updating(MEMBERSHIPS, UpdateMembershipRequest, change_membership),
        removing(MEMBERSHIPS, service.remove_member),
        route("DELETE", MEMBERSHIPS.path, clear, surface=VPC, access=change, status=204),
        listing(MANAGERS),
        reading(MANAGERS),
        making(MANAGERS, managers.create, CreateManagerRequest),
        updating(MANAGERS, UpdateManagerRequest, managers.change),
        removing(MANAGERS, managers.remove),
        listing(POLICIES),
        reading(POLICIES),
        making(POLICIES, managers.create_policy, CreatePolicyRequest),
        updating(POLICIES, UpdatePolicyRequest, managers.change_policy),
        removing(POLICIES, managers.remove_policy),
        listing(ACTIONS),
        reading(ACTIONS),
        making(ACTIONS, scheduled_actions.create, CreateActionRequest),
        updating(ACTIONS, UpdateActionRequest, scheduled_actions.change),
        removing(ACTIONS, scheduled_actions.remove),
    )
