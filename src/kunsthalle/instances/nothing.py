"""What no server has here: software with licenses of its own, and cards in cluster networks. The lists are empty, for
whoever sees the server.
"""

from __future__ import annotations

from typing import Any

from kunsthalle.api.parts import Part, listing, reading
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route
from kunsthalle.api.wire import Wire
from kunsthalle.instances.kinds import INSTANCE
from kunsthalle.store.unit import Unit


def _none(_unit: Unit, _request: Request) -> list[Any]:
    return []


def _never(_one: Any, _unit: Unit) -> Wire:
    raise LookupError("there is nothing of the kind")


SOFTWARE: Part[Any] = Part(
    INSTANCE,
    "software attachment of a server",
    "/v1/instances/{instance_id}/software_attachments",
    _none,
    _never,
    Wire,
)
CLUSTER_NETWORKS: Part[Any] = Part(
    INSTANCE,
    "cluster network attachment of a server",
    "/v1/instances/{instance_id}/cluster_network_attachments",
    _none,
    _never,
    Wire,
    paged=True,
)


def routes() -> tuple[Route, ...]:
    return (listing(SOFTWARE), reading(SOFTWARE), listing(CLUSTER_NETWORKS))
