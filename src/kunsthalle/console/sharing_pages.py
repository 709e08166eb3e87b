"""From image to catalog."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.catalog_pages import BASE
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Offsets, everything
from kunsthalle.console.page_frame import Page, Visit, form


async def _places(visit: Visit) -> list[tuple[str, str]]:
    """Where a version may go: every offering of every catalog, and a new offering in each."""
    entries = []
    for catalog in (await visit.api.get(f"{BASE}/catalogs"))["resources"]:
        entries.append((catalog["id"], f"{catalog['label']}: a new offering"))
        path = f"{BASE}/catalogs/{segment(catalog['id'])}/offerings"
        offerings, _ = await everything(visit.api, Offsets(path, fixed=(("digest", "true"), ("includeHidden", "true"))))
        entries += [
            (f"{catalog['id']}/{offering['id']}", f"{catalog['label']}: {offering['label']}") for offering in offerings
        ]
    return entries


async def _image(visit: Visit) -> Any:
    return await visit.api.get(f"/v1/images/{visit.id('image_id')}")


async def _to_catalog_page(visit: Visit, filled: Form) -> Response:
    image = await _image(visit)
    return visit.form_page("images/share.html", filled, image=image, places=await _places(visit))


async def _to_catalog(visit: Visit, filled: Form) -> Response:
    """The image becomes a version: of the offering that was chosen, or of a new one."""
    image = await _image(visit)
    region = image["crn"].split(":")[5]
    catalog, _, offering = filled.get("place").partition("/")
    if not catalog:
        raise Refused(400, "bad_request", "Create a catalog first.", "place")
    images = [{"id": image["id"], "name": image["name"], "region": region}]
    kind = {"install_kind": "instance", "target_kinds": ["vpc-x86"], "format_kind": "vsi-image"}
    body = {**kind, "metadata": {"images": images}, "version": filled.get("version")}
    path = f"{BASE}/catalogs/{segment(catalog)}"
    path += f"/offerings/{segment(offering)}/version" if offering else "/import/offerings"
    made = await visit.api.send("POST", path, body if offering else {**body, **filled.body("name")})
    at = f"/catalogs/{segment(made['catalog_id'])}/offerings/{segment(made['id'])}"
    return visit.to(at, "The image is a version now: validate it, publish it, and add accounts.")


PAGES: tuple[Page, ...] = (
    *form(
        "/images/custom/{image_id}/share",
        _to_catalog_page,
        _to_catalog,
        f"POST {BASE}/catalogs/{{catalog_id}}/import/offerings",
    ),
)
