"""Managers of a group and their policies. An autoscale manager keeps the count in bounds; it measures nothing."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.crud import given
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import ids_where, remove_rows
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.instances.groups.membership_count import AUTOSCALE, keep_within, may_grow, standing
from kunsthalle.instances.groups.models import InstanceGroup, Manager, Policy
from kunsthalle.instances.groups.requests import (
    CreateManagerRequest,
    CreatePolicyRequest,
    UpdateManagerRequest,
    UpdatePolicyRequest,
)
from kunsthalle.instances.groups.resources import ACTION, MANAGER, POLICY
from kunsthalle.jobs import queue

RUN, EXPIRE = "group.action", "group.action.expire"
_OF_AUTOSCALE = ("aggregation_window", "cooldown", "max_membership_count", "min_membership_count")


def create(session: Session, group: InstanceGroup, body: CreateManagerRequest) -> Manager:
    """A new manager. 400 `over_quota` (U) for a second one of its type: two would pull at one count."""
    group = standing(session, group.id)
    columns = MANAGER.table.c
    conditions = (columns.instance_group_id == group.id, columns.manager_type == body.manager_type)
    if unscoped(session, MANAGER, *conditions):
        raise invalid("over_quota", f"The group has a manager of the type {body.manager_type}.", "manager_type")
    made = Manager(
        id=session.ctx.ids.resource(session.ctx.region.prefix),
        account_id=group.account_id,
        name=given(body.name, "") or session.ctx.ids.name(),
        instance_group_id=group.id,
        resource_group_id=group.resource_group_id,
        manager_type=body.manager_type,
        management_enabled=body.management_enabled,
        **_bounds(body),
        updated_at=session.ctx.now(),
        created_at=session.ctx.now(),
    )
    insert_named(session, MANAGER, made)
    if made.manager_type == AUTOSCALE:
        may_grow(session, group)
        keep_within(session, group)
    return made


def _bounds(body: CreateManagerRequest) -> dict[str, Any]:
    if body.manager_type != AUTOSCALE:
        return dict.fromkeys(_OF_AUTOSCALE)
    if isinstance(body.max_membership_count, UnsetType):
        raise invalid("validation_required_field", "Missing a required field.", "max_membership_count")
    bounds = {name: getattr(body, name) for name in _OF_AUTOSCALE}
    _ordered(bounds)
    return bounds


def _ordered(bounds: dict[str, Any]) -> None:
    if bounds["min_membership_count"] > bounds["max_membership_count"]:
        text = "min_membership_count must not be greater than max_membership_count."
        raise invalid("bad_field", text, "min_membership_count")


def change(session: Session, granted: Authorized[Manager], body: UpdateManagerRequest) -> None:
    """PATCH of all but the name; the count follows the new bounds."""
    manager = granted.resource
    group = standing(session, manager.instance_group_id)
    values = {name: getattr(body, name) for name in ("management_enabled", *_OF_AUTOSCALE)}
    values = {name: value for name, value in values.items() if value is not UNSET}
    if manager.manager_type != AUTOSCALE:
        for name in _OF_AUTOSCALE:
            if name in values:
                raise invalid("bad_field", "Only an autoscale manager has it.", name)
    else:
        _ordered({name: values.get(name, getattr(manager, name)) for name in _OF_AUTOSCALE})
    update(session, MANAGER, manager.id, **values, updated_at=session.ctx.now())
    if manager.manager_type == AUTOSCALE:
        may_grow(session, group)
        keep_within(session, group)


def remove(session: Session, granted: Authorized[Manager]) -> None:
    """The manager with its policies and actions; the group keeps its count."""
    standing(session, granted.resource.instance_group_id)
    _remove(session, granted.resource)


_ACTIONS = ACTION.table.c


def _remove(session: Session, manager: Manager) -> None:
    for kind in (RUN, EXPIRE):
        queue.cancel_all(session, kind, ids_where(_ACTIONS.id, _ACTIONS.instance_group_manager_id == manager.id))
    for part in (ACTION, POLICY):
        remove_rows(session, part.table, part.table.c.instance_group_manager_id == manager.id)
    remove_rows(session, MANAGER.table, MANAGER.table.c.id == manager.id)


def remove_all(session: Session, group_id: str) -> None:
    """What managed a group goes with it."""
    for manager in of_group(session, group_id):
        _remove(session, manager)


def of_group(session: Session, group_id: str) -> list[Manager]:
    """The managers of a group."""
    return unscoped(session, MANAGER, MANAGER.table.c.instance_group_id == group_id)


def create_policy(session: Session, manager: Manager, body: CreatePolicyRequest) -> Policy:
    """A new policy. 409 for a manager that has none (U)."""
    standing(session, manager.instance_group_id)
    if manager.manager_type != AUTOSCALE:
        raise conflict("invalid_state", "Only an autoscale manager has policies.")
    made = Policy(
        id=session.ctx.ids.resource(session.ctx.region.prefix),
        account_id=manager.account_id,
        name=given(body.name, "") or session.ctx.ids.name(),
        instance_group_id=manager.instance_group_id,
        instance_group_manager_id=manager.id,
        resource_group_id=manager.resource_group_id,
        metric_type=body.metric_type,
        metric_value=body.metric_value,
        policy_type=body.policy_type,
        updated_at=session.ctx.now(),
        created_at=session.ctx.now(),
    )
    return insert_named(session, POLICY, made)


def change_policy(session: Session, granted: Authorized[Policy], body: UpdatePolicyRequest) -> None:
    """PATCH of all but the name."""
    values = {name: getattr(body, name) for name in ("metric_type", "metric_value")}
    values = {name: value for name, value in values.items() if value is not UNSET}
    update(session, POLICY, granted.resource.id, **values, updated_at=session.ctx.now())


def remove_policy(session: Session, granted: Authorized[Policy]) -> None:
    remove_rows(session, POLICY.table, POLICY.table.c.id == granted.resource.id)
