"""Sharing, approvals, what an account may consume, and reclamations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta
from sqlalchemy import and_, or_

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Reply, Request, path_flag
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.catalog import BASE, CATALOG
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.catalogs import queries, reclamation, resources
from kunsthalle.catalogs.models import Offering, Reclamation
from kunsthalle.catalogs.requests import Identifiers, ReclamationActionRequest, ShareRequest
from kunsthalle.catalogs.resources import offering as offering_rule
from kunsthalle.catalogs.routes_catalogs import ListedOfferingsParameters, page_of_offerings, shown_page
from kunsthalle.catalogs.schemas import approval_response, entry_response, reclamation_response, token_page
from kunsthalle.catalogs.sharing import access_list, offering_lists
from kunsthalle.catalogs.tables import catalogs
from kunsthalle.core.errors import forbidden, invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import Authorized, some
from kunsthalle.service_instances.tables import service_instances

Group = Annotated[str | None, Meta(description="Only resources of the resource group with this ID.")]
_APPROVE = "globalcatalog-collection.approval.update"


class UsableOfferingsParameters(ListedOfferingsParameters, frozen=True):
    """Of the offerings that an account may use."""

    select: Annotated[
        Literal["all", "public", "private"],
        Meta(description="All offerings; only those published to all accounts; or only the own and the shared ones."),
    ] = "all"
    catalog: Annotated[str | None, Meta(description="Only offerings of the catalog with this ID.")] = None


def _consumption(session: Session, request: Request, query: UsableOfferingsParameters) -> dict[str, Any]:
    """List the offerings that the account may use: its own, those shared with it, and those published to all."""
    simple = query.select != "public" and query.catalog is None and query.sort is None
    if simple and offering_lists.serves(session):
        hidden, public = query.include_hidden, query.select == "all"
        page = offering_lists.page(session, query.offset, query.limit, hidden=hidden, public=public)
        return shown_page(session, request, query, *page)
    return page_of_offerings(session, request, query, resources.OFFERING, _selected(session, query))


def _selected(session: Session, query: UsableOfferingsParameters) -> list[Any]:
    table = resources.OFFERING.table.c
    where: list[Any] = []
    if query.select == "public":
        where.append(and_(table.share_with_all, table.account_id != session.ctx.account_id))
    elif query.select == "private":
        where.append(or_(table.share_with_all.is_(False), table.account_id == session.ctx.account_id))
    if query.catalog is not None:
        where.append(table.catalog_id == query.catalog)
    return where


def _share(session: Session, request: Request, authorized: Authorized[Offering]) -> dict[str, bool]:
    """Put an offering's access list into effect, or out of it."""
    body: ShareRequest = request.body
    offering = access_list.share(session, authorized, ibm=body.ibm, public=body.public, enabled=body.enabled)
    return {"ibm": offering.share_with_ibm, "public": offering.share_with_all, "enabled": offering.share_enabled}


_ASKING = ("allow_request", "approval_required")
_GIVING = ("ibm", "public", "pc_managed", "publish_approved", "ibm_module_repo", "ibm_community")


def _publish(session: Session, request: Request, offering: Offering) -> dict[str, Any]:
    """Ask the operator to let an offering out of the enterprise, or take that back."""
    type_, approved = _asked(request)
    if approved and type_ in _GIVING and not access_list.is_granted(session, offering.id):
        raise forbidden(access_list.REFUSAL)
    if type_ in _ASKING:
        answer = access_list.request_publication if approved else access_list.withdraw_publication
        changed = answer(session, offering)
    else:
        changed = not approved and access_list.withdraw_publication(session, offering)
    return _approval_result(session, offering, changed=changed)


def _asked(request: Request) -> tuple[str, bool]:
    """Type and word of the path; 400 for others."""
    type_, approved = request.params["approval_type"], path_flag(request, "approved", "The last part of the path")
    if type_ not in (*_ASKING, *_GIVING):
        names = ", ".join((*_ASKING, *_GIVING))
        raise invalid("bad_request", f"The approval type must be one of {names}.", "approval_type", type_="parameter")
    return type_, approved


