"""What can be done with snapshots. They keep which image the volume came from, and no catalog's word of it (R8)."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import refer
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.errors import conflict, forbidden, invalid
from kunsthalle.images import bytes as blob_bytes
from kunsthalle.storage import clones
from kunsthalle.storage.bodies import CreateSnapshotBody, UpdateSnapshotBody
from kunsthalle.storage.kinds import SNAPSHOT, USE, VOLUME
from kunsthalle.storage.model import Snapshot
from kunsthalle.storage.queries import restores_of
from kunsthalle.storage.service import tags, uses_of
from kunsthalle.store import jobs
from kunsthalle.store.rows import insert_named, rename, update
from kunsthalle.store.scope import Granted, find, may, may_create, some
from kunsthalle.store.tag_names import remember
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

CREATE, DELETE = "snapshot.create", "snapshot.delete"
DELETING = "is.snapshot.snapshot.delete"


class SnapshotService:
    """`blobs` is what disks stand on."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def create(self, unit: Unit, body: CreateSnapshotBody) -> Snapshot:
        """A snapshot, `pending`, and the job that copies the disk; the server may run on meanwhile."""
        if body.source_snapshot is not UNSET:
            raise invalid("bad_field", "Snapshots of other regions cannot be copied here.", "source_snapshot")
        if body.source_volume is UNSET:
            raise invalid("validation_required_field", "Missing a required field.", "source_volume")
        volume = refer(unit, VOLUME, body.source_volume, "source_volume", USE).it
        group = chosen_group(unit, None if body.resource_group is UNSET else body.resource_group.id)
        may_create(unit.ctx, "is.snapshot.snapshot.create", {"resourceGroupId": group.id})
        # Taking the volume's row keeps it from being deleted before the snapshot is there to be seen.
        if not update(unit, VOLUME, volume.id, VOLUME.table.c.status == "available"):
            raise conflict("invalid_state", f"A volume that is {volume.status} has nothing to snapshot.")
        image = volume.source_image
        snapshot = Snapshot(
            id=unit.ctx.ids.resource(unit.ctx.region.prefix),
            account_id=unit.ctx.account_id,
            name=unit.ctx.ids.name() if body.name is UNSET else body.name,
            lifecycle_state="pending",
            resource_group_id=group.id,
            source_volume=volume.reference,
            source_volume_id=volume.id,
            source_image=image,
            source_image_id=image["id"] if image else None,
            source_image_crn=image["crn"] if image else None,
            operating_system=volume.operating_system,
            minimum_capacity=volume.capacity,
            size=0,
            user_tags=tags(body.user_tags),
            digest=volume.digest,
            format=volume.format,
            checked=volume.checked,
            captured_at=None,
            clones=clones.wanted(unit, body.clones),
            allowed_use=uses_of(unit, volume, body.allowed_use),
            created_at=unit.ctx.now(),
        )
        insert_named(unit, SNAPSHOT, snapshot)
        remember(unit, "user", snapshot.user_tags)
        if snapshot.digest is not None:
            blob_bytes.retain(unit, self._blobs, snapshot.digest, snapshot.holder)
        jobs.enqueue(unit, CREATE, snapshot.id, transfer_bytes=0)
        return snapshot

    def update(self, unit: Unit, snapshot: Granted[Snapshot], body: UpdateSnapshotBody) -> Snapshot:
        """Changes the tags, the allowed use and the name."""
        if snapshot.it.lifecycle_state == "deleting":
            raise conflict("invalid_state", "The snapshot is being deleted.")
        if not isinstance(body.user_tags, UnsetType):
            update(unit, SNAPSHOT, snapshot.it.id, user_tags=tags(body.user_tags))
            remember(unit, "user", body.user_tags)
        if body.allowed_use is not UNSET:
            update(unit, SNAPSHOT, snapshot.it.id, allowed_use=uses_of(unit, snapshot.it, body.allowed_use))
        if body.name is not UNSET and body.name != snapshot.it.name:
            rename(unit, SNAPSHOT, snapshot.it.id, body.name)
        return find(unit, SNAPSHOT, snapshot.it.id)

    def delete(self, unit: Unit, snapshot: Granted[Snapshot]) -> None:
        """Has the snapshot removed; volumes made of it stay. 409 while one is being made."""
        self._remove(unit, snapshot.it)

    def delete_of(self, unit: Unit, volume_id: str) -> None:
        """Has all snapshots of a volume removed that the caller sees, or none: 403 or 409 as for a single one."""
        columns = SNAPSHOT.table.c
        for it in some(unit, SNAPSHOT, columns.source_volume_id == volume_id, columns.lifecycle_state != "deleting"):
            if not may(unit, SNAPSHOT, it, DELETING):
                raise forbidden()
            self._remove(unit, it)

    def _remove(self, unit: Unit, it: Snapshot) -> None:
        moved = transition(unit, SNAPSHOT, it.id, "deleting")
        must(moved, f"A snapshot that is {it.lifecycle_state} cannot be deleted.")
        if restores_of(unit, it.id):
            raise conflict("invalid_state", "A volume is being made of the snapshot; try again.")
        jobs.enqueue(unit, DELETE, it.id)
