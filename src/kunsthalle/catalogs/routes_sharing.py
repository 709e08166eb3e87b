"""Sharing, approvals, what an account may consume, and reclamations."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_

from kunsthalle.api import access
from kunsthalle.api.families.catalog import BASE, CATALOG, window
from kunsthalle.api.families.iam import PLATFORM
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.catalogs import kinds, listings, outside, queries, reclamation, sharing
from kunsthalle.catalogs.access import offering as offering_rule
from kunsthalle.catalogs.bodies import ReclamationActionBody, ShareBody
from kunsthalle.catalogs.model import Offering
from kunsthalle.catalogs.routes_catalogs import flag, page_of_offerings, shown_page
from kunsthalle.catalogs.wire import approval_wire, entry_wire, reclamation_wire, token_page
from kunsthalle.core.errors import forbidden, invalid, not_found
from kunsthalle.store.scope import some
from kunsthalle.store.unit import Unit

_SHARE = "globalcatalog-collection.offering.share"
_APPROVE = "globalcatalog-collection.approval.update"


def _consumption(unit: Unit, request: Request) -> dict[str, Any]:
    """List the offerings that the account may use: its own, those shared with it, and those published to all."""
    select = request.query.get("select", "all")
    if select not in {"all", "public", "private"}:
        raise invalid("bad_request", "select must be all, public or private.", "select", type_="parameter")
    simple = select != "public" and "catalog" not in request.query and "sort" not in request.query
    if simple and listings.serves(unit):
        (offset, limit), hidden = window(request), flag(request, "includeHidden")
        found = listings.page(unit, offset, limit, hidden=hidden, public=select == "all")
        return shown_page(unit, request, *found)
    return page_of_offerings(unit, request, kinds.OFFERING, _selected(unit, request, select))


def _selected(unit: Unit, request: Request, select: str) -> list[Any]:
    table = kinds.OFFERING.table.c
    where: list[Any] = []
    if select == "public":
        where.append(and_(table.share_with_all, table.account_id != unit.ctx.account_id))
    elif select == "private":
        where.append(or_(table.share_with_all.is_(False), table.account_id == unit.ctx.account_id))
    if "catalog" in request.query:
        where.append(table.catalog_id == request.query["catalog"])
    return where


def _share(unit: Unit, request: Request) -> dict[str, bool]:
    """Put an offering's access list into effect, or out of it."""
    body: ShareBody = request.body
    offering = sharing.share(unit, request.granted, ibm=body.ibm, public=body.public, enabled=body.enabled)
    return {"ibm": offering.share_with_ibm, "public": offering.share_with_all, "enabled": offering.share_enabled}


_ASKING = ("allow_request", "approval_required")
_GIVING = ("ibm", "public", "pc_managed", "publish_approved", "ibm_module_repo", "ibm_community")


def _publish(unit: Unit, request: Request) -> dict[str, Any]:
    """Ask the operator to let an offering out of the enterprise, or take that back."""
    type_, given = _asked(request)
    offering = request.granted.it
    if given == "true" and type_ in _GIVING and not outside.is_granted(unit, offering.id):
        raise forbidden(outside.REFUSAL)
    if type_ in _ASKING:
        changed = outside.request(unit, offering) if given == "true" else outside.withdraw(unit, offering)
    else:
        changed = given == "false" and outside.withdraw(unit, offering)
    return _approval_result(unit, offering, changed=changed)


def _asked(request: Request) -> tuple[str, str]:
    """Type and word of the path; 400 for others."""
    type_, given = request.params["approval_type"], request.params["approved"]
    if given not in {"true", "false"}:
        raise invalid("bad_request", "The last part of the path must be true or false.", "approved", type_="parameter")
    if type_ not in (*_ASKING, *_GIVING):
        names = ", ".join((*_ASKING, *_GIVING))
        raise invalid("bad_request", f"The approval type must be one of {names}.", "approval_type", type_="parameter")
    return type_, given


def _approval_result(unit: Unit, offering: Offering, *, changed: bool) -> dict[str, Any]:
    known = outside.approval(unit, offering.id)
    granted = known is not None and known.state == "granted"
    asked = known is not None and known.state != "revoked"
    now = queries.refresh(unit, offering)
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


def _entries(unit: Unit, request: Request) -> dict[str, Any]:
    """Get the access list of an offering."""
    offering = request.granted.it
    return token_page(request.path, [entry_wire(entry, offering) for entry in sharing.entries(unit, offering)])


def _entry(unit: Unit, request: Request) -> dict[str, Any]:
    """Get one entry of the access list of an offering."""
    offering, wanted = request.granted.it, sharing.normal(request.params["access_identifier"])
    for entry in sharing.entries(unit, offering):
        if entry.identifier == wanted:
            return entry_wire(entry, offering)
    raise not_found("access_identifier")


def _add(unit: Unit, request: Request) -> dict[str, Any]:
    """Add accounts, account groups or the enterprise to the access list."""
    errors = sharing.add(unit, request.granted, request.body)
    return {**_entries(unit, request), "errors": errors}


def _remove(unit: Unit, request: Request) -> dict[str, Any]:
    """Take identifiers off the access list."""
    sharing.remove(unit, request.granted, request.body)
    return {"errors": {}}


