"""`/v1/images/{id}/instance_profiles` and `/v1/images/{id}/bare_metal_server_profiles`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters
from kunsthalle.db.session import Session
from kunsthalle.images.compatible_profiles import Profiles, listed, of_image
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE

INSTANCE, BARE_METAL = "instance", "bare_metal_server"


def routes(profiles: Profiles) -> tuple[Route, ...]:
    def instance(session: Session, request: Request, image: Image, query: PageParameters) -> dict[str, Any]:
        """List the instance profiles that an image can be used with."""
        names = profiles.instance(of_image(image, INSTANCE))
        return listed(request, session, query, INSTANCE, names)

    def bare_metal(session: Session, request: Request, image: Image, query: PageParameters) -> dict[str, Any]:
        """List the bare metal server profiles that an image can be used with."""
        names = profiles.bare_metal(of_image(image, BARE_METAL))
        return listed(request, session, query, BARE_METAL, names)

    item_path, see = "/v1/images/{id}", access.item(IMAGE)
    return (
        route("GET", f"{item_path}/instance_profiles", instance, surface=VPC, access=see, query=PageParameters),
        route(
            "GET", f"{item_path}/bare_metal_server_profiles", bare_metal, surface=VPC, access=see, query=PageParameters
        ),
    )
