"""`/v2/groups/{id}/rules`: who becomes a member by what a provider says at their sign-in."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing, reading, removing
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import PLATFORM as FAMILY
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.iam import access_groups as service
from kunsthalle.iam.models import AccessGroup, AccessGroupRule
from kunsthalle.iam.resources import GROUP, GROUP_RULE
from kunsthalle.iam.routes_access_groups import same_version, tag_of
from kunsthalle.iam.schemas_access_groups import RuleRequest, RuleResponse, RulesResponse, rule_response


def _fields(body: RuleRequest, name: str | None = None) -> dict[str, Any]:
    """The values of a rule. Without a name in the body it is the one given, else `realm_name`."""
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
    reply: Reply = RESOURCE.shown(service.add_rule(session, group, **_fields(request.body)), session)
    return reply


def _replace(session: Session, rule: Authorized[AccessGroupRule], body: RuleRequest, _as_read: None) -> AccessGroupRule:
    return service.change_rule(session, rule, **_fields(body, rule.resource.name))


RESOURCE = Resource(
    GROUP_RULE,
    "/v2/groups/{group_id}/rules",
    lambda rule, _session: rule_response(rule),
    RuleResponse,
    surface=FAMILY,
    parent=GROUP,
    parent_field="group_id",
    param="rule_id",
    actions={"update": service.MEMBER_CREATE, "delete": service.MEMBER_DELETE},
    tag=tag_of,
    expected=same_version,
)


def routes() -> tuple[Route, ...]:
    many, param = "/v2/groups/{access_group_id}/rules", "access_group_id"
    read, make = access.item(GROUP, param=param), access.item(GROUP, service.MEMBER_CREATE, param=param)
    replacing = "Replace a rule of an access group; without a name it keeps the one it has."
    return (
        route("GET", many, _list, surface=FAMILY, access=read, answer=RulesResponse),
        route("POST", many, _create, surface=FAMILY, access=make, body=RuleRequest, answer=RuleResponse, status=201),
        reading(RESOURCE, "Get a rule of an access group."),
        changing(RESOURCE, replacing, _replace, RuleRequest, method="PUT"),
        removing(RESOURCE, "Remove a rule from an access group.", service.delete_rule),
    )
