"""`/v1/instance_groups` and everything below it."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC
from kunsthalle.api.regular import Resource, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.instances.groups import actions, managers
from kunsthalle.instances.groups.bodies import (
    CreateActionBody,
    CreateGroupBody,
    CreateManagerBody,
    CreatePolicyBody,
    UpdateActionBody,
    UpdateGroupBody,
    UpdateManagerBody,
    UpdateMembershipBody,
    UpdatePolicyBody,
)
from kunsthalle.instances.groups.kinds import ACTION, GROUP, MANAGER, MEMBERSHIP, POLICY
from kunsthalle.instances.groups.manager_wire import (
    GroupActionWire,
    ManagerWire,
    PolicyWire,
    action_wire,
    manager_wire,
    policy_wire,
)
from kunsthalle.instances.groups.service import GroupService, change_membership
from kunsthalle.instances.groups.wire import InstanceGroupWire, MembershipWire, group_wire_of, membership_wire
from kunsthalle.store.unit import Unit

_GROUP, _MANAGER = "instance_group_id", "instance_group_manager_id"
GROUPS = Resource(GROUP, "instance group", "/v1/instance_groups", group_wire_of, InstanceGroupWire)
_BELOW = f"{GROUPS.path}/{{{_GROUP}}}"
MEMBERSHIPS = Resource(
    MEMBERSHIP,
    "membership of an instance group",
    f"{_BELOW}/memberships",
    membership_wire,
    MembershipWire,
    parent=GROUP,
    parent_field=_GROUP,
)
MANAGERS = Resource(
    MANAGER,
    "manager of an instance group",
    f"{_BELOW}/managers",
    manager_wire,
    ManagerWire,
    parent=GROUP,
    parent_field=_GROUP,
)
POLICIES = Resource(
    POLICY,
    "policy of a manager of an instance group",
    f"{MANAGERS.path}/{{{_MANAGER}}}/policies",
    policy_wire,
    PolicyWire,
    parent=MANAGER,
    parent_field=_MANAGER,
    above=_GROUP,
)
ACTIONS = Resource(
    ACTION,
    "action of a manager of an instance group",
    f"{MANAGERS.path}/{{{_MANAGER}}}/actions",
    action_wire,
    GroupActionWire,
    parent=MANAGER,
    parent_field=_MANAGER,
    above=_GROUP,
)


def _unbalance(unit: Unit, request: Request) -> None:
    """Take one instance group from its load balancer: none here has one."""


def routes(service: GroupService) -> tuple[Route, ...]:
    def clear(unit: Unit, request: Request) -> None:
        """Delete every membership of one instance group."""
        service.remove_members(unit, request.granted.it.id)

    change = access.item(GROUP, GROUPS.action("update"), param=_GROUP)
    return (
        listing(GROUPS),
        reading(GROUPS),
        making(GROUPS, service.create, CreateGroupBody),
        updating(GROUPS, UpdateGroupBody, service.change),
        removing(GROUPS, service.delete),
        route("DELETE", f"{_BELOW}/load_balancer", _unbalance, family=VPC, access=change, status=204),
        listing(MEMBERSHIPS),
        reading(MEMBERSHIPS),
        updating(MEMBERSHIPS, UpdateMembershipBody, change_membership),
        removing(MEMBERSHIPS, service.remove_member),
        route("DELETE", MEMBERSHIPS.path, clear, family=VPC, access=change, status=204),
        listing(MANAGERS),
        reading(MANAGERS),
        making(MANAGERS, managers.create, CreateManagerBody),
        updating(MANAGERS, UpdateManagerBody, managers.change),
        removing(MANAGERS, managers.remove),
        listing(POLICIES),
        reading(POLICIES),
        making(POLICIES, managers.create_policy, CreatePolicyBody),
        updating(POLICIES, UpdatePolicyBody, managers.change_policy),
        removing(POLICIES, managers.remove_policy),
        listing(ACTIONS),
        reading(ACTIONS),
        making(ACTIONS, actions.create, CreateActionBody),
        updating(ACTIONS, UpdateActionBody, actions.change),
        removing(ACTIONS, actions.remove),
    )
