"""Volume attachments of servers: data volumes come and go, also while the server runs; the boot volume stays.

What is attached to a running server reaches its machine by a job, and what is detached is let go of by the guest; until
then the attachment is `attaching` or `detaching`.
"""

from __future__ import annotations

from functools import partial

from kunsthalle.api.parts import Part, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route
from kunsthalle.instances.kinds import INSTANCE
from kunsthalle.instances.model import Instance
from kunsthalle.instances.queries import taken
from kunsthalle.instances.service import DISKS, host_of
from kunsthalle.instances.states import UP
from kunsthalle.storage import data_volumes
from kunsthalle.storage.bodies import AttachmentBody, DataAttachmentBody
from kunsthalle.storage.model import Volume
from kunsthalle.storage.queries import attached_to
from kunsthalle.storage.service import VolumeService
from kunsthalle.storage.wire import VolumeAttachmentWire, attachment_wire
from kunsthalle.store import jobs
from kunsthalle.store.unit import Unit


def _owned(unit: Unit, request: Request) -> list[Volume]:
    id_ = request.granted.it.id
    return attached_to(unit, [id_])[id_]


def _attach(service: VolumeService, unit: Unit, instance: Instance, body: DataAttachmentBody) -> Volume:
    now = taken(unit, instance)
    up = now.status in UP
    volume = data_volumes.attach_data(unit, service, host_of(unit, now), body, active=up)
    if up:
        jobs.enqueue(unit, DISKS, now.id)
    return volume


def _change(unit: Unit, _instance: Instance, volume: Volume, body: AttachmentBody) -> Volume:
    return data_volumes.change_attachment(unit, volume, body)


def _detach(unit: Unit, instance: Instance, volume: Volume) -> None:
    """At once from a server that has no machine; else by the job that asks the guest to let go."""
    now = taken(unit, instance)
    if now.status == "stopped":
        data_volumes.detach_data(unit, volume)
        return
    data_volumes.begin_detach(unit, volume)
    jobs.enqueue(unit, DISKS, now.id)


ATTACHMENTS = Part(
    INSTANCE,
    "volume attachment of a server",
    "/v1/instances/{instance_id}/volume_attachments",
    _owned,
    lambda volume, unit: attachment_wire(volume, unit.ctx),
    VolumeAttachmentWire,
    id_of=lambda volume: str(volume.attachment_id),
)


def routes(service: VolumeService) -> tuple[Route, ...]:
    return (
        listing(ATTACHMENTS),
        reading(ATTACHMENTS),
        making(ATTACHMENTS, partial(_attach, service), DataAttachmentBody),
        updating(ATTACHMENTS, _change, AttachmentBody),
        removing(ATTACHMENTS, _detach),
    )
