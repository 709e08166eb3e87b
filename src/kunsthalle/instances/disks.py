"""Disks of servers: those of the host that come with a profile. They are on the books; guests are not given them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from msgspec import UnsetType

from kunsthalle.api.families.vpc import href
from kunsthalle.api.parts import Part, listing, reading, updating
from kunsthalle.api.regular import NameBody
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.instances.kinds import INSTANCE
from kunsthalle.instances.model import Instance
from kunsthalle.instances.profiles import INSTANCE_PROFILES
from kunsthalle.store.rows import update
from kunsthalle.store.unit import Unit

_NAME = "instance-disk-1"


@dataclass(frozen=True, slots=True)
class Disk:
    """A profile's disk; `size` in GB."""

    id: str
    instance_id: str
    name: str
    size: int
    created_at: int


class DiskWire(Wire):
    """A disk of the host that the server may use; `size` in GB."""

    created_at: str
    href: str
    id: str
    interface_type: str
    name: str
    resource_type: str
    size: int


def disks_of(instance: Instance) -> list[Disk]:
    """What the profile of a server has: one, or none. Its id is the server's own, without the zone."""
    size, id_ = INSTANCE_PROFILES[instance.profile].disk, instance.id.partition("_")[2]
    return [Disk(id_, instance.id, instance.disk_name or _NAME, size, instance.created_at)] if size else []


def disk_wire(disk: Disk, unit: Unit) -> DiskWire:
    return DiskWire(
        created_at=rfc3339(disk.created_at),
        href=href(unit.ctx, f"/instances/{disk.instance_id}/disks/{disk.id}"),
        id=disk.id,
        interface_type="nvme",
        name=disk.name,
        resource_type="instance_disk",
        size=disk.size,
    )


def _owned(_unit: Unit, request: Request) -> list[Disk]:
    return disks_of(request.granted.it)


def _change(unit: Unit, instance: Instance, disk: Disk, body: NameBody) -> Disk:
    if isinstance(body.name, UnsetType):
        return disk
    update(unit, INSTANCE, instance.id, disk_name=body.name)
    return replace(disk, name=body.name)


DISKS = Part(INSTANCE, "disk of a server", "/v1/instances/{instance_id}/disks", _owned, disk_wire, DiskWire)


def routes() -> tuple[Route, ...]:
    return (listing(DISKS), reading(DISKS), updating(DISKS, _change, NameBody))
