"""`/catalogs`, and the offerings in them."""

from __future__ import annotations

from typing import Any

import msgspec

from kunsthalle.api import access
from kunsthalle.api.families.catalog import BASE, CATALOG, results, window
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.wire import decode
from kunsthalle.catalogs import kinds, listings, patching, queries, service
from kunsthalle.catalogs.access import NamedOffering
from kunsthalle.catalogs.access import offering as offering_rule
from kunsthalle.catalogs.bodies import CatalogBody, CatalogReplacementBody, OfferingBody, document, fields
from kunsthalle.catalogs.credentials import masked
from kunsthalle.catalogs.model import Offering
from kunsthalle.catalogs.wire import catalog_wire, offering_wire
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.store.scope import Kind
from kunsthalle.store.unit import Unit

_DELETE = "globalcatalog-collection.offering.delete"


def offering_reply(unit: Unit, offering: Offering, *, digest: bool = False) -> Reply:
    """An offering with the versions the caller may see, and its revision as ETag."""
    shown = offering_wire(queries.branch(unit, offering), unit.ctx, digest=digest)
    return Reply(shown, headers={"ETag": f'"{offering.rev}"'})


def flag(request: Request, name: str) -> bool:
    """A query parameter that is true or, when absent, false."""
    return request.query.get(name, "false").lower() == "true"


def _list(unit: Unit, _request: Request) -> dict[str, Any]:
    """List the catalogs of the account."""
    found = [catalog_wire(catalog, unit.ctx) for catalog in queries.all_catalogs(unit)]
    return {"total_count": len(found), "resources": found}


def _create(unit: Unit, request: Request) -> dict[str, Any]:
    """Create a catalog."""
    body: CatalogBody = request.body
    queries.account_is_own(unit, body.owning_account)
    kind, group = body.kind or "offering", body.resource_group_id
    return catalog_wire(service.create_catalog(unit, body.label, kind, group, document(body)), unit.ctx)


def _get(unit: Unit, request: Request) -> Reply:
    """Get a catalog."""
    catalog = request.granted.it
    return Reply(catalog_wire(catalog, unit.ctx), headers={"ETag": f'"{catalog.rev}"'})


def _replace(unit: Unit, request: Request) -> dict[str, Any]:
    """Replace a catalog."""
    body: CatalogReplacementBody = request.body
    changed = service.replace_catalog(unit, request.granted, body.rev, body.label, document(body))
    return catalog_wire(changed, unit.ctx)


def _delete(unit: Unit, request: Request) -> None:
    """Delete a catalog; its reclamation ends seven days later."""
    service.delete_catalog(unit, request.granted)


def _offerings(unit: Unit, request: Request) -> dict[str, Any]:
    """List the offerings of a catalog."""
    catalog = request.granted.it
    if "name" not in request.query and "sort" not in request.query:
        (offset, limit), hidden = window(request), flag(request, "includeHidden")
        return shown_page(unit, request, *listings.page_of_catalog(unit, catalog.id, offset, limit, hidden=hidden))
    where = [kinds.OFFERING.table.c.catalog_id == catalog.id]
    if "name" in request.query:
        where.append(queries.contains(request.query["name"]))
    return page_of_offerings(unit, request, kinds.IN_CATALOG, where)


def page_of_offerings(unit: Unit, request: Request, kind: Kind[Offering], where: list[Any]) -> dict[str, Any]:
    """A window of offerings in the offset envelope; hidden ones only when they are asked for."""
    offset, limit = window(request)
    if not flag(request, "includeHidden"):
        where = [*where, kinds.OFFERING.table.c.hidden.is_(False)]
    total, found = queries.list_offerings(unit, kind, where, request.query.get("sort", "label"), offset, limit)
    return shown_page(unit, request, total, found)


