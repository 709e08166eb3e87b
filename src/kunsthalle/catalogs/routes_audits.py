"""Audit logs: `/audits` in pages by token (new dialect), `/audit` as one list (old), over the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.families.catalog import BASE, CATALOG, DEFAULT_LIMIT, MOST, number
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.catalogs import audits, kinds, lifecycle, sharing
from kunsthalle.catalogs.audits import Doc
from kunsthalle.catalogs.model import crn
from kunsthalle.catalogs.routes_catalogs import flag
from kunsthalle.core.errors import not_found
from kunsthalle.store.unit import Unit

About = Callable[[Unit, Request], Sequence[str]]


def _account(_unit: Unit, _request: Request) -> Sequence[str]:
    return (f"{BASE}/",)


def _catalog(unit: Unit, request: Request) -> Sequence[str]:
    id_ = request.params["catalog_id"]
    things = crn(unit.ctx.account_id, id_, "", "").removesuffix("::")
    return f"{BASE}/catalogs/{id_}", f"{BASE}/versions/{id_}.", f"{things}:"


def _offering(unit: Unit, request: Request) -> Sequence[str]:
    catalog_id, id_ = request.params["catalog_id"], request.params["offering_id"]
    account = unit.ctx.account_id
    own = crn(account, catalog_id, "offering", id_), crn(account, catalog_id, "version", f"{id_}/")
    return f"{BASE}/catalogs/{catalog_id}/offerings/{id_}", *own


def _object(_unit: Unit, request: Request) -> Sequence[str]:
    return (f"{BASE}/catalogs/{request.params['catalog_id']}/objects/{request.params['object_id']}",)


def _instance(_unit: Unit, request: Request) -> Sequence[str]:
    return (f"{BASE}/instances/offerings/{request.params['instance_id']}",)


def _enterprise(unit: Unit, request: Request) -> Sequence[str]:
    """For the enterprise's own account alone; for anybody else there is no such enterprise."""
    ctx = unit.ctx
    mine = kinds.enterprise_id(ctx) == request.params["enterprise_id"]
    if not mine or ctx.grants.reach("enterprise.enterprise.update").empty or not sharing.is_enterprise_account(unit):
        raise not_found("enterprise_id")
    return (f"{BASE}/",)


def _list(about: About, text: str) -> Callable[[Unit, Request], Doc]:
    def call(unit: Unit, request: Request) -> Doc:
        limit, start = number(request, "limit", DEFAULT_LIMIT, 1, MOST), request.query.get("start")
        found, following = audits.deeds(unit, about(unit, request), start, limit)
        names = flag(request, "lookupnames")
        return _page([audits.digest_wire(unit, one, names=names) for one in found], limit, start, following)

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


def _one(about: About, text: str) -> Callable[[Unit, Request], Doc]:
    def call(unit: Unit, request: Request) -> Doc:
        found = audits.deed(unit, about(unit, request), request.params["auditlog_identifier"])
        return audits.deed_wire(unit, found)

    call.__doc__ = f"Get one deed done to {text}."
    return call


def _old(about: About, text: str) -> Callable[[Unit, Request], Doc]:
    def call(unit: Unit, request: Request) -> Doc:
        found, _more = audits.deeds(unit, about(unit, request), None, MOST)
        return {"list": [audits.digest_wire(unit, one) for one in found]}

    call.__doc__ = f"List what was done to {text} (old dialect: the newest {MOST})."
    return call


def routes() -> tuple[Route, ...]:
    """Editors read audits: of the account, of a catalog, of what is in it."""
    catalog = f"{BASE}/catalogs/{{catalog_id}}"
    update = "globalcatalog-collection.instance.update"
    editor, inside = access.create(update), access.item(kinds.CATALOG, update, "catalog_id")
    product = access.create(lifecycle.UPDATE)  # also of an offering that is gone: 200 and what is left of it
    thing = access.item(kinds.OBJECT, lifecycle.UPDATE, "object_id", ("catalog_id",))
    use = access.item(kinds.OFFERING_INSTANCE, update, "instance_id")
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
        found.append(route("GET", f"{path}/audits", _list(about, text), family=CATALOG, access=rule))
        found.append(route("GET", one, _one(about, text), family=CATALOG, access=rule))
        if old:
            found.append(route("GET", f"{path}/audit", _old(about, text), family=CATALOG, access=rule))
    return tuple(found)
