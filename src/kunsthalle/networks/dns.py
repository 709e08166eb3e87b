"""How names are resolved in a VPC: its resolver, and the bindings between VPCs and their hubs.

Kept with the VPC as `{"enable_hub", "type", "manual_servers", "vpc_id"}`; no name server is asked or told anything.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.common_schemas import Name, NamedResponse, ReasonResponse
from kunsthalle.api.crud import NameRequest, Resource, equals, given, listing, making, reading, removing, updating
from kunsthalle.api.references import Identity, NamedIdentity, name_of, own_by_name, refer
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.api.vpc_parameters import SORT, NamedParameters
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import delete, insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.db.visibility import Authorized
from kunsthalle.networks.ipv4_blocks import parse_address
from kunsthalle.networks.models import DnsBinding, Vpc
from kunsthalle.networks.network_references import TypedReferenceResponse, vpc_ref, zone_ref
from kunsthalle.networks.queries import locked, named, vpc_by_crn, zone_of
from kunsthalle.networks.resources import DNS_BINDING, VPC

SYSTEM_SERVERS = ("161.26.0.10", "161.26.0.11")
USUAL: dict[str, Any] = {"enable_hub": False, "type": "system", "manual_servers": [], "vpc_id": None}


class ServerRequest(RequestBody):
    """A name server, and the zone it is meant for."""

    address: str
    zone_affinity: NamedIdentity | UnsetType = UNSET


Servers = Annotated[list[ServerRequest], at_most(3)]


class ResolverRequest(RequestBody):
    """`manual_servers` with the type `manual` only, `vpc` with `delegated` only; null clears them."""

    type: Literal["system", "manual", "delegated"] | UnsetType = UNSET
    manual_servers: Servers | UnsetType | None = UNSET
    vpc: Identity | UnsetType | None = UNSET


class DnsRequest(RequestBody):
    """What may be said of the resolution of names."""

    enable_hub: bool | UnsetType = UNSET
    resolver: ResolverRequest | UnsetType = UNSET


class CreateBindingRequest(RequestBody):
    """The hub to bind to."""

    vpc: Identity
    name: Name | UnsetType = UNSET


class ServerResponse(ResponseBody):
    """A name server."""

    address: str
    zone_affinity: NamedResponse | UnsetType = UNSET


class ResolverResponse(ResponseBody):
    """Who is asked for names: the system, servers named by hand, or the hub's resolver."""

    servers: list[ServerResponse]
    type: str
    configuration: str | UnsetType = UNSET
    manual_servers: list[ServerResponse] | UnsetType = UNSET
    vpc: TypedReferenceResponse | UnsetType = UNSET


class DnsResponse(ResponseBody):
    """How names are resolved in a VPC."""

    enable_hub: bool
    resolution_binding_count: int
    resolver: ResolverResponse


class BindingResponse(ResponseBody):
    """One side of a DNS resolution binding; `vpc` is the other."""

    created_at: str
    endpoint_gateways: list[Any]
    health_reasons: list[ReasonResponse]
    health_state: str
    href: str
    id: str
    lifecycle_state: str
    name: str
    resource_type: str
    vpc: TypedReferenceResponse


def _servers(vpc: Vpc, session: Session) -> list[ServerResponse]:
    dns = vpc.dns
    match dns["type"]:
        case "delegated":
            return _servers(named(session, VPC, dns["vpc_id"]), session)
        case "system":
            return [ServerResponse(address=address) for address in SYSTEM_SERVERS]
        case "manual":
            return [_server(server, session) for server in dns["manual_servers"]]
        case type_:
            raise UnknownMember("type of a resolver", type_)


def _server(server: dict[str, Any], session: Session) -> ServerResponse:
    zone = server["zone"]
    return ServerResponse(
        address=server["address"], zone_affinity=UNSET if zone is None else zone_ref(session.ctx, zone)
    )


def dns_response(vpc: Vpc, session: Session) -> DnsResponse:
    dns = vpc.dns
    servers = _servers(vpc, session)
    resolver = ResolverResponse(servers=servers, type=dns["type"])
    match dns["type"]:
        case "system":
            resolver.configuration = "default"
        case "manual":
            resolver.manual_servers = servers
        case "delegated":
            resolver.vpc = vpc_ref(named(session, VPC, dns["vpc_id"]), session.ctx)
        case type_:
            raise UnknownMember("type of a resolver", type_)
    return DnsResponse(
        enable_hub=dns["enable_hub"], resolution_binding_count=_count(session, vpc.id), resolver=resolver
    )


