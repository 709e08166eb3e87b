"""Users as User Management shows them (catalog-iam-enterprise.md 3.2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.accounts.model import User
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import rfc3339

Text = Annotated[str, Meta(max_length=255)]
States = Literal["ACTIVE", "DISABLED_CLASSIC_INFRASTRUCTURE", "VPN_ONLY"]


class InviteUserBody(Body):
    """Somebody, by e-mail address."""

    email: Annotated[str, Meta(min_length=3, max_length=255)]
    account_role: str | UnsetType = UNSET


class InvitedPolicyAttributeBody(Body):
    """A condition of a policy."""

    name: str
    value: str
    operator: str = "stringEquals"


class InvitedPolicyResourceBody(Body):
    """Conditions that must all hold."""

    attributes: list[InvitedPolicyAttributeBody] = field(default_factory=list)


class InvitedPolicyRoleBody(Body):
    """A role by its CRN."""

    role_id: str


class InvitedPolicyBody(Body):
    """An access policy without its subject, who is the invited one."""

    roles: list[InvitedPolicyRoleBody]
    resources: list[InvitedPolicyResourceBody]
    type: Literal["access"] = "access"


class InviteUsersBody(Body):
    """Who is invited, and what he will hold."""

    users: Annotated[list[InviteUserBody], Meta(max_length=100)]
    iam_policy: list[InvitedPolicyBody] = field(default_factory=list)
    access_groups: list[str] = field(default_factory=list)


class AcceptBody(Body):
    """The account that has invited the caller."""

    account_id: Annotated[str, Meta(max_length=64)]


class UpdateUserBody(Body):
    """What may be changed of a user."""

    firstname: Text | UnsetType = UNSET
    lastname: Text | UnsetType = UNSET
    state: States | UnsetType = UNSET
    email: Text | UnsetType = UNSET
    phonenumber: Text | UnsetType = UNSET
    altphonenumber: Text | UnsetType = UNSET
    photo: Annotated[str, Meta(max_length=2048)] | UnsetType = UNSET


class UserSettingsBody(Body):
    """What may be changed of a user's settings."""

    language: Text | UnsetType = UNSET
    notification_language: Text | UnsetType = UNSET
    allowed_ip_addresses: Annotated[str, Meta(max_length=4096)] | UnsetType = UNSET
    self_manage: bool | UnsetType = UNSET


class UserSettingsWire(Wire):
    """How a user is served."""

    language: str
    notification_language: str
    allowed_ip_addresses: str
    self_manage: bool


class UserWire(Wire):
    """A user of an account."""

    id: str
    iam_id: str
    realm: str
    user_id: str
    firstname: str
    lastname: str
    state: str
    sub_state: str
    email: str
    phonenumber: str
    altphonenumber: str
    photo: str
    account_id: str
    added_on: str
    settings: UserSettingsWire | UnsetType = UNSET


class UsersWire(Wire):
    """A page of users."""

    total_results: int
    limit: int
    first_url: str
    resources: list[UserWire]
    next_url: str | UnsetType = UNSET


class InvitedUserWire(Wire):
    """An invitation. `id` stands for the invited user until it is accepted; it says nothing of whose address it is."""

    email: str
    id: str
    state: str


class InvitedUsersWire(Wire):
    """Who was invited."""

    resources: list[InvitedUserWire]


def settings_wire(user: User) -> UserSettingsWire:
    given: dict[str, Any] = user.settings
    return UserSettingsWire(
        language=given.get("language", ""),
        notification_language=given.get("notification_language", ""),
        allowed_ip_addresses=given.get("allowed_ip_addresses", ""),
        self_manage=given.get("self_manage", False),
    )


def user_wire(user: User, *, with_settings: bool = False) -> UserWire:
    first, last = user.names
    return UserWire(
        id=user.id,
        iam_id=user.iam_id,
        realm=user.iam_id.partition("-")[0],
        user_id=user.user_id,
        firstname=first,
        lastname=last,
        state=user.state,
        sub_state="",
        email=user.email,
        phonenumber=user.profile.get("phonenumber", ""),
        altphonenumber=user.profile.get("altphonenumber", ""),
        photo=user.profile.get("photo", ""),
        account_id=user.account_id,
        added_on=rfc3339(user.created_at),
        settings=settings_wire(user) if with_settings else UNSET,
    )


def invited_wire(user: User) -> InvitedUserWire:
    return InvitedUserWire(email=user.email, id=user.iam_id, state=user.state)
