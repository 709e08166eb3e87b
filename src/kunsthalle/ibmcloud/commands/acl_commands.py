"""`is network-acls` and their rules (VPC CLI reference, "Network ACLs")."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.network_resources import ACL_RULE, NETWORK_ACL, protocol_of
from kunsthalle.ibmcloud.commands.vpc_resources import VPC
from kunsthalle.ibmcloud.grammar import flag
from kunsthalle.ibmcloud.invocation import Run, one_of
from kunsthalle.ibmcloud.resource_commands import (
    NAME,
    OF_VPC,
    changes,
    deletes,
    filled,
    group_of,
    id_of,
    is_id,
    lists,
    makes,
    parents_of,
    reference,
    renames,
    shown,
    shows,
)

_PORTS = tuple(
    flag(f"{side}-port-{end}", "PORT", f"{'Lowest' if end == 'min' else 'Highest'} {side} port.", kind="int")
    for side in ("source", "destination")
    for end in ("min", "max")
)
_RULE = (
    OF_VPC,
    flag("icmp-type", "N", "ICMP type.", kind="int"),
    flag("icmp-code", "N", "ICMP code.", kind="int"),
    *_PORTS,
    flag("before-rule", "RULE", "ID or name of the rule that comes next.", also=("before-rule-id",)),
    flag("reset-before-rule", text="Move the rule behind all others."),
)
_ALONE = (("before-rule", "reset-before-rule"),)
_DIRECTION = flag("direction", text="Direction of the traffic.", choices=("inbound", "outbound"))


def _source(run: Run) -> str:
    """The ACL whose rules are copied; where several have the name, that of the VPC that is named with it."""
    ref, vpc = run.given.get("source-acl"), run.given.get("source-acl-vpc")
    if not vpc or is_id(ref):
        return id_of(run, NETWORK_ACL, ref)
    listed = run.api.listed(NETWORK_ACL.path, NETWORK_ACL.key, {"name": ref})
    resource = one_of([entry for entry in listed if vpc in entry["vpc"].values()], NETWORK_ACL.noun, ref)
    return str(resource["id"]) if resource else str(ref)


def _acl(run: Run) -> dict[str, Any]:
    options = run.given
    source = {"id": _source(run)} if options.has("source-acl") else None
    return filled(
        name=options["NAME"],
        vpc=reference(run, VPC, options["VPC"]),
        rules=options.get("rules"),
        source_network_acl=source,
        resource_group=group_of(run),
    )


def _options(run: Run) -> dict[str, Any]:
    """The part of a rule's body that is the same for a new rule and for a changed one."""
    options = run.given
    body = filled(
        name=options.get("name"),
        type=options.get("icmp-type"),
        code=options.get("icmp-code"),
        **{port.name.replace("-", "_"): options.get(port.name) for port in _PORTS},
    )
    if options.has("before-rule"):
        body["before"] = {"id": id_of(run, ACL_RULE, options.get("before-rule"), parents_of(run, ACL_RULE))}
    return body


def _rule(run: Run) -> dict[str, Any]:
    names = ("ACTION", "DIRECTION", "SOURCE", "DESTINATION")
    protocol = {"protocol": protocol_of(run.given["PROTOCOL"])}
    return {**{name.lower(): run.given[name] for name in names}, **protocol, **_options(run)}


def _same_protocol(run: Run) -> None:
    """Failed for another protocol than the rule has: the API changes everything else."""
    word = run.given.get("protocol")
    if word and protocol_of(word) != shown(run, ACL_RULE, run.given[ACL_RULE.label()])["protocol"]:
        raise Failed("The protocol of a rule is not changed: delete the rule and add another one.")


def _changed_rule(run: Run) -> dict[str, Any]:
    options = run.given
    _same_protocol(run)
    last = {"before": None} if options.get("reset-before-rule") else {}
    ends = filled(source=options.get("source"), destination=options.get("dest"))
    return {**filled(action=options.get("action"), direction=options.get("direction")), **ends, **_options(run), **last}


COMMANDS = (
    lists(NETWORK_ACL, "network-acls", also=("is acls",)),
    shows(NETWORK_ACL, "network-acl", OF_VPC, also=("is acl",)),
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
    changes(NETWORK_ACL, "network-acl-update", OF_VPC, NAME, body=renames, also=("is aclu",), any_of=(("name",),)),
    deletes(NETWORK_ACL, "network-acl-delete", OF_VPC, also=("is acld",)),
    lists(ACL_RULE, "network-acl-rules", OF_VPC, also=("is acl-rules",)),
    shows(ACL_RULE, "network-acl-rule", OF_VPC, also=("is acl-rule",)),
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
        flag("protocol", "PROTOCOL", "The protocol that the rule has, which is not changed."),
        flag("source", "ADDRESS|CIDR", "Where from."),
        flag("dest", "ADDRESS|CIDR", "Where to.", also=("destination",)),
        *_RULE,
        body=_changed_rule,
        alone=_ALONE,
    ),
    deletes(ACL_RULE, "network-acl-rule-delete", OF_VPC),
)
