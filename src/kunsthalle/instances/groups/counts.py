"""How many members a group is meant to have, and what an autoscale manager allows."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.instances.groups.kinds import GROUP, MANAGER
from kunsthalle.instances.groups.making import placed, refuse_beyond
from kunsthalle.instances.groups.members import wake
from kunsthalle.instances.groups.model import InstanceGroup, Manager
from kunsthalle.instances.kinds import TEMPLATE
from kunsthalle.networks.queries import locked, named
from kunsthalle.store.rows import update
from kunsthalle.store.scope import may_create, unguarded
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

AUTOSCALE, SCHEDULED = "autoscale", "scheduled"
MOST = 1_000
"""Members that a group may have (U)."""


def standing(unit: Unit, group_id: str) -> InstanceGroup:
    """The group, held until the transaction ends. 409 while it is being deleted."""
    group = locked(unit, GROUP, group_id)
    if group.status == "deleting":
        raise conflict("invalid_state", "The instance group is being deleted.")
    return group


def autoscale(unit: Unit, group_id: str) -> Manager | None:
    """The enabled autoscale manager of a group."""
    columns = MANAGER.table.c
    where = (columns.instance_group_id == group_id, columns.manager_type == AUTOSCALE, columns.management_enabled)
    found = unguarded(unit, MANAGER, *where)
    return found[0] if found else None


def fits(manager: Manager | None, count: int) -> bool:
    """Whether a count is within the bounds of the manager that keeps it, if there is one."""
    return manager is None or (manager.min_membership_count or 0) <= count <= (manager.max_membership_count or MOST)


def refuse_out_of_bounds(unit: Unit, group_id: str, count: int) -> None:
    """400 for a count that an enabled autoscale manager would not keep (U)."""
    manager = autoscale(unit, group_id)
    if manager is not None and not fits(manager, count):
        low, high = manager.min_membership_count, manager.max_membership_count
        text = f"The autoscale manager {manager.name} keeps the count between {low} and {high}."
        raise invalid("bad_field", text, "membership_count")


def may_grow(unit: Unit, group: InstanceGroup, template_id: str | None = None) -> None:
    """403 unless the caller may make such servers himself: where the group's members and what comes with them are
    made, and from what they are.

    `template_id` is the template that the group is about to have.
    """
    chosen_group(unit, None, group.resource_group_id)
    may_create(unit.ctx, "is.instance.instance.create", {"resourceGroupId": group.resource_group_id})
    template = named(unit, TEMPLATE, template_id or group.template_id)
    for place, action in sorted(placed(template, group.resource_group_id)):
        chosen_group(unit, None, place)
        may_create(unit.ctx, action, {"resourceGroupId": place})
    refuse_beyond(unit, template_id or group.template_id)


def change(unit: Unit, group: InstanceGroup, **values: Any) -> None:
    """Writes what changed of a group, and has it look after its members: a refused growth is tried again at once."""
    update(unit, GROUP, group.id, **values, tries=0, updated_at=unit.ctx.now())
    transition(unit, GROUP, group.id, "scaling", reasons=[])
    wake(unit, group.id)


def keep_within(unit: Unit, group: InstanceGroup) -> None:
    """Moves the count to the nearest that the autoscale manager allows: load is not measured here."""
    manager = autoscale(unit, group.id)
    if manager is None or fits(manager, group.membership_count):
        return
    low, high = manager.min_membership_count or 0, manager.max_membership_count or MOST
    change(unit, group, membership_count=max(low, min(high, group.membership_count)))
