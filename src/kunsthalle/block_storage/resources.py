"""How volumes and snapshots are looked up."""

from __future__ import annotations

from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.states import SNAPSHOT_STATES, VOLUME_STATES
from kunsthalle.block_storage.tables import snapshots, volumes
from kunsthalle.db.visibility import ResourceType

VOLUME = ResourceType(
    "volume",
    volumes,
    Volume,
    "is.volume.volume.read",
    attributes={"volumeId": volumes.c.id, "resourceGroupId": volumes.c.resource_group_id},
    states=VOLUME_STATES,
    state_column=volumes.c.status,
    tallied=True,
)

MAKE = "is.volume.volume.create"
USE = "is.volume.volume.operate"
"""What it takes to attach a volume, and to copy what is on it: an Operator may, and cannot delete it."""

DELETE = "is.volume.volume.delete"

SNAPSHOT = ResourceType(
    "snapshot",
    snapshots,
    Snapshot,
    "is.snapshot.snapshot.read",
    attributes={"snapshotId": snapshots.c.id, "resourceGroupId": snapshots.c.resource_group_id},
    states=SNAPSHOT_STATES,
    state_column=snapshots.c.lifecycle_state,
    tallied=True,
)

RESTORE = "is.snapshot.snapshot.operate"
"""What it takes to make volumes of a snapshot."""
