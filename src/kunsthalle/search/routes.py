"""Global Search and Global Tagging: `/v3/resources/search`, `/v3/tags`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta

from kunsthalle.api import access
from kunsthalle.api.pagination import sized
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.core.errors import forbidden, invalid
from kunsthalle.db.session import Session
from kunsthalle.search import routes_global_catalog, routes_resource_controller, service, tagging
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


Account = Annotated[str | None, Meta(description="The account; of other accounts than the caller's, nothing is found.")]
Gone = Annotated[
    Literal["false", "true", "any"], Meta(description="Whether such resources are found: none is kept here.")
]


class SearchParameters(Parameters, frozen=True):
    """Of the search for resources."""

    account_id: Account = None
    limit: Annotated[int, sized(MOST)] = USUAL
    can_tag: Annotated[bool, Meta(description="Only resources that the caller may tag.")] = False
    is_deleted: Gone = "false"
    is_reclaimed: Gone = "false"
    is_project_resource: Gone = "false"
    sort: Annotated[str | None, Meta(description="Not offered, and refused: results come newest first.")] = None
    impersonate_user: Annotated[str | None, Meta(description="Refused to everybody.")] = None


class TagTypeParameters(Parameters, frozen=True):
    """Of every change of tags."""

    tag_type: Annotated[Literal["user", "access", "service"], Meta(description="The type of the tags.")] = "user"


class AttachParameters(TagTypeParameters, frozen=True):
    """Of attaching tags."""

    replace: Annotated[bool, Meta(description="Whether the tags take the place of those that are attached.")] = False
    update: Annotated[
        bool, Meta(description="Whether a tag takes the place of another one with the same key before its colon.")
    ] = False


class TagsParameters(TagTypeParameters, frozen=True):
    """Of the list of tags."""

    account_id: Account = None
    providers: Annotated[str, Meta(description="`ghost`; of the other provider, `ims`, there are no tags here.")] = (
        "ghost"
    )
    attached_to: Annotated[str | None, Meta(description="Only tags of the resource with this CRN.")] = None
    attached_only: Annotated[bool, Meta(description="Only tags that some resource has.")] = False
    order_by_name: Annotated[Literal["asc", "desc"], Meta(description="Whether the names ascend or descend.")] = "asc"
    offset: Annotated[int, Meta(ge=0, le=10**9 - 1, description="How many tags come before the page.")] = 0
    limit: Annotated[int, sized(TAGS_MOST)] = TAGS_USUAL


def _foreign(session: Session, account_id: str | None) -> bool:
    """Whether another account than the token's is asked for."""
    return account_id not in {None, session.ctx.account_id}


def _nothing(session: Session, query: SearchParameters) -> bool:
    """Whether what is asked for is nothing that this product keeps: another account, what is deleted, projects."""
    gone = (query.is_deleted, query.is_reclaimed, query.is_project_resource)
    return _foreign(session, query.account_id) or "true" in gone


def _place(request: Request, query: SearchParameters) -> Place:
    body: SearchRequest = request.body or SearchRequest()
    if query.sort is not None:
        raise invalid("bad_request", "sort is not offered: results come newest first.", "sort", type_="parameter")
    if query.impersonate_user is not None:
        raise forbidden()
    if body.search_cursor is not None:
        return service.from_cursor(body.search_cursor)
    return Place("*" if body.query is None else body.query, body.fields or [], query.can_tag)


def _search(session: Session, request: Request, query: SearchParameters) -> ScanResponse:
    """Find resources of the account: never what a list would hide."""
    limit, place = query.limit or USUAL, _place(request, query)
    if _nothing(session, query):
        return ScanResponse(items=[], limit=limit)
    outcome = service.search(session, place, limit)
    cursor = UNSET if outcome.place is None else service.cursor(outcome.place)
    return ScanResponse(items=outcome.items, limit=limit, search_cursor=cursor)


def _changeable(query: TagTypeParameters) -> str:
    """The type of tags to change; those of services are the services' own."""
    if query.tag_type == "service":
        raise forbidden()
    return query.tag_type


def _list_tags(session: Session, request: Request, query: TagsParameters) -> TagsResponse:  # noqa: ARG001  a handler's shape
    """List the tags of the account, or those of one resource that the caller sees."""
    limit, offset = query.limit or TAGS_USUAL, query.offset
    names = _names(session, query)
    shown = [TagResponse(name=name) for name in names[offset : offset + limit]]
    return TagsResponse(total_count=len(names), offset=offset, limit=limit, items=shown)


def _names(session: Session, query: TagsParameters) -> list[str]:
    type_, only, crn = query.tag_type, query.attached_only, query.attached_to
    if _foreign(session, query.account_id) or type_ == "service" or query.providers == "ims":
        return []
    names = tagging.names(session, type_, attached_only=only) if crn is None else tagging.names_on(session, type_, crn)
    return names if query.order_by_name == "asc" else names[::-1]


