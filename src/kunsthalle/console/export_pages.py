"""Export jobs of an image: what is written into which bucket, how far it is, and where the file then is."""

from __future__ import annotations

from collections.abc import Sequence

from kunsthalle.console import refusals
from kunsthalle.console.api_client import segment
from kunsthalle.console.bucket_pages import bucket_names
from kunsthalle.console.listing import Made, Row
from kunsthalle.console.object_downloads import address
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    ID,
    NAME,
    NAME_INPUT,
    RENAME_INPUT,
    Action,
    Input,
    Kind,
    Note,
    Offer,
    Option,
    Shown,
    of_inputs,
)
from kunsthalle.console.transfer_pace import paced
from kunsthalle.core.disk_formats import EXPORTED

_API = "/v1/images/{image_id}/export_jobs"
_ONE = f"{_API}/{{id}}"
_MOVING = frozenset({"queued", "running", "deleting"})


def _source(visit: Visit) -> Made:
    async def rows(_api: object) -> list[Row]:
        told = await visit.api.get(f"/v1/images/{visit.id('image_id')}/export_jobs")
        return list(told["export_jobs"])

    return Made(rows)


async def _with_progress(visit: Visit, jobs: list[Row]) -> None:
    for job in jobs:
        if job["status"] == "running":
            path = f"/_kunsthalle/images/{visit.id('image_id')}/export_jobs/{segment(job['id'])}/progress"
            job["progress"] = paced(dict(await visit.api.get(path)), job.get("started_at"))


async def _closed(visit: Visit) -> str:
    image = await visit.api.get(f"/v1/images/{visit.id('image_id')}")
    return refusals.of_image(image, "export")


async def _buckets(visit: Visit, _row: Row) -> Sequence[Option]:
    return [(name, name) for name in await bucket_names(visit)]


def _far(job: Row) -> str:
    progress = job.get("progress")
    return f"{progress['percent']} %" if progress else ""


def _notes(job: Row) -> list[Note]:
    kind = "error" if job["status"] == "failed" else "info"
    told = [Note(kind, reason["message"], reason["code"].replace("_", " ")) for reason in job["status_reasons"]]
    again = "Nothing is left of it in the bucket. Delete the job, mend what the reason says, and export again."
    return [*told, Note("info", again, "To try again")] if job["status"] == "failed" else told


def _links(job: Row) -> list[Offer]:
    if job["status"] != "succeeded":
        return []
    return [Offer("Download", address(job["storage_bucket"]["name"], job["storage_object"]["name"]), False)]


EXPORT = Kind(
    word="export job",
    plural="export jobs",
    trail=("Infrastructure", "Compute", "Images"),
    here="/images/custom/{image_id}/exports/{export_id}",
    many=f"GET {_API}",
    one=f"GET {_ONE}",
    source=_source,
    about="An export job writes the image as a file into a bucket of the account.",
    empty="This image was not exported so far.",
    docs="reference/generated/ibmcloud-is.html",
    columns=(
        NAME,
        Shown("status", "Status", shape="status"),
        Shown("far", "Progress", _far),
        Shown("format", "Format"),
        Shown("bucket", "Bucket", lambda job: job["storage_bucket"]["name"]),
        Shown("object", "Object", lambda job: job["storage_object"]["name"], "code"),
        CREATED,
    ),
    facts=(
        ID,
        Shown("format", "Format"),
        Shown("bucket", "Bucket", lambda job: job["storage_bucket"]["name"]),
        Shown("object", "Object", lambda job: job["storage_object"]["name"], "copy"),
        Shown("storage_href", "Address", shape="copy"),
        CREATED,
        Shown("started_at", "Started", shape="moment"),
        Shown("completed_at", "Ended", shape="moment"),
    ),
    create=(
        Action(
            "new",
            "Export image",
            f"POST {_API}",
            "The image is being exported.",
            "The file is written into the bucket under the name of the job.",
            (
                NAME_INPUT,
                Input("storage_bucket.name", "Bucket", "select", options=_buckets, required=True),
                Input("format", "Format", "select", options=tuple((name, name.upper()) for name in EXPORTED)),
            ),
            of_inputs("name", "storage_bucket.name", "format"),
        ),
    ),
    closed=_closed,
    actions=(
        Action("edit", "Rename", f"PATCH {_ONE}", "The export job is renamed.", "", (RENAME_INPUT,), of_inputs("name")),
        Action(
            "delete",
            "Delete",
            f"DELETE {_ONE}",
            "The export job is deleted.",
            "A job that has not ended is cancelled. A file that it has written stays in the bucket.",
            danger=True,
            gone=True,
        ),
    ),
    links=_links,
    prepare=_with_progress,
    rule=refusals.of_export,
    status="status",
    notes=_notes,
    moving=lambda job: job["status"] in _MOVING,
    progress=lambda job: job.get("progress"),
    within="this image",
    entry_of="/images/catalog",
)
KINDS = (EXPORT,)
