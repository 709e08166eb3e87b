"""`/v1/profiles/{id}/rules` and `/links`: kept and shown; they speak of logins and tokens that are not offered."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.iam import IDENTITY
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.identity import profiles as service
from kunsthalle.identity.kinds import PROFILE, PROFILE_LINK, PROFILE_RULE
from kunsthalle.identity.model import entity_tag
from kunsthalle.identity.paging import if_match
from kunsthalle.identity.routes_profiles import TRUST
from kunsthalle.identity.wire_profiles import (
    ClaimRuleBody,
    ClaimRulesWire,
    ClaimRuleWire,
    LinkBody,
    LinksWire,
    LinkWire,
    link_wire,
    rule_wire,
)
from kunsthalle.store.rows import delete
from kunsthalle.store.unit import Unit

_PARTS = ("crn", "namespace", "name", "component_type", "component_name")


def _body(request: Request) -> dict[str, Any]:
    body: ClaimRuleBody = request.body
    return {
        "name": body.name,
        "type": body.type,
        "realm_name": body.realm_name,
        "cr_type": body.cr_type,
        "expiration": body.expiration or 0,
        "conditions": [{"claim": one.claim, "operator": one.operator, "value": one.value} for one in body.conditions],
    }


def _rules(unit: Unit, request: Request) -> ClaimRulesWire:
    """List the claim rules of a trusted profile."""
    return ClaimRulesWire(rules=[rule_wire(rule) for rule in service.rules_of(unit, request.granted.it)])


def _add_rule(unit: Unit, request: Request) -> ClaimRuleWire:
    """Add a claim rule to a trusted profile."""
    return rule_wire(service.add_rule(unit, request.granted, **_body(request)))


def _rule(_unit: Unit, request: Request) -> ClaimRuleWire:
    """Get a claim rule of a trusted profile."""
    return rule_wire(request.granted.it)


def _set_rule(unit: Unit, request: Request) -> ClaimRuleWire:
    """Replace a claim rule of a trusted profile."""
    old = request.granted.it
    revision = if_match(request, entity_tag(old.id, old.revision), old.revision)
    return rule_wire(service.change_rule(unit, request.granted, revision, **_body(request)))


def _drop_rule(unit: Unit, request: Request) -> None:
    """Delete a claim rule of a trusted profile."""
    delete(unit, PROFILE_RULE, request.granted.it.id, request.granted.it.account_id)


def _links(unit: Unit, request: Request) -> LinksWire:
    """List the links of a trusted profile."""
    return LinksWire(links=[link_wire(link) for link in service.links_of(unit, request.granted.it)])


def _add_link(unit: Unit, request: Request) -> LinkWire:
    """Link a trusted profile to a compute resource."""
    body: LinkBody = request.body
    parts = {name: value for name in _PARTS if (value := getattr(body.link, name)) is not None}
    return link_wire(service.add_link(unit, request.granted, body.name, body.cr_type, parts))


def _link(_unit: Unit, request: Request) -> LinkWire:
    """Get a link of a trusted profile."""
    return link_wire(request.granted.it)


def _drop_link(unit: Unit, request: Request) -> None:
    """Delete a link of a trusted profile."""
    delete(unit, PROFILE_LINK, request.granted.it.id, request.granted.it.account_id)


def _drop_links(unit: Unit, request: Request) -> None:
    """Delete the links of a trusted profile that are like this."""
    asked = {name: request.query[name] for name in ("type", *_PARTS) if name in request.query}
    service.delete_links_like(unit, request.granted, asked)


def routes() -> tuple[Route, ...]:
    one, param = "/v1/profiles/{profile_id}", "profile_id"
    rules, links = f"{one}/rules", f"{one}/links"
    read, trust = access.item(PROFILE, param=param), access.item(PROFILE, TRUST, param)
    rule = access.item(PROFILE_RULE, None, "rule_id", (param,))
    rule_trust = access.item(PROFILE_RULE, TRUST, "rule_id", (param,))
    link = access.item(PROFILE_LINK, None, "link_id", (param,))
    link_trust = access.item(PROFILE_LINK, TRUST, "link_id", (param,))
    shown: dict[str, Any] = {"family": IDENTITY, "answer": ClaimRuleWire}
    linked: dict[str, Any] = {"family": IDENTITY, "answer": LinkWire}
    return (
        route("GET", rules, _rules, family=IDENTITY, access=read, answer=ClaimRulesWire),
        route("POST", rules, _add_rule, access=trust, body=ClaimRuleBody, status=201, **shown),
        route("GET", f"{rules}/{{rule_id}}", _rule, access=rule, **shown),
        route("PUT", f"{rules}/{{rule_id}}", _set_rule, access=rule_trust, body=ClaimRuleBody, **shown),
        route("DELETE", f"{rules}/{{rule_id}}", _drop_rule, family=IDENTITY, access=rule_trust, status=204),
        route("GET", links, _links, family=IDENTITY, access=read, answer=LinksWire),
        route("POST", links, _add_link, access=trust, body=LinkBody, status=201, **linked),
        route("DELETE", links, _drop_links, family=IDENTITY, access=trust, status=204),
        route("GET", f"{links}/{{link_id}}", _link, access=link, **linked),
        route("DELETE", f"{links}/{{link_id}}", _drop_link, family=IDENTITY, access=link_trust, status=204),
    )
