"""Rules of security groups and of network ACLs, below the resource whose row they are kept in.

A `RuleCollection` says what differs; the handlers are written once. Whoever changes rules takes the row first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.crud import among
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Call, Route, route
from kunsthalle.api.surfaces.vpc import VPC as FAMILY
from kunsthalle.api.surfaces.vpc import PageParameters, collection
from kunsthalle.core.errors import not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType
from kunsthalle.networks import acl_rules, security_group_rules
from kunsthalle.networks.acl_rules import AclRuleRequest, AclRuleResponse, UpdateAclRuleRequest
from kunsthalle.networks.models import NetworkAcl, SecurityGroup
from kunsthalle.networks.queries import locked
from kunsthalle.networks.resources import NETWORK_ACL, SECURITY_GROUP
from kunsthalle.networks.schemas_security_groups import (
    SecurityGroupRuleResponse,
    SecurityGroupRulesResponse,
    group_rule_response,
)
from kunsthalle.networks.security_group_rules import RuleRequest, UpdateRuleRequest, unlike

M = TypeVar("M", SecurityGroup, NetworkAcl)
Rule = dict[str, Any]
Direction = Annotated[Literal["inbound", "outbound"] | None, Meta(description="Only rules for this direction.")]


class RuleParameters(Parameters, frozen=True):
    """Of the list of rules of a security group, which has no pages."""

    direction: Direction = None


class AclRuleParameters(PageParameters, frozen=True):
    """Of the list of rules of a network ACL."""

    direction: Direction = None


@dataclass(frozen=True, eq=False)
class RuleCollection(Generic[M]):
    """The rules of one kind. `put` says where a new or changed rule stands among the others."""

    kind: ResourceType[M]
    summaries: tuple[str, str, str, str, str]
    path: str
    param: str
    make: Callable[[Session, M, Any], Rule]
    change: Callable[[Session, M, Rule, Any], Rule]
    put: Callable[[list[Rule], Rule, Any], list[Rule]]
    to_response: Callable[[M, Rule, Session], Any]
    bodies: tuple[type, type]
    answer: type
    list: Callable[..., dict[str, Any]]
    query: type[Parameters]
    every: type | None
    """What a list answers that has no pages; None for a list in pages."""


def _in_place(rules: list[Rule], rule: Rule, _body: Any) -> list[Rule]:
    ids = [other["id"] for other in rules]
    return [rule if other["id"] == rule["id"] else other for other in rules] + ([] if rule["id"] in ids else [rule])


def _list_all(session: Session, _request: Request, group: SecurityGroup, query: RuleParameters) -> dict[str, Any]:
    chosen = [rule for rule in group.rules if query.direction in (None, rule["direction"])]
    return {"rules": [group_rule_response(group, rule, session) for rule in chosen]}


def _list_pages(session: Session, request: Request, acl: NetworkAcl, query: AclRuleParameters) -> dict[str, Any]:
    chosen = [rule for rule in acl.rules if query.direction in (None, rule["direction"])]
    page = among(query, chosen, lambda rule: str(rule["id"]))
    return collection(
        request, session, "rules", page, lambda rule, u: acl_rules.rule_response(acl, rule["id"], u.ctx), query.limit
    )


GROUP_RULES: RuleCollection[SecurityGroup] = RuleCollection(
    SECURITY_GROUP,
    (
        "List the rules of a security group.",
        "Get a rule of a security group.",
        "Create a rule of a security group.",
        "Change a rule of a security group.",
        "Delete a rule of a security group.",
    ),
    "/v1/security_groups/{security_group_id}/rules",
    "security_group_id",
    lambda session, group, body: security_group_rules.make_rule(session, group.vpc_id, body),
    lambda session, group, rule, body: security_group_rules.changed_rule(session, group.vpc_id, rule, body),
    _in_place,
    group_rule_response,
    (RuleRequest, UpdateRuleRequest),
    SecurityGroupRuleResponse,
    _list_all,
    RuleParameters,
    SecurityGroupRulesResponse,
)
ACL_RULES: RuleCollection[NetworkAcl] = RuleCollection(
    NETWORK_ACL,
    (
        "List the rules of a network ACL.",
        "Get a rule of a network ACL.",
        "Create a rule of a network ACL.",
        "Change a rule of a network ACL.",
        "Delete a rule of a network ACL.",
    ),
    "/v1/network_acls/{network_acl_id}/rules",
    "network_acl_id",
    lambda session, _acl, body: acl_rules.make_acl_rule(session, body),
    lambda _session, _acl, rule, body: acl_rules.changed_acl_rule(rule, body),
    lambda rules, rule, body: acl_rules.placed(rules, rule, body.before),
    lambda acl, rule, session: acl_rules.rule_response(acl, rule["id"], session.ctx),
    (AclRuleRequest, UpdateAclRuleRequest),
    AclRuleResponse,
    _list_pages,
    AclRuleParameters,
    None,
)


def _one(owner: SecurityGroup | NetworkAcl, request: Request) -> Rule:
    sent_rule = next((rule for rule in owner.rules if rule["id"] == request.params["id"]), None)
    if sent_rule is None:
        raise not_found()
    return sent_rule


def _reads(book: RuleCollection[M]) -> Call:
    def read(session: Session, request: Request, owner: M) -> Any:
        return book.to_response(owner, _one(owner, request), session)

    return read


def _changes(book: RuleCollection[M]) -> dict[str, Call]:
    def latest(session: Session, owner: M) -> M:
        return locked(session, book.kind, owner.id, book.param)

    def keep(session: Session, owner: M, rules: list[Rule]) -> M:
        update(session, book.kind, owner.id, rules=unlike(rules))
        return locked(session, book.kind, owner.id)

    def create(session: Session, request: Request, owner: M) -> Any:
        owner = latest(session, owner)
        rule = book.make(session, owner, request.body)
        return book.to_response(keep(session, owner, book.put(owner.rules, rule, request.body)), rule, session)

    def change(session: Session, request: Request, owner: M) -> Any:
        owner = latest(session, owner)
        rule = book.change(session, owner, _one(owner, request), request.body)
        kept_rules = book.put(owner.rules, rule, request.body)
        return book.to_response(owner if kept_rules == owner.rules else keep(session, owner, kept_rules), rule, session)

    def delete(session: Session, request: Request, owner: M) -> None:
        owner = latest(session, owner)
        gone = _one(owner, request)
        keep(session, owner, [rule for rule in owner.rules if rule != gone])

    return {"POST": create, "PATCH": change, "DELETE": delete}


def _routes_of(book: RuleCollection[M]) -> tuple[Route, ...]:
    read = access.item(book.kind, param=book.param)
    change = access.item(book.kind, f"{book.kind.read.rsplit('.', 1)[0]}.update", param=book.param)
    item_path, calls = f"{book.path}/{{id}}", _changes(book)
    table: tuple[tuple[str, str, Any, str, type | None, int], ...] = (
        ("GET", item_path, _reads(book), book.summaries[1], None, 200),
        ("POST", book.path, calls["POST"], book.summaries[2], book.bodies[0], 201),
        ("PATCH", item_path, calls["PATCH"], book.summaries[3], book.bodies[1], 200),
        ("DELETE", item_path, calls["DELETE"], book.summaries[4], None, 204),
    )
    made = [
        route(
            "GET",
            book.path,
            book.list,
            surface=FAMILY,
            access=read,
            answer=book.every,
            query=book.query,
            summary=book.summaries[0],
        ),
    ]
    for method, path, call, summary, body, status in table:
        rule = read if method == "GET" else change
        answer = None if method == "DELETE" else book.answer
        made.append(
            route(
                method,
                path,
                call,
                surface=FAMILY,
                access=rule,
                body=body,
                answer=answer,
                status=status,
                summary=summary,
            )
        )
    return tuple(made)


def routes() -> tuple[Route, ...]:
    return (*_routes_of(GROUP_RULES), *_routes_of(ACL_RULES))
