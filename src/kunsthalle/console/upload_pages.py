"""Bringing files in: the page that sends them in parts, what its script asks for, and the objects of buckets."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.bucket_pages import BUCKETS, bucket_names, import_address, objects_of
from kunsthalle.console.forms import Form, number
from kunsthalle.console.page_frame import Page, Visit, body_of, call, filled, form, json_answer, page
from kunsthalle.core import disk_formats

UPLOADS = "/_kunsthalle/uploads"
_ONE = f"{UPLOADS}/{{id}}"
LARGEST_PART = 32 * 1024 * 1024
_FORMATS = {
    "imported": disk_formats.listed(disk_formats.IMPORTED, "and"),
    "converted": disk_formats.listed(disk_formats.CONVERTED, "and"),
    "converted_suffixes": tuple(disk_formats.CONVERTED_SUFFIXES),
    "suffixes": tuple(disk_formats.UPLOADED_SUFFIXES),
}
"""What the page says of the formats of files."""


async def _upload_page(visit: Visit) -> Response:
    told = await visit.if_allowed("GET", UPLOADS)
    pending = told["uploads"] if told else []
    buckets = {"buckets": await bucket_names(visit), "bucket": visit.query.get("bucket", "")}
    return visit.page("images/upload.html", pending=pending, **buckets, **_FORMATS)


async def _objects(visit: Visit) -> Response:
    names = await bucket_names(visit)
    bucket = visit.query.get("bucket", "") or (names[0] if names else "")
    results = await objects_of(visit, bucket)
    tabs = [(name, f"/images/objects?bucket={segment(name)}") for name in names]
    told: dict[str, Any] = {"tabs": tabs, "bucket": bucket, "import_address": import_address}
    return visit.page("images/objects.html", list=results, **told)


async def _bucket_page(visit: Visit, filled_in: Form) -> Response:
    return visit.form_page("images/new_bucket.html", filled_in)


async def _bucket(visit: Visit, filled_in: Form) -> Response:
    await visit.api.send("POST", BUCKETS, filled_in.body("name"))
    return visit.to("/images/upload", f"The bucket {filled_in.get('name')} has been created.")


async def _cancel_page(visit: Visit, filled_in: Form) -> Response:
    return visit.form_page("images/cancel_upload.html", filled_in, pending=(await visit.api.get(UPLOADS))["uploads"])


async def _cancel_pending(visit: Visit, filled_in: Form) -> Response:
    chosen = filled_in.all("upload")
    if not chosen:
        raise Refused(400, "bad_request", "Choose at least one upload to cancel.", "upload")
    for entry in chosen:
        await visit.api.send("DELETE", f"{UPLOADS}/{segment(entry)}")
    return visit.to("/images/upload", "The uploads are cancelled.")


async def _begin(visit: Visit) -> Response:
    form = await filled(visit.request)
    body = {**form.body("bucket", "object"), "size": number(form.get("size"))}
    return json_answer(await visit.api.send("POST", UPLOADS, body))


async def _look(visit: Visit) -> Response:
    return json_answer(await visit.api.get(f"{UPLOADS}/{visit.id('upload_id')}"))


async def _part(visit: Visit) -> Response:
    """The bytes go on as they are, a part at a time: no more than one of them is in memory for each upload."""
    content = await body_of(visit.request, LARGEST_PART)
    await visit.api.send_bytes("PUT", f"{UPLOADS}/{visit.id('upload_id')}/parts/{visit.id('part')}", content)
    return Response(status_code=204)


async def _end(visit: Visit) -> Response:
    return json_answer(await visit.api.send("POST", f"{UPLOADS}/{visit.id('upload_id')}/complete"))


async def _cancel(visit: Visit) -> Response:
    await visit.api.send("DELETE", f"{UPLOADS}/{visit.id('upload_id')}")
    return Response(status_code=204)


async def _conversion(visit: Visit) -> Response:
    return json_answer(await visit.api.get(f"/_kunsthalle/conversions/{visit.id('conversion_id')}"))


PAGES: tuple[Page, ...] = (
    page("/images/upload", _upload_page, f"GET {UPLOADS}"),
    page("/images/objects", _objects, f"GET {BUCKETS}"),
    *form("/images/buckets/new", _bucket_page, _bucket, f"POST {BUCKETS}"),
    *form("/images/upload/cancel", _cancel_page, _cancel_pending, f"DELETE {_ONE}"),
)
CALLS: tuple[Page, ...] = (
    call("POST", "/uploads", _begin, f"POST {UPLOADS}"),
    call("GET", "/uploads/{upload_id}", _look, f"GET {_ONE}"),
    call("PUT", "/uploads/{upload_id}/parts/{part}", _part, f"PUT {_ONE}/parts/{{number}}"),
    call("POST", "/uploads/{upload_id}/complete", _end, f"POST {_ONE}/complete"),
    call("POST", "/uploads/{upload_id}/cancel", _cancel, f"DELETE {_ONE}"),
    call("GET", "/uploads/conversions/{conversion_id}", _conversion, "GET /_kunsthalle/conversions/{id}"),
)
"""What the script of the upload page asks for, and is answered in JSON."""
