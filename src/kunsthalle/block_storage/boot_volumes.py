"""What higher layers ask of volumes: one to boot from, and to let go of it.

A volume carries the facts of its attachment itself, so that it can be shown, found and guarded without its server.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.block_storage import volume_keys
from kunsthalle.block_storage.models import Sealing, Snapshot, Volume
from kunsthalle.block_storage.requests import BootAttachmentRequest, BootVolumeRequest
from kunsthalle.block_storage.resources import DELETE as REMOVE
from kunsthalle.block_storage.resources import MAKE, VOLUME
from kunsthalle.block_storage.service import CREATE, DELETE, capacity_of, refuse_captured
from kunsthalle.block_storage.volume_profiles import BOOT_LEAST, DEFAULT, VolumeProfile, check_capacity, chosen
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.tag_names import remember
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import may_create, require, unscoped
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images.image_usage_rules import ANY, uses
from kunsthalle.images.models import Image
from kunsthalle.images.schemas import gigabytes
from kunsthalle.jobs import queue

_VOLUME = "boot_volume_attachment.volume"
_NAME_ROOM = 48


@dataclass(frozen=True, slots=True)
class Host:
    """The server that a volume is attached to. `prefix` is its zone's."""

    id: str
    name: str
    zone: str
    prefix: str
    resource_group_id: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a new boot volume stands on. `least` is the smallest capacity in GB."""

    digest: str
    format: str
    checked: int
    least: int
    operating_system: str
    image: dict[str, str] | None
    catalog_offering: dict[str, str] | None
    snapshot: Snapshot | None
    allowed_use: Mapping[str, str]
    sealing: Sealing


def of_image(image: Image, catalog_offering: dict[str, str] | None) -> Content:
    """An image that is available; which catalog it came by is kept on the volume, and on nothing made of it (R8)."""
    if image.digest is None or image.format is None or image.virtual_size is None:
        raise conflict("invalid_state", "The image has no content yet.", "image")
    return Content(
        digest=image.digest,
        format=image.format,
        checked=image.checked,
        least=max(BOOT_LEAST, gigabytes(image.virtual_size)),
        operating_system=image.operating_system,
        image={"id": image.id, "crn": image.crn, "name": image.name, "account_id": image.account_id},
        catalog_offering=catalog_offering,
        snapshot=None,
        allowed_use={**ANY, **image.allowed_use},
        sealing=_sealing_of(image),
    )


def _sealing_of(image: Image) -> Sealing:
    """A volume of an encrypted image has a data key of its own, which the image's root key wraps unless another one is
    asked for; the bytes that it stands on open with the image's data key.
    """
    return Sealing(image.encryption_key, None, image.encryption_key, image.encrypted_data_key)


def of_snapshot(snapshot: Snapshot) -> Content:
    """A snapshot of a boot volume; 400 for another."""
    if snapshot.digest is None or snapshot.format is None or snapshot.operating_system is None:
        raise invalid("bad_field", "The snapshot is not of a boot volume.", f"{_VOLUME}.source_snapshot")
    return Content(
        digest=snapshot.digest,
        format=snapshot.format,
        checked=snapshot.checked,
        least=snapshot.minimum_capacity,
        operating_system=snapshot.operating_system,
        image=snapshot.source_image,
        catalog_offering=None,
        snapshot=snapshot,
        allowed_use=snapshot.uses,
        sealing=snapshot.sealing,
    )


@dataclass(frozen=True, slots=True)
class Size:
    """What a new boot volume is to be: its capacity in GB."""

    profile: VolumeProfile
    capacity: int
    iops: int
    bandwidth: int


def fitting(content: Content, wish: BootVolumeRequest) -> Size:
    """400 for a boot volume that does not exist or does not hold the content."""
    profile = chosen(DEFAULT if wish.profile is UNSET else name_of(wish.profile, "profile"), f"{_VOLUME}.profile")
    field = f"{_VOLUME}.capacity"
    least, most = max(content.least, profile.boot_capacity[0]), profile.boot_capacity[1]
    if content.snapshot is not None:
        capacity = capacity_of(content.snapshot, wish.capacity, field)
    else:
        capacity = least if wish.capacity is UNSET else wish.capacity
    check_capacity(capacity, (least, most), field)
    iops = profile.iops_for(capacity, None if wish.iops is UNSET else wish.iops)
    return Size(profile, capacity, iops, profile.bandwidth_asked(iops, wish.bandwidth))


def uses_of(session: Session, content: Content, wish: BootVolumeRequest) -> dict[str, str]:
    """What a new boot volume may be used for: as asked, else as its content may. 400 for what cannot be read."""
    return uses(session, wish.allowed_use, content.allowed_use, f"{_VOLUME}.allowed_use")


def sealing_of(session: Session, content: Content, wish: BootVolumeRequest) -> Sealing:
    """How a new boot volume is encrypted: as asked, else as its content is. 400, 403 or 404 for a key of no use."""
    return volume_keys.chosen(session, wish.encryption_key, content.sealing, f"{_VOLUME}.encryption_key")


def _placed(session: Session, host: Host, wish: BootVolumeRequest) -> str:
    """The resource group of a new boot volume: its server's, or the one named, in which the caller may make volumes."""
    if wish.resource_group is UNSET:
        return chosen_group(session, None, host.resource_group_id).id
    group = chosen_group(session, wish.resource_group.id)
    may_create(session.ctx, MAKE, {"resourceGroupId": group.id})
    return group.id


