"""Security groups: their rules, and the network interfaces that are in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kunsthalle.console import refusals
from kunsthalle.console.forms import Form, number
from kunsthalle.console.listing import Linked, Row, everything
from kunsthalle.console.network_pages import IN_VPC, OF_VPC, by_vpc
from kunsthalle.console.network_targets import interfaces, link_of
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    CRN,
    GROUP,
    ID,
    NAME,
    NAME_INPUT,
    RENAME_INPUT,
    RESOURCE_GROUP,
    Action,
    Input,
    Kind,
    Link,
    Option,
    Part,
    Shown,
    id_and_name,
    linked,
    of_inputs,
)

_API = "/v1/security_groups/{id}"
_PART = "/v1/security_groups/{security_group_id}"
_ANYWHERE = "0.0.0.0/0"
_NUMBERS = ("port_min", "port_max", "type", "code")


async def _with_uses(visit: Visit, groups: list[Row]) -> None:
    """Which groups are the default ones of their VPCs, which the API tells of VPCs, and whose rules name them."""
    vpcs, _ = await everything(visit.api, Linked("/v1/vpcs", "vpcs"))
    every, _ = await everything(visit.api, Linked("/v1/security_groups", "security_groups"))
    defaults = {vpc["default_security_group"]["id"] for vpc in vpcs}
    named = {
        rule["remote"].get("id", ""): group["name"]
        for group in every
        for rule in group["rules"]
        if rule["remote"].get("id", "") != group["id"]
    }
    for group in groups:
        group |= {"default": group["id"] in defaults, "named_by": named.get(group["id"], "")}


async def _rules(_visit: Visit, group: Row) -> list[Row]:
    return list(group["rules"])


async def _targets(_visit: Visit, group: Row) -> list[Row]:
    return list(group["targets"])


def _ports(rule: Row) -> str:
    """The ports of a rule, or the type and the code of ICMP; nothing of a rule that means all of them."""
    if "port_min" in rule:
        same = rule["port_min"] == rule["port_max"]
        return str(rule["port_min"]) if same else f"{rule['port_min']} to {rule['port_max']}"
    told = [f"{name} {rule[name]}" for name in ("type", "code") if name in rule]
    return ", ".join(told)


def _end(told: Row) -> list[Link]:
    """What a rule says of one end: a security group, an address, an IP range."""
    if "id" in told:
        return [Link(told["name"], f"/security-groups/{told['id']}")]
    text = told.get("cidr_block") or told.get("address") or ""
    return [Link("anywhere" if text == _ANYWHERE else text)]


async def _other_groups(visit: Visit, _row: Row) -> Sequence[Option]:
    groups, _ = await everything(visit.api, Linked("/v1/security_groups", "security_groups"))
    return [id_and_name(row) for row in groups]


def _rule_body(form: Form) -> Row:
    remote = form.body("remote.cidr_block", "remote.address", "remote.id") or {"remote": {"cidr_block": _ANYWHERE}}
    return {**form.body("name", "direction"), **remote}


async def _new_rule(_visit: Visit, form: Form, _row: Row) -> Row:
    numbers = {name: number(form.get(name)) for name in _NUMBERS if form.get(name)}
    return {**_rule_body(form), **form.body("protocol"), **numbers}


async def _changed_rule(_visit: Visit, form: Form, rule: Row) -> Row:
    """A number that was emptied is taken away: the rule then means every one."""
    emptied: dict[str, Any] = {name: None for name in _NUMBERS if name in rule and not form.get(name)}
    numbers = {name: number(form.get(name)) for name in _NUMBERS if form.get(name)}
    return {**_rule_body(form), **emptied, **numbers}


def _of(*path: str) -> Any:
    """What a rule says at a path, for the input of it."""

    def value(rule: Row) -> Any:
        told: Any = rule
        for step in path:
            told = told.get(step, {}) if isinstance(told, dict) else {}
        return "" if told == {} else str(told)

    return value


_PROTOCOL = Input(
    "protocol",
    "Protocol",
    "select",
    "A rule keeps its protocol.",
    options=(("tcp", "TCP"), ("udp", "UDP"), ("icmp", "ICMP"), ("icmp_tcp_udp", "ICMP, TCP and UDP"), ("any", "Any")),
)
_ENDS = (
    Input("port_min", "First port", hint="TCP and UDP; all ports if empty.", default=_of("port_min")),
    Input("port_max", "Last port", default=_of("port_max")),
    Input("type", "ICMP type", hint="All types if empty.", default=_of("type")),
    Input("code", "ICMP code", default=_of("code")),
    Input(
        "remote.cidr_block",
        "Remote IP range",
        hint="For example 10.0.0.0/8. With no remote at all the rule means anywhere.",
        default=_of("remote", "cidr_block"),
    ),
    Input("remote.address", "Or a remote IP address", default=_of("remote", "address")),
    Input(
        "remote.id",
        "Or a security group",
        "select",
        options=_other_groups,
        choose="None",
        default=_of("remote", "id"),
    ),
)
_DIRECTION = Input(
    "direction",
    "Direction",
    "select",
    options=(("inbound", "Inbound"), ("outbound", "Outbound")),
    default=_of("direction"),
)
_RULE_NAME = Input("name", "Name", default=_of("name"))
RULES = Part(
    "rules",
    "Rules",
    "Traffic that no rule allows is dropped.",
    "The security group has no rule: it allows no traffic.",
    _rules,
    (
        NAME,
        Shown("direction", "Direction", lambda rule: rule["direction"].capitalize()),
        Shown("protocol", "Protocol", lambda rule: rule["protocol"].replace("_", ", ")),
        Shown("ports", "Ports", _ports),
        Shown("remote", "Remote", lambda rule: _end(rule["remote"]), "links"),
    ),
    id="rule_id",
    create=(
        Action(
            "new",
            "Add rule",
            f"POST {_PART}/rules",
            "The rule has been added.",
            "",
            (_DIRECTION, _PROTOCOL, *_ENDS, _RULE_NAME),
            _new_rule,
        ),
    ),
    actions=(
        Action(
            "edit",
            "Edit",
            f"PATCH {_PART}/rules/{{id}}",
            "The rule is changed.",
            "",
            (_DIRECTION, *_ENDS, _RULE_NAME),
            _changed_rule,
        ),
        Action(
            "delete",
            "Remove",
            f"DELETE {_PART}/rules/{{id}}",
            "The rule is removed.",
            "Traffic that it alone allows is dropped.",
            danger=True,
        ),
    ),
)
_TARGETS = Part(
    "targets",
    "Targets",
    "The network interfaces that the rules hold for.",
    "No network interface is in the security group.",
    _targets,
    (
        Shown("name", "Name", lambda row: [link_of(row)], "links"),
        Shown("address", "Address", lambda row: row.get("primary_ip", {}).get("address"), "code"),
        Shown("subnet", "Subnet", lambda row: row.get("subnet", {}).get("name")),
    ),
    id="target_id",
    create=(
        Action(
            "new",
            "Add target",
            f"PUT {_PART}/targets/{{id}}",
            "The network interface is in the security group.",
            "",
            (Input("target", "Network interface", "select", options=interfaces, required=True),),
            names=lambda form, _row: {"id": form.get("target")},
        ),
    ),
    actions=(
        Action(
            "delete",
            "Take out",
            f"DELETE {_PART}/targets/{{id}}",
            "The network interface is no longer in the security group.",
            "The rules no longer hold for it. It stays in its other security groups.",
            danger=True,
        ),
    ),
)
SECURITY_GROUP = Kind(
    word="security group",
    plural="security groups",
    trail=("Infrastructure", "Network"),
    here="/security-groups/{security_group_id}",
    many="GET /v1/security_groups",
    one=f"GET {_API}",
    source=linked("/v1/security_groups", "security_groups"),
    about="A security group says which traffic reaches the network interfaces that are in it, and which leaves them.",
    empty="Each VPC has one: create a VPC first.",
    docs="reference/generated/ibmcloud-is.html",
    columns=(
        NAME,
        OF_VPC,
        Shown("default", "Default of the VPC", lambda row: "yes" if row["default"] else "no"),
        Shown("rules", "Rules", lambda row: len(row["rules"]), number=True),
        Shown("targets", "Targets", lambda row: len(row["targets"]), number=True),
        GROUP,
        CREATED,
    ),
    facts=(ID, CRN, OF_VPC, GROUP, CREATED),
    create=(
        Action(
            "new",
            "Create security group",
            "POST /v1/security_groups",
            "The security group has been created. Add its rules.",
            "It allows no traffic until it has rules.",
            (NAME_INPUT, IN_VPC, RESOURCE_GROUP),
            of_inputs("name", "vpc.id", "resource_group.id"),
        ),
    ),
    actions=(
        Action(
            "edit", "Rename", f"PATCH {_API}", "The security group is renamed.", "", (RENAME_INPUT,), of_inputs("name")
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_API}",
            "The security group is deleted.",
            "Its rules are deleted too.",
            danger=True,
            gone=True,
        ),
    ),
    parts=(RULES, _TARGETS),
    choices=by_vpc,
    prepare=_with_uses,
    rule=refusals.of_security_group,
)
KINDS = (SECURITY_GROUP,)
