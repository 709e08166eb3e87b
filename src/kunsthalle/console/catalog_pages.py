"""Private catalogs as their owner sees them: catalogs, their offerings, what a deletion takes along, reclamations."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import Api, Refused, segment
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Column, Made, Offsets, Row, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Offer
from kunsthalle.console.transfer_pace import Wait, wait
from kunsthalle.core.errors import NOT_FOUND

BASE = "/api/v1-beta"
CATALOG = f"{BASE}/catalogs/{{catalog_id}}"
HERE = "/catalogs/{catalog_id}"
_CATALOGS = (
    Column("label", "Name"),
    Column("short_description", "Description", lambda row: row.get("short_description", "")),
    Column("created", "Created"),
    Column("updated", "Changed"),
)
_PRODUCTS = (
    Column("label", "Offering"),
    Column("versions", "Versions", lambda row: " ".join(entry["version"] for entry in versions_of(row))),
    Column("shared", "Sharing", lambda row: "On" if row["share_enabled"] else "Off"),
    Column("updated", "Changed"),
)
_RECLAMATIONS = (
    Column("entity_id", "Instance"),
    Column("entity_type_id", "Service"),
    Column("state", "State"),
    Column("created_at", "Deleted"),
    Column("target_time", "Reclaimed at"),
)


def versions_of(offering: Row) -> list[Row]:
    """The versions of an offering, newest first, without working copies."""
    versions = [version for kind in offering.get("kinds", []) for version in kind["versions"]]
    return [version for version in reversed(versions) if not version.get("working_copy_of")]


def catalog_path(visit: Visit) -> str:
    return f"{BASE}/catalogs/{visit.id('catalog_id')}"


async def _all_catalogs(api: Api) -> list[Row]:
    return list((await api.get(f"{BASE}/catalogs"))["resources"])


async def _catalogs(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Made(_all_catalogs), _CATALOGS)
    return visit.page("catalogs/list.html", list=table)


async def _new_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("catalogs/new.html", filled)


async def _new(visit: Visit, filled: Form) -> Response:
    made = await visit.api.send("POST", f"{BASE}/catalogs", filled.body("label", "short_description"))
    return visit.to(f"/catalogs/{segment(made['id'])}", "The catalog has been created.")


async def _details(visit: Visit) -> Response:
    catalog = await visit.api.get(catalog_path(visit))
    source = Offsets(f"{catalog_path(visit)}/offerings", fixed=(("includeHidden", "true"), ("digest", "true")))
    table = await listing(visit.api, visit.query, source, _PRODUCTS)
    return visit.page("catalogs/details.html", catalog=catalog, list=table, versions_of=versions_of)


async def _delete_page(visit: Visit, filled: Form) -> Response:
    preview = await visit.api.get(f"/_kunsthalle/catalogs/{visit.id('catalog_id')}/deletion")
    return visit.form_page("catalogs/delete.html", filled, preview=preview)


async def _delete(visit: Visit, filled: Form) -> Response:
    """The label has to be typed: what is deleted disappears for every account at once."""
    catalog = await visit.api.get(catalog_path(visit))
    if filled.get("confirm") != catalog["label"]:
        raise Refused(400, "bad_request", "Type the name of the catalog exactly.", "confirm")
    await visit.api.send("DELETE", catalog_path(visit))
    return visit.to("/reclamations", "The catalog is deleted; until it is reclaimed it can be restored.", "info")


async def _new_offering_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("catalogs/new_offering.html", filled, catalog=await visit.api.get(catalog_path(visit)))


async def _new_offering(visit: Visit, filled: Form) -> Response:
    body = filled.body("name", "label", "short_description")
    made = await visit.api.send("POST", f"{catalog_path(visit)}/offerings", body)
    at = f"/catalogs/{visit.id('catalog_id')}/offerings/{segment(made['id'])}"
    return visit.to(at, "The offering has been created.")


async def _all_reclamations(api: Api) -> list[Row]:
    return list((await api.get("/v1/reclamations"))["resources"])


async def _reclamations(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Made(_all_reclamations), _RECLAMATIONS)
    waits = {row["id"]: still_restorable(visit, row) for row in table.rows}
    return visit.page("catalogs/reclamations.html", list=table, waits=waits, acts=reclamation_acts)


def reclamation_acts(reclamation: Row) -> list[Offer]:
    at = f"/reclamations/{segment(reclamation['id'])}"
    reason = refusals.of_reclamation(reclamation, "restore")
    return [Offer("Restore", f"{at}/restore", False, reason), Offer("Reclaim now", f"{at}/reclaim", True)]


def still_restorable(visit: Visit, reclamation: Row) -> Wait | None:
    """How far the time is in which it can be restored; None where it cannot any more."""
    if reclamation["state"] != "SCHEDULED":
        return None
    return wait(reclamation["created_at"], reclamation["target_time"], visit.now)


async def _reclamation(visit: Visit) -> Any:
    reclamation_id = visit.request.path_params["reclamation_id"]
    for reclamation in await _all_reclamations(visit.api):
        if reclamation["id"] == reclamation_id:
            return reclamation
    raise Refused(404, "not_found", NOT_FOUND)


def _reclamation_form(action: str, done: str) -> tuple[Page, Page]:
    async def show(visit: Visit, filled: Form) -> Response:
        return visit.form_page(f"catalogs/{action}.html", filled, reclamation=await _reclamation(visit))

    async def submit(visit: Visit, _filled: Form) -> Response:
        path = f"/v1/reclamations/{visit.id('reclamation_id')}/actions/{action}"
        await visit.api.send("POST", path, {})
        return visit.to("/reclamations", done)

    return form(
        f"/reclamations/{{reclamation_id}}/{action}", show, submit, "POST /v1/reclamations/{id}/actions/{action}"
    )


PAGES: tuple[Page, ...] = (
    page("/catalogs", _catalogs, f"GET {BASE}/catalogs"),
    *form("/catalogs/new", _new_page, _new, f"POST {BASE}/catalogs"),
    page(HERE, _details, f"GET {CATALOG}"),
    *form(f"{HERE}/delete", _delete_page, _delete, f"DELETE {CATALOG}"),
    *form(f"{HERE}/new-offering", _new_offering_page, _new_offering, f"POST {CATALOG}/offerings"),
    page("/reclamations", _reclamations, "GET /v1/reclamations"),
    *_reclamation_form("restore", "The resource is restored with its contents."),
    *_reclamation_form("reclaim", "The resource is reclaimed and can no longer be restored."),
)
