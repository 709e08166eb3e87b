"""`/v2/groups/{id}/rules`: rules of federated logins, kept and shown."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.iam import PLATFORM as FAMILY
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.identity import groups as service
from kunsthalle.identity.kinds import GROUP, GROUP_RULE
from kunsthalle.identity.routes_groups import same_version, tagged
from kunsthalle.identity.wire_groups import RuleBody, RulesWire, RuleWire, rule_wire
from kunsthalle.store.unit import Unit


def _body(request: Request) -> dict[str, Any]:
    body: RuleBody = request.body
    conditions = [{"claim": one.claim, "operator": one.operator, "value": one.value} for one in body.conditions]
    name = body.name or body.realm_name
    return {"name": name, "expiration": body.expiration, "realm_name": body.realm_name, "conditions": conditions}


def _list(unit: Unit, request: Request) -> RulesWire:
    """List the rules of an access group."""
    return RulesWire(rules=[rule_wire(rule) for rule in service.rules_of(unit, request.granted.it)])


def _create(unit: Unit, request: Request) -> Reply:
    """Add a rule to an access group."""
    rule = service.add_rule(unit, request.granted, **_body(request))
    return tagged(rule_wire(rule), rule.id, rule.revision)


def _get(_unit: Unit, request: Request) -> Reply:
    """Get a rule of an access group."""
    rule = request.granted.it
    return tagged(rule_wire(rule), rule.id, rule.revision)


def _replace(unit: Unit, request: Request) -> Reply:
    """Replace a rule of an access group."""
    same_version(request, request.granted.it.id, request.granted.it.revision)
    rule = service.change_rule(unit, request.granted, **_body(request))
    return tagged(rule_wire(rule), rule.id, rule.revision)


def _delete(unit: Unit, request: Request) -> None:
    """Remove a rule from an access group."""
    service.delete_rule(unit, request.granted)


def routes() -> tuple[Route, ...]:
    many, one = "/v2/groups/{access_group_id}/rules", "/v2/groups/{group_id}/rules/{rule_id}"
    param = "access_group_id"
    read = access.item(GROUP, param=param)
    make = access.item(GROUP, service.MEMBER_CREATE, param=param)
    read_one = access.item(GROUP_RULE, param="rule_id", parents=("group_id",))
    change_one = access.item(GROUP_RULE, service.MEMBER_CREATE, "rule_id", ("group_id",))
    drop_one = access.item(GROUP_RULE, service.MEMBER_DELETE, "rule_id", ("group_id",))
    shown: dict[str, Any] = {"family": FAMILY, "answer": RuleWire}
    return (
        route("GET", many, _list, family=FAMILY, access=read, answer=RulesWire),
        route("POST", many, _create, access=make, body=RuleBody, status=201, **shown),
        route("GET", one, _get, access=read_one, **shown),
        route("PUT", one, _replace, access=change_one, body=RuleBody, **shown),
        route("DELETE", one, _delete, family=FAMILY, access=drop_one, status=204),
    )
