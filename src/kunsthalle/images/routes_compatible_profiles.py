"""`/v1/images/{id}/instance_profiles` and `/v1/images/{id}/bare_metal_server_profiles`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.db.session import Session
from kunsthalle.images.compatible_profiles import Profiles, listed, of_image
from kunsthalle.images.resources import IMAGE

INSTANCE, BARE_METAL = "instance", "bare_metal_server"


def routes(profiles: Profiles) -> tuple[Route, ...]:
    def instance(session: Session, request: Request) -> dict[str, Any]:
        """List the instance profiles that an image can be used with."""
        return listed(request, session, INSTANCE, profiles.instance(of_image(request.authorized.resource, INSTANCE)))

    def bare_metal(session: Session, request: Request) -> dict[str, Any]:
        """List the bare metal server profiles that an image can be used with."""
        return listed(
            request, session, BARE_METAL, profiles.bare_metal(of_image(request.authorized.resource, BARE_METAL))
        )

    one, see = "/v1/images/{id}", access.item(IMAGE)
    return (
        route("GET", f"{one}/instance_profiles", instance, surface=VPC, access=see),
        route("GET", f"{one}/bare_metal_server_profiles", bare_metal, surface=VPC, access=see),
    )
