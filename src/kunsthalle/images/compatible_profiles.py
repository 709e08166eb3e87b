"""Which profiles of servers go with an image: what the routes ask of the packages that have profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from kunsthalle.api.crud import among
from kunsthalle.api.request import Request
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import PageParameters, collection, href
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS, OperatingSystem


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a system on a disk asks of a server: the expression is `allowed_use`'s for that kind of server."""

    system: OperatingSystem
    expression: str
    managed: bool


class Profiles(Protocol):
    """The names of the profiles that can do it."""

    def instance(self, system_wish: Wanted) -> list[str]:
        """Of virtual servers."""

    def bare_metal(self, system_wish: Wanted) -> list[str]:
        """Of bare metal servers: none for an image that a catalog manages (D2)."""


class ProfileReferenceResponse(ResponseBody):
    """A profile by its name."""

    href: str
    name: str
    resource_type: str


def of_image(image: Image, use: str) -> Wanted:
    """`use` is `instance` or `bare_metal_server`."""
    return Wanted(OPERATING_SYSTEMS[image.operating_system], image.allowed_use.get(use, "true"), image.managed)


def of_disk(system: str, allowed_use: Mapping[str, str]) -> Wanted:
    """What a bootable disk asks of a virtual server."""
    return Wanted(OPERATING_SYSTEMS[system], allowed_use["instance"], managed=False)


def listed(request: Request, session: Session, query: PageParameters, kind: str, names: list[str]) -> dict[str, Any]:
    """A page of profiles (`kind` is `instance` or `bare_metal_server`), by ascending name (A5)."""
    page = among(query, sorted(names), lambda name: name)

    def wire(name: str, session: Session) -> ProfileReferenceResponse:
        where = href(session.ctx, f"/{kind}/profiles/{name}")
        return ProfileReferenceResponse(href=where, name=name, resource_type=f"{kind}_profile")

    return collection(request, session, f"{kind}_profiles", page, wire, query.limit)
