"""The first page: what waits for somebody, how much there is, what was done last, and the first steps."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Refused
from kunsthalle.console.audit_pages import outcome_of
from kunsthalle.console.catalog_pages import BASE, still_restorable, versions_of
from kunsthalle.console.listing import Linked, Offsets, Row, everything
from kunsthalle.console.page_frame import Page, Visit, page
from kunsthalle.console.share_request_pages import received

_RECENT = 8


async def _rows(visit: Visit, source: Linked | Offsets) -> list[Row]:
    """Every row, as far as lists go; none for whoever may not list."""
    try:
        return (await everything(visit.api, source))[0]
    except Refused as refused:
        if refused.status != 403:
            raise
        return []


async def _activity(visit: Visit) -> list[Row] | None:
    try:
        told = await visit.api.get("/v1/audit", [("limit", str(_RECENT))])
    except Refused as refused:
        if refused.status != 403:
            raise
        return None
    return list(told["entries"])


def _ahead(images: list[Row], offerings: list[Row]) -> list[tuple[str, str, str]]:
    """What will be deprecated: its name, its page, and when; the soonest first."""
    results = [
        (entry["name"], f"/images/custom/{entry['id']}", entry["deprecation_at"])
        for entry in images
        if entry["status"] == "available" and "deprecation_at" in entry
    ]
    results += [
        (
            f"{entry['label']} {version['version']}",
            f"/catalogs/{entry['catalog_id']}/offerings/{entry['id']}",
            version["deprecate_pending"]["deprecate_date"],
        )
        for entry in offerings
        for version in versions_of(entry)
        if version.get("deprecate_pending")
    ]
    return sorted(results, key=lambda entry: entry[2])


async def _home(visit: Visit) -> Response:
    images = await _rows(visit, Linked("/v1/images", "images"))
    offerings = await _rows(visit, Offsets(f"{BASE}/offerings", fixed=(("digest", "true"),)))
    servers = await _rows(visit, Linked("/v1/instances", "instances"))
    told = await visit.if_allowed("GET", f"{BASE}/catalogs") or {"resources": []}
    reclaimed = await visit.if_allowed("GET", "/v1/reclamations") or {"resources": []}
    counts = (
        ("Custom images", "/images/custom", len(images)),
        ("Catalog images", "/images/catalog", len(offerings)),
        ("Private catalogs", "/catalogs", len(told["resources"])),
        ("Virtual server instances", "/instances", len(servers)),
    )
    values: dict[str, Any] = {
        "requests": [entry for entry in await received(visit) if entry["state"] == "pending"],
        "failed": [entry for entry in images if entry["status"] == "failed"],
        "managed": [entry for entry in images if entry["catalog_offering"]["managed"]],
        "reclamations": [(entry, left) for entry in reclaimed["resources"] if (left := still_restorable(visit, entry))],
        "ahead": _ahead(images, offerings),
        "counts": counts,
        "activity": await _activity(visit),
        "outcome_of": outcome_of,
        "new": not images and not told["resources"] and not servers,
    }
    return visit.page("home.html", **values)


PAGES: tuple[Page, ...] = (page("/", _home, ""),)
