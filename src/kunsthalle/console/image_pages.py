"""Images: the account's own, stock ones, and those in catalogs; and what can be done with them."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.forms import Form, instant
from kunsthalle.console.listing import Choice, Column, Linked, Row, everything, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Offer
from kunsthalle.console.root_key_pages import choices_of_keys
from kunsthalle.console.transfer_pace import paced
from kunsthalle.core.disk_formats import IMPORTED, listed

IMAGE = "/v1/images/{id}"
HERE = "/images/custom/{image_id}"
_STATES = ("pending", "available", "deprecated", "obsolete", "failed", "unusable", "deleting")
_STATUS = Choice("status", "Status", tuple((state, state.capitalize()) for state in _STATES))
_COLUMNS = (
    Column("name", "Name"),
    Column("system", "Operating system", lambda row: row["operating_system"]["display_name"]),
    Column("status", "Status"),
    Column("use", "Use", lambda row: "In a catalog" if row["catalog_offering"]["managed"] else "Free"),
    Column("size", "Size", lambda row: row["file"].get("size"), number=True),
    Column("created_at", "Created"),
)
MOVING = frozenset({"pending", "deleting"})
"""States that an image leaves by itself: its page looks again."""


_OFFERED = (
    ("Share to catalog", "share"),
    ("Rename", "edit"),
    ("Show export jobs", "exports"),
    ("Deprecate", "deprecate"),
    ("Make obsolete", "obsolete"),
    ("Delete", "delete"),
)
"""What can be asked for, and its word in addresses."""


def acts(image: Row) -> list[Offer]:
    """What can be asked for, and why it would be refused where that is known."""
    at = f"/images/custom/{image['id']}"
    offered = [
        Offer(label, f"{at}/{word}", word == "delete", refusals.of_image(image, word)) for label, word in _OFFERED
    ]
    again = [Offer("Import again", "/images/custom/import", False)] if image["status"] == "failed" else []
    return [Offer("Show details", at, False), Offer("Show lineage", f"{at}/lineage", False), *again, *offered]


async def _image(visit: Visit) -> Any:
    return await visit.api.get(f"/v1/images/{visit.id('image_id')}")


async def _hold(visit: Visit) -> Any:
    """Why the image cannot be deleted, who runs it, and when it is free; for those who may change it."""
    return await visit.if_allowed("GET", f"/_kunsthalle/images/{visit.id('image_id')}/hold")


async def _progress(visit: Visit, image: Row) -> Row | None:
    """How far an import is, while it runs."""
    if image["status"] != "pending":
        return None
    told = dict(await visit.api.get(f"/_kunsthalle/images/{segment(image['id'])}/progress"))
    return paced(told, image["created_at"])


async def _custom(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Linked("/v1/images", "images"), _COLUMNS, (_STATUS,))
    moving = any(image["status"] in MOVING for image in table.rows)
    progress = {image["id"]: await _progress(visit, image) for image in table.rows}
    return visit.page("images/custom.html", list=table, moving=moving, progress=progress, acts=acts)


async def _stock(visit: Visit) -> Response:
    source = Linked("/v1/images", "images", fixed=(("visibility", "public"),))
    return visit.page("images/stock.html", list=await listing(visit.api, visit.query, source, _COLUMNS, (_STATUS,)))


async def _details(visit: Visit) -> Response:
    image = await _image(visit)
    told = {"hold": await _hold(visit), "progress": await _progress(visit, image), "acts": acts(image)[1:]}
    return visit.page("images/details.html", image=image, moving=image["status"] in MOVING, **told)


async def _edit_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("images/edit.html", filled, image=await _image(visit))


async def _edit(visit: Visit, filled: Form) -> Response:
    await visit.api.send("PATCH", f"/v1/images/{visit.id('image_id')}", filled.body("name"))
    return visit.to(f"/images/custom/{visit.id('image_id')}", "The image has been changed.")


async def _import_page(visit: Visit, filled: Form) -> Response:
    systems, _ = await everything(visit.api, Linked("/v1/operating_systems", "operating_systems"))
    offered = [(system["name"], system["display_name"]) for system in systems if system["allow_user_image_creation"]]
    return visit.form_page(
        "images/import.html",
        filled,
        formats=listed(IMPORTED, "or"),
        systems=sorted(offered, key=lambda entry: entry[1].casefold()),
        file=await chosen_file(visit),
        root_keys=await choices_of_keys(visit.api),
    )


async def chosen_file(visit: Visit) -> Row | None:
    """The object that the address names, with what its bytes say; None where it names none that is there."""
    bucket, name = visit.query.get("bucket", ""), visit.query.get("object", "")
    if not bucket or not name:
        return None
    at = f"/_kunsthalle/buckets/{segment(bucket)}"
    try:
        told = await visit.api.get(f"{at}/inspection", [("object", name)])
    except Refused as refused:
        if refused.status >= 500:
            raise
        return None
    return {**told, "name": name, "suggested": _image_name(name)}


def _image_name(file: str) -> str:
    """A name that an image can have, after that of its file."""
    stem = file.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-0123456789")[:63].rstrip("-")


async def _import(visit: Visit, filled: Form) -> Response:
    body = filled.body("name", "file.href", "operating_system.name", "encryption_key.crn", "encrypted_data_key")
    body |= {name: instant(value) for name, value in filled.body("deprecation_at", "obsolescence_at").items()}
    if not filled.get("operating_system.name"):
        raise Refused(400, "bad_request", "Choose the operating system of the image.", "operating_system.name")
    made = await visit.api.send("POST", "/v1/images", body)
    return visit.to(f"/images/custom/{segment(made['id'])}", "The import has begun.", "info")


async def _deprecate_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("images/deprecate.html", filled, image=await _image(visit))


async def _obsolete_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("images/obsolete.html", filled, image=await _image(visit))


async def _deprecate(visit: Visit, _filled: Form) -> Response:
    await visit.api.send("POST", f"/v1/images/{visit.id('image_id')}/deprecate")
    return visit.to(f"/images/custom/{visit.id('image_id')}", "The image is deprecated.")


async def _obsolete(visit: Visit, _filled: Form) -> Response:
    await visit.api.send("POST", f"/v1/images/{visit.id('image_id')}/obsolete")
    return visit.to(f"/images/custom/{visit.id('image_id')}", "The image is obsolete.")


async def _delete_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("images/delete.html", filled, image=await _image(visit), hold=await _hold(visit))


async def _delete(visit: Visit, _filled: Form) -> Response:
    await visit.api.send("DELETE", f"/v1/images/{visit.id('image_id')}")
    return visit.to("/images/custom", "The image is being deleted.", "info")


PAGES: tuple[Page, ...] = (
    page("/images/custom", _custom, "GET /v1/images"),
    page("/images/stock", _stock, "GET /v1/images"),
    *form("/images/custom/import", _import_page, _import, "POST /v1/images"),
    page(HERE, _details, f"GET {IMAGE}"),
    *form(f"{HERE}/edit", _edit_page, _edit, f"PATCH {IMAGE}"),
    *form(f"{HERE}/deprecate", _deprecate_page, _deprecate, f"POST {IMAGE}/deprecate"),
    *form(f"{HERE}/obsolete", _obsolete_page, _obsolete, f"POST {IMAGE}/obsolete"),
    *form(f"{HERE}/delete", _delete_page, _delete, f"DELETE {IMAGE}"),
)
