"""`/v1/images/{id}/instance_profiles` and `/v1/images/{id}/bare_metal_server_profiles`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.images.fitting import Profiles, listed, of_image
from kunsthalle.images.kinds import IMAGE
from kunsthalle.store.unit import Unit

INSTANCE, BARE_METAL = "instance", "bare_metal_server"


def routes(profiles: Profiles) -> tuple[Route, ...]:
    def instance(unit: Unit, request: Request) -> dict[str, Any]:
        """List the instance profiles that an image can be used with."""
        return listed(request, unit, INSTANCE, profiles.instance(of_image(request.granted.it, INSTANCE)))

    def bare_metal(unit: Unit, request: Request) -> dict[str, Any]:
        """List the bare metal server profiles that an image can be used with."""
        return listed(request, unit, BARE_METAL, profiles.bare_metal(of_image(request.granted.it, BARE_METAL)))

    one, see = "/v1/images/{id}", access.item(IMAGE)
    return (
        route("GET", f"{one}/instance_profiles", instance, family=VPC, access=see),
        route("GET", f"{one}/bare_metal_server_profiles", bare_metal, family=VPC, access=see),
    )