def _count(session: Session, vpc_id: str) -> int:
    return number_of(session, DNS_BINDING.table, DNS_BINDING.table.c.vpc_id == vpc_id)


def resolved(session: Session, body: DnsRequest | UnsetType, vpc: Vpc | None = None) -> dict[str, Any]:
    """The configuration as it will be, of a new VPC or of one that is there; 400 for what does not go together."""
    before = vpc.dns if vpc else USUAL
    if isinstance(body, UnsetType):
        return before
    hub = given(body.enable_hub, before["enable_hub"])
    if vpc is not None and hub != before["enable_hub"] and _count(session, vpc.id):
        raise invalid("bad_field", "The VPC has DNS resolution bindings.", "dns.enable_hub")
    resolver = before if isinstance(body.resolver, UnsetType) else _resolver(session, body.resolver, before, vpc)
    if hub and resolver["type"] == "delegated":
        raise invalid("bad_field", "A hub does not delegate.", "dns.resolver.type")
    return {**resolver, "enable_hub": hub}


def _resolver(session: Session, body: ResolverRequest, before: dict[str, Any], vpc: Vpc | None) -> dict[str, Any]:
    kind = given(body.type, before["type"])
    servers, hub_id = before["manual_servers"], before["vpc_id"]
    if body.manual_servers is None or not isinstance(body.manual_servers, UnsetType):
        servers = _listed(session, body.manual_servers or [])
    if body.vpc is None:
        hub_id = None
    elif not isinstance(body.vpc, UnsetType):
        hub_id = _hub(session, body.vpc, vpc)
    if (kind == "manual") != bool(servers):
        text = "Servers are named if and only if the type is manual."
        raise invalid("bad_field", text, "dns.resolver.manual_servers")
    if (kind == "delegated") != (hub_id is not None):
        raise invalid("bad_field", "A VPC is named if and only if the type is delegated.", "dns.resolver.vpc")
    return {**before, "type": kind, "manual_servers": servers, "vpc_id": hub_id}


def _listed(session: Session, bodies: list[ServerRequest]) -> list[dict[str, Any]]:
    field = "dns.resolver.manual_servers"
    made: list[dict[str, Any]] = []
    for body in bodies:
        affinity = body.zone_affinity
        zone = None if isinstance(affinity, UnsetType) else zone_of(session, name_of(affinity, field), field)
        made.append({"address": str(parse_address(body.address, f"{field}.address")), "zone": zone})
    zones = [server["zone"] for server in made]
    if any(zones) and sorted(map(str, zones)) != sorted(session.ctx.region.zones):
        raise invalid("bad_field", "With zone_affinity there is exactly one server for each zone.", field)
    return made


def _hub(session: Session, identity: Identity, vpc: Vpc | None) -> str:
    hub = refer(session, VPC, identity, "dns.resolver.vpc").resource
    table = DNS_BINDING.table
    bound = vpc and number_of(session, table, table.c.vpc_id == vpc.id, table.c.other_vpc_id == hub.id)
    if not bound:
        raise invalid("bad_field", "The VPC is not bound to that one for DNS resolution.", "dns.resolver.vpc")
    return hub.id


def binding_response(binding: DnsBinding, session: Session) -> BindingResponse:
    place = f"/vpcs/{binding.vpc_id}/dns_resolution_bindings/{binding.id}"
    return BindingResponse(
        created_at=rfc3339(binding.created_at),
        endpoint_gateways=[],
        health_reasons=[],
        health_state="ok",
        href=href(session.ctx, place),
        id=binding.id,
        lifecycle_state="stable",
        name=binding.name,
        resource_type="vpc_dns_resolution_binding",
        vpc=vpc_ref(named(session, VPC, binding.other_vpc_id), session.ctx),
    )


