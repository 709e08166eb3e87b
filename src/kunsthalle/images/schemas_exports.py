"""Export jobs as the VPC API shows them (reference/vpc-api.md B1, B3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, UnsetType

from kunsthalle.api.common_schemas import Name
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.crn import Crn
from kunsthalle.core.disk_formats import EXPORTED
from kunsthalle.db.session import Session
from kunsthalle.images.models import ImageExport

SERVICE, BUCKET = "cloud-object-storage", "bucket"


if TYPE_CHECKING:
    ExportFormat = str
else:
    ExportFormat = Literal[EXPORTED]


class BucketRequest(RequestBody):
    """A bucket of the account's own, by name or CRN."""

    name: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET


class CreateExportRequest(RequestBody):
    """What to write, and where."""

    storage_bucket: BucketRequest
    format: ExportFormat = EXPORTED[0]
    name: Name | UnsetType = UNSET


class BucketResponse(ResponseBody):
    """A bucket."""

    crn: str
    name: str


class ObjectResponse(ResponseBody):
    """An object in a bucket."""

    name: str


class ExportResponse(ResponseBody):
    """The writing of an image into a bucket."""

    created_at: str
    format: str
    href: str
    id: str
    name: str
    resource_type: str
    status: str
    status_reasons: list[dict[str, str]]
    storage_bucket: BucketResponse
    storage_href: str
    storage_object: ObjectResponse
    completed_at: str | UnsetType = UNSET
    started_at: str | UnsetType = UNSET
    encrypted_data_key: str | UnsetType = UNSET


class Exports(ResponseBody):
    """All at once: this list has no pages."""

    export_jobs: list[ExportResponse]


def bucket_crn(account_id: str, name: str) -> str:
    """The account has one object storage, which goes by the account's id."""
    return str(Crn(SERVICE, "global", account_id, account_id, BUCKET, name))


def export_response(export: ImageExport, session: Session) -> ExportResponse:
    ctx = session.ctx
    return ExportResponse(
        created_at=rfc3339(export.created_at),
        format=export.format,
        href=href(ctx, f"/images/{export.image_id}/export_jobs/{export.id}"),
        id=export.id,
        name=export.name,
        resource_type="image_export_job",
        status=export.status,
        status_reasons=export.status_reasons,
        storage_bucket=BucketResponse(crn=bucket_crn(export.account_id, export.bucket), name=export.bucket),
        storage_href=f"cos://{ctx.region.name}/{export.bucket}/{export.object_name}",
        storage_object=ObjectResponse(name=export.object_name),
        completed_at=UNSET if export.completed_at is None else rfc3339(export.completed_at),
        started_at=UNSET if export.started_at is None else rfc3339(export.started_at),
        encrypted_data_key=UNSET if export.encrypted_data_key is None else export.encrypted_data_key,
    )
