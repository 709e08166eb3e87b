"""Global Search and Global Tagging: `/v3/resources/search`, `/v3/tags`."""

from __future__ import annotations

import re

from msgspec import UNSET

from kunsthalle.accounts import paging
from kunsthalle.api import access
from kunsthalle.api.families.iam import PLATFORM
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import forbidden, invalid
from kunsthalle.search import routes_resources, service, tagging
from kunsthalle.search.service import Place
from kunsthalle.search.wire import (
    CreatedTagsWire,
    CreateTagsBody,
    DeletedTagResultsWire,
    DeletedTagsWire,
    ScanWire,
    SearchBody,
    TagBody,
    TagResultsWire,
    TagsWire,
    TagWire,
    created_wire,
    deleted_wire,
    result_wire,
)
from kunsthalle.store.unit import Unit

USUAL, MOST = 10, 1_000
TAGS_USUAL, TAGS_MOST = 100, 1_000
_CHOICES = ("false", "true", "any")


def _choice(request: Request, name: str) -> str:
    found = request.query.get(name, "false")
    if found not in _CHOICES:
        raise invalid("bad_request", f"{name} must be true, false or any.", name, type_="parameter")
    return found


def _foreign(unit: Unit, request: Request) -> bool:
    """Whether another account than the token's is asked for."""
    return request.query.get("account_id", unit.ctx.account_id) != unit.ctx.account_id


def _nothing(unit: Unit, request: Request) -> bool:
    """Whether what is asked for is nothing that this product keeps: another account, what is deleted, projects."""
    gone = [_choice(request, name) for name in ("is_deleted", "is_reclaimed", "is_project_resource")]
    return _foreign(unit, request) or "true" in gone


def _place(request: Request) -> Place:
    body: SearchBody = request.body or SearchBody()
    if "sort" in request.query:
        raise invalid("bad_request", "sort is not offered: results come newest first.", "sort", type_="parameter")
    if "impersonate_user" in request.query:
        raise forbidden()
    if body.search_cursor is not None:
        return service.from_cursor(body.search_cursor)
    return Place("*" if body.query is None else body.query, body.fields or [], paging.flag(request, "can_tag"))


def _search(unit: Unit, request: Request) -> ScanWire:
    """Find resources of the account: never what a list would hide."""
    limit, place = paging.size(request, USUAL, MOST), _place(request)
    if _nothing(unit, request):
        return ScanWire(items=[], limit=limit)
    found = service.search(unit, place, limit)
    cursor = UNSET if found.place is None else service.cursor(found.place)
    return ScanWire(items=found.items, limit=limit, search_cursor=cursor)


def _type(request: Request) -> str:
    found = request.query.get("tag_type", "user")
    if found not in {"user", "access", "service"}:
        raise invalid("bad_request", "tag_type must be user, access or service.", "tag_type", type_="parameter")
    return found


def _changeable(request: Request) -> str:
    """The type of tags to change; those of services are the services' own."""
    found = _type(request)
    if found == "service":
        raise forbidden()
    return found


def _offset(request: Request) -> int:
    text = request.query.get("offset", "0")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise invalid("bad_request", "offset must be a number.", "offset", type_="parameter")
    return int(text)


def _list_tags(unit: Unit, request: Request) -> TagsWire:
    """List the tags of the account, or those of one resource that the caller sees."""
    type_, limit, offset = _type(request), paging.size(request, TAGS_USUAL, TAGS_MOST), _offset(request)
    names = _names(unit, request, type_)
    shown = [TagWire(name=name) for name in names[offset : offset + limit]]
    return TagsWire(total_count=len(names), offset=offset, limit=limit, items=shown)


