"""`/v1/regions`: the region this server stands for, and its zones."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.common_schemas import NamedResponse
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import VPC, href
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import not_found
from kunsthalle.core.regions import Region
from kunsthalle.db.session import Session
from kunsthalle.networks.network_references import zone_ref


class RegionResponse(ResponseBody):
    """A region; `zones` is ours, newer than what SDKs read."""

    endpoint: str
    href: str
    name: str
    status: str
    zones: list[NamedResponse]


class Regions(ResponseBody):
    """All regions at once: this list has no pages."""

    regions: list[RegionResponse]


class ZoneResponse(ResponseBody):
    """A zone."""

    href: str
    name: str
    region: NamedResponse
    status: str


class Zones(ResponseBody):
    """All zones of a region at once: this list has no pages."""

    zones: list[ZoneResponse]


def _region_response(region: Region, ctx: Context) -> RegionResponse:
    return RegionResponse(
        endpoint=ctx.origin,
        href=href(ctx, f"/regions/{region.name}"),
        name=region.name,
        status="available",
        zones=[zone_ref(ctx, zone) for zone in region.zones],
    )


def _zone_response(zone: str, region: Region, ctx: Context) -> ZoneResponse:
    place = NamedResponse(href=href(ctx, f"/regions/{region.name}"), name=region.name)
    return ZoneResponse(href=zone_ref(ctx, zone).href, name=zone, region=place, status="available")


def _region(ctx: Context, request: Request, param: str) -> Region:
    if request.params[param] != ctx.region.name:
        raise not_found(param)
    return ctx.region


def _list_regions(session: Session, _request: Request) -> Regions:
    """List the regions."""
    return Regions(regions=[_region_response(session.ctx.region, session.ctx)])


def _get_region(session: Session, request: Request) -> RegionResponse:
    """Get one region."""
    return _region_response(_region(session.ctx, request, "name"), session.ctx)


def _list_zones(session: Session, request: Request) -> Zones:
    """List the zones of one region."""
    region = _region(session.ctx, request, "region_name")
    return Zones(zones=[_zone_response(zone, region, session.ctx) for zone in region.zones])


def _get_zone(session: Session, request: Request) -> ZoneResponse:
    """Get one zone."""
    region = _region(session.ctx, request, "region_name")
    if request.params["name"] not in region.zones:
        raise not_found("name")
    return _zone_response(request.params["name"], region, session.ctx)


def routes() -> tuple[Route, ...]:
    regions, zones = (access.member(f"is.{kind}.{kind}.read") for kind in ("region", "zone"))
    below = "/v1/regions/{region_name}/zones"
    return (
        route("GET", "/v1/regions", _list_regions, surface=VPC, access=regions, answer=Regions),
        route("GET", "/v1/regions/{name}", _get_region, surface=VPC, access=regions, answer=RegionResponse),
        route("GET", below, _list_zones, surface=VPC, access=zones, answer=Zones),
        route("GET", f"{below}/{{name}}", _get_zone, surface=VPC, access=zones, answer=ZoneResponse),
    )
