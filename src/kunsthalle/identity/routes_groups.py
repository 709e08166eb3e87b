"""`/v2/groups`: access groups and their members."""

from __future__ import annotations

from typing import Any

from sqlalchemy import false

from kunsthalle.api import access
from kunsthalle.api.families.iam import PLATFORM as FAMILY
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import Problem, Reason, Target, forbidden, invalid
from kunsthalle.identity import groups as service
from kunsthalle.identity.kinds import GROUP
from kunsthalle.identity.model import AccessGroup, entity_tag, sent_tag
from kunsthalle.identity.paging import by_offset, choice, flag, given, total_of
from kunsthalle.identity.queries import groups_of
from kunsthalle.identity.routes_service_ids import own_account
from kunsthalle.identity.wire_groups import (
    GroupBody,
    GroupSettingsBody,
    GroupSettingsWire,
    GroupWire,
    LeaversBody,
    MembersBody,
    MembershipsBody,
    UpdateGroupBody,
    group_wire,
    member_wire,
)
from kunsthalle.store.scope import find, may, window
from kunsthalle.store.unit import Unit

_TABLE = GROUP.table.c
_SORTS = {"name": _TABLE.name, "id": _TABLE.id, "description": _TABLE.description, "created_at": _TABLE.created_at}


def _search(text: str) -> Any:
    name, _, wanted = text.partition(":")
    if name not in {"id", "name", "description"}:
        raise invalid("bad_request", "search is id:, name: or description: and a text.", "search", type_="parameter")
    return _TABLE.id == wanted if name == "id" else _TABLE[name].contains(wanted, autoescape=True)


def _filters(unit: Unit, request: Request) -> list[Any]:
    query, here = request.query, unit.ctx.account_id
    where = [_TABLE.account_id == query.get("account_id", here)]
    if "iam_id" in query:
        where.append(_TABLE.id.in_(groups_of(unit, here, query["iam_id"])))
    if query.get("membership_type") == "dynamic":
        where.append(false())
    return [*where, _search(query["search"])] if "search" in query else where


def _show(unit: Unit, request: Request, group: AccessGroup) -> GroupWire:
    federated = bool(service.rules_of(unit, group)) if flag(request, "show_federated") else None
    return group_wire(group, unit.ctx, federated=federated, with_crn=flag(request, "show_crn"))


def _list(unit: Unit, request: Request) -> dict[str, Any]:
    """List the access groups of the account."""
    where = _filters(unit, request)
    name = request.query.get("sort", "name")
    column = _SORTS[choice(request, "sort", (*_SORTS, *(f"-{one}" for one in _SORTS)), "name").removeprefix("-")]
    order = column.desc() if name.startswith("-") else column.asc()
    total = total_of(unit, GROUP, *where)

    def rows(offset: int, limit: int) -> list[AccessGroup]:
        return window(unit, GROUP, *where, order=order, offset=offset, limit=limit)

    envelope, found = by_offset(unit, request, total, rows)
    return {**envelope, "groups": [_show(unit, request, group) for group in found]}


def tagged(body: Any, id_: str, revision: int) -> Reply:
    """An answer with the `ETag` that `If-Match` gives back."""
    return Reply(body, headers={"ETag": f'"{entity_tag(id_, revision)}"'})


def same_version(request: Request, id_: str, revision: int) -> None:
    """400 without `If-Match`, 409 for another version."""
    given_ = sent_tag(request.headers.get("if-match", ""))
    if not given_:
        raise invalid("bad_request", "If-Match is required.", "If-Match", type_="header")
    if given_ != entity_tag(id_, revision):
        raise service.stale()


def _create(unit: Unit, request: Request) -> Reply:
    """Create an access group."""
    own_account(unit, request.query.get("account_id", unit.ctx.account_id))
    body: GroupBody = request.body
    made = service.create_group(unit, body.name, body.description)
    return tagged(group_wire(made, unit.ctx), made.id, made.revision)


def _get(unit: Unit, request: Request) -> Reply:
    """Get an access group."""
    group = request.granted.it
    return tagged(_show(unit, request, group), group.id, group.revision)


def _update(unit: Unit, request: Request) -> Reply:
    """Change an access group."""
    old = request.granted.it
    same_version(request, old.id, old.revision)
    group = service.change_group(unit, request.granted, **given(request.body, "name", "description"))
    return tagged(group_wire(group, unit.ctx), group.id, group.revision)


def _delete(unit: Unit, request: Request) -> None:
    """Delete an access group with its policies."""
    service.delete_group(unit, request.granted, flag(request, "force"))


def _members(unit: Unit, request: Request) -> dict[str, Any]:
    """List the members of an access group."""
    group = request.granted.it
    found = service.members_of(unit, group, request.query.get("type"))
    if request.query.get("membership_type") == "dynamic":
        found = []
    verbose = flag(request, "verbose")
    envelope, rows = by_offset(unit, request, len(found), lambda offset, limit: found[offset : offset + limit])
    shown = [(row, service.name_of(unit, group.account_id, row.iam_id) if verbose else {}) for row in rows]
    return {**envelope, "members": [member_wire(row, unit.ctx, names) for row, names in shown]}


def _few(members: list[Any]) -> None:
    if not 1 <= len(members) <= service.MOST:
        raise invalid("bad_request", f"1 to {service.MOST} members can be named.", "members")


def _add(unit: Unit, request: Request) -> Reply:
    """Add members to an access group; each has an outcome of its own."""
    body: MembersBody = request.body
    _few(body.members)
    answers = [
        {"iam_id": one.iam_id, "type": one.type, "trace": unit.ctx.trace}
        | service.tried(service.add_member, unit, request.granted.it, one.iam_id, one.type)
        for one in body.members
    ]
    return Reply({"members": answers})


