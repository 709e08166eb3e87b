"""Objects of a catalog and their access lists, in both dialects."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api import access
from kunsthalle.api.families.catalog import BASE, CATALOG, results, window
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.wire import Body
from kunsthalle.catalogs import kinds, lifecycle, objects, queries
from kunsthalle.catalogs.bodies import Label, ShareBody, Text
from kunsthalle.catalogs.outside import REFUSAL
from kunsthalle.catalogs.records import CatalogObject
from kunsthalle.catalogs.routes_catalogs import flag
from kunsthalle.catalogs.sharing import Entry, normal
from kunsthalle.catalogs.wire import access_wire, state_wire, token_page
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import Problem, Reason, forbidden, invalid, not_found
from kunsthalle.store import scope
from kunsthalle.store.unit import Unit

Doc = dict[str, Any]
_SHARE = "globalcatalog-collection.offering.share"


class ObjectBody(Body):
    """An object to create, or the whole of one to replace."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    rev: str | None = msgspec.field(name="_rev", default=None)
    label: Label | None = None
    kind: Annotated[str, Meta(max_length=24)] = "vpe"
    parent_id: Annotated[str, Meta(max_length=128)] = ""
    label_i18n: dict[str, str] | UnsetType = UNSET
    short_description: Text | UnsetType = UNSET
    short_description_i18n: dict[str, str] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    data: Doc | UnsetType = UNSET


_APART = frozenset({"name", "_rev", "label", "kind", "parent_id"})


def _document(body: ObjectBody) -> Doc:
    return {name: value for name, value in msgspec.to_builtins(body).items() if name not in _APART}


def object_wire(it: CatalogObject, unit: Unit, label: str, *, digest: bool = False) -> Doc:
    """An object; a digest leaves out its data."""
    shared = {"share_with_all": False, "share_with_ibm": False, "share_enabled": it.share_enabled}
    kept = {name: value for name, value in it.document.items() if not (digest and name == "data")}
    return {
        "tags": [],
        **kept,
        "id": it.id,
        "_rev": it.rev,
        "name": it.name,
        "crn": it.crn,
        "url": f"{unit.ctx.origin}{BASE}/catalogs/{it.catalog_id}/objects/{it.id}",
        "parent_id": it.parent_id,
        "label": it.label,
        "created": rfc3339(it.created_at),
        "updated": rfc3339(it.updated_at),
        "kind": it.kind,
        "publish": {**shared, "pc_managed": False, "publish_approved": False, "permit_ibm_public_publish": False},
        "state": state_wire(it.state, it.previous, it.entered_at),
        "catalog_id": it.catalog_id,
        "catalog_name": label,
    }


def _shown(unit: Unit, found: list[CatalogObject], *, digest: bool = False) -> list[Doc]:
    labels = queries.labels(unit, {one.catalog_id for one in found})
    return [object_wire(one, unit, labels.get(one.catalog_id, ""), digest=digest) for one in found]


def _page(unit: Unit, request: Request, where: list[Any]) -> Doc:
    offset, limit = window(request)
    total = scope.count(unit, kinds.OBJECT, *where)
    order = kinds.OBJECT.table.c.name
    found = scope.window(unit, kinds.OBJECT, *where, order=order, offset=offset, limit=limit)
    shown = _shown(unit, found, digest=flag(request, "digest"))
    return results(request, total, shown, offset, limit)


def _list(unit: Unit, request: Request) -> Doc:
    """List the objects of a catalog."""
    where = [kinds.OBJECT.table.c.catalog_id == request.granted.it.id]
    if "name" in request.query:
        where.append(kinds.OBJECT.table.c.name == request.query["name"])
    return _page(unit, request, where)


def _search(unit: Unit, request: Request) -> Doc:
    """Search the objects that the account may use."""
    if "query" not in request.query:
        raise invalid("bad_request", "query is required.", "query", type_="parameter")
    where = [*objects.matching(request.query["query"]), kinds.OBJECT.table.c.kind == request.query.get("kind", "vpe")]
    return _page(unit, request, where)


def _create(unit: Unit, request: Request) -> Doc:
    """Create an object."""
    body: ObjectBody = request.body
    label, doc = body.label or body.name, _document(body)
    made = objects.create(unit, request.granted, body.name, label, body.kind, body.parent_id, doc)
    return _shown(unit, [made])[0]


def _get(unit: Unit, request: Request) -> Reply:
    """Get an object: one's own, or one that is shared with the account."""
    it = request.granted.it
    return Reply(_shown(unit, [it])[0], headers={"ETag": f'"{it.rev}"'})


def _put(unit: Unit, request: Request) -> Doc:
    """Replace an object."""
    body: ObjectBody = request.body
    label, doc = body.label or body.name, _document(body)
    changed = objects.change(unit, request.granted.it, body.rev, body.name, label, body.parent_id, doc)
    return _shown(unit, [changed])[0]


def _delete(unit: Unit, request: Request) -> None:
    """Delete an object; one that is not there is deleted too."""
    try:
        _rule(lifecycle.DELETE).check(unit, request)
    except Problem as problem:
        if problem.reason is Reason.NOT_FOUND:
            return
        raise
    objects.remove(unit, request.granted.it)


