"""Disks of servers: those of the host that come with a profile. They are records only; guests do not get them."""

from __future__ import annotations

import uuid
from dataclasses import replace

from msgspec import UnsetType

from kunsthalle.api.crud import NameRequest
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.subresources import Part, listing, reading, updating
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import name_taken, update
from kunsthalle.db.session import Session
from kunsthalle.instances.instance_options import over
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES
from kunsthalle.instances.models import Instance
from kunsthalle.instances.queries import taken
from kunsthalle.instances.resources import INSTANCE

_NAMES = "disk_names"
"""In the options of a server: the names of its disks that were given one, by number; of the first, `disk_name`."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A profile's disk; `size` in GB."""

    id: str
    instance_id: str
    number: int
    name: str
    size: int
    interface: str
    created_at: int


class DiskResponse(ResponseBody):
    """A disk of the host that the server may use; `size` in GB."""

    created_at: str
    href: str
    id: str
    interface_type: str
    name: str
    resource_type: str
    size: int


def disks_of(instance: Instance) -> list[Disk]:
    """What the profile of a server has, in order."""
    profile = INSTANCE_PROFILES[instance.profile]
    quantity, size = profile.disks
    return [
        Disk(
            _id(instance, number),
            instance.id,
            number,
            _name(instance, number),
            size,
            profile.disk_interfaces[0],
            instance.created_at,
        )
        for number in range(1, quantity + 1)
    ]


def _id(instance: Instance, number: int) -> str:
    """The first has the server's own id, without the zone; the ids of the others follow from it."""
    own = instance.id.partition("_")[2]
    return own if number == 1 else str(uuid.uuid5(uuid.UUID(own), str(number)))


def _name(instance: Instance, number: int) -> str:
    disk_name = instance.disk_name if number == 1 else instance.options.get(_NAMES, {}).get(str(number))
    return disk_name or f"instance-disk-{number}"


def disk_response(disk: Disk, session: Session) -> DiskResponse:
    return DiskResponse(
        created_at=rfc3339(disk.created_at),
        href=href(session.ctx, f"/instances/{disk.instance_id}/disks/{disk.id}"),
        id=disk.id,
        interface_type=disk.interface,
        name=disk.name,
        resource_type="instance_disk",
        size=disk.size,
    )


def _owned(_session: Session, _request: Request, instance: Instance) -> list[Disk]:
    return disks_of(instance)


def _change(session: Session, instance: Instance, disk: Disk, body: NameRequest) -> Disk:
    if isinstance(body.name, UnsetType):
        return disk
    now = taken(session, instance)
    if any(other.name == body.name and other.number != disk.number for other in disks_of(now)):
        raise name_taken(body.name)
    if disk.number == 1:
        update(session, INSTANCE, instance.id, disk_name=body.name)
    else:
        update(session, INSTANCE, instance.id, options=over(now.options, {_NAMES: {str(disk.number): body.name}}))
    return replace(disk, name=body.name)


DISKS = Part(INSTANCE, "/v1/instances/{instance_id}/disks", _owned, disk_response, DiskResponse)


def routes() -> tuple[Route, ...]:
    return (
        listing(DISKS, "List the disks of a server."),
        reading(DISKS, "Get a disk of a server."),
        updating(DISKS, "Change a disk of a server.", _change, NameRequest),
    )
