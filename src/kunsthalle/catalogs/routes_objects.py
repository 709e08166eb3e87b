"""Objects of a catalog and their access lists, in both API generations."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api import access
from kunsthalle.api.body_bounds import Document, Translations, Words
from kunsthalle.api.crud import Resource, changing, making, reading
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.api.surfaces.catalog import BASE, CATALOG, Digest, WindowParameters, results
from kunsthalle.catalogs import objects, queries, resources, states
from kunsthalle.catalogs.models import Catalog, CatalogObject
from kunsthalle.catalogs.requests import Identifiers, Label, ShareRequest, Text
from kunsthalle.catalogs.resources import catalog_item, object_or_none
from kunsthalle.catalogs.schemas import access_response, state_response, token_page
from kunsthalle.catalogs.sharing.access_list import REFUSAL, Entry, normal
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import forbidden, invalid, not_found
from kunsthalle.db import pages, visibility
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized

Doc = dict[str, Any]


class ObjectRequest(RequestBody):
    """An object to create, or the whole of one to replace."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    rev: str | None = msgspec.field(name="_rev", default=None)
    label: Label | None = None
    kind: Annotated[str, Meta(max_length=24)] = "vpe"
    parent_id: Annotated[str, Meta(max_length=128)] = ""
    label_i18n: Translations | UnsetType = UNSET
    short_description: Text | UnsetType = UNSET
    short_description_i18n: Translations | UnsetType = UNSET
    tags: Words | UnsetType = UNSET
    data: Document | UnsetType = UNSET


_APART = frozenset({"name", "_rev", "label", "kind", "parent_id"})


def _document(body: ObjectRequest) -> Doc:
    return {name: value for name, value in msgspec.to_builtins(body).items() if name not in _APART}


def object_response(catalog_object: CatalogObject, session: Session, label: str, *, digest: bool = False) -> Doc:
    """An object; a digest leaves out its data."""
    shared = {"share_with_all": False, "share_with_ibm": False, "share_enabled": catalog_object.share_enabled}
    fields = {name: value for name, value in catalog_object.document.items() if not (digest and name == "data")}
    return {
        "tags": [],
        **fields,
        "id": catalog_object.id,
        "_rev": catalog_object.rev,
        "name": catalog_object.name,
        "crn": catalog_object.crn,
        "url": f"{session.ctx.origin}{BASE}/catalogs/{catalog_object.catalog_id}/objects/{catalog_object.id}",
        "parent_id": catalog_object.parent_id,
        "label": catalog_object.label,
        "created": rfc3339(catalog_object.created_at),
        "updated": rfc3339(catalog_object.updated_at),
        "kind": catalog_object.kind,
        "publish": {**shared, "pc_managed": False, "publish_approved": False, "permit_ibm_public_publish": False},
        "state": state_response(catalog_object.state, catalog_object.previous, catalog_object.entered_at),
        "catalog_id": catalog_object.catalog_id,
        "catalog_name": label,
    }


def _shown(session: Session, catalog_objects: list[CatalogObject], *, digest: bool = False) -> list[Doc]:
    labels = queries.labels(session, {catalog_object.catalog_id for catalog_object in catalog_objects})
    return [
        object_response(catalog_object, session, labels.get(catalog_object.catalog_id, ""), digest=digest)
        for catalog_object in catalog_objects
    ]


def _page(session: Session, request: Request, query: ListedObjectsParameters, where: list[Any]) -> Doc:
    total = visibility.count(session, resources.OBJECT, *where)
    order = resources.OBJECT.table.c.name
    objects = pages.window(session, resources.OBJECT, *where, order=order, offset=query.offset, limit=query.limit)
    return results(request, query, total, _shown(session, objects.items, digest=query.digest), objects.passed)


class ListedObjectsParameters(WindowParameters, frozen=True):
    """Of every list of objects."""

    digest: Digest = False


class ObjectsParameters(ListedObjectsParameters, frozen=True):
    """Of the objects of a catalog."""

    name: Annotated[str | None, Meta(description="Only objects of exactly this name.")] = None


