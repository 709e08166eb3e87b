"""What a scheduled manager does: at a moment, or by a cron expression (UTC), through jobs that follow the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.references import Identity, refer
from kunsthalle.api.regular import given
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.core.log import get_logger
from kunsthalle.images.dates import read
from kunsthalle.instances.groups import counts
from kunsthalle.instances.groups.bodies import CreateActionBody, GroupTargetBody, ManagerTargetBody, UpdateActionBody
from kunsthalle.instances.groups.counts import AUTOSCALE, SCHEDULED, autoscale, fits, keep_within, may_grow, standing
from kunsthalle.instances.groups.kinds import ACTION, GROUP, MANAGER
from kunsthalle.instances.groups.managers import EXPIRE, RUN
from kunsthalle.instances.groups.model import Action, InstanceGroup, Manager
from kunsthalle.store import jobs
from kunsthalle.store.rows import insert_named, update
from kunsthalle.store.scope import Granted, unguarded
from kunsthalle.store.tables import remove_rows
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

log = get_logger("groups")
_HOUR, _APART = 3_600 * SECOND, 300 * SECOND
"""An action is applied at most once in five minutes, whatever its expression says."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def create(unit: Unit, manager: Manager, body: CreateActionBody) -> Action:
    """A new action and its timer. 409 for a manager of another type (U)."""
    group = standing(unit, manager.instance_group_id)
    if manager.manager_type != SCHEDULED:
        raise conflict("invalid_state", "Only a scheduled manager has actions.")
    spec, due = _when(unit, body.run_at, body.cron_spec)
    made = Action(
        id=unit.ctx.ids.resource(unit.ctx.region.prefix),
        account_id=manager.account_id,
        name=given(body.name, "") or unit.ctx.ids.name(),
        instance_group_id=manager.instance_group_id,
        instance_group_manager_id=manager.id,
        resource_group_id=manager.resource_group_id,
        status="active",
        cron_spec=spec,
        next_run_at=due,
        last_applied_at=None,
        auto_delete=body.auto_delete,
        auto_delete_timeout=body.auto_delete_timeout,
        target=_target(unit, group, body),
        updated_at=unit.ctx.now(),
        created_at=unit.ctx.now(),
    )
    may_grow(unit, group)
    insert_named(unit, ACTION, made)
    jobs.enqueue(unit, RUN, made.id, due_at=due)
    return made


def _when(unit: Unit, run_at: str | UnsetType, spec: str | UnsetType) -> tuple[str | None, int]:
    """Exactly one of both; the expression, and when the action runs next."""
    if isinstance(run_at, UnsetType) == isinstance(spec, UnsetType):
        raise invalid("validation_only_one", "Exactly one of run_at and cron_spec must be given.", "run_at")
    if not isinstance(spec, UnsetType):
        return spec, _next(spec, unit.ctx.now())
    due = read(run_at, "run_at") or 0
    if due <= unit.ctx.now():
        raise invalid("bad_field", "The date must be in the future.", "run_at")
    return None, due


def _next(spec: str, after: int) -> int:
    """The next moment of a cron expression. 400 for what is none."""
    from cronsim import CronSim, CronSimError  # where an expression is read, and not at the start

    try:
        found: datetime = next(CronSim(spec, _EPOCH + timedelta(microseconds=after)))
    except (CronSimError, StopIteration) as error:
        raise invalid("bad_field", f"The cron expression cannot be used: {error}", "cron_spec") from error
    return int((found - _EPOCH).total_seconds()) * SECOND


def _target(unit: Unit, group: InstanceGroup, body: CreateActionBody) -> dict[str, Any]:
    if (body.group is UNSET) == (body.manager is UNSET):
        raise invalid("validation_only_one", "Exactly one of group and manager must be given.", "group")
    if isinstance(body.group, GroupTargetBody):
        if isinstance(body.group.membership_count, UnsetType):
            raise invalid("validation_required_field", "Missing a required field.", "group.membership_count")
        return {"membership_count": body.group.membership_count}
    assert isinstance(body.manager, ManagerTargetBody)  # noqa: S101  the other of both; for the type checker
    manager = refer(unit, MANAGER, Identity(id=body.manager.id, href=body.manager.href), "manager").it
    if manager.instance_group_id != group.id:
        raise not_found("manager", "field")
    if manager.manager_type != AUTOSCALE:
        raise invalid("bad_field", "Only an autoscale manager has bounds.", "manager")
    target = {"manager": manager.id, "name": manager.name, **_bounds(body.manager)}
    if len(target) < 3:
        text = "One of max_membership_count and min_membership_count must be given."
        raise invalid("validation_required_field", text, "manager.max_membership_count")
    return target


def _bounds(body: ManagerTargetBody) -> dict[str, int]:
    named = {name: getattr(body, name) for name in ("max_membership_count", "min_membership_count")}
    return {name: value for name, value in named.items() if value is not UNSET}


