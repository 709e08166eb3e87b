"""Trusted profiles as IAM shows them (catalog-iam-enterprise.md 3.2)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.identity.model import Profile, ProfileLink, ProfileRule, entity_tag
from kunsthalle.identity.wire_keys import History, PageWire


class ProfileWire(Wire):
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


class ProfilesWire(PageWire, kw_only=True):
    """A page of profiles."""

    profiles: list[ProfileWire]


class CreateProfileBody(Body):
    """A profile of the caller's account."""

    name: str
    account_id: str
    description: str | None = None
    email: str | None = None


class UpdateProfileBody(Body):
    """What may be changed; what is left out stays."""

    name: str | None = None
    description: str | None = None
    email: str | None = None


class IdentityBody(Body):
    """Somebody who may put the profile on: `type` is user, serviceid or crn."""

    identifier: str
    type: str
    accounts: list[str] | None = None
    description: str | None = None


class IdentitiesBody(Body):
    """Everybody who may put the profile on."""

    identities: list[IdentityBody] = field(default_factory=list)


class IdentityWire(Wire):
    """Somebody who may put the profile on."""

    iam_id: str
    identifier: str
    type: str
    accounts: list[str] | UnsetType = UNSET
    description: str | UnsetType = UNSET


class IdentitiesWire(Wire):
    """Everybody who may put the profile on."""

    entity_tag: str
    identities: list[IdentityWire]


class ClaimBody(Body):
    """A condition on a claim."""

    claim: str
    operator: str
    value: str


class ClaimRuleBody(Body):
    """`expiration` is in seconds."""

    type: str
    conditions: list[ClaimBody]
    name: str | None = None
    realm_name: str | None = None
    cr_type: str | None = None
    expiration: int | None = None


class ClaimRuleWire(Wire):
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


class ClaimRulesWire(Wire):
    """Every claim rule of a profile."""

    rules: list[ClaimRuleWire]


class LinkPartsBody(Body):
    """What a compute resource is known by."""

    crn: str
    namespace: str | None = None
    name: str | None = None
    component_type: str | None = None
    component_name: str | None = None


class LinkBody(Body):
    """A link to a compute resource."""

    cr_type: str
    link: LinkPartsBody
    name: str | None = None


class LinkWire(Wire):
    """A link as it was given."""

    id: str
    entity_tag: str
    created_at: str
    modified_at: str
    cr_type: str
    link: dict[str, str]
    name: str | UnsetType = UNSET


class LinksWire(Wire):
    """Every link of a profile."""

    links: list[LinkWire]


def _or_unset(value: str | None) -> str | UnsetType:
    return UNSET if value is None else value


def profile_wire(profile: Profile, history: History = UNSET) -> ProfileWire:
    return ProfileWire(
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


def identity_wire(row: Any) -> IdentityWire:
    accounts: list[str] | UnsetType = row.accounts if row.type == "user" else UNSET
    about = _or_unset(row.description)
    return IdentityWire(
        iam_id=row.iam_id, identifier=row.identifier, type=row.type, accounts=accounts, description=about
    )


def rule_wire(rule: ProfileRule) -> ClaimRuleWire:
    return ClaimRuleWire(
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


def link_wire(link: ProfileLink) -> LinkWire:
    return LinkWire(
        id=link.id,
        entity_tag=entity_tag(link.id, link.revision),
        created_at=rfc3339(link.created_at),
        modified_at=rfc3339(link.modified_at),
        cr_type=link.cr_type,
        link=link.link,
        name=_or_unset(link.name),
    )
