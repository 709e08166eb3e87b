"""Audit logs: `/audits` in pages by token (new surface), `/audit` as one list (old), over the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from kunsthalle.accounts.resources import enterprise_id
from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.catalog import BASE, CATALOG, DEFAULT_LIMIT, MOST, number
from kunsthalle.catalogs import audit_log, resources
from kunsthalle.catalogs.audit_log import Doc
from kunsthalle.catalogs.models import crn
from kunsthalle.catalogs.routes_catalogs import flag
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.versions import publish_states
from kunsthalle.core.errors import not_found
from kunsthalle.db.session import Session

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
    mine = enterprise_id(ctx) == request.params["enterprise_id"]
    if (
        not mine
        or ctx.grants.scope("enterprise.enterprise.update").empty
        or not access_list.is_enterprise_account(session)
    ):
        raise not_found("enterprise_id")
    return (f"{BASE}/",)


def _list(about: About, text: str) -> Callable[[Session, Request], Doc]:
    def call(session: Session, request: Request) -> Doc:
        limit, start = number(request, "limit", DEFAULT_LIMIT, 1, MOST), request.query.get("start")
        found, following = audit_log.entries(session, about(session, request), start, limit)
        names = flag(request, "lookupnames")
        return _page([audit_log.digest_response(session, one, names=names) for one in found], limit, start, following)

    call.__doc__ = f"List what was done to {text}."
    return call


def _page(shown: list[Doc], limit: int, start: str | None, following: str | None) -> Doc:
    """Links are relative to the list itself: an offering that is hidden and one that never was are answered alike."""
    page: Doc = {"limit": limit, "resource_count": len(shown), "audits": shown}
    page["first"] = {"href": f"?{urlencode({'limit': limit})}"}
    if start:
        page["start"] = start
    if following is not None:
        page["next"] = {"href": f"?{urlencode({'limit': limit, 'start': following})}", "start": following}
    return page


def _one(about: About, text: str) -> Callable[[Session, Request], Doc]:
    def call(session: Session, request: Request) -> Doc:
        found = audit_log.entry(session, about(session, request), request.params["auditlog_identifier"])
        return audit_log.entry_response(session, found)

    call.__doc__ = f"Get one entry of what was done to {text}."
    return call


def _old(about: About, text: str) -> Callable[[Session, Request], Doc]:
    def call(session: Session, request: Request) -> Doc:
        found, _more = audit_log.entries(session, about(session, request), None, MOST)
        return {"list": [audit_log.digest_response(session, one) for one in found]}

    call.__doc__ = f"List what was done to {text} (old API: the newest {MOST})."
    return call


def routes() -> tuple[Route, ...]:
    """Editors read audits: of the account, of a catalog, of what is in it."""
    catalog = f"{BASE}/catalogs/{{catalog_id}}"
    update = "globalcatalog-collection.instance.update"
    editor, inside = access.create(update), access.item(resources.CATALOG, update, "catalog_id")
    product = access.create(publish_states.UPDATE)  # also of an offering that is gone: 200 and what is left of it
    thing = access.item(resources.OBJECT, publish_states.UPDATE, "object_id", ("catalog_id",))
    use = access.item(resources.OFFERING_INSTANCE, update, "instance_id")
    table: tuple[tuple[str, About, str, Access, bool], ...] = (
        (f"{BASE}/catalogaccount", _account, "the account's catalogs", editor, True),
        (catalog, _catalog, "a catalog", inside, True),
        (f"{catalog}/offerings/{{offering_id}}", _offering, "an offering", product, True),
        (f"{catalog}/objects/{{object_id}}", _object, "an object", thing, True),
        (f"{BASE}/instances/offerings/{{instance_id}}", _instance, "an offering instance", use, False),
        (f"{BASE}/enterprises/{{enterprise_id}}", _enterprise, "the enterprise's catalogs", editor, False),
    )
    found: list[Route] = []
    for path, about, text, rule, old in table:
        one = f"{path}/audits/{{auditlog_identifier}}"
        found.append(route("GET", f"{path}/audits", _list(about, text), surface=CATALOG, access=rule))
        found.append(route("GET", one, _one(about, text), surface=CATALOG, access=rule))
        if old:
            found.append(route("GET", f"{path}/audit", _old(about, text), surface=CATALOG, access=rule))
    return tuple(found)
