"""Floating IPs, security groups, public gateways, virtual network interfaces (cli.md 3.4)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.instance_views import INSTANCE
from kunsthalle.ibmcloud.commands.network_resources import (
    FLOATING_IP,
    PUBLIC_GATEWAY,
    RULE,
    SECURITY_GROUP,
    TARGET,
    VNI,
    protocol_of,
)
from kunsthalle.ibmcloud.commands.vpc_resources import SUBNET, VPC
from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.http import path_of
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
    place,
    reference,
    references,
    renames,
    shows,
)

_OF_VPC = flag("vpc", "VPC", "ID or name of the VPC.")


def _within(run: Run) -> dict[str, Any]:
    return {"vpc.id": id_of(run, VPC, run.given.get("vpc"))} if run.given.has("vpc") else {}


def _floating(run: Run) -> dict[str, Any]:
    """Reserved in a zone, or for an interface: of a server, or a virtual one."""
    given = run.given
    target = given.get("nic") or given.get("vni")
    if given.has("nic") and given.has("in"):
        server = id_of(run, INSTANCE, given.get("in"))
        path = path_of("/v1/instances/{}/network_interfaces", server)
        target = next(
            (one["id"] for one in run.api.listed(path, "network_interfaces") if one["name"] == target), target
        )
    elif given.has("vni"):
        target = id_of(run, VNI, target)
    return filled(
        name=given["NAME"],
        zone={"name": given.get("zone")} if given.has("zone") else None,
        target={"id": target} if target else None,
        resource_group=group_of(run),
    )


def _rule(run: Run) -> dict[str, Any]:
    given, remote = run.given, run.given.get("remote")
    kind = None
    if remote:
        kind = "cidr_block" if "/" in remote else "id" if remote.startswith("r") else "address"
    return filled(
        remote={kind: remote} if kind else None,
        port_min=given.get("port-min"),
        port_max=given.get("port-max"),
        type=given.get("icmp-type"),
        code=given.get("icmp-code"),
        name=given.get("name"),
    )


def _new_rule(run: Run) -> dict[str, Any]:
    return {"direction": run.given["DIRECTION"], "protocol": protocol_of(run.given["PROTOCOL"]), **_rule(run)}


def _changed_rule(run: Run) -> dict[str, Any]:
    """The API asks for the protocol of the rule, which a change does not name."""
    path = place(run, RULE, run.given[RULE.label()])
    return {**filled(direction=run.given.get("direction")), **_rule(run), "protocol": run.api.get(path)["protocol"]}


def _changed_interface(run: Run) -> dict[str, Any]:
    given = run.given
    return filled(
        name=given.get("name"), auto_delete=given.get("auto-delete"), allow_ip_spoofing=given.get("allow-ip-spoofing")
    )


def _interface(run: Run) -> dict[str, Any]:
    given = run.given
    groups = references(run, SECURITY_GROUP, given.get("sgs") or ()) or None
    subnet = reference(run, SUBNET, given.get("subnet"))
    return filled(subnet=subnet, security_groups=groups, resource_group=group_of(run), **_changed_interface(run))


def _add_target(run: Run) -> None:
    ref, group = run.given["TARGET"], run.given["GROUP"]
    run.progress("Adding", f"target {ref} to {SECURITY_GROUP.noun} {group}")
    path = path_of(TARGET.path + "/{}", id_of(run, SECURITY_GROUP, group), ref)
    run.detail(run.api.call("PUT", path, {}).body, TARGET.fields)


_ALONE = (("zone", "nic", "vni"),)
_RENAMED = (("name",),)
_INTERFACE = (
    flag("auto-delete", "true|false", "Whether it ends with its target."),
    flag("allow-ip-spoofing", "true|false", "Whether other source addresses are allowed.", also=("ais",)),
)
_TARGETED = "GROUP TARGET"
_RULE = (
    _OF_VPC,
    flag("remote", "ADDRESS|CIDR|GROUP", "Where from, or where to."),
    flag("port-min", "PORT", "Lowest port.", kind="int"),
    flag("port-max", "PORT", "Highest port.", kind="int"),
    flag("icmp-type", "N", "ICMP type.", kind="int"),
    flag("icmp-code", "N", "ICMP code.", kind="int"),
)

COMMANDS = (
    lists(FLOATING_IP, "floating-ips", also=("is ips",)),
    shows(FLOATING_IP, "floating-ip"),
    makes(
        FLOATING_IP,
        "floating-ip-reserve",
        "NAME",
        flag("zone", "ZONE", "Name of the zone."),
        flag("nic", "INTERFACE", "ID of the network interface, or its name with --in.", also=("nic-id",)),
        flag("in", "INSTANCE", "ID or name of the instance."),
        flag("vni", "VNI", "ID or name of the virtual network interface."),
        body=_floating,
        alone=_ALONE,
        any_of=_ALONE,
        also=("is ipc",),
    ),
    changes(FLOATING_IP, "floating-ip-update", NAME, body=renames, any_of=_RENAMED, also=("is ipu",)),
    deletes(FLOATING_IP, "floating-ip-release", also=("is ipd",)),
    lists(SECURITY_GROUP, "security-groups", _OF_VPC, query=_within),
    shows(SECURITY_GROUP, "security-group", _OF_VPC),
    makes(
        SECURITY_GROUP,
        "security-group-create",
        "NAME VPC",
        body=lambda run: filled(
            name=run.given["NAME"], vpc=reference(run, VPC, run.given["VPC"]), resource_group=group_of(run)
        ),
    ),
    changes(SECURITY_GROUP, "security-group-update", _OF_VPC, NAME, body=renames, any_of=_RENAMED),
    deletes(SECURITY_GROUP, "security-group-delete", _OF_VPC),
    lists(RULE, "security-group-rules", _OF_VPC),
    shows(RULE, "security-group-rule", _OF_VPC),
    makes(
        RULE,
        "security-group-rule-add",
        "DIRECTION PROTOCOL",
        *_RULE,
        flag("name", "NAME", "Name of the rule."),
        body=_new_rule,
        also=("is security-group-rule-create",),
    ),
    changes(
        RULE,
        "security-group-rule-update",
        *_RULE,
        NAME,
        flag("direction", text="Direction of the traffic.", choices=("inbound", "outbound")),
        body=_changed_rule,
    ),
    deletes(RULE, "security-group-rule-delete", _OF_VPC),
    lists(TARGET, "security-group-targets", _OF_VPC),
    shows(TARGET, "security-group-target", _OF_VPC),
    Command("is security-group-target-add", "Add a target to a security group.", _add_target, _TARGETED, (_OF_VPC,)),
    deletes(TARGET, "security-group-target-remove", _OF_VPC),
    lists(PUBLIC_GATEWAY, "public-gateways", also=("is pubgws",)),
    shows(PUBLIC_GATEWAY, "public-gateway", also=("is pubgw",)),
    makes(
        PUBLIC_GATEWAY,
        "public-gateway-create",
        "NAME VPC ZONE",
        body=lambda run: filled(
            name=run.given["NAME"],
            vpc=reference(run, VPC, run.given["VPC"]),
            zone={"name": run.given["ZONE"]},
            resource_group=group_of(run),
        ),
        also=("is pubgwc",),
    ),
    changes(PUBLIC_GATEWAY, "public-gateway-update", _OF_VPC, NAME, body=renames, any_of=_RENAMED),
    deletes(PUBLIC_GATEWAY, "public-gateway-delete", also=("is pubgwd",)),
    lists(VNI, "virtual-network-interfaces", also=("is vnis",)),
    shows(VNI, "virtual-network-interface", also=("is vni",)),
    makes(
        VNI,
        "virtual-network-interface-create",
        "",
        flag("name", "NAME", "Name of the interface."),
        flag("subnet", "SUBNET", "ID or name of the subnet.", required=True),
        _OF_VPC,
        flag("sgs", "LIST", "Comma separated IDs or names of security groups.", kind="list"),
        *_INTERFACE,
        body=_interface,
        also=("is vnic",),
    ),
    changes(VNI, "virtual-network-interface-update", NAME, *_INTERFACE, body=_changed_interface, also=("is vniu",)),
    deletes(VNI, "virtual-network-interface-delete", also=("is vnid",)),
)
