"""The rules of network ACLs, in the order in which they apply; kept as documents in the ACLs' rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.common_schemas import Name
from kunsthalle.api.references import Identity
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.networks.ipv4_blocks import parse_address, parse_cidr
from kunsthalle.networks.models import NetworkAcl
from kunsthalle.networks.network_references import ItemReferenceResponse, network_acl_path
from kunsthalle.networks.security_group_rules import (
    EVERYWHERE,
    MOST_RULES,
    IcmpCode,
    IcmpType,
    Port,
    icmp,
    only_for,
    port_range,
    read_protocol,
    rule_id,
    shown_protocol,
    unlike,
)

_PORTS = ("destination_port_max", "destination_port_min", "source_port_max", "source_port_min")
_ONLY_FOR = {**dict.fromkeys(_PORTS, ("tcp", "udp")), "type": ("icmp",), "code": ("icmp",)}
_WHOLE = {"min": 1, "max": 65_535}


class _PortsRequest(RequestBody):
    """What the rules of some protocols have."""

    destination_port_max: Port | UnsetType = UNSET
    destination_port_min: Port | UnsetType = UNSET
    source_port_max: Port | UnsetType = UNSET
    source_port_min: Port | UnsetType = UNSET


class AclRuleRequest(_PortsRequest, kw_only=True):
    """A rule; without `before` it is the last."""

    action: Literal["allow", "deny"]
    direction: Literal["inbound", "outbound"]
    source: str
    destination: str
    protocol: str
    ip_version: Literal["ipv4"] | UnsetType = UNSET
    before: Identity | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    type: IcmpType | UnsetType = UNSET
    code: IcmpCode | UnsetType = UNSET


class UpdateAclRuleRequest(_PortsRequest):
    """What may be changed; `before: null` makes the rule the last one."""

    action: Literal["allow", "deny"] | UnsetType = UNSET
    direction: Literal["inbound", "outbound"] | UnsetType = UNSET
    source: str | UnsetType = UNSET
    destination: str | UnsetType = UNSET
    before: Identity | UnsetType | None = UNSET
    name: Name | UnsetType = UNSET
    type: IcmpType | UnsetType | None = UNSET
    code: IcmpCode | UnsetType | None = UNSET


AclRules = Annotated[list[AclRuleRequest], at_most(MOST_RULES)]


class AclRuleResponse(ResponseBody):
    """A rule of a network ACL; `before` is the next one."""

    action: str
    created_at: str
    destination: str
    direction: str
    href: str
    id: str
    ip_version: str
    name: str
    protocol: str
    source: str
    before: ItemReferenceResponse | UnsetType = UNSET
    destination_port_max: int | UnsetType = UNSET
    destination_port_min: int | UnsetType = UNSET
    source_port_max: int | UnsetType = UNSET
    source_port_min: int | UnsetType = UNSET
    type: int | UnsetType = UNSET
    code: int | UnsetType = UNSET


def default_acl_rules(session: Session) -> list[dict[str, Any]]:
    """Everything in, everything out."""
    everywhere = EVERYWHERE["cidr_block"]
    return [
        {
            "id": rule_id(session),
            "name": f"allow-{direction}",
            "action": "allow",
            "direction": direction,
            "protocol": "any",
            "source": everywhere,
            "destination": everywhere,
            "created_at": session.ctx.now(),
        }
        for direction in ("inbound", "outbound")
    ]


def copied(session: Session, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rules for another ACL."""
    return [{**rule, "id": rule_id(session), "created_at": session.ctx.now()} for rule in rules]


def make_acl_rules(session: Session, bodies: list[AclRuleRequest]) -> list[dict[str, Any]]:
    """The rules of a new ACL in their order, as they are kept."""
    return unlike([make_acl_rule(session, body, f"rules[{at}].") for at, body in enumerate(bodies)])


def make_acl_rule(session: Session, body: AclRuleRequest, prefix: str = "") -> dict[str, Any]:
    """A new rule, as it is kept. `prefix` stands before the names of refused fields."""
    protocol = read_protocol(session.ctx, body.protocol, f"{prefix}protocol")
    if protocol == "icmp_tcp_udp" and body.protocol == "all" and body.action == "deny":
        protocol = "any"  # what is denied under the old name is everything; there is no other rule that says so
    rule = {
        "id": rule_id(session),
        "name": session.ctx.ids.name() if body.name is UNSET else body.name,
        "action": body.action,
        "direction": body.direction,
        "protocol": protocol,
        "source": _end(body.source, f"{prefix}source"),
        "destination": _end(body.destination, f"{prefix}destination"),
        "created_at": session.ctx.now(),
    }
    return _checked(_with_ports(rule, body, prefix, lenient=False), prefix)


