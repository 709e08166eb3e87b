"""Questions about servers and templates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from msgspec import UnsetType
from sqlalchemy import ColumnElement, and_, false

from kunsthalle.api.request import Request
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.queries import attached_to, equals
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.pages import Page, page
from kunsthalle.db.rows import name_taken
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import unscoped
from kunsthalle.db.wildcards import wildcards
from kunsthalle.instances.groups.instance_filters import in_group
from kunsthalle.instances.groups.memberships import Belonging, of_instances
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES
from kunsthalle.instances.models import Instance, Interface, Template
from kunsthalle.instances.resources import INSTANCE, INTERFACE, TEMPLATE
from kunsthalle.networks.models import VirtualNetworkInterface
from kunsthalle.networks.queries import locked
from kunsthalle.networks.resources import INTERFACE as VIRTUAL

_NEVER = tuple(
    f"{what}.{by}"
    for what in ("dedicated_host", "placement_group", "reservation", "cluster_network")
    for by in ("id", "crn", "name")
)
"""What no server has here."""
_CHOICES = {
    "availability.class": ("class", ("spot", "standard")),
    "reservation_affinity.policy": ("policy", ("disabled", "manual", "automatic")),
}
"""Filters on options: the key of the value, and the values, the last of which is the default."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What hangs on a server: its volumes, the boot volume first; its interfaces, the primary one first; and those of
    them that are virtual, by id; and its membership of a group.
    """

    volumes: list[Volume]
    interfaces: list[Interface]
    virtual: dict[str, VirtualNetworkInterface]
    belonging: Belonging | None


def _chosen(request: Request, name: str) -> ColumnElement[bool]:
    """Whether an option has a value; where it was never set, it has the default."""
    key, values = _CHOICES[name]
    asked, options = request.query[name], INSTANCE.table.c.options
    if asked not in values:
        return false()
    if asked != values[-1]:
        return wildcards(options, f'*"{key}":"{asked}"*')
    return and_(*(~wildcards(options, f'*"{key}":"{value}"*') for value in values[:-1]))


def list_instances(session: Session, request: Request, after: tuple[int, str] | None, limit: int) -> Page[Instance]:
    """A page of servers, newest first."""
    columns = INSTANCE.table.c
    exact: dict[str, ColumnElement[Any]] = {
        "name": columns.name,
        "resource_group.id": columns.resource_group_id,
        "vpc.id": columns.vpc_id,
        "vpc.crn": columns.vpc_crn,
        "vpc.name": columns.vpc_name,
    }
    where = equals(request, exact) + [_chosen(request, name) for name in _CHOICES if name in request.query]
    if any(name in request.query for name in _NEVER):
        where.append(false())
    where += in_group(request, columns.id)
    return page(session, INSTANCE, *where, after=after, limit=limit)


def list_templates(session: Session, after: tuple[int, str] | None, limit: int) -> Page[Template]:
    """A page of templates, newest first."""
    return page(session, TEMPLATE, after=after, limit=limit)


def interfaces_of(session: Session, instance_ids: Iterable[str]) -> dict[str, list[Interface]]:
    """The interfaces of servers that were looked up already, the primary one first."""
    ids = list(instance_ids)
    found: dict[str, list[Interface]] = {id_: [] for id_ in ids}
    columns = INTERFACE.table.c
    for row in rows_of(session, INTERFACE.table, columns.instance_id.in_(ids), order=columns.position):
        interface = INTERFACE.from_row(row)
        found[interface.instance_id].append(interface)
    return found


def virtual_of(session: Session, interfaces: Iterable[Interface]) -> dict[str, VirtualNetworkInterface]:
    """The virtual network interfaces behind interfaces, by id; nothing is asked where there are none."""
    ids = [one.virtual_network_interface_id for one in interfaces if one.virtual_network_interface_id]
    found = unscoped(session, VIRTUAL, VIRTUAL.table.c.id.in_(ids)) if ids else []
    return {one.id: one for one in found}


def parts_of(session: Session, instance_ids: Iterable[str]) -> dict[str, Parts]:
    """What hangs on servers that were looked up already."""
    ids = list(instance_ids)
    volumes, interfaces = attached_to(session, ids), interfaces_of(session, ids)
    virtual = virtual_of(session, [one for some in interfaces.values() for one in some])
    groups = of_instances(session, ids)
    return {id_: Parts(volumes[id_], interfaces[id_], virtual, groups.get(id_)) for id_ in ids}


def taken(session: Session, instance: Instance) -> Instance:
    """The server as it is now and stays until this transaction ends; 409 for one that is being deleted."""
    now = locked(session, INSTANCE, instance.id, "instance_id")
    if now.status == "deleting":
        raise conflict("invalid_state", "The server is being deleted.")
    return now


def free_position(session: Session, instance: Instance, name: str | UnsetType) -> tuple[list[Interface], int]:
    """The interfaces of a server, taken, and the position of one more. 400 for too many, and for a name of another."""
    most = INSTANCE_PROFILES[taken(session, instance).profile].interfaces
    present = interfaces_of(session, [instance.id])[instance.id]
    if len(present) >= most:
        raise invalid("over_quota", f"A server of this profile has at most {most} network interfaces.")
    if any(one.name == name for one in present):
        raise name_taken(str(name))
    return present, present[-1].position + 1


def instance_of(session: Session, id_: str) -> Instance | None:
    """The server of a job, if it is still there."""
    found = unscoped(session, INSTANCE, INSTANCE.table.c.id == id_)
    return found[0] if found else None
