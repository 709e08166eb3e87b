"""Managers, policies and actions of instance groups as the VPC API shows them (reference/vpc-api.md B3)."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.instances.groups.membership_count import AUTOSCALE
from kunsthalle.instances.groups.models import Action, Manager, Policy
from kunsthalle.instances.groups.resources import ACTION, MANAGER, POLICY
from kunsthalle.instances.groups.schemas import group_path, manager_path
from kunsthalle.networks.network_references import ItemReferenceResponse


class ActionReferenceResponse(ResponseBody):
    """An action, from the side of its manager."""

    href: str
    id: str
    name: str
    resource_type: str


class ManagerResponse(ResponseBody):
    """A manager: the bounds and policies are those of `autoscale`, the actions of `scheduled`. Windows in seconds."""

    created_at: str
    href: str
    id: str
    management_enabled: bool
    manager_type: str
    name: str
    updated_at: str
    actions: list[ActionReferenceResponse] | UnsetType = UNSET
    aggregation_window: int | UnsetType = UNSET
    cooldown: int | UnsetType = UNSET
    max_membership_count: int | UnsetType = UNSET
    min_membership_count: int | UnsetType = UNSET
    policies: list[ItemReferenceResponse] | UnsetType = UNSET


class PolicyResponse(ResponseBody):
    """A policy of an autoscale manager."""

    created_at: str
    href: str
    id: str
    metric_type: str
    metric_value: int
    name: str
    policy_type: str
    updated_at: str


class GroupTargetResponse(ResponseBody):
    """The count that an action gives the group."""

    membership_count: int


class ManagerTargetResponse(ResponseBody):
    """The bounds that an action gives an autoscale manager."""

    href: str
    id: str
    name: str
    max_membership_count: int | UnsetType = UNSET
    min_membership_count: int | UnsetType = UNSET


class GroupActionResponse(ResponseBody):
    """A scheduled action; `auto_delete_timeout` in hours."""

    action_type: str
    auto_delete: bool
    auto_delete_timeout: int
    created_at: str
    href: str
    id: str
    name: str
    resource_type: str
    status: str
    updated_at: str
    cron_spec: str | UnsetType = UNSET
    group: GroupTargetResponse | UnsetType = UNSET
    last_applied_at: str | UnsetType = UNSET
    manager: ManagerTargetResponse | UnsetType = UNSET
    next_run_at: str | UnsetType = UNSET


_ACTION_TYPE = "instance_group_manager_action"


def _below(row: Policy | Action, segment: str) -> str:
    above = f"{group_path(row.instance_group_id)}/managers/{row.instance_group_manager_id}"
    return f"{above}/{segment}/{row.id}"


def _shown(value: int | None) -> int | UnsetType:
    return UNSET if value is None else value


def manager_response(manager: Manager, session: Session) -> ManagerResponse:
    ctx = session.ctx
    shown = ManagerResponse(
        created_at=rfc3339(manager.created_at),
        href=href(ctx, manager_path(manager)),
        id=manager.id,
        management_enabled=manager.management_enabled,
        manager_type=manager.manager_type,
        name=manager.name,
        updated_at=rfc3339(manager.updated_at),
        aggregation_window=_shown(manager.aggregation_window),
        cooldown=_shown(manager.cooldown),
        max_membership_count=_shown(manager.max_membership_count),
        min_membership_count=_shown(manager.min_membership_count),
    )
    if manager.manager_type == AUTOSCALE:
        policies = unscoped(session, POLICY, POLICY.table.c.instance_group_manager_id == manager.id)
        shown.policies = [
            ItemReferenceResponse(href=href(ctx, _below(policy, "policies")), id=policy.id, name=policy.name)
            for policy in policies
        ]
    else:
        actions = unscoped(session, ACTION, ACTION.table.c.instance_group_manager_id == manager.id)
        shown.actions = [
            ActionReferenceResponse(
                href=href(ctx, _below(action, "actions")), id=action.id, name=action.name, resource_type=_ACTION_TYPE
            )
            for action in actions
        ]
    return shown


def policy_response(policy: Policy, session: Session) -> PolicyResponse:
    return PolicyResponse(
        created_at=rfc3339(policy.created_at),
        href=href(session.ctx, _below(policy, "policies")),
        id=policy.id,
        metric_type=policy.metric_type,
        metric_value=policy.metric_value,
        name=policy.name,
        policy_type=policy.policy_type,
        updated_at=rfc3339(policy.updated_at),
    )


def _moment(value: int | None) -> str | UnsetType:
    return UNSET if value is None else rfc3339(value)


def action_response(action: Action, session: Session) -> GroupActionResponse:
    shown = GroupActionResponse(
        action_type="scheduled",
        auto_delete=action.auto_delete,
        auto_delete_timeout=action.auto_delete_timeout,
        created_at=rfc3339(action.created_at),
        href=href(session.ctx, _below(action, "actions")),
        id=action.id,
        name=action.name,
        resource_type=_ACTION_TYPE,
        status=action.status,
        updated_at=rfc3339(action.updated_at),
        cron_spec=UNSET if action.cron_spec is None else action.cron_spec,
        last_applied_at=_moment(action.last_applied_at),
        next_run_at=_moment(action.next_run_at),
    )
    if "manager" in action.target:
        shown.manager = _manager_target(action, session)
    else:
        shown.group = GroupTargetResponse(membership_count=action.target["membership_count"])
    return shown


def _manager_target(action: Action, session: Session) -> ManagerTargetResponse:
    target = action.target
    there = unscoped(session, MANAGER, MANAGER.table.c.id == target["manager"])
    return ManagerTargetResponse(
        href=href(session.ctx, f"{group_path(action.instance_group_id)}/managers/{target['manager']}"),
        id=target["manager"],
        name=there[0].name if there else target["name"],
        max_membership_count=target.get("max_membership_count", UNSET),
        min_membership_count=target.get("min_membership_count", UNSET),
    )