def _publish(unit: Unit, request: Request) -> None:
    """Publish an object in the account."""
    objects.publish(unit, request.granted.it)


def _publish_shared(unit: Unit, request: Request) -> None:
    """Publish an object and put its access list into effect (old dialect)."""
    it: CatalogObject = request.granted.it
    if it.state == "new":
        objects.publish(unit, it)
    objects.share(unit, it, ibm=False, public=False, enabled=True)


def _unapproved(_unit: Unit, _request: Request) -> None:
    """Publish an object to IBM or the public: refused, for only offerings are approved."""
    raise forbidden(REFUSAL)


def _share(unit: Unit, request: Request) -> Doc:
    """Put an object's access list into effect, or out of it."""
    body: ShareBody = request.body
    changed = objects.share(unit, request.granted.it, ibm=body.ibm, public=body.public, enabled=body.enabled)
    return {"ibm": False, "public": False, "enabled": changed.share_enabled}


def _entry_wire(one: Entry, it: CatalogObject) -> Doc:
    shown = access_wire(one, it.catalog_id, it.id, it.account_id, it.kind)
    return {**shown, "create": shown["created"]}  # the old dialect's name for it


def _entries(unit: Unit, request: Request) -> Doc:
    """Get the access list of an object (new dialect)."""
    it = request.granted.it
    return token_page(request.path, [_entry_wire(one, it) for one in objects.entries(unit, it)])


def _old_entries(unit: Unit, request: Request) -> Doc:
    """Get the access list of an object (old dialect)."""
    it, (offset, limit) = request.granted.it, window(request)
    every = objects.entries(unit, it)
    shown = [_entry_wire(one, it) for one in every[offset : offset + limit]]
    return results(request, len(every), shown, offset, limit)


def _entry(unit: Unit, request: Request) -> Doc:
    """Get one entry of the access list of an object."""
    it, wanted = request.granted.it, normal(request.params["access_identifier"])
    for one in objects.entries(unit, it):
        if one.identifier == wanted:
            return _entry_wire(one, it)
    raise not_found("access_identifier")


def _add_one(unit: Unit, request: Request) -> None:
    """Add one identifier to the access list of an object."""
    wrong = objects.add(unit, request.granted.it, [request.params["access_identifier"]])
    if wrong:
        raise invalid("bad_request", next(iter(wrong.values())), "access_identifier", type_="parameter")


def _remove_one(unit: Unit, request: Request) -> None:
    """Take one identifier off the access list of an object."""
    objects.take_off(unit, request.granted.it, [normal(request.params["access_identifier"])])


def _add(unit: Unit, request: Request) -> Doc:
    """Add identifiers to the access list of an object."""
    return {"errors": objects.add(unit, request.granted.it, request.body)}


def _remove(unit: Unit, request: Request) -> Doc:
    """Take identifiers off the access list of an object."""
    objects.take_off(unit, request.granted.it, request.body)
    return {"errors": {}}


def _rule(action: str = kinds.RETRIEVE) -> access.Access:
    return access.item(kinds.OBJECT, action, "object_id", ("catalog_id",))


def _access_routes(one: str) -> tuple[Route, ...]:
    look, share, family = _rule(lifecycle.UPDATE), _rule(_SHARE), CATALOG
    entry, listed = f"{one}/access/{{access_identifier}}", f"{one}/access"
    return (
        route("GET", f"{one}/accessv1", _entries, family=family, access=look),
        route("GET", listed, _old_entries, family=family, access=look),
        route("POST", listed, _add, family=family, access=share, body=list[str], status=201),
        route("DELETE", listed, _remove, family=family, access=share, body=list[str]),
        route("GET", entry, _entry, family=family, access=look),
        route("POST", entry, _add_one, family=family, access=share, status=201),
        route("DELETE", entry, _remove_one, family=family, access=share),
    )


def routes() -> tuple[Route, ...]:
    many, family = f"{BASE}/catalogs/{{catalog_id}}/objects", CATALOG
    one = f"{many}/{{object_id}}"
    inside = access.item(kinds.CATALOG, param="catalog_id")
    create, change = access.item(kinds.CATALOG, lifecycle.CREATE, "catalog_id"), _rule(lifecycle.UPDATE)
    old = (("account-publish", _publish), ("shared-publish", _publish_shared))
    closed = (("ibm-publish", _unapproved), ("public-publish", _unapproved))
    steps = (("consume-publish", _publish), *old, *closed)
    return (
        route("GET", f"{BASE}/objects", _search, family=family, access=access.listing(kinds.OBJECT)),
        route("GET", many, _list, family=family, access=inside),
        route("POST", many, _create, family=family, access=create, body=ObjectBody, status=201),
        route("GET", one, _get, family=family, access=_rule()),
        route("PUT", one, _put, family=family, access=change, body=ObjectBody),
        route("DELETE", one, _delete, family=family, access=access.create(lifecycle.DELETE)),
        *(route("POST", f"{one}/{name}", call, family=family, access=change, status=202) for name, call in steps),
        route("POST", f"{one}/share", _share, family=family, access=_rule(_SHARE), body=ShareBody),
        *_access_routes(one),
    )
