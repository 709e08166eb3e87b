"""Audit logs: `/audits` in pages by token (new surface), `/audit` as one list (old), over the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from msgspec import Meta

from kunsthalle.accounts.queries import user
from kunsthalle.accounts.resources import enterprise_id
from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.pagination import CATALOG_AUDITS, Key, key_cursor, key_of
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Call, Route, route
from kunsthalle.api.surfaces.catalog import BASE, CATALOG, DEFAULT_LIMIT, MOST, Limit
from kunsthalle.catalogs import resources, states
from kunsthalle.catalogs.models import Catalog, CatalogObject, OfferingInstance, crn
from kunsthalle.catalogs.resources import catalog_item, object_or_none
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db import audit
from kunsthalle.db.audit import Entry
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit as table
from kunsthalle.db.visibility import ResourceType, unscoped

# What was done to catalogs, and by whom: the audit rows of an account, in both API generations (1.3).

Doc = dict[str, Any]


AUDIT = ResourceType("audit", table, Entry, "globalcatalog-collection.instance.update")


def entries(session: Session, about: Sequence[str], start: str | None, limit: int) -> tuple[list[Entry], str | None]:
    """A page of what the account did and what was done to its resources, newest first, and where the next page begins.

    `about` are beginnings of paths and CRNs. The route's rule has said that the caller may read them.
    """
    page = audit.page(session, about=about, after=_place(start) if start else None, limit=limit)
    return page.items, None if page.last is None else key_cursor(page.last)


def _place(start: str) -> Key:
    key = key_of(start)
    if key is None:
        raise invalid("bad_request", "start must come from the last page.", "start", type_="parameter")
    return key


def entry(session: Session, about: Sequence[str], id_: str) -> Entry:
    """One row; 404 when it is not there, about something else, or another account's."""
    for audit_row in unscoped(session, AUDIT, table.c.id == id_):
        texts = (audit_row.target, audit_row.thing_crn or "")
        ours = session.ctx.account_id in {audit_row.account_id, audit_row.thing_account_id}
        if ours and any(text.startswith(tuple(about)) for text in texts):
            return audit_row
    raise not_found("auditlog_identifier")


def _target(path: str) -> tuple[str, str]:
    """What a path, or a CRN, is about: the type and the id of its deepest resource."""
    if path.startswith("crn:"):
        crn = parse(path)
        return crn.type or "catalog", crn.resource or crn.instance
    names = {"catalogs": "catalog", "offerings": "offering", "versions": "version", "objects": "object"}
    names |= {"plans": "plan", "catalogaccount": "account", "shareapproval": "shareapproval", "instances": "instance"}
    parts = path.removeprefix(BASE).split("/")
    subject = ("account", "")
    for at, part in enumerate(parts):
        if part in names:
            subject = (names[part], parts[at + 1] if at + 1 < len(parts) else "")
    return subject


def digest_response(session: Session, entry: Entry, *, names: bool = False) -> Doc:
    """A row as lists show it."""
    type_, id_ = _target(entry.target)
    who = user(session, entry.account_id, entry.initiator or entry.actor)
    ended = "failed" if entry.initiator else "refused"
    refused = f"{ended}: {entry.code or entry.outcome}" if entry.outcome >= 400 else "done"
    response = {
        "id": entry.id,
        "_rev": f"1-{entry.id.replace('-', '')}",
        "created": rfc3339(entry.at),
        "change_type": entry.action.rsplit(".", 1)[-1],
        "target_type": type_,
        "target_id": id_,
        "who_email": who.user_id if who else "",
        "who_delegate_email": "",
        "message": f"{entry.action} on {entry.target}: {refused}",
    }
    return {**response, "who_name": who.name if who else entry.initiator or entry.actor} if names else response


def entry_response(session: Session, entry: Entry) -> Doc:
    """A row in full."""
    asked = entry.initiator or entry.actor
    who, delegate = user(session, entry.account_id, asked), entry.actor if entry.initiator else ""
    more = {
        "gid": entry.trace,
        "who_id": asked,
        "who_name": who.name if who else asked,
        "who_delegate_id": delegate,
        "who_delegate_name": delegate,
        "data": {"outcome": entry.outcome, "code": entry.code, "action": entry.action},
    }
    return {**digest_response(session, entry), **more}


About = Callable[[Session, Request], Sequence[str]]


def _account(_session: Session, _request: Request) -> Sequence[str]:
    return (f"{BASE}/",)


def _catalog(session: Session, request: Request) -> Sequence[str]:
    id_ = request.params["catalog_id"]
    prefix = crn(session.ctx.account_id, id_, "", "").removesuffix("::")
    return f"{BASE}/catalogs/{id_}", f"{BASE}/versions/{id_}.", f"{prefix}:"


def _offering(session: Session, request: Request) -> Sequence[str]:
    catalog_id, id_ = request.params["catalog_id"], request.params["offering_id"]
    account = session.ctx.account_id
    own = crn(account, catalog_id, "offering", id_), crn(account, catalog_id, "version", f"{id_}/")
    return f"{BASE}/catalogs/{catalog_id}/offerings/{id_}", *own


