"""`is network-acls` and their rules (VPC CLI reference, "Network ACLs")."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.network_resources import ACL_RULE, NETWORK_ACL, protocol_of
from kunsthalle.ibmcloud.commands.vpc_resources import VPC
from kunsthalle.ibmcloud.grammar import flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import (
    NAME,
    changes,
    deletes,
    filled,
    group_of,
    id_of,
    lists,
    makes,
    parents_of,
    reference,
    renames,
    shows,
)

_OF_VPC = flag("vpc", "VPC", "ID or name of the VPC.")
_PORTS = tuple(
    flag(f"{side}-port-{end}", "PORT", f"{'Lowest' if end == 'min' else 'Highest'} {side} port.", kind="int")
    for side in ("source", "destination")
    for end in ("min", "max")
)
_RULE = (
    _OF_VPC,
    flag("icmp-type", "N", "ICMP type.", kind="int"),
    flag("icmp-code", "N", "ICMP code.", kind="int"),
    *_PORTS,
    flag("before-rule", "RULE", "ID or name of the rule that comes next.", also=("before-rule-id",)),
    flag("reset-before-rule", text="Move the rule behind all others."),
)
_ALONE = (("before-rule", "reset-before-rule"),)
_DIRECTION = flag("direction", text="Direction of the traffic.", choices=("inbound", "outbound"))


def _acl(run: Run) -> dict[str, Any]:
    given = run.given
    source = reference(run, NETWORK_ACL, given.get("source-acl")) if given.has("source-acl") else None
    return filled(
        name=given["NAME"],
        vpc=reference(run, VPC, given["VPC"]),
        rules=given.get("rules"),
        source_network_acl=source,
        resource_group=group_of(run),
    )


def _options(run: Run) -> dict[str, Any]:
    """The part of a rule's body that is the same for a new rule and for a changed one."""
    given = run.given
    body = filled(
        name=given.get("name"),
        type=given.get("icmp-type"),
        code=given.get("icmp-code"),
        **{one.name.replace("-", "_"): given.get(one.name) for one in _PORTS},
    )
    if given.has("before-rule"):
        body["before"] = {"id": id_of(run, ACL_RULE, given.get("before-rule"), parents_of(run, ACL_RULE))}
    return body


def _rule(run: Run) -> dict[str, Any]:
    names = ("ACTION", "DIRECTION", "SOURCE", "DESTINATION")
    protocol = {"protocol": protocol_of(run.given["PROTOCOL"])}
    return {**{name.lower(): run.given[name] for name in names}, **protocol, **_options(run)}


def _changed_rule(run: Run) -> dict[str, Any]:
    given = run.given
    last = {"before": None} if given.get("reset-before-rule") else {}
    ends = filled(source=given.get("source"), destination=given.get("dest"))
    return {**filled(action=given.get("action"), direction=given.get("direction")), **ends, **_options(run), **last}


COMMANDS = (
    lists(NETWORK_ACL, "network-acls", also=("is acls",)),
    shows(NETWORK_ACL, "network-acl", _OF_VPC, also=("is acl",)),
    makes(
        NETWORK_ACL,
        "network-acl-create",
        "NAME VPC",
        flag("rules", "JSON|@FILE", "Rules of the ACL.", kind="json"),
        flag("source-acl", "ACL", "ID or name of the ACL whose rules are copied.", also=("source-acl-id",)),
        flag("source-acl-vpc", "VPC", "ID or name of the VPC of the source ACL."),
        body=_acl,
        alone=(("rules", "source-acl"),),
        also=("is aclc",),
    ),
    changes(NETWORK_ACL, "network-acl-update", _OF_VPC, NAME, body=renames, also=("is aclu",), any_of=(("name",),)),
    deletes(NETWORK_ACL, "network-acl-delete", _OF_VPC, also=("is acld",)),
    lists(ACL_RULE, "network-acl-rules", _OF_VPC, also=("is acl-rules",)),
    shows(ACL_RULE, "network-acl-rule", _OF_VPC, also=("is acl-rule",)),
    makes(
        ACL_RULE,
        "network-acl-rule-add",
        "ACTION DIRECTION PROTOCOL SOURCE DESTINATION",
        flag("name", "NAME", "Name of the rule."),
        *_RULE,
        body=_rule,
        alone=_ALONE,
        also=("is acl-rule-add", "is network-acl-rule-create"),
    ),
    changes(
        ACL_RULE,
        "network-acl-rule-update",
        NAME,
        _DIRECTION,
        flag("action", text="What becomes of the traffic.", choices=("allow", "deny")),
        flag("source", "ADDRESS|CIDR", "Where from."),
        flag("dest", "ADDRESS|CIDR", "Where to.", also=("destination",)),
        *_RULE,
        body=_changed_rule,
        alone=_ALONE,
    ),
    deletes(ACL_RULE, "network-acl-rule-delete", _OF_VPC),
)
