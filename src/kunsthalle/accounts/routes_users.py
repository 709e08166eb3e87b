"""User Management: `/v2/accounts/{account_id}/users`, `/v2/users/accept`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field
from sqlalchemy import ColumnElement, func, or_

from kunsthalle.accounts import account_users
from kunsthalle.accounts.account_users import Invitation
from kunsthalle.accounts.identity_port import Identities
from kunsthalle.accounts.models import User
from kunsthalle.accounts.resources import USER
from kunsthalle.accounts.schemas_users import (
    AcceptRequest,
    InvitationsResponse,
    InvitedUsersResponse,
    InviteUsersRequest,
    UpdateUserRequest,
    UserResponse,
    UserSettingsRequest,
    UserSettingsResponse,
    UsersResponse,
    invitation_response,
    invited_response,
    settings_response,
    user_response,
)
from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.crud import Resource, changing_silently, reading, removing
from kunsthalle.api.pagination import USER_PAGES, Key, next_page, next_url, sized
from kunsthalle.api.query_params import Fault, Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.core.errors import not_found
from kunsthalle.db import audit
from kunsthalle.db.pages import page
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, resolve

ACCEPT = "user-management.invitation.accept"
INVITATIONS = "user-management.invitation.retrieve"
MOST = 100


class OwnAccount(Access, frozen=True):
    """The account of the path must be the token's: 404 for every other, be there one or not."""

    needed: bool = False

    def check(self, session: Session, request: Request) -> None:
        if request.params["account_id"] != session.ctx.account_id:
            raise not_found("account_id")
        if self.needed and session.ctx.grants.scope(self.action).empty:
            raise missing_action(self.action)


class OwnUser(Access, frozen=True):
    """A user of the token's account, by IAM ID: 404 unless seen. Who may change what is the service's to say."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (User,)

    def check(self, session: Session, request: Request) -> Authorized[User]:
        users = account_users.membership(session, request.params["account_id"], request.params["iam_id"])
        return resolve(session, USER, users[0].id if users else "", USER.read, "iam_id")


_SEARCHED = {
    "firstname": USER.table.c.name,
    "lastname": USER.table.c.name,
    "email": USER.table.c.email,
    "state": USER.table.c.state,
    "iam_id": USER.table.c.iam_id,
    "realm": USER.table.c.iam_id,  # the name of the field in the API; words: allow
    "userId": USER.table.c.user_id,
}


def _searched(text: str) -> tuple[tuple[str, str], ...]:
    """`field:part,field:part`."""
    parts = [pair.partition(":") for pair in text.split(",") if text]
    if any(name not in _SEARCHED and name != "substate" for name, _, _ in parts):
        raise Fault("form", f"parts of the fields {', '.join(_SEARCHED)}, as `field:part,field:part`")
    return tuple((name, part) for name, _, part in parts)


class UsersParameters(Parameters, frozen=True):
    """Of the list of users."""

    start: Annotated[Key | None, next_page(USER_PAGES)] = field(name="_start", default=None)
    limit: Annotated[int, sized(MOST)] = MOST
    include_settings: Annotated[bool, Meta(description="Whether users are shown with their settings.")] = False
    search: Annotated[
        tuple[tuple[str, str], ...],
        Meta(
            description="Only users of whom a field contains this: `field:part,field:part`, any of them.",
            extra={"parse": _searched},
        ),
    ] = ()
    user_id: Annotated[str | None, Meta(description="Only the user of this user ID, an email address.")] = None


def _matching(parts: tuple[tuple[str, str], ...]) -> ColumnElement[bool]:
    """Any of them; the case of letters is not told apart."""
    known = [(_SEARCHED[name], part) for name, part in parts if name != "substate"]
    return or_(False, *(func.lower(column).contains(part.lower(), autoescape=True) for column, part in known))


def _filters(request: Request, query: UsersParameters) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [USER.table.c.account_id == request.params["account_id"]]
    if query.user_id is not None:
        where.append(USER.table.c.user_id == query.user_id.lower())
    if query.search:
        where.append(_matching(query.search))
    return where


def _list(session: Session, request: Request, query: UsersParameters) -> UsersResponse:
    """List the users of the account; without a role only oneself."""
    limit, settings = query.limit or MOST, query.include_settings
    batch = page(session, USER, *_filters(request, query), after=query.start, limit=limit)
    next_ = next_url(request, USER_PAGES, batch.last)
    return UsersResponse(
        total_results=batch.total,
        limit=limit,
        first_url=request.path,
        resources=[user_response(user, with_settings=settings) for user in batch.items],
        next_url=msgspec.UNSET if next_ is None else next_,
    )


RESOURCE = Resource(
    USER,
    "/v2/accounts/{account_id}/users",
    lambda user, _session: user_response(user),
    UserResponse,
    surface=PLATFORM,
    param="iam_id",
    rule=OwnUser,
    actions={"update": account_users.UPDATE, "delete": account_users.REMOVE},
)


def _invitations(session: Session, _request: Request) -> InvitationsResponse:
    """List the invitations that wait for the caller to accept."""
    return InvitationsResponse([invitation_response(*users) for users in account_users.invitations(session)])


def _settings(_session: Session, _request: Request, user: User) -> UserSettingsResponse:
    """Get a user's settings."""
    return settings_response(user)