def _type(request: Request) -> str:
    found = request.params["type"]
    if found not in sharing.TYPES:
        raise invalid("bad_request", f"type must be one of {', '.join(sharing.TYPES)}.", "type", type_="parameter")
    return found


def _state(request: Request) -> str:
    found = request.params["state"]
    if found not in sharing.STATES:
        raise invalid("bad_request", f"state must be one of {', '.join(sharing.STATES)}.", "state", type_="parameter")
    return found


def _sent(unit: Unit, request: Request) -> dict[str, Any]:
    """List the share requests that the account has sent."""
    return token_page(request.path, [approval_wire(one) for one in sharing.sent(unit, _type(request))])


def _ask(unit: Unit, request: Request) -> dict[str, Any]:
    """Ask accounts for the permission to share with them."""
    sharing.request(unit, _type(request), request.body)
    return _sent(unit, request)


def _withdraw(unit: Unit, request: Request) -> dict[str, Any]:
    """Take share requests back."""
    sharing.withdraw(unit, _type(request), request.body)
    return {"errors": {}}


def _received(unit: Unit, request: Request) -> dict[str, Any]:
    """List the share requests that the account has received, by state."""
    found = sharing.received(unit, _type(request), _state(request), request.query.get("enterprise_id"))
    return token_page(request.path, [approval_wire(one) for one in found])


def _answer(unit: Unit, request: Request) -> dict[str, Any]:
    """Accept or reject share requests."""
    sharing.answer(unit, _type(request), _state(request), request.body, request.query.get("enterprise_id"))
    return _received(unit, request)


def _reclamations(unit: Unit, request: Request) -> dict[str, Any]:
    """List the deleted catalogs, and instances of object storage, that can still be restored."""
    columns = kinds.RECLAMATION.table.c
    asked = {"resource_instance_id": columns.catalog_id, "resource_group_id": columns.resource_group_id}
    where = [column == request.query[name] for name, column in asked.items() if name in request.query]
    if request.query.get("account_id", unit.ctx.account_id) != unit.ctx.account_id:
        return {"resources": []}
    return {"resources": [reclamation_wire(one) for one in some(unit, kinds.RECLAMATION, *where)]}


def _act(unit: Unit, request: Request) -> Reply:
    """Restore a deleted catalog or instance of object storage, or have it reclaimed now."""
    actions = {"restore": reclamation.restore, "reclaim": reclamation.reclaim}
    act = actions.get(request.params["action"])
    if act is None:
        raise invalid("bad_request", "The action must be reclaim or restore.", "action", type_="parameter")
    return Reply(reclamation_wire(act(unit, request.granted)))


def _approvals() -> tuple[Route, ...]:
    base, family = f"{BASE}/shareapproval/{{type}}/access", CATALOG
    received = f"{base}/source/{{state}}"
    send, see = access.create(_SHARE), access.create(kinds.RETRIEVE)
    decide = access.create(_APPROVE)
    return (
        route("GET", base, _sent, family=family, access=see),
        route("POST", base, _ask, family=family, access=send, body=list[str], status=201),
        route("DELETE", base, _withdraw, family=family, access=send, body=list[str]),
        route("GET", received, _received, family=family, access=see),
        route("POST", received, _answer, family=family, access=decide, body=list[str], status=201),
    )


def _offering_routes() -> tuple[Route, ...]:
    one, family = f"{BASE}/catalogs/{{catalog_id}}/offerings/{{offering_id}}", CATALOG

    share, listed = offering_rule(_SHARE), f"{one}/access"
    look = offering_rule("globalcatalog-collection.offering.update")
    old = f"{one}/publish/{{approval_type}}/{{approved}}"
    return (
        route("GET", f"{BASE}/offerings", _consumption, family=family, access=access.listing(kinds.OFFERING)),
        route("POST", f"{one}/share", _share, family=family, access=share, body=ShareBody),
        route("POST", old, _publish, family=family, access=share),
        route("GET", listed, _entries, family=family, access=look),
        route("POST", listed, _add, family=family, access=share, body=list[str], status=201),
        route("DELETE", listed, _remove, family=family, access=share, body=list[str]),
        route("GET", f"{listed}/{{access_identifier}}", _entry, family=family, access=look),
    )


def _reclamation_routes() -> tuple[Route, ...]:
    family, kind = PLATFORM, kinds.RECLAMATION
    update = access.item(kind, "resource-controller.reclamation.update")
    # The second pair of paths is what a public client calls; both mean the same.
    pairs = (
        ("/v1/reclamations", "/v1/reclamations/{id}/actions/{action}"),
        ("/v2/resource_instances/reclamations", "/v2/reclamations/{id}/actions/{action}"),
    )
    found: list[Route] = []
    for many, act in pairs:
        found.append(route("GET", many, _reclamations, family=family, access=access.listing(kind)))
        found.append(
            route("POST", act, _act, family=family, access=update, body=ReclamationActionBody, body_required=False)
        )
    return tuple(found)


def routes() -> tuple[Route, ...]:
    return (*_offering_routes(), *_approvals(), *_reclamation_routes())