def changed_acl_rule(rule: dict[str, Any], body: UpdateAclRuleRequest) -> dict[str, Any]:
    """The rule as it will be. `type` and `code` are passed over where they mean nothing (vpc-api.md G3)."""
    plain = {key: getattr(body, key) for key in ("action", "direction", "name") if getattr(body, key) is not UNSET}
    wanted_rule = {**rule, **plain}
    for key in ("source", "destination"):
        value = getattr(body, key)
        if value is not UNSET:
            wanted_rule[key] = _end(value, key)
    return _checked(_with_ports(wanted_rule, body, "", lenient=True), "")


def _with_ports(rule: dict[str, Any], body: RequestBody, prefix: str, *, lenient: bool) -> dict[str, Any]:
    """The rule with the ports, the type and the code that a body names; null removes one."""
    made = dict(rule)
    for key, protocols in _ONLY_FOR.items():
        value = getattr(body, key)
        if value is None:
            made.pop(key, None)
        elif value is not UNSET and not (lenient and key in ("type", "code") and rule["protocol"] not in protocols):
            only_for(rule["protocol"], key, protocols, prefix)
            made[key] = value
    return made


def _checked(rule: dict[str, Any], prefix: str) -> dict[str, Any]:
    if rule["action"] == "deny" and rule["protocol"] == "icmp_tcp_udp":
        raise invalid("bad_field", "icmp_tcp_udp can be allowed and not denied.", f"{prefix}action")
    for end in ("destination", "source"):
        port_range(rule, f"{end}_port_min", f"{end}_port_max", prefix)
    icmp(rule, prefix)
    return rule


def _end(text: str, field: str) -> str:
    """A block, or an address."""
    return str(parse_cidr(text, field)) if "/" in text else str(parse_address(text, field))


def placed(rules: list[dict[str, Any]], rule: dict[str, Any], before: Identity | UnsetType | None) -> list[Any]:
    """The rules with one more, before the one that is named; else the last, or where it was.

    404 with the field as target for a rule that is not in the ACL.
    """
    others = [other for other in rules if other["id"] != rule["id"]]
    if isinstance(before, UnsetType):
        return [rule if other["id"] == rule["id"] else other for other in rules] + ([rule] if others == rules else [])
    if before is None:
        return [*others, rule]
    before_id = before.id if isinstance(before.href, UnsetType) else before.href.rstrip("/").rsplit("/", 1)[-1]
    at = next((n for n, other in enumerate(others) if other["id"] == before_id), None)
    if at is None or (before.id is not UNSET and before.id != before_id):
        raise not_found("before", "field")
    return [*others[:at], rule, *others[at:]]


def rules_response(acl: NetworkAcl, ctx: Context) -> list[AclRuleResponse]:
    """All rules of an ACL; each names the one behind it."""
    made = [_wire(acl, rule, ctx) for rule in acl.rules]
    for earlier, following in pairwise(made):
        earlier.before = ItemReferenceResponse(href=following.href, id=following.id, name=following.name)
    return made


def rule_response(acl: NetworkAcl, id_: str, ctx: Context) -> AclRuleResponse:
    """One rule of an ACL, which must be there."""
    return next(acl_rule for acl_rule in rules_response(acl, ctx) if acl_rule.id == id_)


def _wire(acl: NetworkAcl, rule: dict[str, Any], ctx: Context) -> AclRuleResponse:
    usual = {key: _WHOLE[key[-3:]] for key in _PORTS} if rule["protocol"] in ("tcp", "udp") else {}
    return AclRuleResponse(
        action=rule["action"],
        created_at=rfc3339(rule["created_at"]),
        destination=rule["destination"],
        direction=rule["direction"],
        href=href(ctx, f"{network_acl_path(acl.id)}/rules/{rule['id']}"),
        id=rule["id"],
        ip_version="ipv4",
        name=rule["name"],
        protocol=shown_protocol(ctx, rule["protocol"]),
        source=rule["source"],
        **{**usual, **{key: rule[key] for key in _ONLY_FOR if key in rule}},
    )