def change(unit: Unit, granted: Granted[Action], body: UpdateActionBody) -> None:
    """PATCH of all but the name. A new time makes the action active again; a new target counts from its next run."""
    it = granted.it
    group = standing(unit, it.instance_group_id)
    names = ("auto_delete", "auto_delete_timeout")
    values = {name: getattr(body, name) for name in names if getattr(body, name) is not UNSET}
    values |= {"target": _changed(it.target, body), "updated_at": unit.ctx.now()}
    again = body.run_at is not UNSET or body.cron_spec is not UNSET
    if again or values["target"] != it.target:
        may_grow(unit, group)
    if again:
        spec, due = _when(unit, body.run_at, body.cron_spec)
        values |= {"cron_spec": spec, "next_run_at": due}
        transition(unit, ACTION, it.id, "active")
        for kind in (RUN, EXPIRE):
            jobs.cancel(unit, kind, it.id)
        jobs.enqueue(unit, RUN, it.id, due_at=due)
    elif it.status != "active":
        jobs.cancel(unit, EXPIRE, it.id)
        hours = given(body.auto_delete_timeout, it.auto_delete_timeout)
        jobs.enqueue(unit, EXPIRE, it.id, due_at=unit.ctx.now() + hours * _HOUR)
    update(unit, ACTION, it.id, **values)


def _changed(target: dict[str, Any], body: UpdateActionBody) -> dict[str, Any]:
    if isinstance(body.group, GroupTargetBody):
        if "manager" in target:
            raise invalid("bad_field", "The action is about a manager.", "group")
        if not isinstance(body.group.membership_count, UnsetType):
            target = {"membership_count": body.group.membership_count}
    if isinstance(body.manager, ManagerTargetBody):
        if "manager" not in target:
            raise invalid("bad_field", "The action is about the group.", "manager")
        target = {**target, **_bounds(body.manager)}
    return target


def remove(unit: Unit, granted: Granted[Action]) -> None:
    """The action with its timers."""
    for kind in (RUN, EXPIRE):
        jobs.cancel(unit, kind, granted.it.id)
    _forget(unit, granted.it.id)


def _forget(unit: Unit, id_: str) -> None:
    remove_rows(unit, ACTION.table, ACTION.table.c.id == id_)


def run(unit: Unit, id_: str) -> None:
    """Applies an action that is due, says what came of it, and sets the next timer."""
    for seen in unguarded(unit, ACTION, ACTION.table.c.id == id_):
        # The group first, as whoever changes an action takes them.
        (group,) = unguarded(unit, GROUP, GROUP.table.c.id == seen.instance_group_id, lock=True)
        due = (
            ACTION.table.c.id == id_,
            ACTION.table.c.status == "active",
            ACTION.table.c.next_run_at <= unit.ctx.now(),
        )
        for action in unguarded(unit, ACTION, *due, lock=True):
            _run(unit, group, action)


def _run(unit: Unit, group: InstanceGroup, action: Action) -> None:
    outcome, id_, now = _apply(unit, group, action), action.id, unit.ctx.now()
    log.info("scheduled action", action=id_, group=group.id, outcome=outcome)
    applied = now if outcome == "completed" else action.last_applied_at
    if action.cron_spec is not None:
        due = _next(action.cron_spec, max(now, (applied or 0) + _APART - 1))
        update(unit, ACTION, id_, next_run_at=due, last_applied_at=applied)
        jobs.enqueue(unit, RUN, id_, due_at=due)
        return
    transition(unit, ACTION, id_, outcome, next_run_at=None, last_applied_at=applied)
    jobs.enqueue(unit, EXPIRE, id_, due_at=now + action.auto_delete_timeout * _HOUR)


def _apply(unit: Unit, group: InstanceGroup, action: Action) -> str:
    """The state in which an action ends that runs once."""
    (scheduled,) = unguarded(unit, MANAGER, MANAGER.table.c.id == action.instance_group_manager_id)
    if group.status == "deleting":
        return "failed"
    if not scheduled.management_enabled:
        return "omitted"
    if "manager" not in action.target:
        return _apply_count(unit, group, action.target["membership_count"])
    found = unguarded(unit, MANAGER, MANAGER.table.c.id == action.target["manager"])
    return _apply_bounds(unit, group, found[0], action.target) if found else "incompatible"


def _apply_count(unit: Unit, group: InstanceGroup, count: int) -> str:
    if not fits(autoscale(unit, group.id), count):
        return "incompatible"
    if count != group.membership_count:
        counts.change(unit, group, membership_count=count)
    return "completed"


def _apply_bounds(unit: Unit, group: InstanceGroup, manager: Manager, target: dict[str, Any]) -> str:
    wanted = {name: target[name] for name in ("max_membership_count", "min_membership_count") if name in target}
    new = replace(manager, **wanted)
    if (new.min_membership_count or 0) > (new.max_membership_count or 0):
        return "incompatible"
    update(unit, MANAGER, manager.id, **wanted, updated_at=unit.ctx.now())
    keep_within(unit, group)
    return "completed"


def expire(unit: Unit, id_: str) -> None:
    """An action that has ended goes when its time is over, if it is to go by itself."""
    for action in unguarded(unit, ACTION, ACTION.table.c.id == id_):
        if action.status != "active" and action.auto_delete:
            _forget(unit, id_)


def _failed(unit: Unit, job: jobs.Claimed, error: str) -> None:
    log.error("scheduled action failed", action=job.subject, error=error)
    transition(unit, ACTION, job.subject, "failed", next_run_at=None)


def handlers() -> tuple[jobs.Handler, ...]:
    """The timers, due on the product clock."""
    return (
        jobs.Handler(RUN, lambda job: job.finish(lambda unit: run(unit, job.job.subject)), _failed),
        jobs.Handler(
            EXPIRE, lambda job: job.finish(lambda unit: expire(unit, job.job.subject)), lambda _unit, _job, _error: None
        ),
    )
