"""Floating IPs, security groups, network ACLs, public gateways, virtual network interfaces (cli.md 3.4)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.kinds import VPC
from kunsthalle.ibmcloud.commands.network_kinds import (
    FLOATING_IP,
    NETWORK_ACL,
    PUBLIC_GATEWAY,
    RULE,
    SECURITY_GROUP,
    VNI,
)
from kunsthalle.ibmcloud.commands.servers import INSTANCE
from kunsthalle.ibmcloud.grammar import flag
from kunsthalle.ibmcloud.http import path_of
from kunsthalle.ibmcloud.run import Run
from kunsthalle.ibmcloud.things import deletes, filled, group_of, id_of, lists, makes, reference, shows

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
        direction=given["DIRECTION"],
        protocol=given["PROTOCOL"],
        remote={kind: remote} if kind else None,
        port_min=given.get("port-min"),
        port_max=given.get("port-max"),
        type=given.get("icmp-type"),
        code=given.get("icmp-code"),
        name=given.get("name"),
    )


_ALONE = (("zone", "nic", "vni"),)

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
    deletes(SECURITY_GROUP, "security-group-delete", _OF_VPC),
    lists(RULE, "security-group-rules", _OF_VPC),
    makes(
        RULE,
        "security-group-rule-add",
        "DIRECTION PROTOCOL",
        _OF_VPC,
        flag("remote", "ADDRESS|CIDR|GROUP", "Where from, or where to."),
        flag("port-min", "PORT", "Lowest port.", kind="int"),
        flag("port-max", "PORT", "Highest port.", kind="int"),
        flag("icmp-type", "N", "ICMP type.", kind="int"),
        flag("icmp-code", "N", "ICMP code.", kind="int"),
        flag("name", "NAME", "Name of the rule."),
        body=_rule,
        also=("is security-group-rule-create",),
    ),
    deletes(RULE, "security-group-rule-delete", _OF_VPC),
    lists(NETWORK_ACL, "network-acls"),
    shows(NETWORK_ACL, "network-acl"),
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
    deletes(PUBLIC_GATEWAY, "public-gateway-delete", also=("is pubgwd",)),
    lists(VNI, "virtual-network-interfaces", also=("is vnis",)),
    shows(VNI, "virtual-network-interface", also=("is vni",)),
)
