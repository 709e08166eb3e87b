"""Data volumes of servers, for higher layers: attaching, changing, detaching. What a server is attached to
is written on the volumes (see attachments).
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import NamedIdentity, name_of, refer
from kunsthalle.block_storage import volume_keys
from kunsthalle.block_storage.boot_volumes import Host, detach, refuse_going
from kunsthalle.block_storage.models import PROVIDER_MANAGED, Volume
from kunsthalle.block_storage.queries import attached_to
from kunsthalle.block_storage.requests import (
    AttachmentRequest,
    BootVolumeRequest,
    CreateVolumeRequest,
    DataAttachmentRequest,
    DataVolumeRequest,
)
from kunsthalle.block_storage.resources import RESTORE, SNAPSHOT, USE, VOLUME
from kunsthalle.block_storage.service import VolumeService
from kunsthalle.block_storage.volume_profiles import chosen
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import name_taken, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find

MOST = 12
"""Data volumes of one server."""
_FIELD = "volume"


def attach_data(
    session: Session,
    volumes: VolumeService,
    host: Host,
    body: DataAttachmentRequest,
    *,
    active: bool,
    field: str = _FIELD,
) -> Volume:
    """A volume that is there, or a new one in the server's zone and group, attached. `active`: whether the server runs.

    404 unless the volume is seen; 403 unless it may be used; 400 in another zone or of a name that is taken; 409 unless
    it is free and whole.
    The caller has taken the server's row, so that one volume is attached to it at a time.
    """
    others = attached_to(session, [host.id])[host.id]
    if sum(other.attachment_type == "data" for other in others) >= MOST:
        raise invalid("over_quota", f"A server has at most {MOST} data volumes.", field)
    name = _name(session, others, body.name)
    identity = body.volume.identity
    if identity is None:
        volume = volumes.create(session, _prototype(host, body.volume, field), host.resource_group_id)
    else:
        volume = refer(session, VOLUME, identity, field, USE).resource
        refuse_going(session, volume, body.delete_volume_on_instance_delete)
        volume_keys.refuse_unusable(session, (volume,), field)
        if volume.zone != host.zone:
            raise invalid("zone_inconsistency", "The volume is in another zone than the server.", field)
    columns, states = VOLUME.table.c, ("pending", "available") if identity is None else ("available",)
    attached = update(
        session,
        VOLUME,
        volume.id,
        columns.instance_id.is_(None),
        columns.status.in_(states),
        instance_id=host.id,
        instance_name=host.name,
        attachment_id=session.ctx.ids.resource(host.prefix),
        attachment_name=name,
        attachment_type="data",
        attachment_auto_delete=body.delete_volume_on_instance_delete is True,
        attached_at=max(session.ctx.now(), *(1 + (other.attached_at or 0) for other in others)),
        attachment_status="attaching" if active else "attached",
        active=active,
    )
    if not attached:
        raise conflict("invalid_state", "The volume is not available, or attached already.", field)
    return find(session, VOLUME, volume.id, field, "field")


def change_attachment(session: Session, volume: Volume, body: AttachmentRequest) -> Volume:
    """The name of an attachment, and whether its volume goes with the server. `volume` is attached."""
    values: dict[str, str | bool] = {}
    if not isinstance(body.name, UnsetType) and body.name != volume.attachment_name:
        host = str(volume.instance_id)
        values["attachment_name"] = _name(session, attached_to(session, [host])[host], body.name)
    if not isinstance(body.delete_volume_on_instance_delete, UnsetType):
        if not volume.attachment_auto_delete:
            refuse_going(session, volume, body.delete_volume_on_instance_delete)
        values["attachment_auto_delete"] = body.delete_volume_on_instance_delete
    here = VOLUME.table.c.attachment_id == volume.attachment_id
    if values and not update(session, VOLUME, volume.id, here, **values):
        raise conflict("invalid_state", "The volume was detached meanwhile.")
    return find(session, VOLUME, volume.id)


def begin_detach(session: Session, volume: Volume) -> None:
    """Has the server let go of a data volume; whoever drives its machine says when it has. 409 for what must stay."""
    refuse_detach(volume)
    here = VOLUME.table.c.attachment_id == volume.attachment_id
    if not update(session, VOLUME, volume.id, here, attachment_status="detaching"):
        raise conflict("invalid_state", "The volume was detached meanwhile.")


def settle(session: Session, instance_id: str, attached: set[str], held: set[str]) -> None:
    """What became of a server's data volumes in its machine, by the ids of their attachments: those it was given, and
    those that its guest has not let go of. The job that drives the machine says so.
    """
    here = VOLUME.table.c.attachment_status == "attaching"
    for volume in attached_to(session, [instance_id])[instance_id]:
        if volume.attachment_status == "detaching" and volume.attachment_id not in held | attached:
            detach(session, volume)
        elif volume.attachment_id in attached:
            update(session, VOLUME, volume.id, here, attachment_status="attached")


def detach_data(session: Session, volume: Volume) -> None:
    """Frees a data volume of a server that has no machine. 409 for what must stay."""
    refuse_detach(volume)
    detach(session, volume)


def refuse_detach(volume: Volume) -> None:
    """409 for the boot volume, and for one that is being changed."""
    if volume.attachment_type == "boot":
        raise conflict("volume_attachment_delete_invalid_request", "The boot volume cannot be detached.")
    if volume.status not in {"available", "pending", "failed"}:
        raise conflict("invalid_state", f"A volume that is {volume.status} cannot be detached.")


def _name(session: Session, others: list[Volume], sent: str | UnsetType) -> str:
    if isinstance(sent, UnsetType):
        return session.ctx.ids.name()
    if any(other.attachment_name == sent for other in others):
        raise name_taken(sent)
    return sent


def kept_volume(session: Session, shown: dict[str, Any], wish: DataVolumeRequest, field: str) -> dict[str, Any]:
    """What a template keeps of a wish: its references by id, the profile by name; 400 or 404 for what there is not."""
    if wish.identity is not None:
        return {"id": refer(session, VOLUME, wish.identity, field, USE).resource.id}
    if isinstance(wish.profile, UnsetType):
        raise invalid("validation_required_field", "Missing a required field.", f"{field}.profile")
    profile = chosen(name_of(wish.profile, "profile"), f"{field}.profile")
    refuse_hidden_group(session, wish)
    volume_keys.chosen(session, wish.encryption_key, PROVIDER_MANAGED, f"{field}.encryption_key")
    fields = {**shown, "profile": {"name": profile.name}}
    if not isinstance(wish.source_snapshot, UnsetType):
        snapshot = refer(session, SNAPSHOT, wish.source_snapshot, f"{field}.source_snapshot", RESTORE).resource
        fields["source_snapshot"] = {"id": snapshot.id}
    return fields


def refuse_hidden_group(session: Session, wish: BootVolumeRequest) -> None:
    """400 for a resource group that a template names for a volume, and in which its maker may not place resources."""
    if not isinstance(wish.resource_group, UnsetType):
        chosen_group(session, wish.resource_group.id)


def _prototype(host: Host, wish: DataVolumeRequest, field: str) -> CreateVolumeRequest:
    if isinstance(wish.profile, UnsetType):
        raise invalid("validation_required_field", "Missing a required field.", f"{field}.profile")
    sent = {name: getattr(wish, name) for name in wish.__struct_fields__ if name not in {"id", "crn", "href"}}
    sent = {name: value for name, value in sent.items() if value is not UNSET}
    return CreateVolumeRequest(**sent, zone=NamedIdentity(name=host.zone))
