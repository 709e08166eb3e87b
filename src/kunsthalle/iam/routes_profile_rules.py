"""`/v1/profiles/{id}/rules` and `/links`: rules of sign-ins act, the rest is kept and shown."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing, making, reading, removing
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import IDENTITY
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.iam import trusted_profiles as service
from kunsthalle.iam.iam_pagination import matched
from kunsthalle.iam.models import Profile, ProfileLink, ProfileRule
from kunsthalle.iam.resources import PROFILE, PROFILE_LINK, PROFILE_RULE
from kunsthalle.iam.routes_trusted_profiles import TRUST
from kunsthalle.iam.schemas_trusted_profiles import (
    ClaimRuleRequest,
    ClaimRuleResponse,
    ClaimRulesResponse,
    LinkRequest,
    LinkResponse,
    LinksResponse,
    link_response,
    rule_response,
)

_PARTS = ("crn", "namespace", "name", "component_type", "component_name")


def _fields(body: ClaimRuleRequest) -> dict[str, Any]:
    return {
        "name": body.name,
        "type": body.type,
        "realm_name": body.realm_name,
        "cr_type": body.cr_type,
        "expiration": body.expiration or 0,
        "conditions": [
            {"claim": condition.claim, "operator": condition.operator, "value": condition.value}
            for condition in body.conditions
        ],
    }


def _rules(session: Session, _request: Request, profile: Profile) -> ClaimRulesResponse:
    """List the claim rules of a trusted profile."""
    return ClaimRulesResponse(rules=[rule_response(rule) for rule in service.rules_of(session, profile)])


def _add_rule(session: Session, profile: Authorized[Profile], body: ClaimRuleRequest) -> ProfileRule:
    return service.add_rule(session, profile, **_fields(body))


def _set_rule(
    session: Session, rule: Authorized[ProfileRule], body: ClaimRuleRequest, revision: int | None
) -> ProfileRule:
    return service.change_rule(session, rule, revision, **_fields(body))


def _drop_rule(session: Session, rule: Authorized[ProfileRule]) -> None:
    delete(session, PROFILE_RULE, rule.resource.id, rule.resource.account_id)


def _links(session: Session, _request: Request, profile: Profile) -> LinksResponse:
    """List the links of a trusted profile."""
    return LinksResponse(links=[link_response(link) for link in service.links_of(session, profile)])


def _add_link(session: Session, profile: Authorized[Profile], body: LinkRequest) -> ProfileLink:
    parts = {name: value for name in _PARTS if (value := getattr(body.link, name)) is not None}
    return service.add_link(session, profile, body.name, body.cr_type, parts)


def _drop_link(session: Session, link: Authorized[ProfileLink]) -> None:
    delete(session, PROFILE_LINK, link.resource.id, link.resource.account_id)


class LinkParameters(Parameters, frozen=True):
    """What the links that are deleted are like."""

    type: Annotated[str | None, Meta(description="Only links of this type of compute resource.")] = None
    crn: Annotated[str | None, Meta(description="Only links to the resource with this CRN.")] = None
    namespace: Annotated[str | None, Meta(description="Only links to this namespace.")] = None
    name: Annotated[str | None, Meta(description="Only links to the resource of this name.")] = None
    component_type: Annotated[str | None, Meta(description="Only links to components of this type.")] = None
    component_name: Annotated[str | None, Meta(description="Only links to the component of this name.")] = None


def _drop_links(session: Session, _request: Request, profile: Authorized[Profile], query: LinkParameters) -> None:
    """Delete the links of a trusted profile that are like this."""
    asked = {name: value for name in ("type", *_PARTS) if (value := getattr(query, name)) is not None}
    service.delete_links_like(session, profile, asked)


_BELOW: dict[str, Any] = {
    "surface": IDENTITY,
    "parent": PROFILE,
    "parent_field": "profile_id",
    "actions": {"create": TRUST, "update": TRUST, "delete": TRUST},
}
RULES = Resource(
    PROFILE_RULE,
    "/v1/profiles/{profile_id}/rules",
    lambda rule, _session: rule_response(rule),
    ClaimRuleResponse,
    param="rule_id",
    expected=matched,
    **_BELOW,
)
LINKS = Resource(
    PROFILE_LINK,
    "/v1/profiles/{profile_id}/links",
    lambda link, _session: link_response(link),
    LinkResponse,
    param="link_id",
    **_BELOW,
)


def routes() -> tuple[Route, ...]:
    read, trust = access.item(PROFILE, param="profile_id"), access.item(PROFILE, TRUST, "profile_id")
    rules, links = RULES.path, LINKS.path
    return (
        route("GET", rules, _rules, surface=IDENTITY, access=read, answer=ClaimRulesResponse),
        making(RULES, "Add a claim rule to a trusted profile.", _add_rule, ClaimRuleRequest, proof=True),
        reading(RULES, "Get a claim rule of a trusted profile."),
        changing(RULES, "Replace a claim rule of a trusted profile.", _set_rule, ClaimRuleRequest, method="PUT"),
        removing(RULES, "Delete a claim rule of a trusted profile.", _drop_rule),
        route("GET", links, _links, surface=IDENTITY, access=read, answer=LinksResponse),
        making(LINKS, "Link a trusted profile to a compute resource.", _add_link, LinkRequest, proof=True),
        route("DELETE", links, _drop_links, surface=IDENTITY, access=trust, status=204, query=LinkParameters),
        reading(LINKS, "Get a link of a trusted profile."),
        removing(LINKS, "Delete a link of a trusted profile.", _drop_link),
    )