def _approval_result(session: Session, offering: Offering, *, changed: bool) -> dict[str, Any]:
    known = access_list.approval(session, offering.id)
    granted = known is not None and known.state == "granted"
    asked = known is not None and known.state != "revoked"
    now = queries.refresh(session, offering)
    return {
        "shared": now.share_enabled,
        "ibm": granted,
        "public": granted,
        "allow_request": asked,
        "approved": granted,
        "portal_record": "",
        "portal_url": "",
        "changed": changed,
    }


def _entries(session: Session, request: Request, offering: Offering) -> dict[str, Any]:
    """Get the access list of an offering."""
    return token_page(
        request.path, [entry_response(entry, offering) for entry in access_list.entries(session, offering)]
    )


def _entry(session: Session, request: Request, offering: Offering) -> dict[str, Any]:
    """Get one entry of the access list of an offering."""
    identifier = access_list.normal(request.params["access_identifier"])
    for entry in access_list.entries(session, offering):
        if entry.identifier == identifier:
            return entry_response(entry, offering)
    raise not_found("access_identifier")


def _add(session: Session, request: Request, offering: Authorized[Offering]) -> dict[str, Any]:
    """Add accounts, account groups or the enterprise to the access list."""
    errors = access_list.add(session, offering, request.body)
    shown = _entries(session, request, offering.resource)
    return {**shown, "errors": errors} if errors else shown


def _remove(session: Session, request: Request, offering: Authorized[Offering]) -> dict[str, Any]:
    """Take identifiers off the access list."""
    access_list.remove(session, offering, request.body)
    return {"errors": {}}


def _type(request: Request) -> str:
    kind = request.params["type"]
    if kind not in access_list.TYPES:
        raise invalid("bad_request", f"type must be one of {', '.join(access_list.TYPES)}.", "type", type_="parameter")
    return kind


def _state(request: Request) -> str:
    state = request.params["state"]
    if state not in access_list.STATES:
        raise invalid(
            "bad_request", f"state must be one of {', '.join(access_list.STATES)}.", "state", type_="parameter"
        )
    return state


def _sent(session: Session, request: Request) -> dict[str, Any]:
    """List the share requests that the account has sent."""
    return token_page(
        request.path, [approval_response(approval) for approval in access_list.sent(session, _type(request))]
    )


def _ask(session: Session, request: Request) -> dict[str, Any]:
    """Ask accounts for the permission to share with them."""
    access_list.request(session, _type(request), request.body)
    return {"errors": {}}


def _withdraw(session: Session, request: Request) -> dict[str, Any]:
    """Take share requests back."""
    access_list.withdraw(session, _type(request), request.body)
    return {"errors": {}}


class ReceiverParameters(Parameters, frozen=True):
    """Of requests that were received."""

    enterprise_id: Annotated[
        str | None, Meta(description="The enterprise or account group on whose behalf the account reads and answers.")
    ] = None


def _received(session: Session, request: Request, query: ReceiverParameters) -> dict[str, Any]:
    """List the share requests that the account has received, by state."""
    approvals = access_list.received(session, _type(request), _state(request), query.enterprise_id)
    return token_page(request.path, [approval_response(approval) for approval in approvals])


def _answer(session: Session, request: Request, query: ReceiverParameters) -> dict[str, Any]:
    """Accept or reject share requests."""
    access_list.answer(session, _type(request), _state(request), request.body, query.enterprise_id)
    return {"errors": {}}


class ReclamationParameters(Parameters, frozen=True):
    """Of the list of reclamations."""

    account_id: Annotated[str | None, Meta(description="The account; other accounts have nothing in the list.")] = None
    resource_instance_id: Annotated[
        str | None, Meta(description="Only the reclamation of the catalog or instance with this ID.")
    ] = None
    resource_group_id: Group = None


def _reclamations(session: Session, request: Request, query: ReclamationParameters) -> dict[str, Any]:  # noqa: ARG001  a handler's shape
    """List the deleted catalogs, and instances of object storage, that can still be restored."""
    columns = resources.RECLAMATION.table.c
    asked = ((columns.catalog_id, query.resource_instance_id), (columns.resource_group_id, query.resource_group_id))
    where = [column == value for column, value in asked if value is not None]
    if query.account_id not in {None, session.ctx.account_id}:
        return {"resources": []}
    results = some(session, resources.RECLAMATION, *where)
    return {"resources": [_reclamation(session, reclamation) for reclamation in results]}


