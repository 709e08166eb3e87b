"""`/v1/regions`: the region this server stands for, and its zones."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, href
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.shapes import NamedWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.context import Context
from kunsthalle.core.errors import not_found
from kunsthalle.core.regions import Region
from kunsthalle.networks.references import zone_ref
from kunsthalle.store.unit import Unit


class RegionWire(Wire):
    """A region; `zones` is ours, newer than what SDKs read."""

    endpoint: str
    href: str
    name: str
    status: str
    zones: list[NamedWire]


class Regions(Wire):
    """All regions at once: this list has no pages."""

    regions: list[RegionWire]


class ZoneWire(Wire):
    """A zone."""

    href: str
    name: str
    region: NamedWire
    status: str


class Zones(Wire):
    """All zones of a region at once: this list has no pages."""

    zones: list[ZoneWire]


def _region_wire(region: Region, ctx: Context) -> RegionWire:
    return RegionWire(
        endpoint=ctx.origin,
        href=href(ctx, f"/regions/{region.name}"),
        name=region.name,
        status="available",
        zones=[zone_ref(ctx, zone) for zone in region.zones],
    )


def _zone_wire(zone: str, region: Region, ctx: Context) -> ZoneWire:
    place = NamedWire(href=href(ctx, f"/regions/{region.name}"), name=region.name)
    return ZoneWire(href=zone_ref(ctx, zone).href, name=zone, region=place, status="available")


def _region(ctx: Context, request: Request, param: str) -> Region:
    if request.params[param] != ctx.region.name:
        raise not_found(param)
    return ctx.region


def _list_regions(unit: Unit, _request: Request) -> Regions:
    """List the regions."""
    return Regions(regions=[_region_wire(unit.ctx.region, unit.ctx)])


def _get_region(unit: Unit, request: Request) -> RegionWire:
    """Get one region."""
    return _region_wire(_region(unit.ctx, request, "name"), unit.ctx)


def _list_zones(unit: Unit, request: Request) -> Zones:
    """List the zones of one region."""
    region = _region(unit.ctx, request, "region_name")
    return Zones(zones=[_zone_wire(zone, region, unit.ctx) for zone in region.zones])


def _get_zone(unit: Unit, request: Request) -> ZoneWire:
    """Get one zone."""
    region = _region(unit.ctx, request, "region_name")
    if request.params["name"] not in region.zones:
        raise not_found("name")
    return _zone_wire(request.params["name"], region, unit.ctx)


def routes() -> tuple[Route, ...]:
    regions, zones = (access.member(f"is.{kind}.{kind}.read") for kind in ("region", "zone"))
    below = "/v1/regions/{region_name}/zones"
    return (
        route("GET", "/v1/regions", _list_regions, family=VPC, access=regions, answer=Regions),
        route("GET", "/v1/regions/{name}", _get_region, family=VPC, access=regions, answer=RegionWire),
        route("GET", below, _list_zones, family=VPC, access=zones, answer=Zones),
        route("GET", f"{below}/{{name}}", _get_zone, family=VPC, access=zones, answer=ZoneWire),
    )