def _create(session: Session, vpc: Vpc, body: CreateBindingRequest) -> DnsBinding:
    """400 unless the one VPC is a hub and the other neither a hub nor bound."""
    hub = refer(session, VPC, body.vpc, "vpc", "is.vpc.vpc.update").resource
    if hub.id == vpc.id:
        raise invalid("bad_field", "A VPC is not bound to itself.", "vpc")
    # In the order of their ids, so that two bindings at once do not wait for each other.
    rows = {id_: locked(session, VPC, id_, "vpc_id") for id_ in sorted((hub.id, vpc.id))}
    if not rows[hub.id].dns["enable_hub"]:
        raise invalid("bad_field", "The VPC to bind to has dns.enable_hub set to false.", "vpc")
    if rows[vpc.id].dns["enable_hub"] or _count(session, vpc.id):
        raise conflict("invalid_state", "The VPC is a hub itself, or is bound already.")
    ids = [session.ctx.ids.resource(session.ctx.region.prefix) for _ in range(2)]
    name = given(body.name, "") or session.ctx.ids.name()
    _side(session, hub, vpc, ids[1], ids[0], session.ctx.ids.name())
    return _side(session, vpc, hub, ids[0], ids[1], name)


def _side(session: Session, here: Vpc, there: Vpc, id_: str, peer_id: str, name: str) -> DnsBinding:
    row = DnsBinding(
        id=id_,
        account_id=here.account_id,
        vpc_id=here.id,
        resource_group_id=here.resource_group_id,
        name=name,
        other_vpc_id=there.id,
        peer_id=peer_id,
        created_at=session.ctx.now(),
    )
    return insert_named(session, DNS_BINDING, row)


def _delete(session: Session, granted: Authorized[DnsBinding]) -> None:
    """409 while either side delegates to the other."""
    pair = sorted((granted.resource.vpc_id, granted.resource.other_vpc_id))
    if any(locked(session, VPC, id_, "vpc_id").dns["type"] == "delegated" for id_ in pair):
        raise conflict("invalid_state", "A VPC of the binding delegates the resolution of its names.")
    for id_ in (granted.resource.id, granted.resource.peer_id):
        delete(session, DNS_BINDING, id_, granted.resource.account_id)


def change(session: Session, vpc: Vpc, body: DnsRequest | UnsetType) -> None:
    """PATCH of a VPC's configuration."""
    here = locked(session, VPC, vpc.id)
    sent_policy = resolved(session, body, here)
    if sent_policy != here.dns:
        update(session, VPC, vpc.id, dns=sent_policy)


_other = DNS_BINDING.table.c.other_vpc_id


class BindingParameters(NamedParameters, frozen=True):
    """Of the list of DNS resolution bindings."""

    sort: Annotated[Literal["created_at", "-created_at", "name", "-name"] | None, SORT] = None
    vpc_crn: Annotated[str | None, Meta(description="Only bindings to the VPC with this CRN.")] = field(
        name="vpc.crn", default=None
    )
    vpc_name: Annotated[str | None, Meta(description="Only bindings to the VPC of this name.")] = field(
        name="vpc.name", default=None
    )
    account_id: Annotated[
        str | None, Meta(description="Only bindings to VPCs of this other account: none is offered here.")
    ] = field(name="account.id", default=None)


BINDINGS = Resource(
    DNS_BINDING,
    "/v1/vpcs/{vpc_id}/dns_resolution_bindings",
    binding_response,
    BindingResponse,
    {
        "name": equals(DNS_BINDING.table.c.name),
        "vpc_crn": vpc_by_crn(_other),
        "vpc_name": lambda session, value: _other == getattr(own_by_name(session, VPC, value), "id", None),
        # Hubs of other accounts are not offered, so no binding has an account to show.
        "account_id": lambda _session, _value: _other.is_(None),
    },
    parent=VPC,
    parent_field="vpc_id",
    query=BindingParameters,
    fresh="lifecycle_state",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(BINDINGS, "List the DNS resolution bindings."),
        reading(BINDINGS, "Get a DNS resolution binding."),
        making(BINDINGS, "Create a DNS resolution binding.", _create, CreateBindingRequest),
        updating(BINDINGS, "Change a DNS resolution binding.", NameRequest),
        removing(BINDINGS, "Delete a DNS resolution binding.", _delete, shown="lifecycle_state"),
    )
