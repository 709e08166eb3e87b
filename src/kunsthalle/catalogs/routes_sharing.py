"""Sharing, approvals, what an account may consume, and reclamations."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_

from kunsthalle.api import access
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.catalog import BASE, CATALOG, window
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.catalogs import queries, reclamation, resources
from kunsthalle.catalogs.models import Offering
from kunsthalle.catalogs.requests import ReclamationActionRequest, ShareRequest
from kunsthalle.catalogs.resources import offering as offering_rule
from kunsthalle.catalogs.routes_catalogs import flag, page_of_offerings, shown_page
from kunsthalle.catalogs.schemas import approval_response, entry_response, reclamation_response, token_page
from kunsthalle.catalogs.sharing import access_list, offering_lists
from kunsthalle.core.errors import forbidden, invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import some

_SHARE = "globalcatalog-collection.offering.share"
_APPROVE = "globalcatalog-collection.approval.update"


def _consumption(session: Session, request: Request) -> dict[str, Any]:
    """List the offerings that the account may use: its own, those shared with it, and those published to all."""
    select = request.query.get("select", "all")
    if select not in {"all", "public", "private"}:
        raise invalid("bad_request", "select must be all, public or private.", "select", type_="parameter")
    simple = select != "public" and "catalog" not in request.query and "sort" not in request.query
    if simple and offering_lists.serves(session):
        (offset, limit), hidden = window(request), flag(request, "includeHidden")
        found = offering_lists.page(session, offset, limit, hidden=hidden, public=select == "all")
        return shown_page(session, request, *found)
    return page_of_offerings(session, request, resources.OFFERING, _selected(session, request, select))


def _selected(session: Session, request: Request, select: str) -> list[Any]:
    table = resources.OFFERING.table.c
    where: list[Any] = []
    if select == "public":
        where.append(and_(table.share_with_all, table.account_id != session.ctx.account_id))
    elif select == "private":
        where.append(or_(table.share_with_all.is_(False), table.account_id == session.ctx.account_id))
    if "catalog" in request.query:
        where.append(table.catalog_id == request.query["catalog"])
    return where


def _share(session: Session, request: Request) -> dict[str, bool]:
    """Put an offering's access list into effect, or out of it."""
    body: ShareRequest = request.body
    offering = access_list.share(session, request.authorized, ibm=body.ibm, public=body.public, enabled=body.enabled)
    return {"ibm": offering.share_with_ibm, "public": offering.share_with_all, "enabled": offering.share_enabled}


_ASKING = ("allow_request", "approval_required")
_GIVING = ("ibm", "public", "pc_managed", "publish_approved", "ibm_module_repo", "ibm_community")


def _publish(session: Session, request: Request) -> dict[str, Any]:
    """Ask the operator to let an offering out of the enterprise, or take that back."""
    type_, given = _asked(request)
    offering = request.authorized.resource
    if given == "true" and type_ in _GIVING and not access_list.is_granted(session, offering.id):
        raise forbidden(access_list.REFUSAL)
    if type_ in _ASKING:
        answer = access_list.request_publication if given == "true" else access_list.withdraw_publication
        changed = answer(session, offering)
    else:
        changed = given == "false" and access_list.withdraw_publication(session, offering)
    return _approval_result(session, offering, changed=changed)


def _asked(request: Request) -> tuple[str, str]:
    """Type and word of the path; 400 for others."""
    type_, given = request.params["approval_type"], request.params["approved"]
    if given not in {"true", "false"}:
        raise invalid("bad_request", "The last part of the path must be true or false.", "approved", type_="parameter")
    if type_ not in (*_ASKING, *_GIVING):
        names = ", ".join((*_ASKING, *_GIVING))
        raise invalid("bad_request", f"The approval type must be one of {names}.", "approval_type", type_="parameter")
    return type_, given


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


def _entries(session: Session, request: Request) -> dict[str, Any]:
    """Get the access list of an offering."""
    offering = request.authorized.resource
    return token_page(
        request.path, [entry_response(entry, offering) for entry in access_list.entries(session, offering)]
    )


def _entry(session: Session, request: Request) -> dict[str, Any]:
    """Get one entry of the access list of an offering."""
    offering, wanted = request.authorized.resource, access_list.normal(request.params["access_identifier"])
    for entry in access_list.entries(session, offering):
        if entry.identifier == wanted:
            return entry_response(entry, offering)
    raise not_found("access_identifier")


def _add(session: Session, request: Request) -> dict[str, Any]:
    """Add accounts, account groups or the enterprise to the access list."""
    errors = access_list.add(session, request.authorized, request.body)
    return {**_entries(session, request), "errors": errors}


def _remove(session: Session, request: Request) -> dict[str, Any]:
    """Take identifiers off the access list."""
    access_list.remove(session, request.authorized, request.body)
    return {"errors": {}}


def _type(request: Request) -> str:
    found = request.params["type"]
    if found not in access_list.TYPES:
        raise invalid("bad_request", f"type must be one of {', '.join(access_list.TYPES)}.", "type", type_="parameter")
    return found


