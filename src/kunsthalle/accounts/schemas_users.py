"""Users as User Management shows them (catalog-iam-enterprise.md 3.2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.accounts.models import Account, User
from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.core.clock import rfc3339

Text = Annotated[str, Meta(max_length=255)]
States = Literal["ACTIVE", "DISABLED_CLASSIC_INFRASTRUCTURE", "VPN_ONLY"]


class InviteUserRequest(RequestBody):
    """Somebody, by e-mail address."""

    email: Annotated[str, Meta(min_length=3, max_length=255)]
    account_role: str | UnsetType = UNSET


class InvitedPolicyAttributeRequest(RequestBody):
    """A condition of a policy."""

    name: str
    value: str
    operator: str = "stringEquals"


class InvitedPolicyResourceRequest(RequestBody):
    """Conditions that must all hold."""

    attributes: Annotated[list[InvitedPolicyAttributeRequest], at_most(50)] = field(default_factory=list)


class InvitedPolicyRoleRequest(RequestBody):
    """A role by its CRN."""

    role_id: str


class InvitedPolicyRequest(RequestBody):
    """An access policy without its subject, who is the invited one."""

    roles: Annotated[list[InvitedPolicyRoleRequest], at_most(20)]
    resources: Annotated[list[InvitedPolicyResourceRequest], at_most(20)]
    type: Literal["access"] = "access"


class InviteUsersRequest(RequestBody):
    """Who is invited, and the roles that they get."""

    users: Annotated[list[InviteUserRequest], at_most(100)]
    iam_policy: Annotated[list[InvitedPolicyRequest], at_most(50)] = field(default_factory=list)
    access_groups: Annotated[list[str], at_most(50)] = field(default_factory=list)


class AcceptRequest(RequestBody):
    """The account that has invited the caller."""

    account_id: Annotated[str, Meta(max_length=64)]


class InvitationResponse(ResponseBody):
    """An account that waits for the caller to accept. `owner` is the login of who owns it."""

    account_id: str
    account_name: str
    created_at: str
    owner: str | UnsetType = UNSET


class InvitationsResponse(ResponseBody):
    """All of them, oldest first."""

    invitations: list[InvitationResponse]


def invitation_response(invitation: User, host: Account, owner: User | None) -> InvitationResponse:
    return InvitationResponse(
        account_id=host.id,
        account_name=host.name,
        created_at=rfc3339(invitation.created_at),
        owner=owner.user_id if owner else UNSET,
    )


class UpdateUserRequest(RequestBody):
    """What may be changed of a user."""

    firstname: Text | UnsetType = UNSET
    lastname: Text | UnsetType = UNSET
    state: States | UnsetType = UNSET
    email: Text | UnsetType = UNSET
    phonenumber: Text | UnsetType = UNSET
    altphonenumber: Text | UnsetType = UNSET
    photo: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET


class UserSettingsRequest(RequestBody):
    """What may be changed of a user's settings."""

    language: Text | UnsetType = UNSET
    notification_language: Text | UnsetType = UNSET
    allowed_ip_addresses: Annotated[str, Meta(max_length=4096)] | UnsetType = UNSET
    self_manage: bool | UnsetType = UNSET


class UserSettingsResponse(ResponseBody):
    """How a user is served."""

    language: str
    notification_language: str
    allowed_ip_addresses: str
    self_manage: bool


class UserResponse(ResponseBody):
    """A user of an account."""

    id: str
    iam_id: str
    realm: str
    user_id: str
    firstname: str
    lastname: str
    state: str
    email: str
    phonenumber: str
    altphonenumber: str
    photo: str
    account_id: str
    added_on: str
    settings: UserSettingsResponse | UnsetType = UNSET


class UsersResponse(ResponseBody):
    """A page of users."""

    total_results: int
    limit: int
    first_url: str
    resources: list[UserResponse]
    next_url: str | UnsetType = UNSET


class InvitedUserResponse(ResponseBody):
    """An invitation. `id` stands for the invited user until it is accepted; it says nothing of whose address it is."""

    email: str
    id: str
    state: str


class InvitedUsersResponse(ResponseBody):
    """Who was invited."""

    resources: list[InvitedUserResponse]


def settings_response(user: User) -> UserSettingsResponse:
    settings: dict[str, Any] = user.settings
    return UserSettingsResponse(
        language=settings.get("language", ""),
        notification_language=settings.get("notification_language", ""),
        allowed_ip_addresses=settings.get("allowed_ip_addresses", ""),
        self_manage=settings.get("self_manage", False),
    )


def user_response(user: User, *, with_settings: bool = False) -> UserResponse:
    first, last = user.names
    return UserResponse(
        id=user.id,
        iam_id=user.iam_id,
        realm=user.iam_id.partition("-")[0],
        user_id=user.user_id,
        firstname=first,
        lastname=last,
        state=user.state,
        email=user.email,
        phonenumber=user.profile.get("phonenumber", ""),
        altphonenumber=user.profile.get("altphonenumber", ""),
        photo=user.profile.get("photo", ""),
        account_id=user.account_id,
        added_on=rfc3339(user.created_at),
        settings=settings_response(user) if with_settings else UNSET,
    )


def invited_response(user: User) -> InvitedUserResponse:
    return InvitedUserResponse(email=user.email, id=user.iam_id, state=user.state)
