"""What a scheduled manager does: at a moment, or by a cron expression (UTC), through jobs that follow the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.crud import given
from kunsthalle.api.references import Identity, refer
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.core.log import get_logger
from kunsthalle.db.rows import insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.unscoped import number_of, remove_rows
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.images.lifecycle_dates import read
from kunsthalle.instances.groups import membership_count
from kunsthalle.instances.groups.managers import EXPIRE, RUN
from kunsthalle.instances.groups.membership_count import (
    AUTOSCALE,
    SCHEDULED,
    autoscale,
    fits,
    keep_within,
    may_grow,
    standing,
)
from kunsthalle.instances.groups.models import Action, InstanceGroup, Manager
from kunsthalle.instances.groups.requests import (
    CreateActionRequest,
    GroupTargetRequest,
    ManagerTargetRequest,
    UpdateActionRequest,
)
from kunsthalle.instances.groups.resources import ACTION, GROUP, MANAGER
from kunsthalle.jobs import queue

log = get_logger("groups")
_HOUR, _APART = 3_600 * SECOND, 300 * SECOND
"""An action is applied at most once in five minutes, whatever its expression says."""
MOST_ACTIONS = 500
"""Actions of a manager: they go with it in one transaction (U)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def create(session: Session, manager: Manager, body: CreateActionRequest) -> Action:
    """A new action and its timer. 409 for a manager of another type (U)."""
    group = standing(session, manager.instance_group_id)
    if manager.manager_type != SCHEDULED:
        raise conflict("invalid_state", "Only a scheduled manager has actions.")
    spec, due = _when(session, body.run_at, body.cron_spec)
    made = Action(
        id=session.ctx.ids.resource(session.ctx.region.prefix),
        account_id=manager.account_id,
        name=given(body.name, "") or session.ctx.ids.name(),
        instance_group_id=manager.instance_group_id,
        instance_group_manager_id=manager.id,
        resource_group_id=manager.resource_group_id,
        status="active",
        cron_spec=spec,
        next_run_at=due,
        last_applied_at=None,
        auto_delete=body.auto_delete,
        auto_delete_timeout=body.auto_delete_timeout,
        target=_target(session, group, body),
        updated_at=session.ctx.now(),
        created_at=session.ctx.now(),
    )
    may_grow(session, group)
    if number_of(session, ACTION.table, ACTION.table.c.instance_group_manager_id == manager.id) >= MOST_ACTIONS:
        raise invalid("over_quota", f"A manager has at most {MOST_ACTIONS} actions.", "manager")
    insert_named(session, ACTION, made)
    queue.enqueue(session, RUN, made.id, due_at=due)
    return made


def _when(session: Session, run_at: str | UnsetType, spec: str | UnsetType) -> tuple[str | None, int]:
    """Exactly one of both; the expression, and when the action runs next."""
    if isinstance(run_at, UnsetType) == isinstance(spec, UnsetType):
        raise invalid("validation_only_one", "Exactly one of run_at and cron_spec must be given.", "run_at")
    if not isinstance(spec, UnsetType):
        return spec, _next(spec, session.ctx.now())
    due = read(run_at, "run_at") or 0
    if due <= session.ctx.now():
        raise invalid("bad_field", "The date must be in the future.", "run_at")
    return None, due


def _next(spec: str, after: int) -> int:
    """The next moment of a cron expression. 400 for what is none."""
    from cronsim import CronSim, CronSimError  # where an expression is read, and not at the start

    try:
        moment: datetime = next(CronSim(spec, _EPOCH + timedelta(microseconds=after)))
    except (CronSimError, StopIteration) as error:
        raise invalid("bad_field", f"The cron expression cannot be used: {error}", "cron_spec") from error
    return int((moment - _EPOCH).total_seconds()) * SECOND


def _target(session: Session, group: InstanceGroup, body: CreateActionRequest) -> dict[str, Any]:
    if (body.group is UNSET) == (body.manager is UNSET):
        raise invalid("validation_only_one", "Exactly one of group and manager must be given.", "group")
    if isinstance(body.group, GroupTargetRequest):
        if isinstance(body.group.membership_count, UnsetType):
            raise invalid("validation_required_field", "Missing a required field.", "group.membership_count")
        return {"membership_count": body.group.membership_count}
    assert isinstance(body.manager, ManagerTargetRequest)  # noqa: S101  the other of both; for the type checker
    manager = refer(session, MANAGER, Identity(id=body.manager.id, href=body.manager.href), "manager").resource
    if manager.instance_group_id != group.id:
        raise not_found("manager", "field")
    if manager.manager_type != AUTOSCALE:
        raise invalid("bad_field", "Only an autoscale manager has bounds.", "manager")
    target = {"manager": manager.id, "name": manager.name, **_bounds(body.manager)}
    if len(target) < 3:
        text = "One of max_membership_count and min_membership_count must be given."
        raise invalid("validation_required_field", text, "manager.max_membership_count")
    return target


def _bounds(body: ManagerTargetRequest) -> dict[str, int]:
    named = {name: getattr(body, name) for name in ("max_membership_count", "min_membership_count")}
    return {name: value for name, value in named.items() if value is not UNSET}


