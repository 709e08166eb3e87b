"""Rules of security groups and of network ACLs, below the thing whose row they are kept in.

A `Book` says what differs; the handlers are written once. Whoever changes rules takes the row first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC as FAMILY
from kunsthalle.api.families.vpc import collection
from kunsthalle.api.regular import among
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import not_found
from kunsthalle.networks import acl_rules, rules
from kunsthalle.networks.acl_rules import AclRuleBody, AclRuleWire, UpdateAclRuleBody
from kunsthalle.networks.kinds import NETWORK_ACL, SECURITY_GROUP
from kunsthalle.networks.model import NetworkAcl, SecurityGroup
from kunsthalle.networks.queries import locked
from kunsthalle.networks.rules import RuleBody, UpdateRuleBody, unlike
from kunsthalle.networks.rules_wire import SecurityGroupRulesWire, SecurityGroupRuleWire, group_rule_wire
from kunsthalle.store.rows import update
from kunsthalle.store.scope import Kind
from kunsthalle.store.unit import Unit

M = TypeVar("M", SecurityGroup, NetworkAcl)
Rule = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Book(Generic[M]):
    """The rules of one kind. `put` says where a new or changed rule stands among the others."""

    kind: Kind[M]
    noun: str
    path: str
    param: str
    make: Callable[[Unit, M, Any], Rule]
    change: Callable[[Unit, M, Rule, Any], Rule]
    put: Callable[[list[Rule], Rule, Any], list[Rule]]
    to_wire: Callable[[M, Rule, Unit], Any]
    bodies: tuple[type, type]
    answer: type
    every: type | None
    """What a list answers that has no pages; None for a list in pages."""


def _in_place(kept: list[Rule], rule: Rule, _body: Any) -> list[Rule]:
    ids = [one["id"] for one in kept]
    return [rule if one["id"] == rule["id"] else one for one in kept] + ([] if rule["id"] in ids else [rule])


GROUP_RULES: Book[SecurityGroup] = Book(
    SECURITY_GROUP,
    "rule of one security group",
    "/v1/security_groups/{security_group_id}/rules",
    "security_group_id",
    lambda unit, group, body: rules.make_rule(unit, group.vpc_id, body),
    lambda unit, group, rule, body: rules.changed_rule(unit, group.vpc_id, rule, body),
    _in_place,
    group_rule_wire,
    (RuleBody, UpdateRuleBody),
    SecurityGroupRuleWire,
    SecurityGroupRulesWire,
)
ACL_RULES: Book[NetworkAcl] = Book(
    NETWORK_ACL,
    "rule of one network ACL",
    "/v1/network_acls/{network_acl_id}/rules",
    "network_acl_id",
    lambda unit, _acl, body: acl_rules.make_acl_rule(unit, body),
    lambda _unit, _acl, rule, body: acl_rules.changed_acl_rule(rule, body),
    lambda kept, rule, body: acl_rules.placed(kept, rule, body.before),
    lambda acl, rule, unit: acl_rules.rule_wire(acl, rule["id"], unit.ctx),
    (AclRuleBody, UpdateAclRuleBody),
    AclRuleWire,
    None,
)


def _one(owner: SecurityGroup | NetworkAcl, request: Request) -> Rule:
    found = next((rule for rule in owner.rules if rule["id"] == request.params["id"]), None)
    if found is None:
        raise not_found()
    return found


def _lists(book: Book[M]) -> Callable[[Unit, Request], dict[str, Any]]:
    def call(unit: Unit, request: Request) -> dict[str, Any]:
        owner: M = request.granted.it
        asked = request.query.get("direction")
        chosen = [rule for rule in owner.rules if asked in (None, rule["direction"])]
        if book.every is not None:
            return {"rules": [book.to_wire(owner, rule, unit) for rule in chosen]}
        found, limit = among(request, chosen, lambda rule: str(rule["id"]))
        return collection(request, unit, "rules", found, lambda rule, u: book.to_wire(owner, rule, u), limit)

    return call


def _reads(book: Book[M]) -> Callable[[Unit, Request], Any]:
    return lambda unit, request: book.to_wire(request.granted.it, _one(request.granted.it, request), unit)


def _changes(book: Book[M]) -> dict[str, Callable[[Unit, Request], Any]]:
    def owner_of(unit: Unit, request: Request) -> M:
        return locked(unit, book.kind, request.granted.it.id, book.param)

    def keep(unit: Unit, owner: M, kept: list[Rule]) -> M:
        update(unit, book.kind, owner.id, rules=unlike(kept))
        return locked(unit, book.kind, owner.id)

    def create(unit: Unit, request: Request) -> Any:
        owner = owner_of(unit, request)
        rule = book.make(unit, owner, request.body)
        return book.to_wire(keep(unit, owner, book.put(owner.rules, rule, request.body)), rule, unit)

    def change(unit: Unit, request: Request) -> Any:
        owner = owner_of(unit, request)
        rule = book.change(unit, owner, _one(owner, request), request.body)
        kept = book.put(owner.rules, rule, request.body)
        return book.to_wire(owner if kept == owner.rules else keep(unit, owner, kept), rule, unit)

    def delete(unit: Unit, request: Request) -> None:
        owner = owner_of(unit, request)
        gone = _one(owner, request)
        keep(unit, owner, [rule for rule in owner.rules if rule != gone])

    return {"POST": create, "PATCH": change, "DELETE": delete}


def _routes_of(book: Book[M]) -> tuple[Route, ...]:
    read = access.item(book.kind, param=book.param)
    change = access.item(book.kind, f"{book.kind.read.rsplit('.', 1)[0]}.update", param=book.param)
    one, calls = f"{book.path}/{{id}}", _changes(book)
    table: tuple[tuple[str, str, Any, str, type | None, int], ...] = (
        ("GET", book.path, _lists(book), f"List each {book.noun}.", None, 200),
        ("GET", one, _reads(book), f"Get one {book.noun}.", None, 200),
        ("POST", book.path, calls["POST"], f"Create one {book.noun}.", book.bodies[0], 201),
        ("PATCH", one, calls["PATCH"], f"Change one {book.noun}.", book.bodies[1], 200),
        ("DELETE", one, calls["DELETE"], f"Delete one {book.noun}.", None, 204),
    )
    made = []
    for method, path, call, summary, body, status in table:
        call.__doc__ = summary
        rule = read if method == "GET" else change
        answer = {("GET", book.path): book.every, ("DELETE", one): None}.get((method, path), book.answer)
        made.append(route(method, path, call, family=FAMILY, access=rule, body=body, answer=answer, status=status))
    return tuple(made)


def routes() -> tuple[Route, ...]:
    return (*_routes_of(GROUP_RULES), *_routes_of(ACL_RULES))
