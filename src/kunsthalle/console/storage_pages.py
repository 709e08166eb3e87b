"""Volumes and snapshots: the lists, where each came from, making and deleting them."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import segment
from kunsthalle.console.confirmations import Question, Subject, acts, question
from kunsthalle.console.forms import Form, number
from kunsthalle.console.instance_pages import standing
from kunsthalle.console.listing import Choice, Column, Linked, Row, everything, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.refusals import instances_of
from kunsthalle.console.resource_shapes import Offer
from kunsthalle.console.root_key_pages import choices_of_keys

_VOLUME, _SNAPSHOT = "/v1/volumes/{id}", "/v1/snapshots/{id}"
VOLUME = Subject("/volumes/{volume_id}", _VOLUME, "/volumes")
SNAPSHOT = Subject("/snapshots/{snapshot_id}", _SNAPSHOT, "/snapshots")
_DELETE_VOLUME = Question(
    "delete",
    "Delete",
    "The data cannot be restored. Snapshots of the volume are kept.",
    "The volume is being deleted.",
    f"DELETE {_VOLUME}",
    danger=True,
    gone=True,
)
_DELETE_SNAPSHOT = Question(
    "delete",
    "Delete",
    "It cannot be restored. Volumes that were created from it are kept.",
    "The snapshot is being deleted.",
    f"DELETE {_SNAPSHOT}",
    danger=True,
    gone=True,
)


def image_name(row: Row) -> str:
    """The image that something goes back to, by name."""
    return str(row.get("source_image", {}).get("name", ""))


_VOLUMES = (
    Column("name", "Name"),
    Column("status", "Status"),
    Column("capacity", "Capacity", number=True),
    Column("image", "Created from", image_name),
    Column("server", "Instance", lambda row: " ".join(entry["name"] for entry in instances_of(row))),
    Column("zone", "Zone", lambda row: row["zone"]["name"]),
    Column("created_at", "Created"),
)
_SNAPSHOTS = (
    Column("name", "Name"),
    Column("lifecycle_state", "State"),
    Column("minimum_capacity", "Minimum capacity", number=True),
    Column("volume", "Volume", lambda row: row["source_volume"]["name"]),
    Column("image", "Source image", image_name),
    Column("created_at", "Created"),
)
_ATTACHED = Choice("attachment_state", "Use", (("attached", "Attached"), ("unattached", "Not attached")))


def volume_acts(volume: Row) -> list[Offer]:
    at, reason = f"/volumes/{segment(volume['id'])}", refusals.of_volume(volume, "snapshot")
    offered = acts(at, volume, _DELETE_VOLUME, rule=refusals.of_volume)
    return [Offer("Take snapshot", f"{at}/snapshot", False, reason), *offered]


def snapshot_acts(snapshot: Row) -> list[Offer]:
    at = f"/snapshots/{segment(snapshot['id'])}"
    offered = acts(at, snapshot, _DELETE_SNAPSHOT, rule=refusals.of_snapshot)
    if not snapshot["bootable"]:
        return offered
    place, reason = f"/instances/new?source=snapshot+{segment(snapshot['id'])}", refusals.of_snapshot(snapshot, "boot")
    return [Offer("Create instance", place, False, reason), *offered]


async def _volumes(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Linked("/v1/volumes", "volumes"), _VOLUMES, (_ATTACHED,))
    moving = any(row["status"] in {"pending", "pending_deletion", "updating"} for row in table.rows)
    told: dict[str, Any] = {"acts": volume_acts, "instances_of": instances_of, "image_name": image_name}
    return visit.page("storage/volumes.html", list=table, moving=moving, **told)


async def _volume(visit: Visit) -> Response:
    volume = await VOLUME.find(visit)
    told = {"standing": await standing(visit, volume.get("source_image")), "servers": instances_of(volume)}
    return visit.page("storage/volume.html", volume=volume, acts=volume_acts(volume), **told)


async def _new_page(visit: Visit, filled: Form) -> Response:
    zones = [
        (zone["name"], zone["name"])
        for region in (await visit.api.get("/v1/regions"))["regions"]
        for zone in (await visit.api.get(f"/v1/regions/{segment(region['name'])}/zones"))["zones"]
    ]
    profiles, _ = await everything(visit.api, Linked("/v1/volume/profiles", "profiles"))
    told = {"zones": zones, "profiles": [(profile["name"], profile["name"]) for profile in profiles]}
    return visit.form_page("storage/new_volume.html", filled, root_keys=await choices_of_keys(visit.api), **told)


async def _new(visit: Visit, filled: Form) -> Response:
    body = filled.body("name", "profile.name", "zone.name", "encryption_key.crn")
    capacity = filled.get("capacity")
    body |= {"capacity": number(capacity)} if capacity else {}
    made = await visit.api.send("POST", "/v1/volumes", body)
    return visit.to(f"/volumes/{segment(made['id'])}", "The volume is being created.", "info")


async def _snapshots(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Linked("/v1/snapshots", "snapshots"), _SNAPSHOTS)
    moving = any(row["lifecycle_state"] in {"pending", "deleting", "updating"} for row in table.rows)
    told: dict[str, Any] = {"acts": snapshot_acts, "image_name": image_name}
    return visit.page("storage/snapshots.html", list=table, moving=moving, **told)


async def _snapshot(visit: Visit) -> Response:
    snapshot = await SNAPSHOT.find(visit)
    told = {"standing": await standing(visit, snapshot.get("source_image")), "acts": snapshot_acts(snapshot)}
    return visit.page("storage/snapshot.html", snapshot=snapshot, **told)


async def _take_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("storage/take.html", filled, volume=await VOLUME.find(visit))


async def _take(visit: Visit, filled: Form) -> Response:
    """The volume is looked up first: who does not see it gets its page, which is none."""
    volume = await VOLUME.find(visit)
    body = {**filled.body("name"), "source_volume": {"id": volume["id"]}}
    made = await visit.api.send("POST", "/v1/snapshots", body)
    return visit.to(f"/snapshots/{segment(made['id'])}", "The snapshot is being taken.", "info")


PAGES: tuple[Page, ...] = (
    page("/volumes", _volumes, "GET /v1/volumes"),
    *form("/volumes/new", _new_page, _new, "POST /v1/volumes"),
    page(VOLUME.here, _volume, f"GET {_VOLUME}"),
    *form(f"{VOLUME.here}/snapshot", _take_page, _take, "POST /v1/snapshots"),
    *question(VOLUME, _DELETE_VOLUME),
    page("/snapshots", _snapshots, "GET /v1/snapshots"),
    page(SNAPSHOT.here, _snapshot, f"GET {_SNAPSHOT}"),
    *question(SNAPSHOT, _DELETE_SNAPSHOT),
)
