"""`/v2/groups`: access groups and their members."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from msgspec import Meta
from sqlalchemy import false

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing, reading
from kunsthalle.api.query_params import Fault, Parameters
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import PLATFORM as FAMILY
from kunsthalle.core.errors import Problem, Reason, Target, invalid
from kunsthalle.db.pages import window
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find, require
from kunsthalle.iam import access_groups as service
from kunsthalle.iam.dynamic_members import dynamic_groups, dynamic_members_of
from kunsthalle.iam.iam_pagination import Account, Identity, OffsetParameters, by_offset, given, total_of
from kunsthalle.iam.models import AccessGroup, entity_tag, sent_tag
from kunsthalle.iam.queries import all_groups_of, groups_of
from kunsthalle.iam.resources import GROUP
from kunsthalle.iam.routes_service_ids import own_account
from kunsthalle.iam.schemas_access_groups import (
    GroupRequest,
    GroupResponse,
    GroupSettingsRequest,
    GroupSettingsResponse,
    LeaversRequest,
    MembershipsRequest,
    MembersRequest,
    UpdateGroupRequest,
    group_response,
    member_response,
)

_TABLE = GROUP.table.c
_SORTS = {"name": _TABLE.name, "id": _TABLE.id, "description": _TABLE.description, "created_at": _TABLE.created_at}
_SEARCH = "`id:`, `name:` or `description:` and a text"
MembershipType = Annotated[
    Literal["static", "dynamic", "all"] | None,
    Meta(description="How one is a member: by name (`static`), or by a rule at a sign-in with a provider (`dynamic`)."),
]
Crn = Annotated[bool, Meta(description="Whether groups are shown with their CRN.")]
Federated = Annotated[bool, Meta(description="Whether groups are shown with whether they have rules.")]


def _searched(text: str) -> tuple[str, str]:
    name, _, searched = text.partition(":")
    if name not in {"id", "name", "description"}:
        raise Fault("form", _SEARCH)
    return name, searched


class GroupParameters(Parameters, frozen=True):
    """Of reading one access group."""

    show_crn: Crn = False
    show_federated: Federated = False


class GroupsParameters(OffsetParameters, frozen=True):
    """Of the list of access groups."""

    account_id: Account = None
    iam_id: Annotated[str | None, Meta(description="Only groups that the identity with this IAM ID is in.")] = None
    membership_type: MembershipType = None
    search: Annotated[
        tuple[str, str] | None,
        Meta(description=f"Only groups with this: {_SEARCH} that the field contains.", extra={"parse": _searched}),
    ] = None
    sort: Annotated[
        Literal["name", "-name", "id", "-id", "description", "-description", "created_at", "-created_at"],
        Meta(description="What the list is sorted by; with `-` before it, in descending order."),
    ] = "name"
    show_crn: Crn = False
    show_federated: Federated = False


class MembersParameters(OffsetParameters, frozen=True):
    """Of the list of the members of an access group."""

    type: Annotated[str | None, Meta(description="Only members of this type: `user`, `service` or `profile`.")] = None
    membership_type: MembershipType = None
    verbose: Annotated[bool, Meta(description="Whether members are shown with their names.")] = False


class AccountParameters(Parameters, frozen=True):
    """Of what is changed in one account."""

    account_id: Account = None


class DeletedGroupParameters(Parameters, frozen=True):
    """Of the deletion of an access group."""

    force: Annotated[bool, Meta(description="Whether a group that has members or rules is deleted, too.")] = False


_GROUPS_OF: dict[str, Callable[[Session, str, str], Iterable[str]]] = {
    "static": groups_of,
    "dynamic": dynamic_groups,
    "all": all_groups_of,
}


def _found(search: tuple[str, str]) -> Any:
    name, text = search
    return _TABLE.id == text if name == "id" else _TABLE[name].contains(text, autoescape=True)


def _filters(session: Session, query: GroupsParameters) -> list[Any]:
    here = session.ctx.account_id
    where = [_TABLE.account_id == (here if query.account_id is None else query.account_id)]
    if query.iam_id is not None:
        groups = _GROUPS_OF[query.membership_type or "all"](session, here, query.iam_id)
        where.append(_TABLE.id.in_(list(groups)))
    elif query.membership_type == "dynamic":  # of nobody
        where.append(false())
    return where if query.search is None else [*where, _found(query.search)]


def _show(session: Session, query: GroupParameters | GroupsParameters, group: AccessGroup) -> GroupResponse:
    federated = bool(service.rules_of(session, group)) if query.show_federated else None
    return group_response(group, session.ctx, federated=federated, with_crn=query.show_crn)


def _list(session: Session, request: Request, query: GroupsParameters) -> dict[str, Any]:
    """List the access groups of the account."""
    where = _filters(session, query)
    column = _SORTS[query.sort.removeprefix("-")]
    order = column.desc() if query.sort.startswith("-") else column.asc()
    total = total_of(session, GROUP, *where)

    def rows(offset: int, limit: int) -> list[AccessGroup]:
        return window(session, GROUP, *where, order=order, offset=offset, limit=limit).items

    envelope, page_rows = by_offset(session, request, query, total, rows)
    return {**envelope, "groups": [_show(session, query, group) for group in page_rows]}


def tag_of(row: Identity) -> str:
    """The `ETag` that `If-Match` gives back."""
    return entity_tag(row.id, row.revision)


def same_version(request: Request, row: Identity) -> None:
    """400 without `If-Match`, 409 for another version."""
    given_ = sent_tag(request.headers.get("if-match", ""))
    if not given_:
        raise invalid("bad_request", "If-Match is required.", "If-Match", type_="header")
    if given_ != tag_of(row):
        raise service.stale()


def _create(session: Session, request: Request, query: AccountParameters) -> Any:
    """Create an access group."""
    own_account(session, query.account_id)
    body: GroupRequest = request.body
    made = service.create_group(session, body.name, body.description)
    return RESOURCE.shown(made, session)


def _response(group: AccessGroup, session: Session, query: GroupParameters | None = None) -> GroupResponse:
    return group_response(group, session.ctx) if query is None else _show(session, query, group)


def _change(session: Session, group: Authorized[AccessGroup], body: UpdateGroupRequest, _as_read: None) -> AccessGroup:
    return service.change_group(session, group, **given(body, "name", "description"))


def _delete(session: Session, _request: Request, group: Authorized[AccessGroup], query: DeletedGroupParameters) -> None:
    """Delete an access group with its policies."""
    service.delete_group(session, group, query.force)


def _members(session: Session, request: Request, group: AccessGroup, query: MembersParameters) -> dict[str, Any]:
    """List the members of an access group."""
    members = _members_of(session, group, query)
    envelope, rows = by_offset(
        session, request, query, len(members), lambda offset, limit: members[offset : offset + limit]
    )
    shown = [(row, service.name_of(session, group.account_id, row.iam_id) if query.verbose else {}) for row in rows]
    return {**envelope, "members": [member_response(row, session.ctx, names) for row, names in shown]}


def _members_of(session: Session, group: AccessGroup, query: MembersParameters) -> list[Any]:
    named = [] if query.membership_type == "dynamic" else service.members_of(session, group, query.type)
    if query.membership_type == "static" or query.type not in (None, "user"):
        return named
    known = {row.iam_id for row in named}
    return [*named, *(row for row in dynamic_members_of(session, group.id) if row.iam_id not in known)]


def _few(members: list[Any]) -> None:
    if not 1 <= len(members) <= service.MOST:
        raise invalid("bad_request", f"1 to {service.MOST} members can be named.", "members")


def _add(session: Session, request: Request, group: AccessGroup) -> Reply:
    """Add members to an access group; each has an outcome of its own."""
    body: MembersRequest = request.body
    _few(body.members)
    answers = [
        {"iam_id": member.iam_id, "type": member.type, "trace": session.ctx.trace}
        | service.tried(service.add_member, session, group, member.iam_id, member.type)
        for member in body.members
    ]
    return Reply({"members": answers})


def _is_member(session: Session, request: Request, group: AccessGroup) -> Reply:
    """Whether an identity is in an access group: 204 or 404."""
    there = service.is_member(session, group, request.params["iam_id"])
    return Reply(status=204 if there else 404)


def _remove(session: Session, request: Request, group: AccessGroup) -> None:
    """Remove a member from an access group."""
    service.remove_member(session, group, request.params["iam_id"])


def _remove_some(session: Session, request: Request, group: AccessGroup) -> Reply:
    """Remove members from an access group; each has an outcome of its own."""
    body: LeaversRequest = request.body
    _few(body.members)
    answers = [
        {"iam_id": iam_id, "trace": session.ctx.trace}
        | service.tried(service.remove_member, session, group, iam_id, done=204)
        for iam_id in body.members
    ]
    return Reply({"access_group_id": group.id, "members": answers})


def _reachable(session: Session, group_id: str, action: str) -> AccessGroup:
    group = find(session, GROUP, group_id, "groups", "field")
    require(session, GROUP, group, action)
    return group


def _join(session: Session, group_id: str, iam_id: str, type_: str) -> None:
    service.add_member(session, _reachable(session, group_id, service.MEMBER_CREATE), iam_id, type_)


def _leave(session: Session, group_id: str, iam_id: str) -> None:
    service.remove_member(session, _reachable(session, group_id, service.MEMBER_DELETE), iam_id)


def _join_many(session: Session, request: Request, query: AccountParameters) -> Reply:
    """Add an identity to several access groups; each has an outcome of its own."""
    own_account(session, query.account_id)
    body: MembershipsRequest = request.body
    _few(body.groups)
    iam_id, trace = request.params["iam_id"], session.ctx.trace
    answers = [
        {"access_group_id": group, "trace": trace} | service.tried(_join, session, group, iam_id, body.type)
        for group in body.groups
    ]
    return Reply({"iam_id": iam_id, "groups": answers})


def _leave_all(session: Session, request: Request, query: AccountParameters) -> Reply:
    """Remove an identity from every access group it is in."""
    own_account(session, query.account_id)
    iam_id, trace = request.params["iam_id"], session.ctx.trace
    answers = [
        {"access_group_id": group, "trace": trace} | service.tried(_leave, session, group, iam_id, done=204)
        for group in groups_of(session, session.ctx.account_id, iam_id)
    ]
    return Reply({"iam_id": iam_id, "groups": answers})


def _settings(session: Session, _request: Request) -> GroupSettingsResponse:
    """Get the account's settings of access groups."""
    return GroupSettingsResponse(
        account_id=session.ctx.account_id,
        last_modified_at="1970-01-01T00:00:00.000Z",
        last_modified_by_id="",
        public_access_enabled=False,
    )


