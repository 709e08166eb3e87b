"""What can be done with snapshots. They keep which image the volume came from, and no catalog's word of it (R8)."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import refer
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.block_storage import snapshot_clones, volume_keys
from kunsthalle.block_storage.models import Snapshot
from kunsthalle.block_storage.queries import restores_of
from kunsthalle.block_storage.requests import CreateSnapshotRequest, UpdateSnapshotRequest
from kunsthalle.block_storage.resources import SNAPSHOT, USE, VOLUME
from kunsthalle.block_storage.service import tags, uses_of
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import insert_named, rename, update
from kunsthalle.db.session import Session
from kunsthalle.db.tag_names import remember
from kunsthalle.db.transitions import must, transition, transition_all
from kunsthalle.db.unscoped import number_of
from kunsthalle.db.visibility import Authorized, find, may_create, require, some
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.jobs import queue

CREATE, DELETE = "snapshot.create", "snapshot.delete"
MOST = 750
"""Snapshots of a volume, as the service allows."""
DELETING = "is.snapshot.snapshot.delete"


class SnapshotService:
    """`blobs` is what disks stand on."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def create(self, session: Session, body: CreateSnapshotRequest) -> Snapshot:
        """A snapshot, `pending`, and the job that copies the disk; the server may run on meanwhile."""
        if body.source_snapshot is not UNSET:
            raise invalid("bad_field", "Snapshots of other regions cannot be copied here.", "source_snapshot")
        if body.source_volume is UNSET:
            raise invalid("validation_required_field", "Missing a required field.", "source_volume")
        volume = refer(session, VOLUME, body.source_volume, "source_volume", USE).resource
        group = chosen_group(session, None if body.resource_group is UNSET else body.resource_group.id)
        may_create(session.ctx, "is.snapshot.snapshot.create", {"resourceGroupId": group.id})
        # Taking the volume's row keeps it from being deleted before the snapshot is there to be seen.
        if not update(session, VOLUME, volume.id, VOLUME.table.c.status == "available"):
            raise conflict("invalid_state", f"A volume that is {volume.status} has nothing to snapshot.")
        image = volume.source_image
        snapshot = Snapshot(
            id=session.ctx.ids.resource(session.ctx.region.prefix),
            account_id=session.ctx.account_id,
            name=session.ctx.ids.name() if body.name is UNSET else body.name,
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
            clones=snapshot_clones.wanted(session, body.clones),
            allowed_use=uses_of(session, volume, body.allowed_use),
            created_at=session.ctx.now(),
            **volume_keys.columns(volume.sealing),
        )
        if number_of(session, SNAPSHOT.table, SNAPSHOT.table.c.source_volume_id == volume.id) >= MOST:
            raise invalid(
                "over_quota", f"There may be {MOST} snapshots of a volume: delete one first.", "source_volume"
            )
        insert_named(session, SNAPSHOT, snapshot)
        volume_keys.register(session, snapshot)
        remember(session, "user", snapshot.user_tags)
        if snapshot.digest is not None:
            blob_bytes.retain(session, self._blobs, snapshot.digest, snapshot.holder)
        queue.enqueue(session, CREATE, snapshot.id, transfer_bytes=0)
        return snapshot

    def update(self, session: Session, snapshot: Authorized[Snapshot], body: UpdateSnapshotRequest) -> Snapshot:
        """Changes the tags, the allowed use and the name."""
        if snapshot.resource.lifecycle_state == "deleting":
            raise conflict("invalid_state", "The snapshot is being deleted.")
        if not isinstance(body.user_tags, UnsetType):
            update(session, SNAPSHOT, snapshot.resource.id, user_tags=tags(body.user_tags))
            remember(session, "user", body.user_tags)
        if body.allowed_use is not UNSET:
            update(
                session,
                SNAPSHOT,
                snapshot.resource.id,
                allowed_use=uses_of(session, snapshot.resource, body.allowed_use),
            )
        if body.name is not UNSET and body.name != snapshot.resource.name:
            rename(session, SNAPSHOT, snapshot.resource.id, body.name)
        return find(session, SNAPSHOT, snapshot.resource.id)

    def delete(self, session: Session, snapshot: Authorized[Snapshot]) -> None:
        """Has the snapshot removed; volumes made of it stay. 409 while one is being made."""
        self._remove(session, snapshot.resource)

    def delete_of(self, session: Session, volume_id: str) -> None:
        """Has all snapshots of a volume removed that the caller sees, or none: 403 or 409 as for a single one."""
        columns = SNAPSHOT.table.c
        conditions = (columns.source_volume_id == volume_id, columns.lifecycle_state != "deleting")
        snapshots = some(session, SNAPSHOT, *conditions)
        for snapshot in snapshots:
            require(session, SNAPSHOT, snapshot, DELETING)
        ids = [snapshot.id for snapshot in snapshots]
        moved = transition_all(session, SNAPSHOT, "deleting", columns.id.in_(ids))
        must(moved == len(ids), "A snapshot of the volume that is not made yet cannot be deleted.")
        self._refuse_restoring(session, *ids)
        queue.enqueue_all(session, DELETE, ids)

    def _remove(self, session: Session, snapshot: Snapshot) -> None:
        moved = transition(session, SNAPSHOT, snapshot.id, "deleting")
        must(moved, f"A snapshot that is {snapshot.lifecycle_state} cannot be deleted.")
        self._refuse_restoring(session, snapshot.id)
        queue.enqueue(session, DELETE, snapshot.id)

    def _refuse_restoring(self, session: Session, *ids: str) -> None:
        if restores_of(session, *ids):
            raise conflict("invalid_state", "A volume is being made of the snapshot; try again.")
