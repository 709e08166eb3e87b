"""Trusted profiles as IAM shows them (catalog-iam-enterprise.md 3.2)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType, field

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.core.clock import rfc3339
from kunsthalle.iam.models import Profile, ProfileLink, ProfileRule, entity_tag
from kunsthalle.iam.schemas_identities import History, PageResponse


class ProfileResponse(ResponseBody):
    """A trusted profile."""

    id: str
    entity_tag: str
    crn: str
    name: str
    created_at: str
    modified_at: str
    iam_id: str
    account_id: str
    description: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    history: History = UNSET


class ProfilesResponse(PageResponse, kw_only=True):
    """A page of profiles."""

    profiles: list[ProfileResponse]


class CreateProfileRequest(RequestBody):
    """A profile of the caller's account."""

    name: str
    account_id: str
    description: str | None = None
    email: str | None = None


class UpdateProfileRequest(RequestBody):
    """What may be changed; what is left out stays."""

    name: str | None = None
    description: str | None = None
    email: str | None = None


class IdentityRequest(RequestBody):
    """Somebody who may put the profile on: `type` is user, serviceid or crn."""

    identifier: str
    type: str
    accounts: Annotated[list[str], at_most(100)] | None = None
    description: str | None = None


class IdentitiesRequest(RequestBody):
    """Everybody who may put the profile on."""

    identities: Annotated[list[IdentityRequest], at_most(50)] = field(default_factory=list)


class IdentityResponse(ResponseBody):
    """Somebody who may put the profile on."""

    iam_id: str
    identifier: str
    type: str
    accounts: list[str] | UnsetType = UNSET
    description: str | UnsetType = UNSET


class IdentitiesResponse(ResponseBody):
    """Everybody who may put the profile on."""

    entity_tag: str
    identities: list[IdentityResponse]


class ClaimRequest(RequestBody):
    """A condition on a claim."""

    claim: str
    operator: str
    value: str


class ClaimRuleRequest(RequestBody):
    """`expiration` is in seconds."""

    type: str
    conditions: Annotated[list[ClaimRequest], at_most(50)]
    name: str | None = None
    realm_name: str | None = None
    cr_type: str | None = None
    expiration: int | None = None


class ClaimRuleResponse(ResponseBody):
    """A claim rule as it was given."""

    id: str
    entity_tag: str
    created_at: str
    modified_at: str
    type: str
    expiration: int
    conditions: list[dict[str, str]]
    name: str | UnsetType = UNSET
    realm_name: str | UnsetType = UNSET
    cr_type: str | UnsetType = UNSET


class ClaimRulesResponse(ResponseBody):
    """Every claim rule of a profile."""

    rules: list[ClaimRuleResponse]


class LinkPartsRequest(RequestBody):
    """What a compute resource is known by."""

    crn: str
    namespace: str | None = None
    name: str | None = None
    component_type: str | None = None
    component_name: str | None = None


class LinkRequest(RequestBody):
    """A link to a compute resource."""

    cr_type: str
    link: LinkPartsRequest
    name: str | None = None


class LinkResponse(ResponseBody):
    """A link as it was given."""

    id: str
    entity_tag: str
    created_at: str
    modified_at: str
    cr_type: str
    link: dict[str, str]
    name: str | UnsetType = UNSET


class LinksResponse(ResponseBody):
    """Every link of a profile."""

    links: list[LinkResponse]


def _or_unset(value: str | None) -> str | UnsetType:
    return UNSET if value is None else value


def profile_response(profile: Profile, history: History = UNSET) -> ProfileResponse:
    return ProfileResponse(
        id=profile.id,
        entity_tag=entity_tag(profile.id, profile.revision),
        crn=profile.crn,
        name=profile.name,
        created_at=rfc3339(profile.created_at),
        modified_at=rfc3339(profile.modified_at),
        iam_id=profile.iam_id,
        account_id=profile.account_id,
        description=_or_unset(profile.description),
        email=_or_unset(profile.email),
        history=history,
    )


def identity_response(row: Any) -> IdentityResponse:
    accounts: list[str] | UnsetType = row.accounts if row.type == "user" else UNSET
    about = _or_unset(row.description)
    return IdentityResponse(
        iam_id=row.iam_id, identifier=row.identifier, type=row.type, accounts=accounts, description=about
    )


def rule_response(rule: ProfileRule) -> ClaimRuleResponse:
    return ClaimRuleResponse(
        id=rule.id,
        entity_tag=entity_tag(rule.id, rule.revision),
        created_at=rfc3339(rule.created_at),
        modified_at=rfc3339(rule.modified_at),
        type=rule.type,
        expiration=rule.expiration,
        conditions=rule.conditions,
        name=_or_unset(rule.name),
        realm_name=_or_unset(rule.realm_name),
        cr_type=_or_unset(rule.cr_type),
    )


def link_response(link: ProfileLink) -> LinkResponse:
    return LinkResponse(
        id=link.id,
        entity_tag=entity_tag(link.id, link.revision),
        created_at=rfc3339(link.created_at),
        modified_at=rfc3339(link.modified_at),
        cr_type=link.cr_type,
        link=link.link,
        name=_or_unset(link.name),
    )