def shown_page(unit: Unit, request: Request, total: int, found: list[Offering]) -> dict[str, Any]:
    """Offerings that were found, in the offset envelope."""
    offset, limit = window(request)
    digest = flag(request, "digest")
    shown = [offering_wire(branch, unit.ctx, digest=digest) for branch in queries.branches(unit, found)]
    return results(request, total, shown, offset, limit)


def _create_offering(unit: Unit, request: Request) -> Reply:
    """Create an offering."""
    body: OfferingBody = request.body
    made = service.create_offering(unit, request.granted, fields(body))
    return offering_reply(unit, made)


def _get_offering(unit: Unit, request: Request) -> Reply:
    """Get an offering: one's own, or one that is shared with the account."""
    return offering_reply(unit, request.granted.it, digest=flag(request, "digest"))


def _replace_offering(unit: Unit, request: Request) -> Reply:
    """Replace an offering."""
    body: OfferingBody = request.body
    changed = service.replace_offering(unit, request.granted, body.rev, fields(body))
    return offering_reply(unit, changed)


def _patch_offering(unit: Unit, request: Request) -> Reply:
    """Change an offering by JSON Patch."""
    offering = request.granted.it
    service.check_match(request.headers.get("if-match"), offering.rev)
    branch = queries.branch(unit, offering)
    kept = {"name": offering.name, "label": offering.label, "hidden": offering.hidden}
    plans = [{**plan.document, "name": plan.name, "label": plan.label} for plan in branch.plans]
    shown = {"tags": [], "keywords": [], **masked(offering.document), **kept, "plans": plans}
    after = patching.apply(shown, request.body)
    body: OfferingBody = decode(msgspec.json.encode(after), OfferingBody)
    return offering_reply(unit, service.rewrite(unit, request.granted, fields(body)))


def _delete_offering(unit: Unit, request: Request) -> None:
    """Delete an offering, and free its images; an offering that is not there is deleted too."""
    rule = offering_rule(_DELETE)
    try:
        rule.check(unit, request)
    except Problem as problem:
        if problem.reason is Reason.NOT_FOUND:
            return
        raise
    service.delete_offering(unit, request.granted)


def _offering_routes(one: str, many: str) -> tuple[Route, ...]:
    create = access.item(kinds.CATALOG, "globalcatalog-collection.offering.create", "catalog_id")
    change = offering_rule("globalcatalog-collection.offering.update")
    inside = access.item(kinds.CATALOG, param="catalog_id")
    family, patch = CATALOG, list[dict[str, Any]]
    return (
        route("GET", many, _offerings, family=family, access=inside),
        route("POST", many, _create_offering, family=family, access=create, body=OfferingBody, status=201),
        route("GET", one, _get_offering, family=family, access=NamedOffering(kinds.RETRIEVE)),
        route("PUT", one, _replace_offering, family=family, access=change, body=OfferingBody),
        route("PATCH", one, _patch_offering, family=family, access=change, body=patch),
        route("DELETE", one, _delete_offering, family=family, access=access.create(_DELETE)),
    )


def routes() -> tuple[Route, ...]:
    many, one = f"{BASE}/catalogs", f"{BASE}/catalogs/{{catalog_id}}"
    family = CATALOG
    change = access.item(kinds.CATALOG, "globalcatalog-collection.instance.update", "catalog_id")
    remove = access.item(kinds.CATALOG, "globalcatalog-collection.instance.delete", "catalog_id")
    create = access.create(service.CREATE)
    return (
        route("GET", many, _list, family=family, access=access.listing(kinds.CATALOG)),
        route("POST", many, _create, family=family, access=create, body=CatalogBody, status=201),
        route("GET", one, _get, family=family, access=access.item(kinds.CATALOG, param="catalog_id")),
        route("PUT", one, _replace, family=family, access=change, body=CatalogReplacementBody),
        route("DELETE", one, _delete, family=family, access=remove),
        *_offering_routes(f"{one}/offerings/{{offering_id}}", f"{one}/offerings"),
    )
