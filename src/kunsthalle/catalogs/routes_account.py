"""`/catalogaccount` and `/regions`, with the settings behind them; changes, updates and figures of an offering;
publication outside the enterprise.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api import access
from kunsthalle.api.body_bounds import Words, at_most
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.api.surfaces.catalog import BASE, CATALOG, WindowParameters
from kunsthalle.catalogs import queries, resources, states
from kunsthalle.catalogs.credentials import masked
from kunsthalle.catalogs.models import AccountSettings, Offering, Version, precedence
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.resources import SETTINGS
from kunsthalle.catalogs.resources import offering as offering_rule
from kunsthalle.catalogs.routes_catalogs import offering_reply
from kunsthalle.catalogs.schemas import Doc, state_response
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.regions import REGIONS
from kunsthalle.db.rows import IntegrityError, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must
from kunsthalle.db.visibility import Authorized, find, unscoped

_ICONS = (".svg", ".png", ".jpg", ".jpeg", ".gif")


class FilterTermsRequest(RequestBody):
    """Terms of a filter."""

    filter_terms: Words = msgspec.field(default_factory=list)


class CategoryRequest(RequestBody):
    """A category that is let through or held back."""

    include: bool | UnsetType = UNSET
    filter: FilterTermsRequest | UnsetType = UNSET


class IdsRequest(RequestBody):
    """Products by id."""

    include: FilterTermsRequest | UnsetType = UNSET
    exclude: FilterTermsRequest | UnsetType = UNSET


class FiltersRequest(RequestBody):
    """Which public products an account shows."""

    include_all: bool | UnsetType = UNSET
    category_filters: Annotated[dict[str, CategoryRequest], at_most(100)] | UnsetType = UNSET
    id_filters: IdsRequest | UnsetType = UNSET


class AccountRequest(RequestBody):
    """The catalog settings of an account."""

    id: str | None = None
    rev: str | None = msgspec.field(name="_rev", default=None)
    hide_public: bool | None = msgspec.field(name="hide_IBM_cloud_catalog", default=None)
    account_filters: FiltersRequest | None = None
    region_filter: str | None = None


def _account_response(account_settings: AccountSettings) -> Doc:
    return {
        "id": account_settings.id,
        "_rev": account_settings.rev,
        "hide_IBM_cloud_catalog": account_settings.hide_public,
        "account_filters": account_settings.account_filters or NO_FILTERS,
        "region_filter": account_settings.region_filter,
        "terraform_engines": [],  # of other people's Terraform, which runs nothing here
    }


def _get(session: Session, _request: Request) -> Doc:
    """Get the catalog settings of the account."""
    return _account_response(settings_of_account(session))


def _put(session: Session, request: Request) -> Doc:
    """Replace the catalog settings of the account."""
    body: AccountRequest = request.body
    filters = {} if body.account_filters is None else dict(msgspec.to_builtins(body.account_filters))
    hide = body.hide_public is True
    return _account_response(replace_settings(session, body.id, body.rev, hide, filters, body.region_filter or ""))


class FiltersParameters(Parameters, frozen=True):
    """Of the filters that apply."""

    catalog: Annotated[str | None, Meta(description="Only the filters of the catalog with this ID.")] = None


def _filters(session: Session, request: Request, query: FiltersParameters) -> Doc:  # noqa: ARG001  a handler's shape
    """Get the filters that apply, to the account and to its catalogs."""
    own = settings_of_account(session)
    return {
        "hide_IBM_cloud_catalog": own.hide_public,
        "account_filters": [own.account_filters or NO_FILTERS],
        "catalog_filters": _catalog_filters(session, query.catalog),
        "region_filters": [own.region_filter] if own.region_filter else [],
        "filtered_regions": _regions(own.region_filter),
        "filter_regions": bool(own.region_filter),
    }


def _catalog_filters(session: Session, catalog: str | None) -> list[Doc]:
    """The filters of one catalog, or of all that the caller may see."""
    if catalog is not None:
        catalogs = [find(session, resources.CATALOG, catalog, "catalog")]
    else:
        catalogs = queries.all_catalogs(session)
    return [
        {"catalog": {"id": entry.id, "name": entry.label}, "filters": entry.document["catalog_filters"]}
        for entry in catalogs
        if entry.document.get("catalog_filters")
    ]


def _regions(text: str) -> list[str]:
    """The regions that a filter lets through: names, or parts of names, between commas; an empty one lets all."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    return [name for name in sorted(REGIONS) if not names or any(part in name for part in names)]


