"""What can be done with volumes. One public method a use case; each runs in the transaction of its request."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import Identity, name_of, refer
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.block_storage import volume_changes, volume_keys
from kunsthalle.block_storage.models import PROVIDER_MANAGED, Bootable, Snapshot, Volume
from kunsthalle.block_storage.queries import captures_of
from kunsthalle.block_storage.requests import CreateVolumeRequest, UpdateVolumeRequest
from kunsthalle.block_storage.resources import MAKE, RESTORE, SNAPSHOT, VOLUME
from kunsthalle.block_storage.volume_profiles import check_capacity, chosen
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import insert_named, rename, update
from kunsthalle.db.session import Session
from kunsthalle.db.tag_names import remember
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import Authorized, find, may_create
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images.image_usage_rules import uses
from kunsthalle.images.schemas import AllowedUseRequest
from kunsthalle.jobs import queue

CREATE, DELETE = "volume.create", "volume.delete"


class VolumeService:
    """`blobs` is what disks stand on."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def create(self, session: Session, body: CreateVolumeRequest, group_id: str | None = None) -> Volume:
        """A new volume, `pending`: empty with a capacity, or what a snapshot holds; and the job that makes it.

        `group_id` is the resource group when the body names none.
        """
        source = _snapshot(session, body.source_snapshot)
        sealing = volume_keys.chosen(
            session, body.encryption_key, source.sealing if source else PROVIDER_MANAGED, "encryption_key"
        )
        profile = chosen(name_of(body.profile, "profile"), "profile")
        capacity = capacity_of(source, body.capacity, "capacity")
        check_capacity(capacity, profile.capacity, "capacity")
        iops = profile.iops_for(capacity, None if body.iops is UNSET else body.iops)
        group = chosen_group(session, None if body.resource_group is UNSET else body.resource_group.id, group_id)
        may_create(session.ctx, MAKE, {"resourceGroupId": group.id})
        volume = Volume(
            id=session.ctx.ids.resource(session.ctx.region.prefix),
            account_id=session.ctx.account_id,
            name=session.ctx.ids.name() if body.name is UNSET else body.name,
            status="pending",
            status_reasons=[],
            resource_group_id=group.id,
            zone=zone_named(session, name_of(body.zone, "zone")),
            profile=profile.name,
            capacity=capacity,
            iops=iops,
            bandwidth=profile.bandwidth_asked(iops, body.bandwidth),
            user_tags=tags(body.user_tags),
            operating_system=source.operating_system if source else None,
            source_image=source.source_image if source else None,
            catalog_offering=None,
            source_snapshot=source.reference if source else None,
            source_snapshot_id=source.id if source else None,
            digest=source.digest if source else None,
            format=source.format if source else None,
            checked=source.checked if source else 1,
            instance_id=None,
            instance_name=None,
            attachment_id=None,
            attachment_name=None,
            attachment_type=None,
            attachment_auto_delete=False,
            attached_at=None,
            attachment_status=None,
            active=False,
            allowed_use=uses_of(session, source, body.allowed_use),
            created_at=session.ctx.now(),
            **volume_keys.columns(sealing),
        )
        insert_named(session, VOLUME, volume)
        volume_keys.register(session, volume)
        remember(session, "user", volume.user_tags)
        if volume.digest is not None:
            blob_bytes.retain(session, self._blobs, volume.digest, volume.holder)
        queue.enqueue(session, CREATE, volume.id, transfer_bytes=None if source is None else 0)
        return volume

    def update(self, session: Session, volume: Authorized[Volume], body: UpdateVolumeRequest) -> Volume:
        """Changes the disk, the tags, the allowed use and the name."""
        current = volume.resource
        if current.status == "pending_deletion":
            raise conflict("invalid_state", "The volume is being deleted.")
        volume_changes.apply(session, current, body)
        if not isinstance(body.user_tags, UnsetType):
            update(session, VOLUME, current.id, user_tags=tags(body.user_tags))
            remember(session, "user", body.user_tags)
        if body.allowed_use is not UNSET:
            update(session, VOLUME, current.id, allowed_use=uses_of(session, current, body.allowed_use))
        if body.name is not UNSET and body.name != current.name:
            rename(session, VOLUME, current.id, body.name)
        return find(session, VOLUME, current.id)

    def delete(self, session: Session, volume: Authorized[Volume]) -> None:
        """Has the volume removed. 409 while it is attached, being made, or being captured."""
        current = volume.resource
        if current.instance_id is not None:
            raise conflict("volume_still_attached", f"The volume is attached to the server {current.instance_name}.")
        columns = VOLUME.table.c
        settled = (columns.status.in_(("available", "failed")), columns.instance_id.is_(None))
        message = f"A volume that is {current.status} cannot be deleted."
        must(transition(session, VOLUME, current.id, "pending_deletion", *settled), message)
        refuse_captured(session, current)
        queue.enqueue(session, DELETE, current.id)


def uses_of(
    session: Session, bootable: Bootable | None, allowed_use_request: AllowedUseRequest | UnsetType
) -> dict[str, str] | None:
    """What something bootable may be used for, after what is given; 400 for a use of what nothing boots from."""
    if bootable is not None and bootable.bootable:
        return uses(session, allowed_use_request, bootable.uses)
    if allowed_use_request is UNSET:
        return None
    raise invalid("bad_field", "Only what a server can boot from has an allowed use.", "allowed_use")


def tags(sent: list[str] | UnsetType) -> list[str]:
    """Each once, in the order in which they were said."""
    return [] if isinstance(sent, UnsetType) else list(dict.fromkeys(sent))


def refuse_captured(session: Session, volume: Volume) -> None:
    """409 while a snapshot of the volume is being taken; asked after the volume's row was taken."""
    if captures_of(session, volume.id):
        raise conflict("invalid_state", f"A snapshot of the volume {volume.name} is being taken; try again.")


def zone_named(session: Session, name: str, field: str = "zone") -> str:
    """A zone of the region; 400 `invalid_zone` for another."""
    if name not in session.ctx.region.zones:
        raise invalid("invalid_zone", "The zone does not exist in this region.", field)
    return name


def capacity_of(source: Snapshot | None, asked: int | UnsetType, field: str) -> int:
    """The capacity of a new volume in GB: as asked, at least what its snapshot needs."""
    if source is None:
        if isinstance(asked, UnsetType):
            raise invalid("validation_required_field", "One of capacity and source_snapshot must be given.", field)
        return asked
    if isinstance(asked, UnsetType):
        return source.minimum_capacity
    if asked < source.minimum_capacity:
        least = source.minimum_capacity
        raise invalid("validation_min_value", f"The snapshot needs at least {least} GB.", field)
    return asked


def _snapshot(session: Session, identity: Identity | UnsetType) -> Snapshot | None:
    return None if isinstance(identity, UnsetType) else stable_snapshot(session, identity, "source_snapshot")


def stable_snapshot(session: Session, identity: Identity, field: str) -> Snapshot:
    """The snapshot that is meant; 404 unless it is seen, 403 unless it may be used, 409 unless a volume can be
    made of it now.

    Takes the snapshot's row, so that it is not deleted before the volume is there to be seen.
    """
    snapshot = refer(session, SNAPSHOT, identity, field, RESTORE).resource
    if not update(session, SNAPSHOT, snapshot.id, SNAPSHOT.table.c.lifecycle_state == "stable"):
        raise conflict("invalid_state", f"A snapshot that is {snapshot.lifecycle_state} cannot be restored.", field)
    return snapshot
