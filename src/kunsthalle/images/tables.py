"""Images and the bytes they stand on."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from kunsthalle.db.column_types import Json, Moment
from kunsthalle.db.tables import metadata, resource_table

# hold_*: who keeps this image from being deleted or used elsewhere. One row, one hold: taking it is a compare-and-set.
images = resource_table(
    "images",
    Column("name", String(63), nullable=False),
    Column("status", String(24), nullable=False),
    Column("status_reasons", Json, nullable=False),
    Column("operating_system", String(64), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("source_href", Text),
    Column("source_volume", Json),
    Column("digest", String(64)),
    Column("format", String(8)),
    Column("file_size", BigInteger),
    Column("virtual_size", BigInteger),
    Column("checked", Integer, nullable=False),
    Column("allowed_use", Json, nullable=False),
    Column("hold_crn", String(512)),
    Column("hold_since", Moment),
    Column("deprecation_at", Moment),
    Column("obsolescence_at", Moment),
    Column("encryption_key", String(512)),
    Column("encrypted_data_key", Text),
    UniqueConstraint("account_id", "name"),
    Index("ix_images_hold_crn", "hold_crn"),
    Index("ix_images_encryption_key", "encryption_key"),
)
UNCHECKED = (images.c.checked == 0, images.c.digest.is_not(None))
"""Images that have their bytes, of which no qemu-img has said anything yet."""

# bucket, object_name: where the image is written to, in the account's own object storage.
image_exports = resource_table(
    "image_exports",
    Column("name", String(63), nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_reasons", Json, nullable=False),
    Column("image_id", String(64), nullable=False),
    Column("resource_group_id", String(32), nullable=False),
    Column("format", String(8), nullable=False),
    Column("bucket", String(63), nullable=False),
    Column("object_name", String(128), nullable=False),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("encrypted_data_key", Text),
    UniqueConstraint("image_id", "name"),
)

# Instances of object storage, and the buckets of the account that belong to one.
instance_buckets = Table(
    "instance_buckets",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("bucket", String(63), primary_key=True),
    Column("instance_id", String(64), nullable=False),
    Index("ix_instance_buckets_instance_id", "instance_id"),
)

# subject: the image that is imported, or the export job. tag: of the object that is read.
transfers = Table(
    "transfers",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("phase", String(16), nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("tag", String(256), nullable=False),
    Column("sha256", String(64)),
    Column("updated_at", Moment, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
)

# holder: what needs the bytes, as `<kind>:<id>`.
blob_refs = Table(
    "blob_refs",
    metadata,
    Column("digest", String(64), ForeignKey("blobs.digest"), primary_key=True),
    Column("holder", String(96), primary_key=True),
    Index("ix_blob_refs_holder", "holder"),
)
