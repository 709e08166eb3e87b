"""`/v1/images` and `/v1/operating_systems`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import among
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.db.session import Session
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


def _list(session: Session, request: Request, query: ImageParameters) -> dict[str, Any]:
    """List the caller's images."""
    return collection(request, session, "images", list_images(session, query), to_response, query.limit)


def _get(session: Session, request: Request) -> ImageResponse:
    """Get an image."""
    return to_response(request.authorized.resource, session)


def _list_systems(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the operating systems."""
    systems = sorted(OPERATING_SYSTEMS.values(), key=lambda system: system.name)
    page = among(query, systems, lambda system: system.name)
    return collection(
        request, session, "operating_systems", page, lambda one, u: operating_system_response(one, u.ctx), query.limit
    )


def _get_system(session: Session, request: Request) -> OperatingSystemResponse:
    """Get an operating system by its name."""
    return operating_system_response(operating_system(request.params["name"]), session.ctx)


def _changes(service: ImageService) -> tuple[Route, ...]:
    def create(session: Session, request: Request) -> ImageResponse:
        """Import an image from object storage, or make one from a volume."""
        return to_response(service.create(session, request.body), session)

    def update(session: Session, request: Request) -> ImageResponse:
        """Change an image: its name, what it may be used for, when it is retired."""
        return to_response(service.update(session, request.authorized, request.body), session)

    def delete(session: Session, request: Request) -> None:
        """Delete an image."""
        service.delete(session, request.authorized)

    def deprecate(session: Session, request: Request) -> None:
        """Deprecate an image."""
        service.deprecate(session, request.authorized)

    def obsolete(session: Session, request: Request) -> None:
        """Make an image obsolete."""
        service.obsolete(session, request.authorized)

    one = "/v1/images/{id}"
    change, remove = (access.item(IMAGE, f"is.image.image.{verb}") for verb in ("update", "delete"))
    make = access.create("is.image.image.create")
    return (
        route(
            "POST",
            "/v1/images",
            create,
            surface=VPC,
            access=make,
            body=CreateImageRequest,
            answer=ImageResponse,
            status=201,
        ),
        route("PATCH", one, update, surface=VPC, access=change, body=UpdateImageRequest, answer=ImageResponse),
        route("DELETE", one, delete, surface=VPC, access=remove, status=202),
        route("POST", f"{one}/deprecate", deprecate, surface=VPC, access=change, status=204),
        route("POST", f"{one}/obsolete", obsolete, surface=VPC, access=change, status=204),
    )


def routes(service: ImageService) -> tuple[Route, ...]:
    anybody = access.member("is.operating-system.operating-system.read")
    systems = "/v1/operating_systems"
    return (
        route("GET", "/v1/images", _list, surface=VPC, access=access.listing(IMAGE), query=ImageParameters),
        route("GET", "/v1/images/{id}", _get, surface=VPC, access=access.item(IMAGE), answer=ImageResponse),
        *_changes(service),
        route("GET", systems, _list_systems, surface=VPC, access=anybody, query=PageParameters),
        route("GET", f"{systems}/{{name}}", _get_system, surface=VPC, access=anybody, answer=OperatingSystemResponse),
    )
