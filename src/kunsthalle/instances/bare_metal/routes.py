"""`/v1/bare_metal_servers` and `/v1/bare_metal_server/profiles`. Simulated: states move, nothing runs."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field
from sqlalchemy import ColumnElement, false

from kunsthalle.api import access
from kunsthalle.api.crud import NameRequest, Resource, among, listing, making, reading, updating
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.api.vpc_parameters import InVpcParameters
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.instances.bare_metal import routes_networks, service
from kunsthalle.instances.bare_metal.bare_metal_profiles import (
    BARE_METAL_PROFILES,
    BareMetalProfileResponse,
    named,
    profile_response,
)
from kunsthalle.instances.bare_metal.models import BareMetalServer
from kunsthalle.instances.bare_metal.requests import (
    CreateBareMetalRequest,
    InitializationRequest,
    MetalOptionsRequest,
    StopRequest,
)
from kunsthalle.instances.bare_metal.resources import BARE_METAL
from kunsthalle.instances.bare_metal.schemas import (
    BareMetalServerResponse,
    MetalDiskResponse,
    MetalDisks,
    MetalInitializationResponse,
    disk_response,
    disks_response,
    initialization_response,
    server_response,
)
from kunsthalle.networks.queries import of_vpc, usual

_RESERVATION = ("reservation_id", "reservation_crn", "reservation_name")
Never = Annotated[str | None, Meta(description="No server here has one: every value matches nothing.")]


class BareMetalParameters(InVpcParameters, frozen=True):
    """Of the list of bare metal servers."""

    reservation_id: Never = field(name="reservation.id", default=None)
    reservation_crn: Never = field(name="reservation.crn", default=None)
    reservation_name: Never = field(name="reservation.name", default=None)


def _reserved(_session: Session, _value: str) -> ColumnElement[bool]:
    return false()


SERVERS = Resource(
    BARE_METAL,
    "/v1/bare_metal_servers",
    server_response,
    BareMetalServerResponse,
    {**usual(BARE_METAL), **of_vpc(BARE_METAL.table.c.vpc_id), **dict.fromkeys(_RESERVATION, _reserved)},
    query=BareMetalParameters,
)
_ONE = f"{SERVERS.path}/{{id}}"
_DISKS = f"{SERVERS.path}/{{bare_metal_server_id}}/disks"
_PROFILES = "/v1/bare_metal_server/profiles"


def _list_profiles(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the bare metal server profiles."""
    page = among(query, list(BARE_METAL_PROFILES.values()), lambda profile: profile.name)
    return collection(
        request, session, "profiles", page, lambda profile, u: profile_response(profile, u.ctx), query.limit
    )


def _get_profile(session: Session, request: Request) -> BareMetalProfileResponse:
    """Get a bare metal server profile by its name."""
    return profile_response(named(request.params["name"]), session.ctx)


def _delete(session: Session, _request: Request, server: Authorized[BareMetalServer]) -> None:
    """Delete a bare metal server."""
    service.delete(session, server)


def _initialization(session: Session, _request: Request, server: BareMetalServer) -> MetalInitializationResponse:
    """Get what a bare metal server was last initialized with."""
    return initialization_response(server, session.ctx)


def _initialize(session: Session, request: Request, server: BareMetalServer) -> MetalInitializationResponse:
    """Put another image on a stopped bare metal server, and start it. Refused for an image that a catalog manages."""
    return initialization_response(service.initialize(session, server, request.body), session.ctx)


def _start(session: Session, _request: Request, server: BareMetalServer) -> None:
    """Start a bare metal server."""
    service.start(session, server)


def _stop(session: Session, request: Request, server: BareMetalServer) -> None:
    """Stop a bare metal server."""
    service.stop(session, server, request.body)


def _restart(session: Session, _request: Request, server: BareMetalServer) -> None:
    """Restart a bare metal server."""
    service.restart(session, server)


def _list_disks(session: Session, _request: Request, server: BareMetalServer) -> MetalDisks:
    """List the disks of a bare metal server."""
    return disks_response(server, session.ctx)


def _get_disk(session: Session, request: Request, server: BareMetalServer) -> MetalDiskResponse:
    """Get one disk of a bare metal server."""
    return disk_response(server, service.disk_of(server, request.params["id"]), session.ctx)


def _rename_disk(session: Session, request: Request, server: BareMetalServer) -> MetalDiskResponse:
    """Change the name of a disk of a bare metal server."""
    id_ = request.params["id"]
    renamed = service.rename_disk(session, server, id_, request.body)
    return disk_response(renamed, service.disk_of(renamed, id_), session.ctx)


def routes() -> tuple[Route, ...]:
    anybody, start = access.member(BARE_METAL.read), f"{_ONE}/initialization"
    read, change, operate = SERVERS.on_one(), SERVERS.on_one("update"), SERVERS.on_one("operate")
    disks = access.item(BARE_METAL, param="bare_metal_server_id")
    rename = access.item(BARE_METAL, SERVERS.action("update"), param="bare_metal_server_id")
    disk, replaced = f"{_DISKS}/{{id}}", MetalInitializationResponse
    return (
        route("GET", _PROFILES, _list_profiles, surface=VPC, access=anybody, query=PageParameters),
        route(
            "GET", f"{_PROFILES}/{{name}}", _get_profile, surface=VPC, access=anybody, answer=BareMetalProfileResponse
        ),
        listing(SERVERS, "List the bare metal servers."),
        reading(SERVERS, "Get a bare metal server."),
        making(SERVERS, "Create a bare metal server.", service.create, CreateBareMetalRequest),
        updating(SERVERS, "Change a bare metal server.", MetalOptionsRequest, service.change),
        route("DELETE", _ONE, _delete, surface=VPC, access=SERVERS.on_one("delete"), status=202),
        route("GET", start, _initialization, surface=VPC, access=read, answer=replaced),
        route("PUT", start, _initialize, surface=VPC, access=change, body=InitializationRequest, answer=replaced),
        route("POST", f"{_ONE}/start", _start, surface=VPC, access=operate, status=204),
        route("POST", f"{_ONE}/stop", _stop, surface=VPC, access=operate, body=StopRequest, status=204),
        route("POST", f"{_ONE}/restart", _restart, surface=VPC, access=operate, status=204),
        route("GET", _DISKS, _list_disks, surface=VPC, access=disks, answer=MetalDisks),
        route("GET", disk, _get_disk, surface=VPC, access=disks, answer=MetalDiskResponse),
        route("PATCH", disk, _rename_disk, surface=VPC, access=rename, body=NameRequest, answer=MetalDiskResponse),
        *routes_networks.routes(),
    )
