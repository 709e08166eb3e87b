"""`/v1/profiles/{id}/rules` and `/links`: kept and shown; they speak of logins and tokens that are not offered."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import IDENTITY
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.iam import trusted_profiles as service
from kunsthalle.iam.iam_pagination import if_match
from kunsthalle.iam.models import Profile, ProfileLink, ProfileRule, entity_tag
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


def _body(request: Request) -> dict[str, Any]:
    body: ClaimRuleRequest = request.body
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


def _add_rule(session: Session, request: Request, profile: Authorized[Profile]) -> ClaimRuleResponse:
    """Add a claim rule to a trusted profile."""
    return rule_response(service.add_rule(session, profile, **_body(request)))


def _rule(_session: Session, _request: Request, rule: ProfileRule) -> ClaimRuleResponse:
    """Get a claim rule of a trusted profile."""
    return rule_response(rule)


def _set_rule(session: Session, request: Request, rule: Authorized[ProfileRule]) -> ClaimRuleResponse:
    """Replace a claim rule of a trusted profile."""
    old = rule.resource
    revision = if_match(request, entity_tag(old.id, old.revision), old.revision)
    return rule_response(service.change_rule(session, rule, revision, **_body(request)))


def _drop_rule(session: Session, _request: Request, rule: ProfileRule) -> None:
    """Delete a claim rule of a trusted profile."""
    delete(session, PROFILE_RULE, rule.id, rule.account_id)


def _links(session: Session, _request: Request, profile: Profile) -> LinksResponse:
    """List the links of a trusted profile."""
    return LinksResponse(links=[link_response(link) for link in service.links_of(session, profile)])


def _add_link(session: Session, request: Request, profile: Authorized[Profile]) -> LinkResponse:
    """Link a trusted profile to a compute resource."""
    body: LinkRequest = request.body
    parts = {name: value for name in _PARTS if (value := getattr(body.link, name)) is not None}
    return link_response(service.add_link(session, profile, body.name, body.cr_type, parts))


def _link(_session: Session, _request: Request, link: ProfileLink) -> LinkResponse:
    """Get a link of a trusted profile."""
    return link_response(link)


def _drop_link(session: Session, _request: Request, link: ProfileLink) -> None:
    """Delete a link of a trusted profile."""
    delete(session, PROFILE_LINK, link.id, link.account_id)


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


def routes() -> tuple[Route, ...]:
    item_path, param = "/v1/profiles/{profile_id}", "profile_id"
    rules, links = f"{item_path}/rules", f"{item_path}/links"
    read, trust = access.item(PROFILE, param=param), access.item(PROFILE, TRUST, param)
    rule = access.item(PROFILE_RULE, None, "rule_id", (param,))
    rule_trust = access.item(PROFILE_RULE, TRUST, "rule_id", (param,))
    link = access.item(PROFILE_LINK, None, "link_id", (param,))
    link_trust = access.item(PROFILE_LINK, TRUST, "link_id", (param,))
    shown: dict[str, Any] = {"surface": IDENTITY, "answer": ClaimRuleResponse}
    linked: dict[str, Any] = {"surface": IDENTITY, "answer": LinkResponse}
    return (
        route("GET", rules, _rules, surface=IDENTITY, access=read, answer=ClaimRulesResponse),
        route("POST", rules, _add_rule, access=trust, body=ClaimRuleRequest, status=201, **shown),
        route("GET", f"{rules}/{{rule_id}}", _rule, access=rule, **shown),
        route("PUT", f"{rules}/{{rule_id}}", _set_rule, access=rule_trust, body=ClaimRuleRequest, **shown),
        route("DELETE", f"{rules}/{{rule_id}}", _drop_rule, surface=IDENTITY, access=rule_trust, status=204),
        route("GET", links, _links, surface=IDENTITY, access=read, answer=LinksResponse),
        route("POST", links, _add_link, access=trust, body=LinkRequest, status=201, **linked),
        route("DELETE", links, _drop_links, surface=IDENTITY, access=trust, status=204, query=LinkParameters),
        route("GET", f"{links}/{{link_id}}", _link, access=link, **linked),
        route("DELETE", f"{links}/{{link_id}}", _drop_link, surface=IDENTITY, access=link_trust, status=204),
    )
