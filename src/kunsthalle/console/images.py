"""Images: the account's own, and what can be done with them."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.calls import segment
from kunsthalle.console.forms import Form
from kunsthalle.console.frame import Page, Visit, form, page
from kunsthalle.console.listing import Choice, Column, Linked, Row, listing

IMAGE = "/v1/images/{id}"
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


def acts(image: Row) -> list[tuple[str, str, bool]]:
    """What can be asked for, given the image's status; what is then refused is told with the reason."""
    at, status = f"/images/custom/{image['id']}", image["status"]
    found = [("Show details", at, False)]
    if status == "available" and not image["catalog_offering"]["managed"]:
        found.append(("Share to catalog", f"{at}/share", False))
    if status in {"available", "deprecated", "obsolete"}:
        found.append(("Rename", f"{at}/edit", False))
    if status in {"available", "obsolete"}:
        found.append(("Deprecate", f"{at}/deprecate", False))
    if status in {"available", "deprecated"}:
        found.append(("Make obsolete", f"{at}/obsolete", False))
    if status != "deleting":
        found.append(("Delete", f"{at}/delete", True))
    return found


async def _image(visit: Visit) -> Any:
    return await visit.api.get(f"/v1/images/{visit.id('image_id')}")


async def _custom(visit: Visit) -> Response:
    found = await listing(visit.api, visit.query, Linked("/v1/images", "images"), _COLUMNS, (_STATUS,))
    busy = any(image["status"] in MOVING for image in found.rows)
    return visit.page("images/custom.html", list=found, busy=busy, acts=acts, title="Custom images")


async def _details(visit: Visit) -> Response:
    image = await _image(visit)
    hold = await visit.api.get(f"/_kunsthalle/images/{segment(image['id'])}/hold")
    return visit.page(
        "images/details.html", image=image, hold=hold, acts=acts(image)[1:], moving=image["status"] in MOVING
    )


async def _edit_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("images/edit.html", filled, image=await _image(visit))


async def _edit(visit: Visit, filled: Form) -> Response:
    await visit.api.send("PATCH", f"/v1/images/{visit.id('image_id')}", filled.body("name"))
    return visit.to(f"/images/custom/{visit.id('image_id')}", "The image has been changed.")


PAGES: tuple[Page, ...] = (
    page("/images/custom", _custom, "GET /v1/images"),
    page("/images/custom/{image_id}", _details, f"GET {IMAGE}"),
    *form("/images/custom/{image_id}/edit", _edit_page, _edit, f"PATCH {IMAGE}"),
)
