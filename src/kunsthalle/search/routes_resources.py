"""Resource Controller: `/v2/resource_instances`, in which the catalogs of the account are instances of their service.

Making, changing and removing one is Catalog Management's; what else the service offers is known and not served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, false

from kunsthalle.accounts import paging
from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.families.iam import PLATFORM
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route, unserved
from kunsthalle.catalogs.kinds import CATALOG
from kunsthalle.core.clock import moment
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.search.wire import SERVICE, InstancesWire, InstanceWire, instance_wire
from kunsthalle.store.scope import page, resolve
from kunsthalle.store.unit import Unit

MOST = 100
NEXT = "start"
_FIXED = {"resource_id": SERVICE, "type": "service_instance", "sub_type": "catalog", "state": "active"}
_COLUMNS: dict[str, Column[Any]] = {
    "guid": CATALOG.table.c.id,
    "name": CATALOG.table.c.label,
    "resource_group_id": CATALOG.table.c.resource_group_id,
}

UNSERVED = (
    "POST /v2/resource_instances",
    "PATCH /v2/resource_instances/{id}",
    "DELETE /v2/resource_instances/{id}",
    "GET /v2/resource_instances/{id}/resource_aliases",
    "GET /v2/resource_instances/{id}/resource_keys",
    "POST /v2/resource_instances/{id}/lock",
    "DELETE /v2/resource_instances/{id}/lock",
    "DELETE /v2/resource_instances/{id}/last_operation",
    "GET /v2/resource_keys",
    "POST /v2/resource_keys",
    "GET /v2/resource_keys/{id}",
    "DELETE /v2/resource_keys/{id}",
    "PATCH /v2/resource_keys/{id}",
    "GET /v2/resource_bindings",
    "POST /v2/resource_bindings",
    "GET /v2/resource_bindings/{id}",
    "DELETE /v2/resource_bindings/{id}",
    "PATCH /v2/resource_bindings/{id}",
    "GET /v2/resource_aliases",
    "POST /v2/resource_aliases",
    "GET /v2/resource_aliases/{id}",
    "DELETE /v2/resource_aliases/{id}",
    "PATCH /v2/resource_aliases/{id}",
    "GET /v2/resource_aliases/{id}/resource_bindings",
)
"""Credentials, bindings and aliases belong to services that this product does not have."""


def unserved_routes() -> tuple[Route, ...]:
    return unserved(UNSERVED, PLATFORM, access.member("resource-controller.instance.read"))


@dataclass(frozen=True, slots=True)
class InstanceItem(Access):
    """A catalog by its id or its CRN, to the letter: 404 unless seen."""

    def check(self, unit: Unit, request: Request) -> None:
        given = request.params["id"]
        try:
            id_ = parse(given).instance
        except ValueError:
            id_ = given
        request.granted = resolve(unit, CATALOG, id_, CATALOG.read)
        if given not in {request.granted.it.id, request.granted.it.crn}:
            raise not_found()


def _moment(request: Request, name: str) -> int | None:
    text = request.query.get(name)
    try:
        return None if text is None else moment(text if "T" in text else f"{text}T00:00:00Z")
    except (ValueError, OverflowError) as error:
        raise invalid("bad_request", f"{name} must be a date.", name, type_="parameter") from error


def _filters(request: Request) -> list[ColumnElement[bool]]:
    query, updated = request.query, CATALOG.table.c.updated_at
    where: list[ColumnElement[bool]] = [column == query[name] for name, column in _COLUMNS.items() if name in query]
    if any(query.get(name, value) != value for name, value in _FIXED.items()) or "resource_plan_id" in query:
        where.append(false())
    since, until = _moment(request, "updated_from"), _moment(request, "updated_to")
    where += [updated >= since] if since is not None else []
    return [*where, updated <= until] if until is not None else where


def _list(unit: Unit, request: Request) -> InstancesWire:
    """List the catalogs of the account as resource instances."""
    limit = paging.size(request, MOST, MOST)
    found = page(unit, CATALOG, *_filters(request), after=paging.behind(request, NEXT), limit=limit)
    shown = [instance_wire(one) for one in found.items]
    next_ = paging.next_url(request, NEXT, found.last) or ""
    return InstancesWire(rows_count=len(shown), next_url=next_, resources=shown)


def _get(_unit: Unit, request: Request) -> InstanceWire:
    """Get a catalog as a resource instance."""
    return instance_wire(request.granted.it)


def routes() -> tuple[Route, ...]:
    all_, p, one = "/v2/resource_instances", PLATFORM, InstanceItem(CATALOG.read)
    return (
        route("GET", all_, _list, family=p, access=access.listing(CATALOG), answer=InstancesWire),
        route("GET", f"{all_}/{{id}}", _get, family=p, access=one, answer=InstanceWire),
    )
