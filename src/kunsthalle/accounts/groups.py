"""Resource groups: made, renamed, deleted. One public function a use case."""

from __future__ import annotations

from kunsthalle.accounts.kinds import RESOURCE_GROUP
from kunsthalle.accounts.model import ResourceGroup
from kunsthalle.accounts.queries import GROUPS
from kunsthalle.accounts.service import new_group
from kunsthalle.core.errors import Problem, conflict
from kunsthalle.store.rows import insert_named, rename
from kunsthalle.store.schema import metadata
from kunsthalle.store.scope import Granted, may_create
from kunsthalle.store.tables import any_row
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

CREATE = "resource-controller.group.create"

_HOLDING = [table for table in metadata.sorted_tables if "resource_group_id" in table.c]
"""Every table whose things are in a resource group, whatever room they are of."""


def create(unit: Unit, name: str) -> ResourceGroup:
    """A new group of the caller's account; 409 for a taken name, 403 for whoever administers some groups only."""
    may_create(unit.ctx, CREATE, {})
    try:
        return insert_named(unit, RESOURCE_GROUP, new_group(unit, unit.ctx.account_id, name))
    except Problem as problem:
        raise _taken(name) from problem


def change(unit: Unit, granted: Granted[ResourceGroup], name: str) -> None:
    """Another name; what refers to the group shows it at once."""
    if name == granted.it.name:
        return
    try:
        rename(unit, RESOURCE_GROUP, granted.it.id, name)
    except Problem as problem:
        raise _taken(name) from problem
    unit.changed(GROUPS)


def remove(unit: Unit, granted: Granted[ResourceGroup]) -> None:
    """Only an empty one goes, and never the default one."""
    group, now = granted.it, unit.ctx.now()
    if group.is_default:
        raise conflict("conflict", "The default resource group cannot be deleted.")
    gone = transition(unit, RESOURCE_GROUP, group.id, "DELETED", deleted_at=now, updated_at=now)
    must(gone, "The resource group is deleted already.", "conflict")
    if any(any_row(unit, table, table.c.resource_group_id == group.id) for table in _HOLDING):
        raise conflict("conflict", "Resource groups with active or pending reclamation instances can't be deleted.")
    unit.changed(GROUPS)


def _taken(name: str) -> Problem:
    return conflict("conflict", f"A resource group with the name {name} exists already.", "name")
