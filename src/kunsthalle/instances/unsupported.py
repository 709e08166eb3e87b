"""What no server has here: software with licenses of its own, and cards in cluster networks. The lists are empty, for
whoever sees the server.
"""

from __future__ import annotations

from typing import Any

from kunsthalle.api.request import Request
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.subresources import Part, listing, reading
from kunsthalle.db.session import Session
from kunsthalle.instances.models import Instance
from kunsthalle.instances.resources import INSTANCE


def _none(_session: Session, _request: Request, _instance: Instance) -> list[Any]:
    return []


def _never(_one: Any, _session: Session) -> ResponseBody:
    raise LookupError("there is nothing of the kind")


SOFTWARE: Part[Any] = Part(
    INSTANCE,
    "/v1/instances/{instance_id}/software_attachments",
    _none,
    _never,
    ResponseBody,
)
CLUSTER_NETWORKS: Part[Any] = Part(
    INSTANCE,
    "/v1/instances/{instance_id}/cluster_network_attachments",
    _none,
    _never,
    ResponseBody,
    paged=True,
)


def routes() -> tuple[Route, ...]:
    return (
        listing(SOFTWARE, "List the software attachments of a server."),
        reading(SOFTWARE, "Get a software attachment of a server."),
        listing(CLUSTER_NETWORKS, "List the cluster network attachments of a server."),
    )