def _set(session: Session, request: Request, query: AccountParameters) -> GroupSettingsResponse:
    """Change the account's settings of access groups."""
    own_account(session, query.account_id)
    body: GroupSettingsRequest = request.body
    if body.public_access_enabled:
        target = Target("public_access_enabled")
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", "A group of everybody is not offered.", target)
    return _settings(session, request)


RESOURCE = Resource(
    GROUP,
    "/v2/groups",
    _response,
    GroupResponse,
    surface=FAMILY,
    param="access_group_id",
    tag=tag_of,
    expected=same_version,
)


def routes() -> tuple[Route, ...]:
    many, item_path, group, whose = "/v2/groups", "/v2/groups/{access_group_id}", "iam-groups.group", "{iam_id}"
    param = "access_group_id"
    read = access.item(GROUP, param=param)
    drop = access.item(GROUP, f"{group}.delete", param=param)
    join = access.item(GROUP, service.MEMBER_CREATE, param=param)
    leave = access.item(GROUP, service.MEMBER_DELETE, param=param)
    join_any, leave_any = access.create(service.MEMBER_CREATE), access.create(service.MEMBER_DELETE)
    setting, make = access.create("iam-groups.settings.update"), access.create(f"{group}.create")
    shown: dict[str, Any] = {"surface": FAMILY, "answer": GroupResponse}
    settings: dict[str, Any] = {"surface": FAMILY, "answer": GroupSettingsResponse}
    members = f"{item_path}/members"
    return (
        route("GET", many, _list, surface=FAMILY, access=access.listing(GROUP), query=GroupsParameters),
        route("POST", many, _create, access=make, body=GroupRequest, status=201, query=AccountParameters, **shown),
        route("GET", f"{many}/settings", _settings, access=access.create("iam-groups.settings.read"), **settings),
        route(
            "PATCH",
            f"{many}/settings",
            _set,
            access=setting,
            body=GroupSettingsRequest,
            query=AccountParameters,
            **settings,
        ),
        route(
            "PUT",
            f"{many}/_allgroups/members/{whose}",
            _join_many,
            surface=FAMILY,
            access=join_any,
            body=MembershipsRequest,
            status=207,
            query=AccountParameters,
        ),
        route(
            "DELETE",
            f"{many}/_allgroups/members/{whose}",
            _leave_all,
            surface=FAMILY,
            access=leave_any,
            status=207,
            query=AccountParameters,
        ),
        reading(RESOURCE, "Get an access group.", GroupParameters),
        changing(RESOURCE, "Change an access group.", _change, UpdateGroupRequest),
        route("DELETE", item_path, _delete, surface=FAMILY, access=drop, status=204, query=DeletedGroupParameters),
        route("GET", members, _members, surface=FAMILY, access=read, query=MembersParameters),
        route("PUT", members, _add, surface=FAMILY, access=join, body=MembersRequest, status=207),
        route("POST", f"{members}/delete", _remove_some, surface=FAMILY, access=leave, body=LeaversRequest, status=207),
        route("HEAD", f"{members}/{whose}", _is_member, surface=FAMILY, access=read, writes=False, status=204),
        route("DELETE", f"{members}/{whose}", _remove, surface=FAMILY, access=leave, status=204),
    )