def _names(unit: Unit, request: Request, type_: str) -> list[str]:
    order = request.query.get("order_by_name", "asc")
    if order not in {"asc", "desc"}:
        raise invalid("bad_request", "order_by_name must be asc or desc.", "order_by_name", type_="parameter")
    only = paging.flag(request, "attached_only")
    if _foreign(unit, request) or type_ == "service" or request.query.get("providers", "ghost") == "ims":
        return []
    crn = request.query.get("attached_to")
    found = tagging.names(unit, type_, attached_only=only) if crn is None else tagging.names_on(unit, type_, crn)
    return found if order == "asc" else found[::-1]


def _create_tags(unit: Unit, request: Request) -> CreatedTagsWire:
    """Create access tags."""
    if _changeable(request) != "access":
        raise invalid(
            "bad_request", "Only access tags are created; others come with use.", "tag_type", type_="parameter"
        )
    tagging.managing(unit, "access")
    return CreatedTagsWire(results=[created_wire(one) for one in tagging.create(unit, request.body.tag_names)])


def _crns(unit: Unit, body: TagBody) -> list[str]:
    if bool(body.resources) == (body.query is not None):
        raise invalid("bad_request", "Give either resources or a query.", "resources")
    if body.query is None:
        return [one.resource_id for one in body.resources]
    found = service.search(unit, Place(body.query.query_string, []), MOST)
    return [item["crn"] for item in found.items]


def _attach(unit: Unit, request: Request) -> TagResultsWire:
    """Attach tags to resources that the caller may change."""
    replace, renew = paging.flag(request, "replace"), paging.flag(request, "update")
    change = tagging.attaching(unit, _changeable(request), request.body.names, replace=replace, renew=renew)
    outcomes = tagging.apply(unit, change, _crns(unit, request.body))
    return TagResultsWire(results=[result_wire(one) for one in outcomes])


def _detach(unit: Unit, request: Request) -> TagResultsWire:
    """Detach tags from resources that the caller may change."""
    change = tagging.detaching(_changeable(request), request.body.names)
    outcomes = tagging.apply(unit, change, _crns(unit, request.body))
    return TagResultsWire(results=[result_wire(one) for one in outcomes])


def _delete_tag(unit: Unit, request: Request) -> DeletedTagResultsWire:
    """Delete a tag that nothing has."""
    type_ = _changeable(request)
    tagging.managing(unit, type_)
    outcome = tagging.delete(unit, type_, request.params["tag_name"])
    return DeletedTagResultsWire(results=[deleted_wire(outcome)])


def _delete_unused(unit: Unit, request: Request) -> DeletedTagsWire:
    """Delete all tags that nothing has."""
    type_ = _changeable(request)
    tagging.managing(unit, type_)
    gone = [created_wire(one) for one in tagging.delete_unused(unit, type_)]
    return DeletedTagsWire(total_count=len(gone), errors=False, items=gone)


def routes() -> tuple[Route, ...]:
    tags, p = "/v3/tags", PLATFORM
    look, seen = access.member("global-search-tagging.resource.search"), access.member("global-search-tagging.tag.read")
    change = access.member("global-search-tagging.tag.attach")
    drop = access.create("global-search-tagging.tag.delete")
    make = access.create(tagging.MANAGE)
    return (
        route(
            "POST",
            "/v3/resources/search",
            _search,
            family=p,
            access=look,
            body=SearchBody,
            answer=ScanWire,
            writes=False,
            body_required=False,
            long=True,
        ),
        route("GET", tags, _list_tags, family=p, access=seen, answer=TagsWire),
        route("POST", tags, _create_tags, family=p, access=make, body=CreateTagsBody, answer=CreatedTagsWire),
        route("DELETE", tags, _delete_unused, family=p, access=drop, answer=DeletedTagsWire),
        route("POST", f"{tags}/attach", _attach, family=p, access=change, body=TagBody, answer=TagResultsWire),
        route("POST", f"{tags}/detach", _detach, family=p, access=change, body=TagBody, answer=TagResultsWire),
        route("DELETE", f"{tags}/{{tag_name}}", _delete_tag, family=p, access=drop, answer=DeletedTagResultsWire),
        *routes_resources.routes(),
    )
