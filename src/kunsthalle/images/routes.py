"""`/v1/images` and `/v1/operating_systems`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection, paging
from kunsthalle.api.regular import among
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.images.kinds import IMAGE
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS, operating_system
from kunsthalle.images.queries import list_images
from kunsthalle.images.service import ImageService
from kunsthalle.images.wire import (
    CreateImageBody,
    ImageWire,
    OperatingSystemWire,
    UpdateImageBody,
    operating_system_wire,
    to_wire,
)
from kunsthalle.store.unit import Unit


def _list(unit: Unit, request: Request) -> dict[str, Any]:
    """List the caller's images."""
    after, limit = paging(request)
    return collection(request, unit, "images", list_images(unit, request, after, limit), to_wire, limit)


def _get(unit: Unit, request: Request) -> ImageWire:
    """Get an image."""
    return to_wire(request.granted.it, unit)


def _list_systems(unit: Unit, request: Request) -> dict[str, Any]:
    """List the operating systems."""
    systems = sorted(OPERATING_SYSTEMS.values(), key=lambda system: system.name)
    page, limit = among(request, systems, lambda system: system.name)
    return collection(request, unit, "operating_systems", page, lambda one, u: operating_system_wire(one, u.ctx), limit)


def _get_system(unit: Unit, request: Request) -> OperatingSystemWire:
    """Get an operating system by its name."""
    return operating_system_wire(operating_system(request.params["name"]), unit.ctx)


def _changes(service: ImageService) -> tuple[Route, ...]:
    def create(unit: Unit, request: Request) -> ImageWire:
        """Import an image from object storage, or make one from a volume."""
        return to_wire(service.create(unit, request.body), unit)

    def update(unit: Unit, request: Request) -> ImageWire:
        """Change an image: its name, what it may be used for, when it is retired."""
        return to_wire(service.update(unit, request.granted, request.body), unit)

    def delete(unit: Unit, request: Request) -> None:
        """Delete an image."""
        service.delete(unit, request.granted)

    def deprecate(unit: Unit, request: Request) -> None:
        """Deprecate an image."""
        service.deprecate(unit, request.granted)

    def obsolete(unit: Unit, request: Request) -> None:
        """Make an image obsolete."""
        service.obsolete(unit, request.granted)

    one = "/v1/images/{id}"
    change, remove = (access.item(IMAGE, f"is.image.image.{verb}") for verb in ("update", "delete"))
    make = access.create("is.image.image.create")
    return (
        route(
            "POST",
            "/v1/images",
            create,
            family=VPC,
            access=make,
            body=CreateImageBody,
            answer=ImageWire,
            status=201,
        ),
        route("PATCH", one, update, family=VPC, access=change, body=UpdateImageBody, answer=ImageWire),
        route("DELETE", one, delete, family=VPC, access=remove, status=202),
        route("POST", f"{one}/deprecate", deprecate, family=VPC, access=change, status=204),
        route("POST", f"{one}/obsolete", obsolete, family=VPC, access=change, status=204),
    )


def routes(service: ImageService) -> tuple[Route, ...]:
    anybody = access.member("is.operating-system.operating-system.read")
    systems = "/v1/operating_systems"
    return (
        route("GET", "/v1/images", _list, family=VPC, access=access.listing(IMAGE)),
        route("GET", "/v1/images/{id}", _get, family=VPC, access=access.item(IMAGE), answer=ImageWire),
        *_changes(service),
        route("GET", systems, _list_systems, family=VPC, access=anybody),
        route("GET", f"{systems}/{{name}}", _get_system, family=VPC, access=anybody, answer=OperatingSystemWire),
    )
