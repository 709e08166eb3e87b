"""What the rooms to the right ask of volumes: one to boot from, and to let go of it.

A volume carries the facts of its attachment itself, so that it can be shown, found and guarded without its server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.errors import conflict, forbidden, invalid, not_found
from kunsthalle.images import bytes as blob_bytes
from kunsthalle.images.model import Image
from kunsthalle.images.uses import ANY, uses
from kunsthalle.images.wire import gigabytes
from kunsthalle.storage.bodies import BootAttachmentBody, BootVolumeBody
from kunsthalle.storage.kinds import DELETE as REMOVE
from kunsthalle.storage.kinds import MAKE, VOLUME
from kunsthalle.storage.model import Snapshot, Volume
from kunsthalle.storage.profiles import BOOT_LEAST, DEFAULT, VolumeProfile, check_capacity, chosen
from kunsthalle.storage.queries import attached_to
from kunsthalle.storage.service import CREATE, DELETE, capacity_of, refuse_captured
from kunsthalle.store import jobs
from kunsthalle.store.rows import insert_named, update
from kunsthalle.store.scope import may, may_create, unguarded
from kunsthalle.store.tag_names import remember
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

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
    )


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
    )


@dataclass(frozen=True, slots=True)
class Size:
    """What a new boot volume is to be: its capacity in GB."""

    profile: VolumeProfile
    capacity: int
    iops: int
    bandwidth: int


def fitting(content: Content, wish: BootVolumeBody) -> Size:
    """400 for a boot volume that does not exist or does not hold the content."""
    if wish.encryption_key is not UNSET:
        raise invalid("bad_field", "Volumes are encrypted by the provider here.", f"{_VOLUME}.encryption_key")
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


def uses_of(unit: Unit, content: Content, wish: BootVolumeBody) -> dict[str, str]:
    """What a new boot volume may be used for: as asked, else as its content may. 400 for what cannot be read."""
    return uses(unit, wish.allowed_use, content.allowed_use, f"{_VOLUME}.allowed_use")


def _placed(unit: Unit, host: Host, wish: BootVolumeBody) -> str:
    """The resource group of a new boot volume: its server's, or the one named, in which the caller may make volumes."""
    if wish.resource_group is UNSET:
        return chosen_group(unit, None, host.resource_group_id).id
    group = chosen_group(unit, wish.resource_group.id)
    may_create(unit.ctx, MAKE, {"resourceGroupId": group.id})
    return group.id


def attach_new(unit: Unit, blobs: Blobs, host: Host, content: Content, body: BootAttachmentBody) -> Volume:
    """A new boot volume, `pending`, attached to its server. Whoever starts the server makes its disk."""
    wish = BootVolumeBody() if body.volume is UNSET else body.volume
    size = fitting(content, wish)
    volume = Volume(
        id=unit.ctx.ids.resource(unit.ctx.region.prefix),
        account_id=unit.ctx.account_id,
        name=_boot_name(unit, host) if wish.name is UNSET else wish.name,
        status="pending",
        status_reasons=[],
        resource_group_id=_placed(unit, host, wish),
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
        attachment_id=unit.ctx.ids.resource(host.prefix),
        attachment_name=unit.ctx.ids.name() if body.name is UNSET else body.name,
        attachment_type="boot",
        attachment_auto_delete=_auto_delete(body, otherwise=True),
        attached_at=unit.ctx.now(),
        attachment_status="attached",
        active=True,
        allowed_use=uses_of(unit, content, wish),
        created_at=unit.ctx.now(),
    )
    insert_named(unit, VOLUME, volume)
    remember(unit, "user", volume.user_tags)
    _retain(unit, blobs, volume)
    return volume


