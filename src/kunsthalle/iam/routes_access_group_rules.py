"""`/v2/groups/{id}/rules`: rules of federated logins, kept and shown."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import PLATFORM as FAMILY
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.iam import access_groups as service
from kunsthalle.iam.models import AccessGroup, AccessGroupRule
from kunsthalle.iam.resources import GROUP, GROUP_RULE
from kunsthalle.iam.routes_access_groups import same_version, tagged
from kunsthalle.iam.schemas_access_groups import RuleRequest, RuleResponse, RulesResponse, rule_response


def _body(request: Request, name: str | None = None) -> dict[str, Any]:
    """The values of a rule. Without a name in the body it is the one given, else `realm_name`."""
    body: RuleRequest = request.body
    conditions = [
        {"claim": condition.claim, "operator": condition.operator, "value": condition.value}
        for condition in body.conditions
    ]
    return {
        "name": body.name or name or body.realm_name,
        "expiration": body.expiration,
        "realm_name": body.realm_name,
        "conditions": conditions,
    }


def _list(session: Session, _request: Request, group: AccessGroup) -> RulesResponse:
    """List the rules of an access group."""
    return RulesResponse(rules=[rule_response(rule) for rule in service.rules_of(session, group)])


def _create(session: Session, request: Request, group: Authorized[AccessGroup]) -> Reply:
    """Add a rule to an access group."""
    rule = service.add_rule(session, group, **_body(request))
    return tagged(rule_response(rule), rule.id, rule.revision)


def _get(_session: Session, _request: Request, rule: AccessGroupRule) -> Reply:
    """Get a rule of an access group."""
    return tagged(rule_response(rule), rule.id, rule.revision)


def _replace(session: Session, request: Request, authorized: Authorized[AccessGroupRule]) -> Reply:
    """Replace a rule of an access group; without a name it keeps the one it has."""
    same_version(request, authorized.resource.id, authorized.resource.revision)
    rule = service.change_rule(session, authorized, **_body(request, authorized.resource.name))
    return tagged(rule_response(rule), rule.id, rule.revision)


def _delete(session: Session, _request: Request, rule: Authorized[AccessGroupRule]) -> None:
    """Remove a rule from an access group."""
    service.delete_rule(session, rule)


def routes() -> tuple[Route, ...]:
    many, item_path = "/v2/groups/{access_group_id}/rules", "/v2/groups/{group_id}/rules/{rule_id}"
    param = "access_group_id"
    read = access.item(GROUP, param=param)
    make = access.item(GROUP, service.MEMBER_CREATE, param=param)
    read_one = access.item(GROUP_RULE, param="rule_id", parents=("group_id",))
    change_one = access.item(GROUP_RULE, service.MEMBER_CREATE, "rule_id", ("group_id",))
    drop_one = access.item(GROUP_RULE, service.MEMBER_DELETE, "rule_id", ("group_id",))
    shown: dict[str, Any] = {"surface": FAMILY, "answer": RuleResponse}
    return (
        route("GET", many, _list, surface=FAMILY, access=read, answer=RulesResponse),
        route("POST", many, _create, access=make, body=RuleRequest, status=201, **shown),
        route("GET", item_path, _get, access=read_one, **shown),
        route("PUT", item_path, _replace, access=change_one, body=RuleRequest, **shown),
        route("DELETE", item_path, _delete, surface=FAMILY, access=drop_one, status=204),
    )
