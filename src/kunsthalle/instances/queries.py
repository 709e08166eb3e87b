"""Questions about servers and templates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, UnsetType, field
from sqlalchemy import ColumnElement, false

from kunsthalle.api.surfaces.vpc import PageParameters
from kunsthalle.api.vpc_parameters import InVpcParameters
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.queries import attached_to
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.records import dataclass
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
from kunsthalle.instances.placement_groups.members import groups_of, placed_in
from kunsthalle.instances.placement_groups.models import PlacementGroup
from kunsthalle.instances.resources import INSTANCE, INTERFACE, TEMPLATE
from kunsthalle.networks.models import VirtualNetworkInterface
from kunsthalle.networks.queries import locked
from kunsthalle.networks.resources import INTERFACE as VIRTUAL

_CLASSES = ("spot", "standard")
_POLICIES = ("disabled", "manual", "automatic")
"""Values of options that are filtered by; the last one is the default."""
Never = Annotated[str | None, Meta(description="No server here has one: every value matches nothing.")]


class InstanceParameters(InVpcParameters, frozen=True):
    """Of the list of servers."""

    availability_class: Annotated[
        Literal["spot", "standard"] | None, Meta(description="Only servers of this class of availability.")
    ] = field(name="availability.class", default=None)
    reservation_affinity_policy: Annotated[
        Literal["automatic", "disabled", "manual"] | None,
        Meta(description="Only servers with this policy for the use of reservations."),
    ] = field(name="reservation_affinity.policy", default=None)
    group_id: Annotated[str | None, Meta(description="Only servers of the instance group with this ID.")] = field(
        name="instance_group_membership.instance_group.id", default=None
    )
    group_crn: Annotated[str | None, Meta(description="Only servers of the instance group with this CRN.")] = field(
        name="instance_group_membership.instance_group.crn", default=None
    )
    cluster_network_id: Never = field(name="cluster_network.id", default=None)
    cluster_network_crn: Never = field(name="cluster_network.crn", default=None)
    cluster_network_name: Never = field(name="cluster_network.name", default=None)
    dedicated_host_id: Never = field(name="dedicated_host.id", default=None)
    dedicated_host_crn: Never = field(name="dedicated_host.crn", default=None)
    dedicated_host_name: Never = field(name="dedicated_host.name", default=None)
    placement_group_id: Annotated[str | None, Meta(description="Only servers in the placement group with this ID.")] = (
        field(name="placement_group.id", default=None)
    )
    placement_group_crn: Annotated[
        str | None, Meta(description="Only servers in the placement group with this CRN.")
    ] = field(name="placement_group.crn", default=None)
    placement_group_name: Annotated[
        str | None, Meta(description="Only servers in the placement group with this name.")
    ] = field(name="placement_group.name", default=None)
    reservation_id: Never = field(name="reservation.id", default=None)
    reservation_crn: Never = field(name="reservation.crn", default=None)
    reservation_name: Never = field(name="reservation.name", default=None)


@dataclass(frozen=True, slots=True)
class Parts:
    """What hangs on a server: its volumes, the boot volume first; its interfaces, the primary one first; and those of
    them that are virtual, by id; its membership of a group; and the placement group that it is in.
    """

    volumes: list[Volume]
    interfaces: list[Interface]
    virtual: dict[str, VirtualNetworkInterface]
    belonging: Belonging | None
    placement_group: PlacementGroup | None


def _chosen(key: str, asked: str | None, values: tuple[str, ...]) -> list[ColumnElement[bool]]:
    """Whether an option has a value; where it was never set, it has the default."""
    options = INSTANCE.table.c.options
    if asked is None:
        return []
    if asked != values[-1]:
        return [wildcards(options, f'*"{key}":"{asked}"*')]
    return [~wildcards(options, f'*"{key}":"{value}"*') for value in values[:-1]]


def _nowhere(query: InstanceParameters) -> bool:
    """Whether it is asked for what no server has here."""
    asked = (
        query.cluster_network_id,
        query.cluster_network_crn,
        query.cluster_network_name,
        query.dedicated_host_id,
        query.dedicated_host_crn,
        query.dedicated_host_name,
        query.reservation_id,
        query.reservation_crn,
        query.reservation_name,
    )
    return any(cluster_network_id is not None for cluster_network_id in asked)


def list_instances(session: Session, query: InstanceParameters) -> Page[Instance]:
    """A page of servers, newest first."""
    columns = INSTANCE.table.c
    exact = (
        (columns.name, query.name),
        (columns.resource_group_id, query.resource_group_id),
        (columns.vpc_id, query.vpc_id),
        (columns.vpc_crn, query.vpc_crn),
        (columns.vpc_name, query.vpc_name),
    )
    where = [column == value for column, value in exact if value is not None]
    where += _chosen("class", query.availability_class, _CLASSES)
    where += _chosen("policy", query.reservation_affinity_policy, _POLICIES)
    if _nowhere(query):
        where.append(false())
    where += in_group(query.group_id, query.group_crn, columns.id)
    placed = (query.placement_group_id, query.placement_group_crn, query.placement_group_name)
    where += placed_in(*placed, columns.placement_group_id)
    return page(session, INSTANCE, *where, after=query.start, limit=query.limit)


def list_templates(session: Session, query: PageParameters) -> Page[Template]:
    """A page of templates, newest first."""
    return page(session, TEMPLATE, after=query.start, limit=query.limit)


def interfaces_of(session: Session, instance_ids: Iterable[str]) -> dict[str, list[Interface]]:
    """The interfaces of servers that were looked up already, the primary one first."""
    ids = list(instance_ids)
    interfaces: dict[str, list[Interface]] = {id_: [] for id_ in ids}
    columns = INTERFACE.table.c
    for row in rows_of(session, INTERFACE.table, columns.instance_id.in_(ids), order=columns.position):
        interface = INTERFACE.from_row(row)
        interfaces[interface.instance_id].append(interface)
    return interfaces


def virtual_of(session: Session, interfaces: Iterable[Interface]) -> dict[str, VirtualNetworkInterface]:
    """The virtual network interfaces behind interfaces, by id; nothing is asked where there are none."""
    ids = [interface.virtual_network_interface_id for interface in interfaces if interface.virtual_network_interface_id]
    virtuals = unscoped(session, VIRTUAL, VIRTUAL.table.c.id.in_(ids)) if ids else []
    return {virtual.id: virtual for virtual in virtuals}


def parts_of(session: Session, instances: Sequence[Instance]) -> dict[str, Parts]:
    """What hangs on servers that were looked up already."""
    ids = [instance.id for instance in instances]
    volumes, interfaces = attached_to(session, ids), interfaces_of(session, ids)
    virtual = virtual_of(session, [interface for some in interfaces.values() for interface in some])
    groups = of_instances(session, ids)
    placed = groups_of(session, [instance.placement_group_id for instance in instances])
    return {
        id_: Parts(volumes[id_], interfaces[id_], virtual, groups.get(id_), placed.get(instance.placement_group_id))
        for id_, instance in zip(ids, instances, strict=True)
    }


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
    if any(interface.name == name for interface in present):
        raise name_taken(str(name))
    return present, present[-1].position + 1


def instance_of(session: Session, id_: str) -> Instance | None:
    """The server of a job, if it is still there."""
    instances = unscoped(session, INSTANCE, INSTANCE.table.c.id == id_)
    return instances[0] if instances else None
