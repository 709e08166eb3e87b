"""How many members a group is meant to have, and what an autoscale manager allows."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import may_create, unscoped
from kunsthalle.instances.groups.member_creation import placed, refuse_beyond
from kunsthalle.instances.groups.memberships import wake
from kunsthalle.instances.groups.models import InstanceGroup, Manager
from kunsthalle.instances.groups.resources import GROUP, MANAGER
from kunsthalle.instances.resources import TEMPLATE
from kunsthalle.networks.queries import locked, named

AUTOSCALE, SCHEDULED = "autoscale", "scheduled"
MOST = 1_000
"""Members that a group may have (U)."""


def standing(session: Session, group_id: str) -> InstanceGroup:
    """The group, held until the transaction ends. 409 while it is being deleted."""
    group = locked(session, GROUP, group_id)
    if group.status == "deleting":
        raise conflict("invalid_state", "The instance group is being deleted.")
    return group


def autoscale(session: Session, group_id: str) -> Manager | None:
    """The enabled autoscale manager of a group."""
    columns = MANAGER.table.c
    where = (columns.instance_group_id == group_id, columns.manager_type == AUTOSCALE, columns.management_enabled)
    managers = unscoped(session, MANAGER, *where)
    return managers[0] if managers else None


def fits(manager: Manager | None, count: int) -> bool:
    """Whether a count is within the bounds of the manager that keeps it, if there is one."""
    return manager is None or (manager.min_membership_count or 0) <= count <= (manager.max_membership_count or MOST)


def refuse_out_of_bounds(session: Session, group_id: str, count: int) -> None:
    """400 for a count that an enabled autoscale manager would not keep (U)."""
    manager = autoscale(session, group_id)
    if manager is not None and not fits(manager, count):
        low, high = manager.min_membership_count, manager.max_membership_count
        text = f"The autoscale manager {manager.name} keeps the count between {low} and {high}."
        raise invalid("bad_field", text, "membership_count")


def may_grow(session: Session, group: InstanceGroup, template_id: str | None = None) -> None:
    """403 unless the caller may make such servers themselves: where the group's members and what comes with them are
    made, and from what they are.

    `template_id` is the template that the group is about to have.
    """
    chosen_group(session, None, group.resource_group_id)
    may_create(session.ctx, "is.instance.instance.create", {"resourceGroupId": group.resource_group_id})
    template = named(session, TEMPLATE, template_id or group.template_id)
    for place, action in sorted(placed(template, group.resource_group_id)):
        chosen_group(session, None, place)
        may_create(session.ctx, action, {"resourceGroupId": place})
    refuse_beyond(session, template_id or group.template_id)


def change(session: Session, group: InstanceGroup, **values: Any) -> None:
    """Writes what changed of a group, and has it look after its members: a refused growth is tried again at once."""
    update(session, GROUP, group.id, **values, tries=0, updated_at=session.ctx.now())
    transition(session, GROUP, group.id, "scaling", reasons=[])
    wake(session, group.id)


def keep_within(session: Session, group: InstanceGroup) -> None:
    """Moves the count to the nearest that the autoscale manager allows: load is not measured here."""
    manager = autoscale(session, group.id)
    if manager is None or fits(manager, group.membership_count):
        return
    low, high = manager.min_membership_count or 0, manager.max_membership_count or MOST
    change(session, group, membership_count=max(low, min(high, group.membership_count)))