def _object(_session: Session, request: Request) -> Sequence[str]:
    return (f"{BASE}/catalogs/{request.params['catalog_id']}/objects/{request.params['object_id']}",)


def _instance(_session: Session, request: Request) -> Sequence[str]:
    return (f"{BASE}/instances/offerings/{request.params['instance_id']}",)


def _enterprise(session: Session, request: Request) -> Sequence[str]:
    """For the enterprise's own account alone; for anybody else there is no such enterprise."""
    ctx = session.ctx
    condition = enterprise_id(ctx) == request.params["enterprise_id"]
    if (
        not condition
        or ctx.grants.scope("enterprise.enterprise.update").empty
        or not access_list.is_enterprise_account(session)
    ):
        raise not_found("enterprise_id")
    return (f"{BASE}/",)


class AuditParameters(Parameters, frozen=True):
    """Of every audit that has pages."""

    start: Annotated[str | None, Meta(description="Where the page begins: `start` in the `next` of another page.")] = (
        None
    )
    limit: Limit = DEFAULT_LIMIT
    lookupnames: Annotated[bool, Meta(description="Whether to show the names of those who did something.")] = False


Audited = Catalog | CatalogObject | OfferingInstance | None
"""What an audit may be of whose path the access rule looks up, None where it is gone. The audit needs no more."""


def _suiting(call: Call, rule: Access, *, query: bool = False) -> Call:
    """The handler as a route with this rule takes it."""

    def of_row(session: Session, request: Request, _audited: Audited) -> Any:
        return call(session, request)

    def of_row_paged(session: Session, request: Request, _audited: Audited, query: AuditParameters) -> Any:
        return call(session, request, query)

    if not rule.finds:
        return call
    suiting = of_row_paged if query else of_row
    suiting.__doc__ = call.__doc__
    return suiting


def _list(about: About, text: str) -> Call:
    def call(session: Session, request: Request, query: AuditParameters) -> Doc:
        limit, start, names = query.limit, query.start, query.lookupnames
        page_entries, following = entries(session, about(session, request), start, limit)
        return _page(request, [digest_response(session, row, names=names) for row in page_entries], query, following)

    call.__doc__ = f"List what was done to {text}."
    return call


def _page(request: Request, shown: list[Doc], query: AuditParameters, following: str | None) -> Doc:
    page: Doc = {"limit": query.limit, "resource_count": len(shown), "audits": shown}
    page["first"] = CATALOG_AUDITS.link("", request, limit=query.limit)
    if query.start:
        page["start"] = query.start
    if following is not None:
        page["next"] = CATALOG_AUDITS.link("", request, following, query.limit)
    return page


def _one(about: About, text: str) -> Call:
    def call(session: Session, request: Request) -> Doc:
        row = entry(session, about(session, request), request.params["auditlog_identifier"])
        return entry_response(session, row)

    call.__doc__ = f"Get one entry of what was done to {text}."
    return call


def _old(about: About, text: str) -> Call:
    def call(session: Session, request: Request) -> Doc:
        page_entries, _more = entries(session, about(session, request), None, MOST)
        return {"list": [digest_response(session, row) for row in page_entries]}

    call.__doc__ = f"List what was done to {text} (old API: the newest {MOST})."
    return call


def routes() -> tuple[Route, ...]:
    """Editors read audits: of the account, of a catalog, of what is in it."""
    catalog = f"{BASE}/catalogs/{{catalog_id}}"
    update = "globalcatalog-collection.instance.update"
    editor, inside = access.create(update), catalog_item(resources.CATALOG, update)
    product = access.create(states.UPDATE)  # also of an offering that is gone: 200 and what is left of it
    object_rule = object_or_none(states.UPDATE)  # as of an offering
    use = catalog_item(resources.OFFERING_INSTANCE, update, "instance_id")
    table: tuple[tuple[str, About, str, Access, bool], ...] = (
        (f"{BASE}/catalogaccount", _account, "the account's catalogs", editor, True),
        (catalog, _catalog, "a catalog", inside, True),
        (f"{catalog}/offerings/{{offering_id}}", _offering, "an offering", product, True),
        (f"{catalog}/objects/{{object_id}}", _object, "an object", object_rule, True),
        (f"{BASE}/instances/offerings/{{instance_id}}", _instance, "an offering instance", use, False),
        (f"{BASE}/enterprises/{{enterprise_id}}", _enterprise, "the enterprise's catalogs", editor, False),
    )
    made: list[Route] = []
    for path, about, text, rule, old in table:
        item_path = f"{path}/audits/{{auditlog_identifier}}"
        call, many = _suiting(_list(about, text), rule, query=True), f"{path}/audits"
        made.append(route("GET", many, call, surface=CATALOG, access=rule, query=AuditParameters))
        made.append(route("GET", item_path, _suiting(_one(about, text), rule), surface=CATALOG, access=rule))
        if old:
            made.append(route("GET", f"{path}/audit", _suiting(_old(about, text), rule), surface=CATALOG, access=rule))
    return tuple(made)