def attach_existing(unit: Unit, host: Host, volume: Volume, body: BootAttachmentBody) -> None:
    """Attaches a volume that nothing uses: bootable, in the server's zone; 400 or 409 otherwise."""
    if not volume.bootable:
        raise invalid("bad_field", "The volume holds no operating system.", _VOLUME)
    if volume.zone != host.zone:
        raise invalid("zone_inconsistency", "The volume is in another zone than the server.", _VOLUME)
    refuse_going(unit, volume, body.delete_volume_on_instance_delete)
    columns = VOLUME.table.c
    attached = update(
        unit,
        VOLUME,
        volume.id,
        columns.instance_id.is_(None),
        columns.status == "available",
        instance_id=host.id,
        instance_name=host.name,
        attachment_id=unit.ctx.ids.resource(host.prefix),
        attachment_name=unit.ctx.ids.name() if body.name is UNSET else body.name,
        attachment_type="boot",
        attachment_auto_delete=_auto_delete(body, otherwise=False),
        attached_at=unit.ctx.now(),
        attachment_status="attached",
        active=True,
    )
    if not attached:
        raise conflict("invalid_state", "The volume is not available, or attached already.", _VOLUME)


def refuse_going(unit: Unit, volume: Volume, asked: bool | UnsetType) -> None:
    """403 for a volume that shall go with its server, by the word of somebody who may not delete it."""
    if asked is True and not may(unit, VOLUME, volume, REMOVE):
        raise forbidden()


def set_active(unit: Unit, instance_id: str, active: bool) -> None:
    """Writes on a server's volumes whether the server runs; one that does not lets go of what it was asked to."""
    for volume in _of(unit, instance_id):
        if volume.attachment_status == "detaching" and not active:
            detach(unit, volume)
        elif volume.active != active:
            update(unit, VOLUME, volume.id, active=active)


def rename_host(unit: Unit, instance_id: str, name: str) -> None:
    """Writes a server's new name on its volumes."""
    for volume in _of(unit, instance_id):
        update(unit, VOLUME, volume.id, instance_name=name)


def begin_detach(unit: Unit, instance_id: str) -> None:
    """The server is being deleted: volumes that go with it are `pending_deletion`. 409 while one is being captured."""
    for volume in _of(unit, instance_id):
        if volume.attachment_auto_delete and volume.status != "pending_deletion":
            transition(unit, VOLUME, volume.id, "pending_deletion")
            refuse_captured(unit, volume)


def replace(unit: Unit, volume: Volume) -> None:
    """A stopped server gets another boot volume, and this one goes. 409 for one that is being changed or captured."""
    settled = VOLUME.table.c.status.in_(("available", "failed"))
    message = f"A volume that is {volume.status} cannot be replaced."
    must(transition(unit, VOLUME, volume.id, "pending_deletion", settled), message)
    refuse_captured(unit, volume)
    detach(unit, volume)
    jobs.enqueue(unit, DELETE, volume.id)


def detach(unit: Unit, volume: Volume) -> None:
    """The server is gone: the volume is free again, and gets its disk if the server never came to making it."""
    update(
        unit,
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
        jobs.enqueue(unit, CREATE, volume.id)


def fail(unit: Unit, volume_id: str) -> None:
    """The disk of a `pending` volume could not be made."""
    transition(unit, VOLUME, volume_id, "failed", VOLUME.table.c.status == "pending")


def one_attachment(unit: Unit, instance_id: str, attachment_id: str) -> Volume:
    """The volume behind an attachment of a server that was looked up already; 404 for another."""
    for volume in attached_to(unit, [instance_id])[instance_id]:
        if volume.attachment_id == attachment_id:
            return volume
    raise not_found()


def _of(unit: Unit, instance_id: str) -> list[Volume]:
    return unguarded(unit, VOLUME, VOLUME.table.c.instance_id == instance_id)


def _auto_delete(body: BootAttachmentBody, *, otherwise: bool) -> bool:
    given = body.delete_volume_on_instance_delete
    return otherwise if given is UNSET else given


def _boot_name(unit: Unit, host: Host) -> str:
    return f"{host.name[:_NAME_ROOM].rstrip('-')}-boot-{unit.ctx.ids.hex(8)}"


def _retain(unit: Unit, blobs: Blobs, volume: Volume) -> None:
    """Holds the bytes in the transaction that makes the volume; an image that is being deleted is gone already."""
    assert volume.digest is not None  # noqa: S101  Content has one; for the type checker
    try:
        blob_bytes.retain(unit, blobs, volume.digest, volume.holder)
    except blob_bytes.BytesGone as error:
        raise not_found("image", "field") from error