def _set_settings(session: Session, request: Request, user: Authorized[User]) -> None:
    """Change a user's settings."""
    account_users.set_settings(session, user, msgspec.to_builtins(request.body))


def routes(identities: Identities) -> tuple[Route, ...]:
    def invite(session: Session, request: Request) -> InvitedUsersResponse:
        """Invite users to the account."""
        body: InviteUsersRequest = request.body
        emails = [user.email for user in body.users]
        policies = [msgspec.to_builtins(policy) for policy in body.iam_policy]
        invited = account_users.invite(session, identities, Invitation(emails, policies, body.access_groups))
        return InvitedUsersResponse(resources=[invited_response(user) for user in invited])

    def change(session: Session, user: Authorized[User], body: UpdateUserRequest) -> None:
        account_users.change(session, identities, user, msgspec.to_builtins(body))

    def remove(session: Session, user: Authorized[User]) -> None:
        account_users.remove(session, identities, user)

    def accept(session: Session, request: Request) -> dict[str, Any]:
        """Accept an invitation to an account."""
        user = account_users.accept(session, identities, request.body.account_id)
        there = replace(session.ctx, account_id=user.account_id)
        audit.record(session.as_context(there), ACCEPT, request.path, 202)
        return {}

    users, p, third = RESOURCE.path, PLATFORM, replace(RESOURCE, path=RESOURCE.path.replace("/v2/", "/v3/"))
    see, edit = RESOURCE.on_one(), RESOURCE.on_one("update")
    adding = OwnAccount(account_users.INVITE, needed=True)
    accepting, waiting = access.invited(ACCEPT), access.invited(INVITATIONS)
    settings = RESOURCE.item_path + "/settings"
    return (
        route(
            "GET", users, _list, surface=p, access=OwnAccount(USER.read), answer=UsersResponse, query=UsersParameters
        ),
        route(
            "POST",
            users,
            invite,
            surface=p,
            access=adding,
            body=InviteUsersRequest,
            answer=InvitedUsersResponse,
            status=202,
        ),
        reading(RESOURCE, "Get a user's profile."),
        changing_silently(RESOURCE, "Change a user's profile or state.", change, UpdateUserRequest),
        removing(RESOURCE, "Remove a user from the account.", remove),
        removing(third, "Remove a user from the account (third version).", remove),
        route("GET", settings, _settings, surface=p, access=see, answer=UserSettingsResponse),
        route("PATCH", settings, _set_settings, surface=p, access=edit, body=UserSettingsRequest, status=204),
        route("GET", "/v2/users/invitations", _invitations, surface=p, access=waiting, answer=InvitationsResponse),
        route("POST", "/v2/users/accept", accept, surface=p, access=accepting, body=AcceptRequest, status=202),
    )
