"""Export jobs as the VPC API shows them (reference/vpc-api.md B1, B3)."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import Name
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.crn import Crn
from kunsthalle.images.model import ImageExport
from kunsthalle.store.unit import Unit

SERVICE, BUCKET = "cloud-object-storage", "bucket"


class BucketBody(Body):
    """A bucket of the account's own, by name or CRN."""

    name: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET


class CreateExportBody(Body):
    """What to write, and where."""

    storage_bucket: BucketBody
    format: Literal["qcow2", "vhd"] = "qcow2"
    name: Name | UnsetType = UNSET


class BucketWire(Wire):
    """A bucket."""

    crn: str
    name: str


class ObjectWire(Wire):
    """An object in a bucket."""

    name: str


class ExportWire(Wire):
    """The writing of an image into a bucket."""

    created_at: str
    format: str
    href: str
    id: str
    name: str
    resource_type: str
    status: str
    status_reasons: list[dict[str, str]]
    storage_bucket: BucketWire
    storage_href: str
    storage_object: ObjectWire
    completed_at: str | UnsetType = UNSET
    started_at: str | UnsetType = UNSET


class Exports(Wire):
    """All at once: this list has no pages."""

    export_jobs: list[ExportWire]


def bucket_crn(account_id: str, name: str) -> str:
    """The account has one object storage, which goes by the account's id."""
    return str(Crn(SERVICE, "global", account_id, account_id, BUCKET, name))


def export_wire(export: ImageExport, unit: Unit) -> ExportWire:
    ctx = unit.ctx
    return ExportWire(
        created_at=rfc3339(export.created_at),
        format=export.format,
        href=href(ctx, f"/images/{export.image_id}/export_jobs/{export.id}"),
        id=export.id,
        name=export.name,
        resource_type="image_export_job",
        status=export.status,
        status_reasons=export.status_reasons,
        storage_bucket=BucketWire(crn=bucket_crn(export.account_id, export.bucket), name=export.bucket),
        storage_href=f"cos://{ctx.region.name}/{export.bucket}/{export.object_name}",
        storage_object=ObjectWire(name=export.object_name),
        completed_at=UNSET if export.completed_at is None else rfc3339(export.completed_at),
        started_at=UNSET if export.started_at is None else rfc3339(export.started_at),
    )