class ObjectSearchParameters(ListedObjectsParameters, frozen=True, kw_only=True):
    """Of the search for objects."""

    query: Annotated[str, Meta(description="What to search for: words, and `field:value` of the objects' documents.")]
    kind: Annotated[str, Meta(description="Only objects of this kind.")] = "vpe"


def _list(session: Session, request: Request, catalog: Catalog, query: ObjectsParameters) -> Doc:
    """List the objects of a catalog."""
    where = [resources.OBJECT.table.c.catalog_id == catalog.id]
    if query.name is not None:
        where.append(resources.OBJECT.table.c.name == query.name)
    return _page(session, request, query, where)


def _search(session: Session, request: Request, query: ObjectSearchParameters) -> Doc:
    """Search the objects that the account may use."""
    where = [*objects.matching(query.query), resources.OBJECT.table.c.kind == query.kind]
    return _page(session, request, query, where)


def _create(session: Session, catalog: Authorized[Catalog], body: ObjectRequest) -> CatalogObject:
    return objects.create(
        session, catalog, body.name, body.label or body.name, body.kind, body.parent_id, _document(body)
    )


def _replace(session: Session, authorized: Authorized[CatalogObject], body: ObjectRequest) -> CatalogObject:
    label, doc = body.label or body.name, _document(body)
    return objects.change(session, authorized.resource, body.rev, body.name, label, body.parent_id, doc)


def _delete(session: Session, _request: Request, catalog_object: CatalogObject | None) -> None:
    """Delete an object; one that is not there is deleted too."""
    if catalog_object is not None:
        objects.remove(session, catalog_object)


def _publish(session: Session, _request: Request, catalog_object: CatalogObject) -> None:
    """Publish an object in the account."""
    objects.publish(session, catalog_object)


def _publish_shared(session: Session, _request: Request, catalog_object: CatalogObject) -> None:
    """Publish an object and put its access list into effect (old surface)."""
    if catalog_object.state == "new":
        objects.publish(session, catalog_object)
    objects.share(session, catalog_object, ibm=False, public=False, enabled=True)


def _unapproved(_session: Session, _request: Request, _catalog_object: CatalogObject) -> None:
    """Publish an object to IBM or the public: refused, for only offerings are approved."""
    raise forbidden(REFUSAL)


def _share(session: Session, request: Request, catalog_object: CatalogObject) -> Doc:
    """Put an object's access list into effect, or out of it."""
    body: ShareRequest = request.body
    changed = objects.share(session, catalog_object, ibm=body.ibm, public=body.public, enabled=body.enabled)
    return {"ibm": False, "public": False, "enabled": changed.share_enabled}


def _entry_response(entry: Entry, catalog_object: CatalogObject) -> Doc:
    shown = access_response(
        entry, catalog_object.catalog_id, catalog_object.id, catalog_object.account_id, catalog_object.kind
    )
    return {**shown, "create": shown["created"]}  # the old surface's name for it


def _entries(session: Session, request: Request, catalog_object: CatalogObject | None) -> Doc:
    """Get the access list of an object (new surface); of one that is not there it is empty."""
    return token_page(request.path, _listed(session, catalog_object))


def _old_entries(
    session: Session, request: Request, catalog_object: CatalogObject | None, query: WindowParameters
) -> Doc:
    """Get the access list of an object (old surface); of one that is not there it is empty."""
    every = _listed(session, catalog_object)
    return results(request, query, len(every), every[query.offset : query.offset + query.limit])


def _listed(session: Session, catalog_object: CatalogObject | None) -> list[Doc]:
    return (
        []
        if catalog_object is None
        else [_entry_response(entry, catalog_object) for entry in objects.entries(session, catalog_object)]
    )


def _entry(session: Session, request: Request, catalog_object: CatalogObject) -> Doc:
    """Get one entry of the access list of an object."""
    entry_object, identifier = catalog_object, normal(request.params["access_identifier"])
    for entry in objects.entries(session, entry_object):
        if entry.identifier == identifier:
            return _entry_response(entry, entry_object)
    raise not_found("access_identifier")


def _add_one(session: Session, request: Request, catalog_object: CatalogObject) -> None:
    """Add one identifier to the access list of an object."""
    wrong = objects.add(session, catalog_object, [request.params["access_identifier"]])
    if wrong:
        raise invalid("bad_request", next(iter(wrong.values())), "access_identifier", type_="parameter")