def change(session: Session, granted: Authorized[Action], body: UpdateActionRequest) -> None:
    """PATCH of all but the name. A new time makes the action active again; a new target counts from its next run."""
    action = granted.resource
    group = standing(session, action.instance_group_id)
    names = ("auto_delete", "auto_delete_timeout")
    values = {name: getattr(body, name) for name in names if getattr(body, name) is not UNSET}
    values |= {"target": _changed(action.target, body), "updated_at": session.ctx.now()}
    again = body.run_at is not UNSET or body.cron_spec is not UNSET
    if again or values["target"] != action.target:
        may_grow(session, group)
    if again:
        spec, due = _when(session, body.run_at, body.cron_spec)
        values |= {"cron_spec": spec, "next_run_at": due}
        transition(session, ACTION, action.id, "active")
        for kind in (RUN, EXPIRE):
            queue.cancel(session, kind, action.id)
        queue.enqueue(session, RUN, action.id, due_at=due)
    elif action.status != "active":
        queue.cancel(session, EXPIRE, action.id)
        hours = given(body.auto_delete_timeout, action.auto_delete_timeout)
        queue.enqueue(session, EXPIRE, action.id, due_at=session.ctx.now() + hours * _HOUR)
    update(session, ACTION, action.id, **values)


def _changed(target: dict[str, Any], body: UpdateActionRequest) -> dict[str, Any]:
    if isinstance(body.group, GroupTargetRequest):
        if "manager" in target:
            raise invalid("bad_field", "The action is about a manager.", "group")
        if not isinstance(body.group.membership_count, UnsetType):
            target = {"membership_count": body.group.membership_count}
    if isinstance(body.manager, ManagerTargetRequest):
        if "manager" not in target:
            raise invalid("bad_field", "The action is about the group.", "manager")
        target = {**target, **_bounds(body.manager)}
    return target


def remove(session: Session, granted: Authorized[Action]) -> None:
    """The action with its timers."""
    for kind in (RUN, EXPIRE):
        queue.cancel(session, kind, granted.resource.id)
    _forget(session, granted.resource.id)


def _forget(session: Session, id_: str) -> None:
    remove_rows(session, ACTION.table, ACTION.table.c.id == id_)


def run(session: Session, id_: str) -> None:
    """Applies an action that is due, says what came of it, and sets the next timer."""
    for seen in unscoped(session, ACTION, ACTION.table.c.id == id_):
        # The group first, as whoever changes an action takes them.
        (group,) = unscoped(session, GROUP, GROUP.table.c.id == seen.instance_group_id, lock=True)
        due = (
            ACTION.table.c.id == id_,
            ACTION.table.c.status == "active",
            ACTION.table.c.next_run_at <= session.ctx.now(),
        )
        for action in unscoped(session, ACTION, *due, lock=True):
            _run(session, group, action)


def _run(session: Session, group: InstanceGroup, action: Action) -> None:
    outcome, id_, now = _apply(session, group, action), action.id, session.ctx.now()
    log.info("scheduled action", action=id_, group=group.id, outcome=outcome)
    applied = now if outcome == "completed" else action.last_applied_at
    if action.cron_spec is not None:
        due = _next(action.cron_spec, max(now, (applied or 0) + _APART - 1))
        update(session, ACTION, id_, next_run_at=due, last_applied_at=applied)
        queue.enqueue(session, RUN, id_, due_at=due)
        return
    transition(session, ACTION, id_, outcome, next_run_at=None, last_applied_at=applied)
    queue.enqueue(session, EXPIRE, id_, due_at=now + action.auto_delete_timeout * _HOUR)


def _apply(session: Session, group: InstanceGroup, action: Action) -> str:
    """The state in which an action ends that runs once."""
    (scheduled,) = unscoped(session, MANAGER, MANAGER.table.c.id == action.instance_group_manager_id)
    if group.status == "deleting":
        return "failed"
    if not scheduled.management_enabled:
        return "omitted"
    if "manager" not in action.target:
        return _apply_count(session, group, action.target["membership_count"])
    managers = unscoped(session, MANAGER, MANAGER.table.c.id == action.target["manager"])
    return _apply_bounds(session, group, managers[0], action.target) if managers else "incompatible"


def _apply_count(session: Session, group: InstanceGroup, count: int) -> str:
    if not fits(autoscale(session, group.id), count):
        return "incompatible"
    if count != group.membership_count:
        membership_count.change(session, group, membership_count=count)
    return "completed"


def _apply_bounds(session: Session, group: InstanceGroup, manager: Manager, target: dict[str, Any]) -> str:
    target_fields = {name: target[name] for name in ("max_membership_count", "min_membership_count") if name in target}
    new = replace(manager, **target_fields)
    if (new.min_membership_count or 0) > (new.max_membership_count or 0):
        return "incompatible"
    update(session, MANAGER, manager.id, **target_fields, updated_at=session.ctx.now())
    keep_within(session, group)
    return "completed"


def expire(session: Session, id_: str) -> None:
    """An action that has ended goes when its time is over, if it is to go by itself."""
    for action in unscoped(session, ACTION, ACTION.table.c.id == id_):
        if action.status != "active" and action.auto_delete:
            _forget(session, id_)


def _failed(session: Session, job: queue.Claimed, error: Exception) -> None:
    log.error("scheduled action failed", action=job.subject, error=queue.text_of(error))
    transition(session, ACTION, job.subject, "failed", next_run_at=None)


def handlers() -> tuple[queue.Handler, ...]:
    """The timers, due on the product clock."""
    return (
        queue.Handler(RUN, lambda job: job.finish(lambda session: run(session, job.job.subject)), _failed),
        queue.Handler(
            EXPIRE,
            lambda job: job.finish(lambda session: expire(session, job.job.subject)),
            lambda _session, _job, _error: None,
        ),
    )
