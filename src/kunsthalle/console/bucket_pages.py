"""Buckets and their objects: what is there, to download, to import, and to delete."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Api, Refused, segment
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Column, Listing, Made, Row, Slice, listing
from kunsthalle.console.object_downloads import address
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.core.records import dataclass

BUCKETS = "/_kunsthalle/buckets"
_OBJECTS = f"{BUCKETS}/{{bucket}}/objects"
HERE = "/buckets/{bucket_name}"
_COLUMNS = (
    Column("name", "Object"),
    Column("size", "Size", number=True),
    Column("modified_at", "Changed"),
)
MOST = 100
"""Objects that are deleted at once, as many as a page of the list has."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a bucket, page by page; the API does not count them. None of no bucket."""

    bucket: str

    async def slice(self, api: Api, start: str, limit: int, filters: list[tuple[str, str]]) -> Slice:  # noqa: ARG002  as a source has it
        if not self.bucket:
            return Slice([], 0, None)
        query = [("limit", str(limit)), ("after", start)]
        told = await api.get(f"{BUCKETS}/{segment(self.bucket)}/objects", query)
        return Slice(told["objects"], None, told["next"] or None)


async def bucket_names(visit: Visit) -> list[str]:
    """The buckets of the account that the visitor may read."""
    told = await visit.if_allowed("GET", BUCKETS)
    return [entry["name"] for entry in told["buckets"]] if told else []


async def objects_of(visit: Visit, bucket: str) -> Listing:
    """The list of a bucket's objects that the page's address asks for."""
    return await listing(visit.api, visit.query, Objects(bucket), _COLUMNS)


def import_address(bucket: str, row: Row) -> str:
    """Where an object is imported from, if an image can be made of it."""
    name = str(row["name"])
    return f"/images/custom/import?bucket={segment(bucket)}&object={segment(name)}" if row["href"] else ""


async def _buckets(visit: Visit) -> Response:
    async def rows(_api: Api) -> list[Row]:
        return list((await visit.api.get(BUCKETS))["buckets"])

    results = await listing(visit.api, visit.query, Made(rows), (Column("name", "Name"),))
    return visit.page("storage/buckets.html", list=results)


async def _bucket(visit: Visit) -> Response:
    bucket = str(visit.request.path_params["bucket_name"])
    place = f"/buckets/{segment(bucket)}"

    def acts(row: Row) -> list[tuple[str, str, bool]]:
        name, imported = str(row["name"]), import_address(bucket, row)
        offered = [("Import", imported, False)] if imported else []
        gone = ("Delete", f"{place}/delete?object={segment(name)}", True)
        return [("Download", address(bucket, name), False), *offered, gone]

    told: dict[str, Any] = {"bucket": bucket, "place": place, "acts": acts}
    return visit.page("storage/bucket.html", list=await objects_of(visit, bucket), **told)


def _chosen(visit: Visit, filled: Form) -> list[str]:
    """The objects that are meant, each once: as a form or an address names them."""
    names = filled.all("object") or visit.query.getlist("object")
    return list(dict.fromkeys(names))[: MOST + 1]


async def _delete_page(visit: Visit, filled: Form) -> Response:
    """The bucket is asked for first: who does not see it gets the page of what is not there."""
    await visit.api.get(f"{BUCKETS}/{visit.id('bucket_name')}/objects", [("limit", "1")])
    bucket = str(visit.request.path_params["bucket_name"])
    return visit.form_page("storage/delete_objects.html", filled, bucket=bucket, names=_chosen(visit, filled))


async def _delete(visit: Visit, filled: Form) -> Response:
    """Ask, where a list has sent what was chosen in it; delete what was confirmed."""
    names = _chosen(visit, filled)
    if filled.get("confirmed") != "yes":
        return await _delete_page(visit, filled)
    if not 0 < len(names) <= MOST:
        raise Refused(400, "bad_request", f"Choose 1 to {MOST} objects.", "object")
    path = f"{BUCKETS}/{visit.id('bucket_name')}/objects"
    for done, name in enumerate(names):
        try:
            await visit.api.send("DELETE", path, query=[("object", name)])
        except Refused as refused:
            _refuse_rest(refused, filled, names[done:], done)
            raise
    sentence = "The object is deleted." if len(names) == 1 else f"{len(names)} objects are deleted."
    return visit.to(f"/buckets/{visit.id('bucket_name')}", sentence)


def _refuse_rest(refused: Refused, filled: Form, left: list[str], done: int) -> None:
    """Says which object it was, and leaves those in the form that are still there."""
    before = f"{done} {'object is' if done == 1 else 'objects are'} deleted. " if done else ""
    refused.message = f"{before}{left[0]}: {refused.message}"
    filled.values["object"] = left


PAGES: tuple[Page, ...] = (
    page("/buckets", _buckets, f"GET {BUCKETS}"),
    page(HERE, _bucket, f"GET {_OBJECTS}"),
    *form(f"{HERE}/delete", _delete_page, _delete, f"DELETE {_OBJECTS}"),
)