def attach_new(session: Session, blobs: Blobs, host: Host, content: Content, body: BootAttachmentRequest) -> Volume:
    """A new boot volume, `pending`, attached to its server. Whoever starts the server makes its disk."""
    wish = BootVolumeRequest() if body.volume is UNSET else body.volume
    size = fitting(content, wish)
    sealing = sealing_of(session, content, wish)
    volume = Volume(
        id=session.ctx.ids.resource(session.ctx.region.prefix),
        account_id=session.ctx.account_id,
        name=_boot_name(session, host) if wish.name is UNSET else wish.name,
        status="pending",
        status_reasons=[],
        resource_group_id=_placed(session, host, wish),
        zone=host.zone,
        profile=size.profile.name,
        capacity=size.capacity,
        iops=size.iops,
        bandwidth=size.bandwidth,
        user_tags=[] if wish.user_tags is UNSET else wish.user_tags,
        operating_system=content.operating_system,
        source_image=content.image,
        catalog_offering=content.catalog_offering,
        source_snapshot=content.snapshot.reference if content.snapshot else None,
        source_snapshot_id=content.snapshot.id if content.snapshot else None,
        digest=content.digest,
        format=content.format,
        checked=content.checked,
        instance_id=host.id,
        instance_name=host.name,
        attachment_id=session.ctx.ids.resource(host.prefix),
        attachment_name=session.ctx.ids.name() if body.name is UNSET else body.name,
        attachment_type="boot",
        attachment_auto_delete=_auto_delete(body, otherwise=True),
        attached_at=session.ctx.now(),
        attachment_status="attached",
        active=True,
        allowed_use=uses_of(session, content, wish),
        created_at=session.ctx.now(),
        **volume_keys.columns(sealing),
    )
    insert_named(session, VOLUME, volume)
    volume_keys.register(session, volume)
    remember(session, "user", volume.user_tags)
    _retain(session, blobs, volume)
    return volume


def attach_existing(session: Session, host: Host, volume: Volume, body: BootAttachmentRequest) -> None:
    """Attaches a volume that nothing uses: bootable, in the server's zone; 400 or 409 otherwise."""
    if not volume.bootable:
        raise invalid("bad_field", "The volume holds no operating system.", _VOLUME)
    if volume.zone != host.zone:
        raise invalid("zone_inconsistency", "The volume is in another zone than the server.", _VOLUME)
    refuse_going(session, volume, body.delete_volume_on_instance_delete)
    volume_keys.refuse_unusable(session, (volume,), _VOLUME)
    columns = VOLUME.table.c
    attached = update(
        session,
        VOLUME,
        volume.id,
        columns.instance_id.is_(None),
        columns.status == "available",
        instance_id=host.id,
        instance_name=host.name,
        attachment_id=session.ctx.ids.resource(host.prefix),
        attachment_name=session.ctx.ids.name() if body.name is UNSET else body.name,
        attachment_type="boot",
        attachment_auto_delete=_auto_delete(body, otherwise=False),
        attached_at=session.ctx.now(),
        attachment_status="attached",
        active=True,
    )
    if not attached:
        raise conflict("invalid_state", "The volume is not available, or attached already.", _VOLUME)


