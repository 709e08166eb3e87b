"""Global Search and Global Tagging: `/v3/resources/search`, `/v3/tags`."""

from __future__ import annotations

import re
from typing import Any

from msgspec import UNSET

from kunsthalle.accounts import token_pagination
from kunsthalle.api import access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.core.errors import forbidden, invalid
from kunsthalle.db.session import Session
from kunsthalle.search import routes_resource_controller, service, tagging
from kunsthalle.search.schemas import (
    CreatedTagsResponse,
    CreateTagsRequest,
    DeletedTagResultsResponse,
    DeletedTagsResponse,
    ScanResponse,
    SearchRequest,
    TagRequest,
    TagResponse,
    TagResultsResponse,
    TagsResponse,
    created_response,
    deleted_response,
    result_response,
)
from kunsthalle.search.service import Place

USUAL, MOST = 10, 1_000
TAGS_USUAL, TAGS_MOST = 100, 1_000
_CHOICES = ("false", "true", "any")


def _choice(request: Request, name: str) -> str:
    found = request.query.get(name, "false")
    if found not in _CHOICES:
        raise invalid("bad_request", f"{name} must be true, false or any.", name, type_="parameter")
    return found


def _foreign(session: Session, request: Request) -> bool:
    """Whether another account than the token's is asked for."""
    return request.query.get("account_id", session.ctx.account_id) != session.ctx.account_id


def _nothing(session: Session, request: Request) -> bool:
    """Whether what is asked for is nothing that this product keeps: another account, what is deleted, projects."""
    gone = [_choice(request, name) for name in ("is_deleted", "is_reclaimed", "is_project_resource")]
    return _foreign(session, request) or "true" in gone


def _place(request: Request) -> Place:
    body: SearchRequest = request.body or SearchRequest()
    if "sort" in request.query:
        raise invalid("bad_request", "sort is not offered: results come newest first.", "sort", type_="parameter")
    if "impersonate_user" in request.query:
        raise forbidden()
    if body.search_cursor is not None:
        return service.from_cursor(body.search_cursor)
    return Place(
        "*" if body.query is None else body.query, body.fields or [], token_pagination.flag(request, "can_tag")
    )


def _search(session: Session, request: Request) -> ScanResponse:
    """Find resources of the account: never what a list would hide."""
    limit, place = token_pagination.size(request, USUAL, MOST), _place(request)
    if _nothing(session, request):
        return ScanResponse(items=[], limit=limit)
    found = service.search(session, place, limit)
    cursor = UNSET if found.place is None else service.cursor(found.place)
    return ScanResponse(items=found.items, limit=limit, search_cursor=cursor)


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


def _list_tags(session: Session, request: Request) -> TagsResponse:
    """List the tags of the account, or those of one resource that the caller sees."""
    type_, limit, offset = _type(request), token_pagination.size(request, TAGS_USUAL, TAGS_MOST), _offset(request)
    names = _names(session, request, type_)
    shown = [TagResponse(name=name) for name in names[offset : offset + limit]]
    return TagsResponse(total_count=len(names), offset=offset, limit=limit, items=shown)


def _names(session: Session, request: Request, type_: str) -> list[str]:
    order = request.query.get("order_by_name", "asc")
    if order not in {"asc", "desc"}:
        raise invalid("bad_request", "order_by_name must be asc or desc.", "order_by_name", type_="parameter")
    only = token_pagination.flag(request, "attached_only")
    if _foreign(session, request) or type_ == "service" or request.query.get("providers", "ghost") == "ims":
        return []
    crn = request.query.get("attached_to")
    found = tagging.names(session, type_, attached_only=only) if crn is None else tagging.names_on(session, type_, crn)
    return found if order == "asc" else found[::-1]


def _create_tags(session: Session, request: Request) -> CreatedTagsResponse:
    """Create access tags."""
    if _changeable(request) != "access":
        raise invalid(
            "bad_request", "Only access tags are created; others come with use.", "tag_type", type_="parameter"
        )
    tagging.managing(session, "access")
    return CreatedTagsResponse(
        results=[created_response(one) for one in tagging.create(session, request.body.tag_names)]
    )


def _found(session: Session, request: Request) -> list[str]:
    """The CRNs of the resources that are to be tagged; those that a query finds are searched before anything waits."""
    body: TagRequest = request.body
    if bool(body.resources) == (body.query is not None):
        raise invalid("bad_request", "Give either resources or a query.", "resources")
    if body.query is None:
        return [one.resource_id for one in body.resources]
    found = service.search(session, Place(body.query.query_string, []), tagging.MAX_RESOURCES)
    if found.place is not None:
        text = f"The query finds more than {tagging.MAX_RESOURCES} resources; narrow it, or name the resources."
        raise invalid("bad_request", text, "query")
    return [item["crn"] for item in found.items]


def _attach(session: Session, request: Request) -> TagResultsResponse:
    """Attach tags to resources that the caller may change."""
    replace, renew = token_pagination.flag(request, "replace"), token_pagination.flag(request, "update")
    change = tagging.attaching(session, _changeable(request), request.body.names, replace=replace, renew=renew)
    outcomes = tagging.apply(session, change, request.prepared)
    return TagResultsResponse(results=[result_response(one) for one in outcomes])


def _detach(session: Session, request: Request) -> TagResultsResponse:
    """Detach tags from resources that the caller may change."""
    change = tagging.detaching(_changeable(request), request.body.names)
    outcomes = tagging.apply(session, change, request.prepared)
    return TagResultsResponse(results=[result_response(one) for one in outcomes])


def _delete_tag(session: Session, request: Request) -> DeletedTagResultsResponse:
    """Delete a tag that nothing has."""
    type_ = _changeable(request)
    tagging.managing(session, type_)
    outcome = tagging.delete(session, type_, request.params["tag_name"])
    return DeletedTagResultsResponse(results=[deleted_response(outcome)])


def _delete_unused(session: Session, request: Request) -> DeletedTagsResponse:
    """Delete all tags that nothing has."""
    type_ = _changeable(request)
    tagging.managing(session, type_)
    gone = [created_response(one) for one in tagging.delete_unused(session, type_)]
    return DeletedTagsResponse(total_count=len(gone), errors=False, items=gone)


def routes() -> tuple[Route, ...]:
    tags, p = "/v3/tags", PLATFORM
    look, seen = access.member("global-search-tagging.resource.search"), access.member("global-search-tagging.tag.read")
    change = access.member("global-search-tagging.tag.attach")
    drop = access.create("global-search-tagging.tag.delete")
    make = access.create(tagging.MANAGE)
    tagged: dict[str, Any] = {"body": TagRequest, "answer": TagResultsResponse, "prepare": _found}
    return (
        route(
            "POST",
            "/v3/resources/search",
            _search,
            surface=p,
            access=look,
            body=SearchRequest,
            answer=ScanResponse,
            writes=False,
            body_required=False,
            long=True,
        ),
        route("GET", tags, _list_tags, surface=p, access=seen, answer=TagsResponse),
        route("POST", tags, _create_tags, surface=p, access=make, body=CreateTagsRequest, answer=CreatedTagsResponse),
        route("DELETE", tags, _delete_unused, surface=p, access=drop, answer=DeletedTagsResponse),
        route("POST", f"{tags}/attach", _attach, surface=p, access=change, **tagged),
        route("POST", f"{tags}/detach", _detach, surface=p, access=change, **tagged),
        route("DELETE", f"{tags}/{{tag_name}}", _delete_tag, surface=p, access=drop, answer=DeletedTagResultsResponse),
        *routes_resource_controller.routes(),
    )
