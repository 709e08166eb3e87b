"""Volume attachments of servers: data volumes come and go, also while the server runs; the boot volume stays.

What is attached to a running server reaches its machine by a job, and what is detached is let go of by the guest; until
then the attachment is `attaching` or `detaching`.
"""

from __future__ import annotations

from functools import partial

from kunsthalle.api.request import Request
from kunsthalle.api.router import Route
from kunsthalle.api.subresources import Part, listing, making, reading, removing, updating
from kunsthalle.block_storage import data_volumes
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.queries import attached_to
from kunsthalle.block_storage.requests import AttachmentRequest, DataAttachmentRequest
from kunsthalle.block_storage.schemas import VolumeAttachmentResponse, attachment_response
from kunsthalle.block_storage.service import VolumeService
from kunsthalle.db.session import Session
from kunsthalle.instances.models import Instance
from kunsthalle.instances.queries import taken
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.service import DISKS, host_of
from kunsthalle.instances.states import UP
from kunsthalle.jobs import queue


def _owned(session: Session, _request: Request, instance: Instance) -> list[Volume]:
    id_ = instance.id
    return attached_to(session, [id_])[id_]


def _attach(service: VolumeService, session: Session, instance: Instance, body: DataAttachmentRequest) -> Volume:
    now = taken(session, instance)
    up = now.status in UP
    volume = data_volumes.attach_data(session, service, host_of(session, now), body, active=up)
    if up:
        queue.enqueue(session, DISKS, now.id)
    return volume


def _change(session: Session, _instance: Instance, volume: Volume, body: AttachmentRequest) -> Volume:
    return data_volumes.change_attachment(session, volume, body)


def _detach(session: Session, instance: Instance, volume: Volume) -> None:
    """At once from a server that has no machine; else by the job that asks the guest to let go."""
    now = taken(session, instance)
    if now.status == "stopped":
        data_volumes.detach_data(session, volume)
        return
    data_volumes.begin_detach(session, volume)
    queue.enqueue(session, DISKS, now.id)


ATTACHMENTS = Part(
    INSTANCE,
    "/v1/instances/{instance_id}/volume_attachments",
    _owned,
    lambda volume, session: attachment_response(volume, session.ctx),
    VolumeAttachmentResponse,
    id_of=lambda volume: str(volume.attachment_id),
)


def routes(service: VolumeService) -> tuple[Route, ...]:
    return (
        listing(ATTACHMENTS, "List the volume attachments of a server."),
        reading(ATTACHMENTS, "Get a volume attachment of a server."),
        making(
            ATTACHMENTS, "Create a volume attachment of a server.", partial(_attach, service), DataAttachmentRequest
        ),
        updating(ATTACHMENTS, "Change a volume attachment of a server.", _change, AttachmentRequest),
        removing(ATTACHMENTS, "Delete a volume attachment of a server.", _detach),
    )