class RegionParameters(WindowParameters, frozen=True):
    """Of lists of regions."""

    filter: Annotated[
        str | None, Meta(description="The filter: names of regions, or parts of names, between commas.")
    ] = None


def _region_page(request: Request, query: RegionParameters, text: str) -> Doc:
    offset, limit = query.offset, query.limit
    regions = _regions(text)
    shown = [
        {"id": name, "name": name, "kind": "region", "public": True, "active": True, "tags": []}
        for name in regions[offset : offset + limit]
    ]
    count = {"offset": offset, "limit": limit, "total_count": len(regions), "resource_count": len(shown)}
    return {**count, "first": {"href": f"{request.path}?limit={limit}"}, "regions": shown}


def _list_regions(session: Session, request: Request, query: RegionParameters) -> Doc:
    """List the regions that the account's filter, or the one given, lets through."""
    own = settings_of_account(session).region_filter
    return _region_page(request, query, own if query.filter is None else query.filter)


class PreviewRequest(RequestBody):
    """A region filter to try out."""

    filter: str | None = None
    region_filter: str | None = None


def _preview_regions(_session: Session, request: Request, query: RegionParameters) -> Doc:
    """List the regions that a filter would let through."""
    body: PreviewRequest = request.body or PreviewRequest()
    return _region_page(request, query, query.filter or body.filter or body.region_filter or "")


class KindParameters(Parameters, frozen=True):
    """Of what is told about the versions of one kind."""

    kind: Annotated[str, Meta(description="The kind of the versions; an offering has one.")]


class UpdatesParameters(KindParameters, frozen=True):
    """Of the versions that one could move to."""

    version: Annotated[str | None, Meta(description="Only versions that come after this one.")] = None


def _updates(session: Session, _request: Request, offering: Offering, query: UpdatesParameters) -> list[Doc]:
    """List the versions that a user of another version could move to."""
    _kind(query)
    least = precedence(query.version) if query.version else None
    versions = queries.published(queries.versions_of(session, offering))
    return [_update_response(version) for version in versions if least is None or precedence(version.version) > least]


def _update_response(version: Version) -> Doc:
    return {
        "version_locator": version.locator,
        "version": version.version,
        "state": state_response(version.state, version.previous, version.entered_at),
        "required_resources": version.document.get("required_resources", []),
        "package_version": version.version,
        "sha": version.document.get("sha", ""),
        "can_update": version.deprecate_pending is None,
        "messages": {},
    }


def _kind(query: KindParameters) -> None:
    if not query.kind:
        raise invalid("bad_request", "kind is required.", "kind", type_="parameter")


_NOTICES = ("breaking", "new", "update")


def _notices(session: Session, _request: Request, offering: Offering, query: KindParameters) -> Doc:
    """List what the versions of an offering announce about themselves."""
    _kind(query)
    versions = queries.versions_of(session, offering)
    noted = [
        (version, version.document["change_notices"]) for version in versions if version.document.get("change_notices")
    ]
    has = {f"has_{name}": any(notice.get(name) for _one, notice in noted) for name in _NOTICES}
    shown = [
        {"version_locator": release.locator, "version": release.version, **_known(notice)} for release, notice in noted
    ]
    return {**has, "change_notices": shown}


def _known(notice: Doc) -> Doc:
    return {name: notice[name] for name in _NOTICES if name in notice}


