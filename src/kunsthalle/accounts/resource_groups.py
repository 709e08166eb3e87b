"""Resource groups: made, renamed, deleted. One public function a use case."""

from __future__ import annotations

from sqlalchemy import Table

from kunsthalle.accounts.models import ResourceGroup
from kunsthalle.accounts.queries import GROUPS
from kunsthalle.accounts.resources import RESOURCE_GROUP
from kunsthalle.accounts.service import new_group
from kunsthalle.core.errors import Problem, conflict
from kunsthalle.db.rows import insert_named, rename
from kunsthalle.db.session import Session
from kunsthalle.db.tables import metadata
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import any_row
from kunsthalle.db.visibility import Authorized, may_create

CREATE = "resource-controller.group.create"


def _holding() -> list[Table]:
    """Every table whose resources are in a resource group, whatever package it is of."""
    return [table for table in metadata.sorted_tables if "resource_group_id" in table.c]


def create(session: Session, name: str) -> ResourceGroup:
    """A new group of the caller's account; 409 for a taken name, 403 for whoever administers some groups only."""
    may_create(session.ctx, CREATE, {})
    try:
        return insert_named(session, RESOURCE_GROUP, new_group(session, session.ctx.account_id, name))
    except Problem as problem:
        raise _taken(name) from problem


def change(session: Session, granted: Authorized[ResourceGroup], name: str) -> None:
    """Another name; what refers to the group shows it at once."""
    if name == granted.resource.name:
        return
    try:
        rename(session, RESOURCE_GROUP, granted.resource.id, name)
    except Problem as problem:
        raise _taken(name) from problem
    session.invalidate(GROUPS)


def remove(session: Session, granted: Authorized[ResourceGroup]) -> None:
    """Only an empty one goes, and never the default one."""
    group, now = granted.resource, session.ctx.now()
    if group.is_default:
        raise conflict("conflict", "The default resource group cannot be deleted.")
    gone = transition(session, RESOURCE_GROUP, group.id, "DELETED", deleted_at=now, updated_at=now)
    must(gone, "The resource group is deleted already.", "conflict")
    if any(any_row(session, table, table.c.resource_group_id == group.id) for table in _holding()):
        raise conflict("conflict", "Resource groups with active or pending reclamation instances can't be deleted.")
    session.invalidate(GROUPS)


def _taken(name: str) -> Problem:
    return conflict("conflict", f"A resource group with the name {name} exists already.", "name")
