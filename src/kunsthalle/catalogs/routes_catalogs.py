"""`/catalogs`, and the offerings in them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from kunsthalle.api import access, json_patch
from kunsthalle.api.crud import Resource, changing, making, reading, removing
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import decode
from kunsthalle.api.surfaces.catalog import BASE, CATALOG, Digest, WindowParameters, results
from kunsthalle.catalogs import queries, resources
from kunsthalle.catalogs.credentials import masked
from kunsthalle.catalogs.models import DEFAULT_KIND, Catalog, Offering
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.requests import (
    CatalogReplacementRequest,
    CatalogRequest,
    NewOfferingRequest,
    OfferingRequest,
    Operations,
    document,
    fields,
)
from kunsthalle.catalogs.resources import NamedOffering, OfferingParameters, catalog_item
from kunsthalle.catalogs.resources import offering as offering_rule
from kunsthalle.catalogs.schemas import catalog_response, offering_response
from kunsthalle.catalogs.sharing import access_list, offering_lists
from kunsthalle.db.page_bytes import Window
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, ResourceType, resolve

_DELETE = "globalcatalog-collection.offering.delete"


class ListedOfferingsParameters(WindowParameters, frozen=True):
    """Of every list of offerings."""

    include_hidden: Annotated[bool, Meta(description="Whether hidden offerings are listed, too.")] = field(
        name="includeHidden", default=False
    )
    digest: Digest = False
    sort: Annotated[
        Literal["name", "-name", "label", "-label", "created", "-created", "updated", "-updated"] | None,
        Meta(description="What the list is sorted by, otherwise by `label`; with `-` before it, in descending order."),
    ] = None


class OfferingsParameters(ListedOfferingsParameters, frozen=True):
    """Of the offerings of a catalog."""

    name: Annotated[str | None, Meta(description="Only offerings whose name or label contains this text.")] = None


def _list(session: Session, _request: Request) -> dict[str, Any]:
    """List the catalogs of the account."""
    catalog_responses = [catalog_response(catalog, session.ctx) for catalog in queries.all_catalogs(session)]
    return {"total_count": len(catalog_responses), "resources": catalog_responses}


def _create(session: Session, body: CatalogRequest) -> Catalog:
    queries.account_is_own(session, body.owning_account)
    return service.create_catalog(
        session, body.label, body.kind or DEFAULT_KIND, body.resource_group_id, document(body)
    )


def _replace(session: Session, catalog: Authorized[Catalog], body: CatalogReplacementRequest) -> Catalog:
    return service.replace_catalog(session, catalog, body.rev, body.label, document(body))


def _response(catalog: Catalog, session: Session) -> dict[str, Any]:
    return catalog_response(catalog, session.ctx)


UNTAGGED = Resource(
    resources.CATALOG,
    f"{BASE}/catalogs",
    _response,
    None,
    surface=CATALOG,
    param="catalog_id",
    rule=partial(catalog_item, resources.CATALOG),
)
TAGGED = replace(UNTAGGED, tag=lambda catalog: catalog.rev)
"""Only the answer to a look-up has an ETag."""


def _offerings(session: Session, request: Request, catalog: Catalog, query: OfferingsParameters) -> dict[str, Any]:
    """List the offerings of a catalog."""
    if query.name is None and query.sort is None:
        listed = offering_lists.page_of_catalog(
            session, catalog.id, query.offset, query.limit, hidden=query.include_hidden
        )
        return shown_page(session, request, query, *listed)
    where = [resources.OFFERING.table.c.catalog_id == catalog.id]
    if query.name is not None:
        where.append(queries.contains(query.name))
    return page_of_offerings(session, request, query, resources.IN_CATALOG, where)


def page_of_offerings(
    session: Session,
    request: Request,
    query: ListedOfferingsParameters,
    kind: ResourceType[Offering],
    where: list[Any],
) -> dict[str, Any]:
    """A window of offerings in the offset envelope; hidden ones only when they are asked for."""
    if not query.include_hidden:
        where = [*where, resources.OFFERING.table.c.hidden.is_(False)]
    sort = query.sort or "label"
    return shown_page(
        session, request, query, *queries.list_offerings(session, kind, where, sort, query.offset, query.limit)
    )


def shown_page(
    session: Session, request: Request, query: ListedOfferingsParameters, total: int, window: Window[Offering]
) -> dict[str, Any]:
    """Offerings that were found, in the offset envelope."""
    branches = queries.branches(session, window.items)
    shown = [offering_response(branch, session.ctx, digest=query.digest) for branch in branches]
    return results(request, query, total, shown, window.passed)


def _create_offering(session: Session, request: Request, catalog: Authorized[Catalog]) -> Reply:
    """Create an offering."""
    body: NewOfferingRequest = request.body
    made = service.create_offering(session, catalog, fields(body))
    if body.share_enabled:
        authorized = resolve(session, resources.OFFERING, made.id, resources.SHARE)
        made = access_list.share(session, authorized, ibm=False, public=False, enabled=True)
    return offering_reply(session, made)


def _show_offering(offering: Offering, session: Session, query: OfferingParameters | None = None) -> dict[str, Any]:
    digest = query is not None and query.digest
    return offering_response(queries.branch(session, offering), session.ctx, digest=digest)


def _replace_offering(session: Session, offering: Authorized[Offering], body: OfferingRequest) -> Offering:
    return service.replace_offering(session, offering, body.rev, fields(body))


OFFERINGS = Resource(
    resources.OFFERING,
    f"{BASE}/catalogs/{{catalog_id}}/offerings",
    _show_offering,
    None,
    surface=CATALOG,
    param="offering_id",
    rule=offering_rule,
    actions={"update": "globalcatalog-collection.offering.update"},
    tag=lambda offering: offering.rev,
)
LOOKED_UP = replace(OFFERINGS, rule=NamedOffering)
"""A look-up also takes the name that an offering has in its catalog."""


def offering_reply(session: Session, offering: Offering) -> Reply:
    """An offering with the versions the caller may see, and its revision as ETag."""
    reply: Reply = OFFERINGS.shown(offering, session)
    return reply


def _patched_offering(session: Session, request: Request, authorized: Authorized[Offering]) -> service.Fields:
    """The fields of an offering after a JSON Patch, before the transaction that puts them in place of the old."""
    offering = authorized.resource
    service.check_match(request.headers.get("if-match"), offering.rev)
    branch = queries.branch(session, offering)
    response = {"name": offering.name, "label": offering.label, "hidden": offering.hidden}
    plans = [{**plan.document, "name": plan.name, "label": plan.label} for plan in branch.plans]
    shown = {"tags": [], "keywords": [], **masked(offering.document), **response, "plans": plans}
    after = json_patch.apply(shown, request.body)
    return fields(decode(msgspec.json.encode(after), OfferingRequest))


def _patch_offering(session: Session, request: Request, authorized: Authorized[Offering]) -> Reply:
    """Change an offering by JSON Patch."""
    service.check_match(request.headers.get("if-match"), authorized.resource.rev)
    return offering_reply(session, service.rewrite(session, authorized, request.prepared))


def _delete_offering(session: Session, _request: Request, offering: Authorized[Offering] | None) -> None:
    """Delete an offering, and free its images; an offering that is not there is deleted too."""
    if offering is not None:
        service.delete_offering(session, offering)


def _offering_routes(item_path: str, many: str) -> tuple[Route, ...]:
    create = catalog_item(resources.CATALOG, "globalcatalog-collection.offering.create")
    change = OFFERINGS.on_one("update")
    remove = access.item_if_there(resources.OFFERING, _DELETE, "offering_id", ("catalog_id",))
    inside = catalog_item(resources.CATALOG)
    surface, patch = CATALOG, Operations
    return (
        route("GET", many, _offerings, surface=surface, access=inside, query=OfferingsParameters, kept=True),
        route("POST", many, _create_offering, surface=surface, access=create, body=NewOfferingRequest, status=201),
        reading(
            LOOKED_UP,
            "Get an offering: one's own, or one that is shared with the account.",
            OfferingParameters,
            repeatable=True,
        ),
        changing(OFFERINGS, "Replace an offering.", _replace_offering, OfferingRequest, method="PUT"),
        route(
            "PATCH",
            item_path,
            _patch_offering,
            surface=surface,
            access=change,
            body=patch,
            prepare=_patched_offering,
            separable=True,
            body_prepared=True,
        ),
        route("DELETE", item_path, _delete_offering, surface=surface, access=remove),
    )


def routes(reclamation_period: int) -> tuple[Route, ...]:
    gone = "Delete a catalog; its images stay managed until its reclamation ends."
    listed = access.listing(resources.CATALOG)
    return (
        route("GET", UNTAGGED.path, _list, surface=CATALOG, access=listed),
        making(UNTAGGED, "Create a catalog.", _create, CatalogRequest, rule=access.create(service.CREATE)),
        reading(TAGGED, "Get a catalog."),
        changing(UNTAGGED, "Replace a catalog.", _replace, CatalogReplacementRequest, method="PUT"),
        removing(UNTAGGED, gone, partial(service.delete_catalog, period=reclamation_period), status=200),
        *_offering_routes(OFFERINGS.item_path, OFFERINGS.path),
    )
