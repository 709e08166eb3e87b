"""User Management: `/v2/accounts/{account_id}/users`, `/v2/users/accept`."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, or_

from kunsthalle.accounts import members, paging
from kunsthalle.accounts.kinds import USER
from kunsthalle.accounts.members import Invitation
from kunsthalle.accounts.ports import Identities
from kunsthalle.accounts.wire_users import (
    AcceptBody,
    InvitedUsersWire,
    InviteUsersBody,
    UpdateUserBody,
    UserSettingsBody,
    UserSettingsWire,
    UsersWire,
    UserWire,
    invited_wire,
    settings_wire,
    user_wire,
)
from kunsthalle.api.access import Access, member
from kunsthalle.api.families.iam import PLATFORM
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import forbidden, invalid, not_found
from kunsthalle.store.scope import page, resolve
from kunsthalle.store.unit import Unit

MOST = 100
NEXT = "_start"


class OwnAccount(Access, frozen=True):
    """The account of the path must be the token's: 404 for every other, be there one or not."""

    needed: bool = False

    def check(self, unit: Unit, request: Request) -> None:
        if request.params["account_id"] != unit.ctx.account_id:
            raise not_found("account_id")
        if self.needed and unit.ctx.grants.reach(self.action).empty:
            raise forbidden()


class OwnUser(Access, frozen=True):
    """A user of the token's account, by IAM ID: 404 unless seen. Who may change what is the service's to say."""

    def check(self, unit: Unit, request: Request) -> None:
        found = members.membership(unit, request.params["account_id"], request.params["iam_id"])
        request.granted = resolve(unit, USER, found[0].id if found else "", USER.read, "iam_id")


_SEARCHED = {
    "firstname": USER.table.c.name,
    "lastname": USER.table.c.name,
    "email": USER.table.c.email,
    "state": USER.table.c.state,
    "iam_id": USER.table.c.iam_id,
    "realm": USER.table.c.iam_id,
    "userId": USER.table.c.user_id,
}


def _search(text: str) -> ColumnElement[bool]:
    """`field:part,field:part`: any of them; the case of letters is not told apart."""
    found = []
    for one in text.split(","):
        name, _, part = one.partition(":")
        if name not in _SEARCHED and name != "substate":
            raise invalid("bad_request", "search knows " + ", ".join(_SEARCHED), "search", type_="parameter")
        if name != "substate":
            found.append(func.lower(_SEARCHED[name]).contains(part.lower(), autoescape=True))
    return or_(False, *found)


def _filters(request: Request) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [USER.table.c.account_id == request.params["account_id"]]
    if "user_id" in request.query:
        where.append(USER.table.c.user_id == request.query["user_id"].lower())
    if request.query.get("search"):
        where.append(_search(request.query["search"]))
    return where


def _list(unit: Unit, request: Request) -> UsersWire:
    """List the users of the account; without a role only oneself."""
    limit, settings = paging.size(request, MOST, MOST), paging.flag(request, "include_settings")
    found = page(unit, USER, *_filters(request), after=paging.behind(request, NEXT), limit=limit)
    next_ = paging.next_url(request, NEXT, found.last)
    return UsersWire(
        total_results=found.total,
        limit=limit,
        first_url=request.path,
        resources=[user_wire(one, with_settings=settings) for one in found.items],
        next_url=msgspec.UNSET if next_ is None else next_,
    )


def _get(_unit: Unit, request: Request) -> UserWire:
    """Get a user's profile."""
    return user_wire(request.granted.it)


def _settings(_unit: Unit, request: Request) -> UserSettingsWire:
    """Get a user's settings."""
    return settings_wire(request.granted.it)


def _set_settings(unit: Unit, request: Request) -> None:
    """Change a user's settings."""
    members.set_settings(unit, request.granted, msgspec.to_builtins(request.body))


def routes(identities: Identities) -> tuple[Route, ...]:
    def invite(unit: Unit, request: Request) -> InvitedUsersWire:
        """Invite users to the account."""
        body: InviteUsersBody = request.body
        emails = [one.email for one in body.users]
        policies = [msgspec.to_builtins(one) for one in body.iam_policy]
        invited = members.invite(unit, identities, Invitation(emails, policies, body.access_groups))
        return InvitedUsersWire(resources=[invited_wire(one) for one in invited])

    def change(unit: Unit, request: Request) -> None:
        """Change a user's profile or state."""
        members.change(unit, identities, request.granted, msgspec.to_builtins(request.body))

    def remove(unit: Unit, request: Request) -> None:
        """Remove a user from the account."""
        members.remove(unit, identities, request.granted)

    def accept(unit: Unit, request: Request) -> dict[str, Any]:
        """Accept an invitation to an account."""
        members.accept(unit, identities, request.body.account_id)
        return {}

    users, p = "/v2/accounts/{account_id}/users", PLATFORM
    one = users + "/{iam_id}"
    see, edit, drop = OwnUser(USER.read), OwnUser(members.UPDATE), OwnUser(members.REMOVE)
    adding = OwnAccount(members.INVITE, needed=True)
    accepting = member("user-management.invitation.accept")
    settings = one + "/settings"
    v3 = one.replace("/v2/", "/v3/")
    return (
        route("GET", users, _list, family=p, access=OwnAccount(USER.read), answer=UsersWire),
        route(
            "POST", users, invite, family=p, access=adding, body=InviteUsersBody, answer=InvitedUsersWire, status=202
        ),
        route("GET", one, _get, family=p, access=see, answer=UserWire),
        route("PATCH", one, change, family=p, access=edit, body=UpdateUserBody, status=204),
        route("DELETE", one, remove, family=p, access=drop, status=204),
        route("DELETE", v3, remove, family=p, access=drop, status=204),
        route("GET", settings, _settings, family=p, access=see, answer=UserSettingsWire),
        route("PATCH", settings, _set_settings, family=p, access=edit, body=UserSettingsBody, status=204),
        route("POST", "/v2/users/accept", accept, family=p, access=accepting, body=AcceptBody, status=202),
    )
