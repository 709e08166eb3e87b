"""Instances: the list, what an instance was made from, its serial console, and what can be done with it."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.confirmations import Question, Subject, acts, question
from kunsthalle.console.instance_console_pages import engine_of, has_screen, is_simulated
from kunsthalle.console.listing import Column, Linked, Row, listing
from kunsthalle.console.page_frame import POLICY, Page, Visit, page
from kunsthalle.console.resource_shapes import Offer

INSTANCE = "/v1/instances/{id}"
SERVER = Subject("/instances/{instance_id}", INSTANCE, "/instances")
MOVING = frozenset({"pending", "starting", "stopping", "restarting", "deleting"})
"""States that an instance leaves by itself."""
SCREEN_POLICY = POLICY.replace("img-src 'self'", "img-src 'self' data:")
"""A screen is drawn of images that its script makes."""
LAST_BYTES = 16_384
"""So many bytes of a serial console are shown."""
_UNPRINTED = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_ACTIONS = "POST /v1/instances/{instance_id}/actions"

_START = Question(
    "start", "Start", "It boots from its own volume.", "The instance starts.", _ACTIONS, {"type": "start"}
)
_STOP = Question(
    "stop",
    "Stop",
    "Its guest is asked to shut down.",
    "The instance stops.",
    _ACTIONS,
    {"type": "stop"},
)
_REBOOT = Question(
    "reboot", "Reboot", "Its guest is asked to boot again.", "The instance boots again.", _ACTIONS, {"type": "reboot"}
)
_DELETE = Question(
    "delete",
    "Delete",
    "It cannot be restored. Volumes that were created with it are deleted too, unless they are set to be kept.",
    "The instance is being deleted.",
    f"DELETE {INSTANCE}",
    danger=True,
    gone=True,
)
_QUESTIONS = (_START, _STOP, _REBOOT, _DELETE)


def source_of(server: Row) -> str:
    """What an instance was made from, by name."""
    return str(server.get("image", {}).get("name", ""))


def address_of(server: Row) -> str:
    return str(server["primary_network_interface"]["primary_ip"]["address"])


_COLUMNS = (
    Column("name", "Name"),
    Column("status", "Status"),
    Column("image", "Created from", source_of),
    Column("profile", "Profile", lambda row: row["profile"]["name"]),
    Column("zone", "Zone", lambda row: row["zone"]["name"]),
    Column("address", "Address", address_of),
    Column("created_at", "Created"),
)


_REACHED = {"start": frozenset({"starting", "running", "restarting"}), "stop": frozenset({"stopping", "stopped"})}
"""The states in which an action has nothing to do."""


def actions(server: Row) -> list[Offer]:
    """What can be done with an instance, and why it would be refused."""
    offered = [entry for entry in _QUESTIONS if server["status"] not in _REACHED.get(entry.key, ())]
    return acts(f"/instances/{segment(server['id'])}", server, *offered, rule=refusals.of_instance)


def with_details(server: Row) -> list[Offer]:
    return [Offer("Show details", f"/instances/{segment(server['id'])}", False), *actions(server)]


async def standing(visit: Visit, image: Row | None) -> str:
    """Whether a kept reference to an image opens: `none`, `opens`, `closed` (no role), `foreign`, or `gone`.

    The API does not tell a foreign image from one that never was; but the reference names the account it belonged to.
    """
    if image is None:
        return "none"
    try:
        image_shown = await visit.if_allowed("GET", f"/v1/images/{segment(image['id'])}")
    except Refused as refused:
        if refused.status != 404:
            raise
        own = visit.session is not None and image["crn"].split(":")[6] == f"a/{visit.session.active}"
        return "gone" if own else "foreign"
    return "opens" if image_shown is not None else "closed"


async def _servers(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Linked("/v1/instances", "instances"), _COLUMNS)
    moving = any(server["status"] in MOVING for server in table.rows)
    simulated = is_simulated(await engine_of(visit, table.rows))
    told: dict[str, Any] = {"actions": with_details, "address_of": address_of, "simulated": simulated}
    return visit.page("instances/list.html", list=table, moving=moving, **told)


async def _tail(visit: Visit) -> Any:
    """The end of the serial console, for those who may operate the instance."""
    path = f"/_kunsthalle/servers/{visit.id('instance_id')}/console"
    try:
        answer = await visit.api.get(path, [("limit", str(LAST_BYTES))])
    except Refused as refused:
        if refused.status == 403:
            return None
        raise
    return {**answer, "text": plain(answer["text"])}


def plain(text: str) -> str:
    """A guest's output without what moves a terminal's cursor or changes its colours."""
    return _UNPRINTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


async def _details(visit: Visit) -> Response:
    server = await SERVER.find(visit)
    engine = await engine_of(visit, [server])
    told = {
        "simulated": is_simulated(engine),
        "screen": has_screen(engine),
        "standing": await standing(visit, server.get("image")),
        "tail": await _tail(visit),
        "actions": actions(server),
    }
    moving = server["status"] in MOVING
    answer = visit.page("instances/details.html", server=server, moving=moving, address=address_of(server), **told)
    answer.headers["content-security-policy"] = SCREEN_POLICY
    return answer


PAGES: tuple[Page, ...] = (
    page("/instances", _servers, "GET /v1/instances"),
    page(SERVER.here, _details, f"GET {INSTANCE}"),
    *(batch for each in _QUESTIONS for batch in question(SERVER, each)),
)
