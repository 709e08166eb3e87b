"""Volumes and snapshots. What a volume is attached to is written on the volume itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, String, Text, UniqueConstraint, false

from kunsthalle.db.column_types import Json, Moment
from kunsthalle.db.tables import resource_table


def key_columns() -> tuple[Column[Any], ...]:
    """How the disk is encrypted: see `volume_keys.Sealing`."""
    return (
        Column("encryption_key", String(512)),
        Column("encrypted_data_key", Text),
        Column("base_key", String(512)),
        Column("base_data_key", Text),
    )


# capacity: GB of 2**30 bytes. digest, format, checked: the blob under the disk; NULL where the disk stands on none.
# has_disk: of such a one, whether its disk was made, which a server may have written to.
volumes = resource_table(
    "volumes",
    Column("name", String(63), nullable=False),
    Column("status", String(24), nullable=False),
    Column("status_reasons", Json, nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("zone", String(32), nullable=False),
    Column("profile", String(32), nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("iops", Integer, nullable=False),
    Column("bandwidth", Integer, nullable=False),
    Column("user_tags", Json, nullable=False),
    Column("operating_system", String(64)),
    Column("source_image", Json),
    Column("catalog_offering", Json),
    Column("source_snapshot", Json),
    Column("source_snapshot_id", String(64)),
    Column("digest", String(64)),
    Column("format", String(8)),
    Column("checked", Integer, nullable=False),
    Column("instance_id", String(64)),
    Column("instance_name", String(63)),
    Column("attachment_id", String(64)),
    Column("attachment_name", String(63)),
    Column("attachment_type", String(8)),
    Column("attachment_auto_delete", Boolean, nullable=False),
    Column("attached_at", Moment),
    Column("attachment_status", String(16)),
    Column("active", Boolean, nullable=False),
    Column("allowed_use", Json),
    Column("has_disk", Boolean, nullable=False, server_default=false()),
    *key_columns(),
    UniqueConstraint("account_id", "name"),
    Index("ix_volumes_instance_id", "instance_id"),
    Index("ix_volumes_encryption_key", "encryption_key"),
    Index("ix_volumes_source_snapshot_id", "source_snapshot_id"),
)

# source_*: copied when the snapshot is taken, and never looked up again. size, minimum_capacity: GB of 2**30 bytes.
# has_disk: as of volumes.
snapshots = resource_table(
    "snapshots",
    Column("name", String(63), nullable=False),
    Column("lifecycle_state", String(16), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("source_volume", Json, nullable=False),
    Column("source_volume_id", String(64), nullable=False),
    Column("source_image", Json),
    Column("source_image_id", String(64)),
    Column("source_image_crn", String(512)),
    Column("operating_system", String(64)),
    Column("minimum_capacity", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("user_tags", Json, nullable=False),
    Column("digest", String(64)),
    Column("format", String(8)),
    Column("checked", Integer, nullable=False),
    Column("captured_at", Moment),
    Column("clones", Json, nullable=False),
    Column("allowed_use", Json),
    Column("has_disk", Boolean, nullable=False, server_default=false()),
    *key_columns(),
    UniqueConstraint("account_id", "name"),
    Index("ix_snapshots_source_volume_id", "source_volume_id"),
    Index("ix_snapshots_encryption_key", "encryption_key"),
)
