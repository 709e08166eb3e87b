"""The rules of security groups: read from requests, kept as documents in the groups' rows."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.common_schemas import Name
from kunsthalle.api.references import Identity, refer
from kunsthalle.api.serialization import RequestBody
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem, invalid
from kunsthalle.db.rows import name_taken
from kunsthalle.db.session import Session
from kunsthalle.networks.ipv4_blocks import parse_address, parse_cidr
from kunsthalle.networks.queries import locked
from kunsthalle.networks.resources import SECURITY_GROUP

EVERYWHERE = {"cidr_block": "0.0.0.0/0"}
MOST_RULES = 250
_SINCE_ANY = "2025-12-09"
"""From this version on there is `any`; before it `all` stood for what is now `icmp_tcp_udp` (vpc-api.md G2, 10)."""
_NAMED = "any icmp icmp_tcp_udp tcp udp ah esp gre ip_in_ip l2tp rsvp sctp vrrp".split()
_NAMED_NUMBERS = {1, 4, 6, 17, 46, 47, 50, 51, 112, 115, 132}
_NUMBERED = re.compile(r"number_(0|[1-9][0-9]{0,2})")
_ONLY_FOR = {"port_min": ("tcp", "udp"), "port_max": ("tcp", "udp"), "type": ("icmp",), "code": ("icmp",)}

Port = Annotated[int, Meta(ge=1, le=65_535)]
IcmpType = Annotated[int, Meta(ge=0, le=254)]
IcmpCode = Annotated[int, Meta(ge=0, le=255)]


class LocalRequest(RequestBody):
    """One of both."""

    cidr_block: str | UnsetType = UNSET
    address: str | UnsetType = UNSET


class RemoteRequest(Identity):
    """A block, an address, or a security group by its identity."""

    cidr_block: str | UnsetType = UNSET
    address: str | UnsetType = UNSET


class RuleRequest(RequestBody):
    """Traffic to let through. Without a protocol: all of them (vpc-api.md G3)."""

    direction: Literal["inbound", "outbound"]
    protocol: str | UnsetType = UNSET
    ip_version: Literal["ipv4"] | UnsetType = UNSET
    local: LocalRequest | UnsetType = UNSET
    remote: RemoteRequest | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    port_min: Port | UnsetType = UNSET
    port_max: Port | UnsetType = UNSET
    type: IcmpType | UnsetType = UNSET
    code: IcmpCode | UnsetType = UNSET


class UpdateRuleRequest(RequestBody):
    """What may be changed of a rule; null removes a port or a part of the ICMP traffic."""

    direction: Literal["inbound", "outbound"] | UnsetType = UNSET
    ip_version: Literal["ipv4"] | UnsetType = UNSET
    local: LocalRequest | UnsetType = UNSET
    remote: RemoteRequest | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    port_min: Port | UnsetType | None = UNSET
    port_max: Port | UnsetType | None = UNSET
    type: IcmpType | UnsetType | None = UNSET
    code: IcmpCode | UnsetType | None = UNSET


Rules = Annotated[list[RuleRequest], at_most(MOST_RULES)]


def make_rules(session: Session, vpc_id: str, bodies: list[RuleRequest]) -> list[dict[str, Any]]:
    """The rules of a new group of a VPC, as they are kept."""
    return unlike([make_rule(session, vpc_id, body, f"rules[{n}].") for n, body in enumerate(bodies)])


def unlike(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rules; 400 when two have one name, or when there are too many."""
    names = [rule["name"] for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise name_taken(twice)
    if len(rules) > MOST_RULES:
        raise invalid("over_quota", f"There can be at most {MOST_RULES} rules.")
    return rules


def default_group_rules(session: Session, group_id: str) -> list[dict[str, Any]]:
    """In from the group itself, out to everywhere (vpc-api.md B1)."""
    return [
        _rule(session, "inbound", "any", EVERYWHERE, {"group_id": group_id}),
        _rule(session, "outbound", "any", EVERYWHERE, EVERYWHERE),
    ]


def shown_protocol(ctx: Context, protocol: str) -> str:
    """As the version of the call names it."""
    return "all" if _old(ctx) and protocol in {"any", "icmp_tcp_udp"} else protocol


def make_rule(session: Session, vpc_id: str, body: RuleRequest, prefix: str = "") -> dict[str, Any]:
    """A new rule of a group of a VPC, as it is kept. `prefix` stands before the names of refused fields."""
    protocol = read_protocol(session.ctx, body.protocol, f"{prefix}protocol")
    sent = {key: getattr(body, key) for key in _ONLY_FOR if getattr(body, key) is not UNSET}
    for key in sent:
        only_for(protocol, key, _ONLY_FOR[key], prefix)
    _ports(sent, prefix)
    local = EVERYWHERE if body.local is UNSET else _local(body.local, f"{prefix}local")
    remote = EVERYWHERE if body.remote is UNSET else _remote(session, vpc_id, body.remote, f"{prefix}remote")
    name = None if body.name is UNSET else body.name
    return {**_rule(session, body.direction, protocol, local, remote, name), **sent}


def changed_rule(session: Session, vpc_id: str, rule: dict[str, Any], body: UpdateRuleRequest) -> dict[str, Any]:
    """The rule as it will be. `type` and `code` are passed over where they mean nothing (vpc-api.md G3)."""
    wanted_rule = {
        **rule,
        **{key: getattr(body, key) for key in ("direction", "name") if getattr(body, key) is not UNSET},
    }
    if body.local is not UNSET:
        wanted_rule["local"] = _local(body.local, "local")
    if body.remote is not UNSET:
        wanted_rule["remote"] = _remote(session, vpc_id, body.remote, "remote")
    for key, protocols in _ONLY_FOR.items():
        value = getattr(body, key)
        if value is None:
            wanted_rule.pop(key, None)
        elif value is not UNSET and not (key in ("type", "code") and rule["protocol"] not in protocols):
            only_for(rule["protocol"], key, protocols, "")
            wanted_rule[key] = value
    _ports({key: wanted_rule[key] for key in _ONLY_FOR if key in wanted_rule}, "")
    return wanted_rule


def only_for(protocol: str, key: str, protocols: tuple[str, ...], prefix: str) -> None:
    """400 for a field that the protocol does not have."""
    if protocol not in protocols:
        text = f"{key} has no meaning for the protocol {protocol}."
        raise invalid("validation_discriminator_forbidden", text, f"{prefix}{key}")


def _rule(
    session: Session,
    direction: str,
    protocol: str,
    local: dict[str, str],
    remote: dict[str, str],
    name: str | None = None,
) -> dict[str, Any]:
    return {
        "id": rule_id(session),
        "name": name or session.ctx.ids.name(),
        "direction": direction,
        "protocol": protocol,
        "local": local,
        "remote": remote,
    }


def rule_id(session: Session) -> str:
    """Rules live where their group or ACL lives: in the region."""
    return session.ctx.ids.resource(session.ctx.region.prefix)


def _old(ctx: Context) -> bool:
    return "" < ctx.api_version < _SINCE_ANY


def read_protocol(ctx: Context, protocol: str | UnsetType, field: str) -> str:
    """The protocol as it is kept, by the names of the call's version; without one, all of them."""
    if isinstance(protocol, UnsetType):
        protocol = "all" if _old(ctx) else "any"
    if _old(ctx) and protocol == "all":
        return "icmp_tcp_udp"
    numbered = _NUMBERED.fullmatch(protocol)
    if protocol not in _NAMED and not (numbered and int(numbered[1]) < 256 and int(numbered[1]) not in _NAMED_NUMBERS):
        raise invalid("validation_enum", "Invalid protocol.", field)
    return protocol


def port_range(bounds: dict[str, int], least: str, most: str, prefix: str) -> None:
    """400 unless both ends of a range are there, in their order, or none is."""
    if (least in bounds) != (most in bounds):
        raise invalid("validation_required_field", f"{least} and {most} go together.", f"{prefix}{least}")
    if bounds.get(least, 0) > bounds.get(most, 0):
        raise invalid("bad_field", f"{most} must not be smaller than {least}.", f"{prefix}{most}")


def icmp(bounds: dict[str, int], prefix: str) -> None:
    """400 for a code without its type."""
    if "code" in bounds and "type" not in bounds:
        raise invalid("validation_required_field", "A code needs its type.", f"{prefix}type")


def _ports(bounds: dict[str, int], prefix: str) -> None:
    port_range(bounds, "port_min", "port_max", prefix)
    icmp(bounds, prefix)


def _local(body: LocalRequest | RemoteRequest, field: str) -> dict[str, str]:
    if (body.cidr_block is UNSET) == (body.address is UNSET):
        raise _one_of(field)
    if not isinstance(body.cidr_block, UnsetType):
        return {"cidr_block": str(parse_cidr(body.cidr_block, f"{field}.cidr_block"))}
    return {"address": str(parse_address(str(body.address), f"{field}.address"))}


def _remote(session: Session, vpc_id: str, body: RemoteRequest, field: str) -> dict[str, str]:
    identified = any(value is not UNSET for value in (body.id, body.crn, body.href))
    if not identified:
        return _local(body, field)
    if body.cidr_block is not UNSET or body.address is not UNSET:
        raise _one_of(field)
    group = refer(session, SECURITY_GROUP, body, field).resource
    if group.vpc_id != vpc_id:
        raise invalid("vpc_resource_separation", "The security group is in another VPC.", field)
    return {"group_id": locked(session, SECURITY_GROUP, group.id, field, "field").id}


def _one_of(field: str) -> Problem:
    return invalid("validation_only_one", "Exactly one kind of address, block or group must be given.", field)
