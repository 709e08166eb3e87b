"""Questions about servers and templates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement

from kunsthalle.api.request import Request
from kunsthalle.instances.kinds import INSTANCE, INTERFACE, TEMPLATE
from kunsthalle.instances.model import Instance, Interface, Template
from kunsthalle.storage.queries import equals
from kunsthalle.store.scope import Page, page, unguarded
from kunsthalle.store.tables import rows_of
from kunsthalle.store.unit import Unit


def list_instances(unit: Unit, request: Request, after: tuple[int, str] | None, limit: int) -> Page[Instance]:
    """A page of servers, newest first."""
    columns = INSTANCE.table.c
    exact: dict[str, ColumnElement[Any]] = {
        "name": columns.name,
        "resource_group.id": columns.resource_group_id,
        "vpc.id": columns.vpc_id,
        "vpc.crn": columns.vpc_crn,
        "vpc.name": columns.vpc_name,
    }
    return page(unit, INSTANCE, *equals(request, exact), after=after, limit=limit)


def list_templates(unit: Unit, after: tuple[int, str] | None, limit: int) -> Page[Template]:
    """A page of templates, newest first."""
    return page(unit, TEMPLATE, after=after, limit=limit)


def interfaces_of(unit: Unit, instance_ids: Iterable[str]) -> dict[str, list[Interface]]:
    """The interfaces of servers that were looked up already, the primary one first."""
    ids = list(instance_ids)
    found: dict[str, list[Interface]] = {id_: [] for id_ in ids}
    columns = INTERFACE.table.c
    for row in rows_of(unit, INTERFACE.table, columns.instance_id.in_(ids), order=columns.position):
        interface = INTERFACE.make(*row)
        found[interface.instance_id].append(interface)
    return found


def instance_of(unit: Unit, id_: str) -> Instance | None:
    """The server of a job, if it is still there."""
    found = unguarded(unit, INSTANCE, INSTANCE.table.c.id == id_)
    return found[0] if found else None