def _act(session: Session, request: Request, authorized: Authorized[Reclamation]) -> Reply:
    """Restore a deleted catalog or instance of object storage, or have it reclaimed now."""
    actions = {"restore": reclamation.restore, "reclaim": reclamation.reclaim}
    act = actions.get(request.params["action"])
    if act is None:
        raise invalid("bad_request", "The action must be reclaim or restore.", "action", type_="parameter")
    return Reply(_reclamation(session, act(session, authorized)))


def _reclamation(session: Session, record: Reclamation) -> dict[str, Any]:
    """With the name of what was deleted, which nothing else tells any more."""
    rows = rows_of(session, catalogs, catalogs.c.id == record.catalog_id)
    rows += rows_of(session, service_instances, service_instances.c.id == record.catalog_id)
    names = [str(getattr(row, "label", None) or row.name) for row in rows]
    return {**reclamation_response(record), "custom_properties": {"name": names[0]} if names else {}}


def _approvals() -> tuple[Route, ...]:
    base, surface = f"{BASE}/shareapproval/{{type}}/access", CATALOG
    received = f"{base}/source/{{state}}"
    send, see = access.create(resources.SHARE), access.create(resources.RETRIEVE)
    decide = access.create(_APPROVE)
    return (
        route("GET", base, _sent, surface=surface, access=see),
        route("POST", base, _ask, surface=surface, access=send, body=Identifiers, status=201),
        route("DELETE", base, _withdraw, surface=surface, access=send, body=Identifiers),
        route("GET", received, _received, surface=surface, access=see, query=ReceiverParameters),
        route(
            "POST",
            received,
            _answer,
            surface=surface,
            access=decide,
            body=Identifiers,
            status=201,
            query=ReceiverParameters,
        ),
    )


def _offering_routes() -> tuple[Route, ...]:
    item_path, surface = f"{BASE}/catalogs/{{catalog_id}}/offerings/{{offering_id}}", CATALOG

    share, listed = offering_rule(resources.SHARE), f"{item_path}/access"
    look = offering_rule("globalcatalog-collection.offering.update")
    old = f"{item_path}/publish/{{approval_type}}/{{approved}}"
    return (
        route(
            "GET",
            f"{BASE}/offerings",
            _consumption,
            surface=surface,
            access=access.listing(resources.OFFERING),
            query=UsableOfferingsParameters,
            kept=True,
        ),
        route("POST", f"{item_path}/share", _share, surface=surface, access=share, body=ShareRequest),
        route("POST", old, _publish, surface=surface, access=share),
        route("GET", listed, _entries, surface=surface, access=look),
        route("POST", listed, _add, surface=surface, access=share, body=Identifiers, status=201),
        route("DELETE", listed, _remove, surface=surface, access=share, body=Identifiers),
        route("GET", f"{listed}/{{access_identifier}}", _entry, surface=surface, access=look),
    )


def _reclamation_routes() -> tuple[Route, ...]:
    surface, kind = PLATFORM, resources.RECLAMATION
    update = access.item(kind, "resource-controller.reclamation.update")
    # The second pair of paths is what a public client calls; both mean the same.
    pairs = (
        ("/v1/reclamations", "/v1/reclamations/{id}/actions/{action}", ""),
        ("/v2/resource_instances/reclamations", "/v2/reclamations/{id}/actions/{action}", ", as a public client asks"),
    )
    listed = "List the deleted catalogs, and instances of object storage, that can still be restored"
    acted = "Restore a deleted catalog or instance of object storage, or have it reclaimed now"
    routes: list[Route] = []
    for many, act, how in pairs:
        routes.append(
            route(
                "GET",
                many,
                _reclamations,
                surface=surface,
                access=access.listing(kind),
                query=ReclamationParameters,
                summary=f"{listed}{how}.",
            )
        )
        routes.append(
            route(
                "POST",
                act,
                _act,
                surface=surface,
                access=update,
                body=ReclamationActionRequest,
                body_required=False,
                summary=f"{acted}{how}.",
            )
        )
    return tuple(routes)


def routes() -> tuple[Route, ...]:
    return (*_offering_routes(), *_approvals(), *_reclamation_routes())
