"""`/v1/images` and `/v1/operating_systems`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, among, changing, making, reading, removing
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS, operating_system
from kunsthalle.images.queries import ImageParameters, list_images
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.schemas import (
    CreateImageRequest,
    ImageResponse,
    OperatingSystemResponse,
    UpdateImageRequest,
    operating_system_response,
    to_response,
)
from kunsthalle.images.service import ImageService

IMAGES = Resource(IMAGE, "/v1/images", to_response, ImageResponse)


def _list(session: Session, request: Request, query: ImageParameters) -> dict[str, Any]:
    """List the caller's images."""
    return collection(request, session, "images", list_images(session, query), to_response, query.limit)


def _list_systems(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the operating systems."""
    systems = sorted(OPERATING_SYSTEMS.values(), key=lambda system: system.name)
    page = among(query, systems, lambda system: system.name)
    return collection(
        request,
        session,
        "operating_systems",
        page,
        lambda system, u: operating_system_response(system, u.ctx),
        query.limit,
    )


def _get_system(session: Session, request: Request) -> OperatingSystemResponse:
    """Get an operating system by its name."""
    return operating_system_response(operating_system(request.params["name"]), session.ctx)


def _changes(service: ImageService) -> tuple[Route, ...]:
    def deprecate(session: Session, _request: Request, image: Authorized[Image]) -> None:
        """Deprecate an image."""
        service.deprecate(session, image)

    def obsolete(session: Session, _request: Request, image: Authorized[Image]) -> None:
        """Make an image obsolete."""
        service.obsolete(session, image)

    item_path, change = f"{IMAGES.path}/{{id}}", IMAGES.on_one("update")
    made = "Import an image from object storage, or make one from a volume."
    changed = "Change an image: its name, what it may be used for, when it is retired."
    return (
        making(IMAGES, made, service.create, CreateImageRequest),
        changing(IMAGES, changed, service.update, UpdateImageRequest),
        removing(IMAGES, "Delete an image.", service.delete, status=202),
        route("POST", f"{item_path}/deprecate", deprecate, surface=VPC, access=change, status=204),
        route("POST", f"{item_path}/obsolete", obsolete, surface=VPC, access=change, status=204),
    )


def routes(service: ImageService) -> tuple[Route, ...]:
    anybody = access.member("is.operating-system.operating-system.read")
    systems = "/v1/operating_systems"
    return (
        route("GET", "/v1/images", _list, surface=VPC, access=access.listing(IMAGE), query=ImageParameters, kept=True),
        reading(IMAGES, "Get an image.", repeatable=True),
        *_changes(service),
        route("GET", systems, _list_systems, surface=VPC, access=anybody, query=PageParameters),
        route("GET", f"{systems}/{{name}}", _get_system, surface=VPC, access=anybody, answer=OperatingSystemResponse),
    )