def _remove_one(session: Session, request: Request, catalog_object: CatalogObject) -> None:
    """Take one identifier off the access list of an object."""
    objects.take_off(session, catalog_object, [normal(request.params["access_identifier"])])


def _add(session: Session, request: Request, catalog_object: CatalogObject) -> Doc:
    """Add identifiers to the access list of an object."""
    return {"errors": objects.add(session, catalog_object, request.body)}


def _remove(session: Session, request: Request, catalog_object: CatalogObject) -> Doc:
    """Take identifiers off the access list of an object."""
    objects.take_off(session, catalog_object, request.body)
    return {"errors": {}}


def _rule(action: str = resources.RETRIEVE) -> access.Access:
    return catalog_item(resources.OBJECT, action, "object_id", ("catalog_id",))


UNTAGGED = Resource(
    resources.OBJECT,
    f"{BASE}/catalogs/{{catalog_id}}/objects",
    lambda catalog_object, session: _shown(session, [catalog_object])[0],
    None,
    parent=resources.CATALOG,
    parent_field="catalog_id",
    surface=CATALOG,
    param="object_id",
    rule=_rule,
    actions={"update": states.UPDATE},
)
TAGGED = replace(UNTAGGED, tag=lambda catalog_object: catalog_object.rev)
"""Only the answer to a look-up has an ETag."""


def _access_routes(item_path: str) -> tuple[Route, ...]:
    look, share, surface = _rule(states.UPDATE), _rule(resources.SHARE), CATALOG
    listing = object_or_none(states.UPDATE)
    entry, listed = f"{item_path}/access/{{access_identifier}}", f"{item_path}/access"
    return (
        route("GET", f"{item_path}/accessv1", _entries, surface=surface, access=listing),
        route("GET", listed, _old_entries, surface=surface, access=listing, query=WindowParameters),
        route("POST", listed, _add, surface=surface, access=share, body=Identifiers, status=201),
        route("DELETE", listed, _remove, surface=surface, access=share, body=Identifiers),
        route("GET", entry, _entry, surface=surface, access=look),
        route("POST", entry, _add_one, surface=surface, access=share, status=201),
        route("DELETE", entry, _remove_one, surface=surface, access=share),
    )


def routes() -> tuple[Route, ...]:
    many, item_path, surface = UNTAGGED.path, UNTAGGED.item_path, CATALOG
    inside, anything = catalog_item(resources.CATALOG), access.listing(resources.OBJECT)
    remove = access.item_if_there(resources.OBJECT, states.DELETE, "object_id", ("catalog_id",))
    create, change = catalog_item(resources.CATALOG, states.CREATE), _rule(states.UPDATE)
    steps = (
        ("consume-publish", _publish, "Publish an object in the account."),
        ("account-publish", _publish, "Publish an object in the account (old API)."),
        ("shared-publish", _publish_shared, "Publish an object to the accounts of its access list (old API)."),
        ("ibm-publish", _unapproved, "Publish an object to IBM: refused, for only offerings are approved."),
        ("public-publish", _unapproved, "Publish an object to the public: refused, for only offerings are approved."),
    )
    return (
        route("GET", f"{BASE}/objects", _search, surface=surface, access=anything, query=ObjectSearchParameters),
        route("GET", many, _list, surface=surface, access=inside, query=ObjectsParameters),
        making(UNTAGGED, "Create an object.", _create, ObjectRequest, rule=create, proof=True),
        reading(TAGGED, "Get an object: one's own, or one that is shared with the account."),
        changing(UNTAGGED, "Replace an object.", _replace, ObjectRequest, method="PUT"),
        route("DELETE", item_path, _delete, surface=surface, access=remove),
        *(
            route("POST", f"{item_path}/{name}", call, surface=surface, access=change, status=202, summary=summary)
            for name, call, summary in steps
        ),
        route("POST", f"{item_path}/share", _share, surface=surface, access=_rule(resources.SHARE), body=ShareRequest),
        *_access_routes(item_path),
    )