def _is_member(unit: Unit, request: Request) -> Reply:
    """Whether an identity is in an access group: 204 or 404."""
    there = service.is_member(unit, request.granted.it, request.params["iam_id"])
    return Reply(status=204 if there else 404)


def _remove(unit: Unit, request: Request) -> None:
    """Remove a member from an access group."""
    service.remove_member(unit, request.granted.it, request.params["iam_id"])


def _remove_some(unit: Unit, request: Request) -> Reply:
    """Remove members from an access group; each has an outcome of its own."""
    body: LeaversBody = request.body
    _few(body.members)
    group = request.granted.it
    answers = [
        {"iam_id": iam_id, "trace": unit.ctx.trace}
        | service.tried(service.remove_member, unit, group, iam_id, done=204)
        for iam_id in body.members
    ]
    return Reply({"access_group_id": group.id, "members": answers})


def _reachable(unit: Unit, group_id: str, action: str) -> AccessGroup:
    group = find(unit, GROUP, group_id, "groups", "field")
    if not may(unit, GROUP, group, action):
        raise forbidden()
    return group


def _join(unit: Unit, group_id: str, iam_id: str, type_: str) -> None:
    service.add_member(unit, _reachable(unit, group_id, service.MEMBER_CREATE), iam_id, type_)


def _leave(unit: Unit, group_id: str, iam_id: str) -> None:
    service.remove_member(unit, _reachable(unit, group_id, service.MEMBER_DELETE), iam_id)


def _join_many(unit: Unit, request: Request) -> Reply:
    """Add an identity to several access groups; each has an outcome of its own."""
    own_account(unit, request.query.get("account_id", unit.ctx.account_id))
    body: MembershipsBody = request.body
    _few(body.groups)
    iam_id, trace = request.params["iam_id"], unit.ctx.trace
    answers = [
        {"access_group_id": one, "trace": trace} | service.tried(_join, unit, one, iam_id, body.type)
        for one in body.groups
    ]
    return Reply({"iam_id": iam_id, "groups": answers})


def _leave_all(unit: Unit, request: Request) -> Reply:
    """Remove an identity from every access group it is in."""
    own_account(unit, request.query.get("account_id", unit.ctx.account_id))
    iam_id, trace = request.params["iam_id"], unit.ctx.trace
    answers = [
        {"access_group_id": one, "trace": trace} | service.tried(_leave, unit, one, iam_id, done=204)
        for one in groups_of(unit, unit.ctx.account_id, iam_id)
    ]
    return Reply({"iam_id": iam_id, "groups": answers})


def _settings(unit: Unit, _request: Request) -> GroupSettingsWire:
    """Get the account's settings of access groups."""
    return GroupSettingsWire(
        account_id=unit.ctx.account_id,
        last_modified_at="1970-01-01T00:00:00.000Z",
        last_modified_by_id="",
        public_access_enabled=False,
    )


def _set(unit: Unit, request: Request) -> GroupSettingsWire:
    """Change the account's settings of access groups."""
    own_account(unit, request.query.get("account_id", unit.ctx.account_id))
    body: GroupSettingsBody = request.body
    if body.public_access_enabled:
        target = Target("public_access_enabled")
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", "A group of everybody is not offered.", target)
    return _settings(unit, request)


def routes() -> tuple[Route, ...]:
    many, one, group, whose = "/v2/groups", "/v2/groups/{access_group_id}", "iam-groups.group", "{iam_id}"
    param = "access_group_id"
    read = access.item(GROUP, param=param)
    change = access.item(GROUP, f"{group}.update", param=param)
    drop = access.item(GROUP, f"{group}.delete", param=param)
    join = access.item(GROUP, service.MEMBER_CREATE, param=param)
    leave = access.item(GROUP, service.MEMBER_DELETE, param=param)
    join_any, leave_any = access.create(service.MEMBER_CREATE), access.create(service.MEMBER_DELETE)
    setting, make = access.create("iam-groups.settings.update"), access.create(f"{group}.create")
    shown: dict[str, Any] = {"family": FAMILY, "answer": GroupWire}
    settings: dict[str, Any] = {"family": FAMILY, "answer": GroupSettingsWire}
    members = f"{one}/members"
    return (
        route("GET", many, _list, family=FAMILY, access=access.listing(GROUP)),
        route("POST", many, _create, access=make, body=GroupBody, status=201, **shown),
        route("GET", f"{many}/settings", _settings, access=access.create("iam-groups.settings.read"), **settings),
        route("PATCH", f"{many}/settings", _set, access=setting, body=GroupSettingsBody, **settings),
        route(
            "PUT",
            f"{many}/_allgroups/members/{whose}",
            _join_many,
            family=FAMILY,
            access=join_any,
            body=MembershipsBody,
            status=207,
        ),
        route("DELETE", f"{many}/_allgroups/members/{whose}", _leave_all, family=FAMILY, access=leave_any, status=207),
        route("GET", one, _get, access=read, **shown),
        route("PATCH", one, _update, access=change, body=UpdateGroupBody, **shown),
        route("DELETE", one, _delete, family=FAMILY, access=drop, status=204),
        route("GET", members, _members, family=FAMILY, access=read),
        route("PUT", members, _add, family=FAMILY, access=join, body=MembersBody, status=207),
        route("POST", f"{members}/delete", _remove_some, family=FAMILY, access=leave, body=LeaversBody, status=207),
        route("HEAD", f"{members}/{whose}", _is_member, family=FAMILY, access=read, writes=False, status=204),
        route("DELETE", f"{members}/{whose}", _remove, family=FAMILY, access=leave, status=204),
    )