def _create_tags(session: Session, request: Request, query: TagTypeParameters) -> CreatedTagsResponse:
    """Create access tags."""
    if _changeable(query) != "access":
        raise invalid(
            "bad_request", "Only access tags are created; others come with use.", "tag_type", type_="parameter"
        )
    tagging.managing(session, "access")
    return CreatedTagsResponse(
        results=[created_response(tag) for tag in tagging.create(session, request.body.tag_names)]
    )


def _found(session: Session, request: Request, _query: TagTypeParameters) -> list[str]:
    """The CRNs of the resources that are to be tagged; those that a query finds are searched before anything waits."""
    body: TagRequest = request.body
    if bool(body.resources) == (body.query is not None):
        raise invalid("bad_request", "Give either resources or a query.", "resources")
    if body.query is None:
        return [reference.resource_id for reference in body.resources]
    outcome = service.search(session, Place(body.query.query_string, []), tagging.MAX_RESOURCES)
    if outcome.place is not None:
        text = f"The query finds more than {tagging.MAX_RESOURCES} resources; narrow it, or name the resources."
        raise invalid("bad_request", text, "query")
    return [item["crn"] for item in outcome.items]


def _attach(session: Session, request: Request, query: AttachParameters) -> TagResultsResponse:
    """Attach tags to resources that the caller may change."""
    type_, names = _changeable(query), request.body.names
    change = tagging.attaching(session, type_, names, replace=query.replace, renew=query.update)
    outcomes = tagging.apply(session, change, request.prepared)
    return TagResultsResponse(results=[result_response(outcome) for outcome in outcomes])


def _detach(session: Session, request: Request, query: TagTypeParameters) -> TagResultsResponse:
    """Detach tags from resources that the caller may change."""
    change = tagging.detaching(_changeable(query), request.body.names)
    outcomes = tagging.apply(session, change, request.prepared)
    return TagResultsResponse(results=[result_response(outcome) for outcome in outcomes])


def _delete_tag(session: Session, request: Request, query: TagTypeParameters) -> DeletedTagResultsResponse:
    """Delete a tag that nothing has."""
    type_ = _changeable(query)
    tagging.managing(session, type_)
    outcome = tagging.delete(session, type_, request.params["tag_name"])
    return DeletedTagResultsResponse(results=[deleted_response(outcome)])


def _unused(session: Session, request: Request, query: TagTypeParameters) -> tagging.Unused:  # noqa: ARG001  as above
    """What is to be deleted, before the call."""
    type_ = _changeable(query)
    tagging.managing(session, type_)
    return tagging.unused(session, type_)


def _delete_unused(session: Session, request: Request, query: TagTypeParameters) -> DeletedTagsResponse:
    """Delete all tags that nothing has."""
    type_ = _changeable(query)
    tagging.managing(session, type_)
    gone = [created_response(outcome) for outcome in tagging.delete_unused(session, type_, request.prepared)]
    return DeletedTagsResponse(total_count=len(gone), errors=False, items=gone)


def routes(reclamation_period: int) -> tuple[Route, ...]:
    tags, p, typed = "/v3/tags", PLATFORM, TagTypeParameters
    look, seen = access.member("global-search-tagging.resource.search"), access.member("global-search-tagging.tag.read")
    change = access.member("global-search-tagging.tag.attach")
    drop = access.create("global-search-tagging.tag.delete")
    make = access.create(tagging.MANAGE)
    tagged: dict[str, Any] = {
        "body": TagRequest,
        "answer": TagResultsResponse,
        "prepare": _found,
        "long": True,
        "separable": True,
    }
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
            separable=True,
            query=SearchParameters,
        ),
        route("GET", tags, _list_tags, surface=p, access=seen, answer=TagsResponse, query=TagsParameters),
        route(
            "POST",
            tags,
            _create_tags,
            surface=p,
            access=make,
            body=CreateTagsRequest,
            answer=CreatedTagsResponse,
            query=typed,
        ),
        route(
            "DELETE",
            tags,
            _delete_unused,
            surface=p,
            access=drop,
            answer=DeletedTagsResponse,
            query=typed,
            prepare=_unused,
            long=True,
        ),
        route("POST", f"{tags}/attach", _attach, surface=p, access=change, query=AttachParameters, **tagged),
        route("POST", f"{tags}/detach", _detach, surface=p, access=change, query=typed, **tagged),
        route(
            "DELETE",
            f"{tags}/{{tag_name}}",
            _delete_tag,
            surface=p,
            access=drop,
            answer=DeletedTagResultsResponse,
            query=typed,
        ),
        *routes_resource_controller.routes(reclamation_period),
        *routes_global_catalog.routes(),
    )
