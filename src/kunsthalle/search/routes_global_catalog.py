"""Global Catalog: `/api/v1`, of which there is what Resource Controller provisions: services and their plans.

Clients look up the ids of a service and of a plan by name, and where the plan is deployed, before they create an
instance; and the names by the ids afterwards (terraform.md 1.1).
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, not_implemented, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.core.errors import not_found
from kunsthalle.core.regions import REGIONS
from kunsthalle.db.session import Session
from kunsthalle.images.offered_services import OFFERED
from kunsthalle.service_instances.service import GLOBAL

BASE = "/api/v1"
NOT_SERVED = (
    f"POST {BASE}",
    f"PUT {BASE}/{{id}}",
    f"DELETE {BASE}/{{id}}",
    f"PUT {BASE}/{{id}}/restore",
    f"GET {BASE}/{{id}}/visibility",
    f"PUT {BASE}/{{id}}/visibility",
    f"GET {BASE}/{{id}}/pricing",
    f"GET {BASE}/{{id}}/pricing/deployment",
    f"GET {BASE}/{{id}}/logs",
    f"GET {BASE}/{{id}}/artifacts",
    f"GET {BASE}/{{id}}/artifacts/{{artifact_id}}",
    f"PUT {BASE}/{{id}}/artifacts/{{artifact_id}}",
    f"DELETE {BASE}/{{id}}/artifacts/{{artifact_id}}",
)
"""The entries are given: nobody changes them, everybody sees them, and nothing costs anything."""
_CRN = "crn:v1:bluemix:public:globalcatalog::::"


class _Entry(Struct, frozen=True):
    """What the catalog has: a service, a plan of it, or a deployment of a plan."""

    id: str
    name: str
    kind: str
    parent: str
    metadata: dict[str, Any]


def _entries() -> dict[str, _Entry]:
    entries = []
    for service in OFFERED.values():
        kind = "service" if service.regional else "iaas"
        usable = {"service": {"rc_provisionable": True, "iam_compatible": True}}
        entries.append(_Entry(service.id, service.name, kind, "", usable))
        for plan_id, name in service.plans.items():
            entries.append(_Entry(plan_id, name, "plan", service.id, {"plan": {}}))
            entries += [_deployment(plan_id, location) for location in (REGIONS if service.regional else [GLOBAL])]
    return {entry.id: entry for entry in entries}


def _deployment(plan_id: str, location: str) -> _Entry:
    where = {"location": location, "target_crn": f"{_CRN}environment:{location}"}
    return _Entry(f"{plan_id}:{location}", location, "deployment", plan_id, {"deployment": where})


ENTRIES = _entries()
"""By id. Object storage is of the kind `iaas` in the real catalog, too."""


class EntryResponse(ResponseBody):
    """An entry of the catalog."""

    id: str
    name: str
    kind: str
    catalog_crn: str
    url: str
    children_url: str
    active: bool
    disabled: bool
    tags: list[str]
    metadata: dict[str, Any]
    overview_ui: dict[str, dict[str, str]]
    images: dict[str, str]
    provider: dict[str, str]
    parent_id: str | UnsetType = UNSET


class EntriesResponse(ResponseBody):
    """A page of entries; there are so few that it is the only one."""

    offset: int
    limit: int
    count: int
    resource_count: int
    resources: list[EntryResponse]


class EntriesParameters(Parameters, frozen=True):
    """Of lists of entries."""

    q: Annotated[str, Meta(description="Only entries with this text in their name.")] = ""
    limit: Annotated[int, Meta(ge=0, le=200, description="How many entries a page has at most.")] = field(
        name="_limit", default=50
    )
    offset: Annotated[int, Meta(ge=0, le=10**8, description="How many entries come before the page.")] = field(
        name="_offset", default=0
    )


def _shown(entry: _Entry, origin: str) -> EntryResponse:
    own = f"{origin}{BASE}/{entry.id}"
    overview = dict.fromkeys(("display_name", "description", "long_description"), entry.name)
    return EntryResponse(
        id=entry.id,
        name=entry.name,
        kind=entry.kind,
        catalog_crn=f"{_CRN}{'service' if not entry.parent else entry.kind}:{entry.id.replace(':', '%3A')}",
        url=own,
        children_url=f"{own}/*",
        active=True,
        disabled=False,
        tags=[],
        metadata={"rc_compatible": True, **entry.metadata},
        overview_ui={"en": overview},
        images={"image": ""},
        provider={"name": "IBM", "email": ""},
        parent_id=entry.parent or UNSET,
    )


def _page(session: Session, entries: list[_Entry], query: EntriesParameters) -> EntriesResponse:
    named = [entry for entry in entries if query.q in entry.name]
    shown = named[query.offset : query.offset + query.limit]
    items = [_shown(entry, session.ctx.origin) for entry in shown]
    return EntriesResponse(query.offset, query.limit, len(named), len(items), items)


def _list(session: Session, _request: Request, query: EntriesParameters) -> EntriesResponse:
    """List the services that Resource Controller provisions."""
    return _page(session, [entry for entry in ENTRIES.values() if not entry.parent], query)


def _find(request: Request) -> _Entry:
    entry = ENTRIES.get(request.params["id"])
    if entry is None:
        raise not_found("id")
    return entry


def _get(session: Session, request: Request) -> EntryResponse:
    """Get a service, a plan or a deployment."""
    return _shown(_find(request), session.ctx.origin)


def _children(session: Session, request: Request, query: EntriesParameters) -> EntriesResponse:
    """List the plans of a service, or the deployments of a plan; `*` is any kind."""
    parent, kind = _find(request), request.params["kind"]
    entries = [entry for entry in ENTRIES.values() if entry.parent == parent.id]
    # The plans of what is of the kind `iaas` are asked for as flavors.
    kinds = {"flavor": "plan"}
    return _page(
        session, [entry for entry in entries if kind in {"*", entry.kind} or kinds.get(kind) == entry.kind], query
    )


_ANYONE = access.member("resource-controller.instance.read")


def not_implemented_routes() -> tuple[Route, ...]:
    """The table as routes that refuse."""
    return not_implemented(NOT_SERVED, PLATFORM, _ANYONE)


def routes() -> tuple[Route, ...]:
    listed: dict[str, Any] = {
        "surface": PLATFORM,
        "access": _ANYONE,
        "answer": EntriesResponse,
        "query": EntriesParameters,
    }
    return (
        route("GET", BASE, _list, **listed),
        route("GET", f"{BASE}/{{id}}", _get, surface=PLATFORM, access=_ANYONE, answer=EntryResponse),
        route("GET", f"{BASE}/{{id}}/{{kind}}", _children, **listed),
    )
