"""Managers of a group and their policies. An autoscale manager keeps the count in bounds; it measures nothing."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.regular import given
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.instances.groups.bodies import CreateManagerBody, CreatePolicyBody, UpdateManagerBody, UpdatePolicyBody
from kunsthalle.instances.groups.counts import AUTOSCALE, keep_within, may_grow, standing
from kunsthalle.instances.groups.kinds import ACTION, MANAGER, POLICY
from kunsthalle.instances.groups.model import InstanceGroup, Manager, Policy
from kunsthalle.store import jobs
from kunsthalle.store.rows import insert_named, update
from kunsthalle.store.scope import Granted, unguarded
from kunsthalle.store.tables import remove_rows
from kunsthalle.store.unit import Unit

RUN, EXPIRE = "group.action", "group.action.expire"
_OF_AUTOSCALE = ("aggregation_window", "cooldown", "max_membership_count", "min_membership_count")


def create(unit: Unit, group: InstanceGroup, body: CreateManagerBody) -> Manager:
    """A new manager. 400 `over_quota` (U) for a second one of its type: two would pull at one count."""
    group = standing(unit, group.id)
    columns = MANAGER.table.c
    mine = (columns.instance_group_id == group.id, columns.manager_type == body.manager_type)
    if unguarded(unit, MANAGER, *mine):
        raise invalid("over_quota", f"The group has a manager of the type {body.manager_type}.", "manager_type")
    made = Manager(
        id=unit.ctx.ids.resource(unit.ctx.region.prefix),
        account_id=group.account_id,
        name=given(body.name, "") or unit.ctx.ids.name(),
        instance_group_id=group.id,
        resource_group_id=group.resource_group_id,
        manager_type=body.manager_type,
        management_enabled=body.management_enabled,
        **_bounds(body),
        updated_at=unit.ctx.now(),
        created_at=unit.ctx.now(),
    )
    insert_named(unit, MANAGER, made)
    if made.manager_type == AUTOSCALE:
        may_grow(unit, group)
        keep_within(unit, group)
    return made


def _bounds(body: CreateManagerBody) -> dict[str, Any]:
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


def change(unit: Unit, granted: Granted[Manager], body: UpdateManagerBody) -> None:
    """PATCH of all but the name; the count follows the new bounds."""
    it = granted.it
    group = standing(unit, it.instance_group_id)
    values = {name: getattr(body, name) for name in ("management_enabled", *_OF_AUTOSCALE)}
    values = {name: value for name, value in values.items() if value is not UNSET}
    if it.manager_type != AUTOSCALE:
        for name in _OF_AUTOSCALE:
            if name in values:
                raise invalid("bad_field", "Only an autoscale manager has it.", name)
    else:
        _ordered({name: values.get(name, getattr(it, name)) for name in _OF_AUTOSCALE})
    update(unit, MANAGER, it.id, **values, updated_at=unit.ctx.now())
    if it.manager_type == AUTOSCALE:
        may_grow(unit, group)
        keep_within(unit, group)


def remove(unit: Unit, granted: Granted[Manager]) -> None:
    """The manager with its policies and actions; the group keeps its count."""
    standing(unit, granted.it.instance_group_id)
    _remove(unit, granted.it)


def _remove(unit: Unit, manager: Manager) -> None:
    for action in unguarded(unit, ACTION, ACTION.table.c.instance_group_manager_id == manager.id):
        jobs.cancel(unit, RUN, action.id)
        jobs.cancel(unit, EXPIRE, action.id)
    for kind in (ACTION, POLICY):
        remove_rows(unit, kind.table, kind.table.c.instance_group_manager_id == manager.id)
    remove_rows(unit, MANAGER.table, MANAGER.table.c.id == manager.id)


def remove_all(unit: Unit, group_id: str) -> None:
    """What managed a group goes with it."""
    for manager in of_group(unit, group_id):
        _remove(unit, manager)


def of_group(unit: Unit, group_id: str) -> list[Manager]:
    """The managers of a group."""
    return unguarded(unit, MANAGER, MANAGER.table.c.instance_group_id == group_id)


def create_policy(unit: Unit, manager: Manager, body: CreatePolicyBody) -> Policy:
    """A new policy. 409 for a manager that has none (U)."""
    standing(unit, manager.instance_group_id)
    if manager.manager_type != AUTOSCALE:
        raise conflict("invalid_state", "Only an autoscale manager has policies.")
    made = Policy(
        id=unit.ctx.ids.resource(unit.ctx.region.prefix),
        account_id=manager.account_id,
        name=given(body.name, "") or unit.ctx.ids.name(),
        instance_group_id=manager.instance_group_id,
        instance_group_manager_id=manager.id,
        resource_group_id=manager.resource_group_id,
        metric_type=body.metric_type,
        metric_value=body.metric_value,
        policy_type=body.policy_type,
        updated_at=unit.ctx.now(),
        created_at=unit.ctx.now(),
    )
    return insert_named(unit, POLICY, made)


def change_policy(unit: Unit, granted: Granted[Policy], body: UpdatePolicyBody) -> None:
    """PATCH of all but the name."""
    values = {name: getattr(body, name) for name in ("metric_type", "metric_value")}
    values = {name: value for name, value in values.items() if value is not UNSET}
    update(unit, POLICY, granted.it.id, **values, updated_at=unit.ctx.now())


def remove_policy(unit: Unit, granted: Granted[Policy]) -> None:
    remove_rows(unit, POLICY.table, POLICY.table.c.id == granted.it.id)
