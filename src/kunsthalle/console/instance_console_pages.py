"""Consoles in an instance's page: the token that its script asks for, and what an instance has of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from kunsthalle.console.api_client import segment
from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Page, Visit, call, filled, json_answer
from kunsthalle.core.hypervisor_names import HYPERVISORS

TOKEN = "/v1/instances/{instance_id}/console_access_token"  # noqa: S105  a path


async def engine_of(visit: Visit, instances: list[Row]) -> str:
    """The engine that runs the instances, which is one for all of a server; '' where nobody may be told.

    It is asked of the first one.
    """
    if not instances:
        return ""
    told = await visit.if_allowed("GET", f"/_kunsthalle/servers/{segment(str(instances[0]['id']))}")
    return str(told["engine"]) if told is not None else ""


def is_simulated(engine: str) -> bool:
    """Whether no guest runs in the instances of an engine; False for ''."""
    return bool(engine) and not HYPERVISORS[engine].runs_guests


def has_screen(engine: str) -> bool:
    """Whether the instances of an engine have a screen; simulated ones have none. False for ''."""
    return bool(engine) and HYPERVISORS[engine].runs_guests


async def _token(visit: Visit) -> Response:
    """A token, and the address of the web socket that it opens, on the host that the browser speaks to."""
    form = await filled(visit.request)
    body: dict[str, Any] = {"console_type": form.get("console_type"), "force": form.get("force") == "true"}
    path = f"/v1/instances/{visit.id('instance_id')}/console_access_token"
    made = urlsplit((await visit.api.send("POST", path, body))["href"])
    return json_answer({"address": f"{made.path}?{made.query}"})


CALLS: tuple[Page, ...] = (call("POST", "/instances/{instance_id}/console-token", _token, f"POST {TOKEN}"),)
"""What the script of an instance's page asks for, and is answered in JSON."""