def refuse_going(session: Session, volume: Volume, asked: bool | UnsetType) -> None:
    """403 for a volume that shall go with its server, by the word of somebody who may not delete it."""
    if asked is True:
        require(session, VOLUME, volume, REMOVE)


def set_active(session: Session, instance_id: str, active: bool) -> None:
    """Writes on a server's volumes whether the server runs; one that does not lets go of what it was asked to."""
    for volume in _of(session, instance_id):
        if volume.attachment_status == "detaching" and not active:
            detach(session, volume)
        elif volume.active != active:
            update(session, VOLUME, volume.id, active=active)


def rename_host(session: Session, instance_id: str, name: str) -> None:
    """Writes a server's new name on its volumes."""
    for volume in _of(session, instance_id):
        update(session, VOLUME, volume.id, instance_name=name)


def begin_detach(session: Session, instance_id: str) -> None:
    """The server is being deleted: volumes that go with it are `pending_deletion`. 409 while one is being captured."""
    for volume in _of(session, instance_id):
        if volume.attachment_auto_delete and volume.status != "pending_deletion":
            transition(session, VOLUME, volume.id, "pending_deletion")
            refuse_captured(session, volume)


def replace(session: Session, volume: Volume) -> None:
    """A stopped server gets another boot volume, and this one goes. 409 for one that is being changed or captured."""
    settled = VOLUME.table.c.status.in_(("available", "failed"))
    message = f"A volume that is {volume.status} cannot be replaced."
    must(transition(session, VOLUME, volume.id, "pending_deletion", settled), message)
    refuse_captured(session, volume)
    detach(session, volume)
    queue.enqueue(session, DELETE, volume.id)


def detach(session: Session, volume: Volume) -> None:
    """The server is gone: the volume is free again, and gets its disk if the server never came to making it."""
    update(
        session,
        VOLUME,
        volume.id,
        instance_id=None,
        instance_name=None,
        attachment_id=None,
        attachment_name=None,
        attachment_type=None,
        attachment_auto_delete=False,
        attached_at=None,
        attachment_status=None,
        active=False,
    )
    if volume.status == "pending":
        queue.enqueue(session, CREATE, volume.id)


def fail(session: Session, volume_id: str) -> None:
    """The disk of a `pending` volume could not be made."""
    transition(session, VOLUME, volume_id, "failed", VOLUME.table.c.status == "pending")


def _of(session: Session, instance_id: str) -> list[Volume]:
    return unscoped(session, VOLUME, VOLUME.table.c.instance_id == instance_id)


def _auto_delete(body: BootAttachmentRequest, *, otherwise: bool) -> bool:
    delete_volume_on_instance_delete = body.delete_volume_on_instance_delete
    return otherwise if delete_volume_on_instance_delete is UNSET else delete_volume_on_instance_delete


def _boot_name(session: Session, host: Host) -> str:
    return f"{host.name[:_NAME_ROOM].rstrip('-')}-boot-{session.ctx.ids.hex(8)}"


def _retain(session: Session, blobs: Blobs, volume: Volume) -> None:
    """Holds the bytes in the transaction that makes the volume; an image that is being deleted is gone already."""
    assert volume.digest is not None  # noqa: S101  Content has one; for the type checker
    try:
        blob_bytes.retain(session, blobs, volume.digest, volume.holder)
    except blob_bytes.BytesGone as error:
        raise not_found("image", "field") from error