def _state(request: Request) -> str:
    found = request.params["state"]
    if found not in access_list.STATES:
        raise invalid(
            "bad_request", f"state must be one of {', '.join(access_list.STATES)}.", "state", type_="parameter"
        )
    return found


def _sent(session: Session, request: Request) -> dict[str, Any]:
    """List the share requests that the account has sent."""
    return token_page(request.path, [approval_response(one) for one in access_list.sent(session, _type(request))])


def _ask(session: Session, request: Request) -> dict[str, Any]:
    """Ask accounts for the permission to share with them."""
    access_list.request(session, _type(request), request.body)
    return _sent(session, request)


def _withdraw(session: Session, request: Request) -> dict[str, Any]:
    """Take share requests back."""
    access_list.withdraw(session, _type(request), request.body)
    return {"errors": {}}


def _received(session: Session, request: Request) -> dict[str, Any]:
    """List the share requests that the account has received, by state."""
    found = access_list.received(session, _type(request), _state(request), request.query.get("enterprise_id"))
    return token_page(request.path, [approval_response(one) for one in found])


def _answer(session: Session, request: Request) -> dict[str, Any]:
    """Accept or reject share requests."""
    access_list.answer(session, _type(request), _state(request), request.body, request.query.get("enterprise_id"))
    return _received(session, request)


def _reclamations(session: Session, request: Request) -> dict[str, Any]:
    """List the deleted catalogs, and instances of object storage, that can still be restored."""
    columns = resources.RECLAMATION.table.c
    asked = {"resource_instance_id": columns.catalog_id, "resource_group_id": columns.resource_group_id}
    where = [column == request.query[name] for name, column in asked.items() if name in request.query]
    if request.query.get("account_id", session.ctx.account_id) != session.ctx.account_id:
        return {"resources": []}
    return {"resources": [reclamation_response(one) for one in some(session, resources.RECLAMATION, *where)]}


def _act(session: Session, request: Request) -> Reply:
    """Restore a deleted catalog or instance of object storage, or have it reclaimed now."""
    actions = {"restore": reclamation.restore, "reclaim": reclamation.reclaim}
    act = actions.get(request.params["action"])
    if act is None:
        raise invalid("bad_request", "The action must be reclaim or restore.", "action", type_="parameter")
    return Reply(reclamation_response(act(session, request.authorized)))


def _approvals() -> tuple[Route, ...]:
    base, surface = f"{BASE}/shareapproval/{{type}}/access", CATALOG
    received = f"{base}/source/{{state}}"
    send, see = access.create(_SHARE), access.create(resources.RETRIEVE)
    decide = access.create(_APPROVE)
    return (
        route("GET", base, _sent, surface=surface, access=see),
        route("POST", base, _ask, surface=surface, access=send, body=list[str], status=201),
        route("DELETE", base, _withdraw, surface=surface, access=send, body=list[str]),
        route("GET", received, _received, surface=surface, access=see),
        route("POST", received, _answer, surface=surface, access=decide, body=list[str], status=201),
    )


def _offering_routes() -> tuple[Route, ...]:
    one, surface = f"{BASE}/catalogs/{{catalog_id}}/offerings/{{offering_id}}", CATALOG

    share, listed = offering_rule(_SHARE), f"{one}/access"
    look = offering_rule("globalcatalog-collection.offering.update")
    old = f"{one}/publish/{{approval_type}}/{{approved}}"
    return (
        route("GET", f"{BASE}/offerings", _consumption, surface=surface, access=access.listing(resources.OFFERING)),
        route("POST", f"{one}/share", _share, surface=surface, access=share, body=ShareRequest),
        route("POST", old, _publish, surface=surface, access=share),
        route("GET", listed, _entries, surface=surface, access=look),
        route("POST", listed, _add, surface=surface, access=share, body=list[str], status=201),
        route("DELETE", listed, _remove, surface=surface, access=share, body=list[str]),
        route("GET", f"{listed}/{{access_identifier}}", _entry, surface=surface, access=look),
    )


def _reclamation_routes() -> tuple[Route, ...]:
    surface, kind = PLATFORM, resources.RECLAMATION
    update = access.item(kind, "resource-controller.reclamation.update")
    # The second pair of paths is what a public client calls; both mean the same.
    pairs = (
        ("/v1/reclamations", "/v1/reclamations/{id}/actions/{action}"),
        ("/v2/resource_instances/reclamations", "/v2/reclamations/{id}/actions/{action}"),
    )
    found: list[Route] = []
    for many, act in pairs:
        found.append(route("GET", many, _reclamations, surface=surface, access=access.listing(kind)))
        found.append(
            route("POST", act, _act, surface=surface, access=update, body=ReclamationActionRequest, body_required=False)
        )
    return tuple(found)


def routes() -> tuple[Route, ...]:
    return (*_offering_routes(), *_approvals(), *_reclamation_routes())