def _stats(_session: Session, _request: Request, offering: Offering) -> Doc:
    """Get the figures of an offering by week. Nobody counts them here: the list is empty, and without totals."""
    return {"target_type": "offering", "id": offering.id, "stats": []}


def _icon(session: Session, request: Request, authorized: Authorized[Offering]) -> Reply:
    """Name the icon of an offering."""
    offering, name = authorized.resource, request.params["file_name"]
    if not name.lower().endswith(_ICONS) or len(name) > 128 or "/" in name:
        raise invalid("bad_request", f"An icon is one of {', '.join(_ICONS)}.", "file_name", type_="parameter")
    fields = service.Fields(
        offering.name, offering.label, offering.hidden, {**masked(offering.document), "offering_icon_url": name}
    )
    return offering_reply(session, service.rewrite(session, authorized, fields))


def routes() -> tuple[Route, ...]:
    surface, base = CATALOG, f"{BASE}/catalogaccount"
    item_path = f"{BASE}/catalogs/{{catalog_id}}/offerings/{{offering_id}}"
    see, manage = access.create(resources.RETRIEVE), access.create("globalcatalog-collection.account.manage")
    member: dict[str, Any] = {"surface": surface, "access": access.member(resources.RETRIEVE)}
    regions = f"{BASE}/regions"
    preview = {**member, "body": PreviewRequest, "body_required": False, "writes": False}
    return (
        route("GET", base, _get, surface=surface, access=see),
        route("PUT", base, _put, surface=surface, access=manage, body=AccountRequest),
        route("GET", f"{base}/filters", _filters, surface=surface, access=see, query=FiltersParameters),
        route("GET", regions, _list_regions, query=RegionParameters, **member),
        route("POST", regions, _preview_regions, query=RegionParameters, **preview),
        route(
            "GET", f"{item_path}/updates", _updates, surface=surface, access=offering_rule(), query=UpdatesParameters
        ),
        route(
            "GET", f"{item_path}/changeNotices", _notices, surface=surface, access=offering_rule(), query=KindParameters
        ),
        route("GET", f"{item_path}/stats", _stats, surface=surface, access=offering_rule(states.UPDATE)),
        route("PUT", f"{item_path}/icon/{{file_name}}", _icon, surface=surface, access=offering_rule(states.UPDATE)),
    )


# The catalog settings of an account. They filter public products, of which this server has none: kept and echoed.

NO_FILTERS: dict[str, Any] = {"include_all": True, "category_filters": {}, "id_filters": {}}


def settings_of_account(session: Session) -> AccountSettings:
    """The account's settings, or the defaults."""
    settings = unscoped(session, SETTINGS, SETTINGS.table.c.id == session.ctx.account_id)
    return (
        settings[0]
        if settings
        else AccountSettings(session.ctx.account_id, session.ctx.account_id, False, {}, "", 0, 0, 0)
    )


def replace_settings(
    session: Session, id_: str | None, rev: str | None, hide_public: bool, filters: dict[str, Any], region_filter: str
) -> AccountSettings:
    """Replaces the settings. 400 for another account's, 409 for a stale `_rev`; clients may leave `_rev` out."""
    old, ctx = settings_of_account(session), session.ctx
    if id_ not in {None, "", ctx.account_id}:
        raise invalid("bad_request", "There is no such account.", "id")
    if rev not in {None, "", old.rev}:
        raise conflict("conflict", "_rev is not the current one; get the account again.", "_rev")
    now = ctx.now()
    if old.revision:
        values = {"hide_public": hide_public, "account_filters": filters, "region_filter": region_filter}
        same = SETTINGS.table.c.revision == old.revision
        must(update(session, SETTINGS, old.id, same, updated_at=now, **values), "Changed meanwhile.", "conflict")
        return settings_of_account(session)
    made = AccountSettings(ctx.account_id, ctx.account_id, hide_public, filters, region_filter, now, now)
    try:
        return insert(session, SETTINGS, made)
    except IntegrityError as error:
        raise conflict("conflict", "The settings were changed meanwhile.") from error
