"""`/v1/bare_metal_servers` and `/v1/bare_metal_server/profiles`. Simulated: states move, nothing runs."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection
from kunsthalle.api.regular import NameBody, Resource, among, listing, making, reading, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.instances.metal import network_routes, service
from kunsthalle.instances.metal.bodies import CreateBareMetalBody, InitializationBody, MetalOptionsBody, StopBody
from kunsthalle.instances.metal.kinds import BARE_METAL
from kunsthalle.instances.metal.profiles import BARE_METAL_PROFILES, BareMetalProfileWire, named, profile_wire
from kunsthalle.instances.metal.wire import (
    BareMetalServerWire,
    MetalDisks,
    MetalDiskWire,
    MetalInitializationWire,
    disk_wire,
    disks_wire,
    initialization_wire,
    server_wire,
)
from kunsthalle.networks.queries import of_vpc, usual
from kunsthalle.store.unit import Unit

SERVERS = Resource(
    BARE_METAL,
    "bare metal server",
    "/v1/bare_metal_servers",
    server_wire,
    BareMetalServerWire,
    {**usual(BARE_METAL), **of_vpc(BARE_METAL.table.c.vpc_id)},
)
_ONE = f"{SERVERS.path}/{{id}}"
_DISKS = f"{SERVERS.path}/{{bare_metal_server_id}}/disks"
_PROFILES = "/v1/bare_metal_server/profiles"


def _list_profiles(unit: Unit, request: Request) -> dict[str, Any]:
    """List the bare metal server profiles."""
    page, limit = among(request, list(BARE_METAL_PROFILES.values()), lambda one: one.name)
    return collection(request, unit, "profiles", page, lambda one, u: profile_wire(one, u.ctx), limit)


def _get_profile(unit: Unit, request: Request) -> BareMetalProfileWire:
    """Get a bare metal server profile by its name."""
    return profile_wire(named(request.params["name"]), unit.ctx)


def _delete(unit: Unit, request: Request) -> None:
    """Delete a bare metal server."""
    service.delete(unit, request.granted)


def _initialization(unit: Unit, request: Request) -> MetalInitializationWire:
    """Get what a bare metal server was last initialized with."""
    return initialization_wire(request.granted.it, unit.ctx)


def _initialize(unit: Unit, request: Request) -> MetalInitializationWire:
    """Put another image on a stopped bare metal server, and start it. Refused for an image that a catalog manages."""
    return initialization_wire(service.initialize(unit, request.granted.it, request.body), unit.ctx)


def _start(unit: Unit, request: Request) -> None:
    """Start a bare metal server."""
    service.start(unit, request.granted.it)


def _stop(unit: Unit, request: Request) -> None:
    """Stop a bare metal server."""
    service.stop(unit, request.granted.it, request.body)


def _restart(unit: Unit, request: Request) -> None:
    """Restart a bare metal server."""
    service.restart(unit, request.granted.it)


def _list_disks(unit: Unit, request: Request) -> MetalDisks:
    """List the disks of a bare metal server."""
    return disks_wire(request.granted.it, unit.ctx)


def _get_disk(unit: Unit, request: Request) -> MetalDiskWire:
    """Get one disk of a bare metal server."""
    server = request.granted.it
    return disk_wire(server, service.disk_of(server, request.params["id"]), unit.ctx)


def _rename_disk(unit: Unit, request: Request) -> MetalDiskWire:
    """Change the name of a disk of a bare metal server."""
    id_ = request.params["id"]
    server = service.rename_disk(unit, request.granted.it, id_, request.body)
    return disk_wire(server, service.disk_of(server, id_), unit.ctx)


def routes() -> tuple[Route, ...]:
    anybody, start = access.member(BARE_METAL.read), f"{_ONE}/initialization"
    read, change, operate = SERVERS.on_one(), SERVERS.on_one("update"), SERVERS.on_one("operate")
    disks = access.item(BARE_METAL, param="bare_metal_server_id")
    rename = access.item(BARE_METAL, SERVERS.action("update"), param="bare_metal_server_id")
    disk, replaced = f"{_DISKS}/{{id}}", MetalInitializationWire
    return (
        route("GET", _PROFILES, _list_profiles, family=VPC, access=anybody),
        route("GET", f"{_PROFILES}/{{name}}", _get_profile, family=VPC, access=anybody, answer=BareMetalProfileWire),
        listing(SERVERS),
        reading(SERVERS),
        making(SERVERS, service.create, CreateBareMetalBody),
        updating(SERVERS, MetalOptionsBody, service.change),
        route("DELETE", _ONE, _delete, family=VPC, access=SERVERS.on_one("delete"), status=202),
        route("GET", start, _initialization, family=VPC, access=read, answer=replaced),
        route("PUT", start, _initialize, family=VPC, access=change, body=InitializationBody, answer=replaced),
        route("POST", f"{_ONE}/start", _start, family=VPC, access=operate, status=204),
        route("POST", f"{_ONE}/stop", _stop, family=VPC, access=operate, body=StopBody, status=204),
        route("POST", f"{_ONE}/restart", _restart, family=VPC, access=operate, status=204),
        route("GET", _DISKS, _list_disks, family=VPC, access=disks, answer=MetalDisks),
        route("GET", disk, _get_disk, family=VPC, access=disks, answer=MetalDiskWire),
        route("PATCH", disk, _rename_disk, family=VPC, access=rename, body=NameBody, answer=MetalDiskWire),
        *network_routes.routes(),
    )
