"""Floating IPs, security groups, public gateways, virtual network interfaces (cli.md 3.4)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.bare_metal_commands import SERVER
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
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import (
    NAME,
    OF_VPC,
    Filter,
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


def _interface_id(run: Run, ref: str) -> str:
    """The id of a network interface, by its name within the instance or server of `--in` or `--bm`."""
    options = run.given
    for name, owner in (("in", INSTANCE), ("bm", SERVER)):
        if options.has(name):
            path = f"{owner.path}/{path_of('{}', id_of(run, owner, options.get(name)))}/network_interfaces"
            listed = run.api.listed(path, "network_interfaces")
            return next((str(entry["id"]) for entry in listed if entry["name"] == ref), ref)
    return ref


def _bound_to(run: Run) -> dict[str, str] | None:
    """What a floating IP is bound to: an interface of a server, or a virtual one."""
    options = run.given
    if options.has("vni"):
        return {"id": id_of(run, VNI, options.get("vni"))}
    return {"id": _interface_id(run, options.get("nic"))} if options.has("nic") else None


def _floating(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options["NAME"],
        zone={"name": options.get("zone")} if options.has("zone") else None,
        target=_bound_to(run),
        resource_group=group_of(run),
    )


def _changed_floating(run: Run) -> dict[str, Any]:
    return {**renames(run), **filled(target=_bound_to(run))}


def _remote(run: Run, text: str | None) -> dict[str, str]:
    """A block, an address, or a security group by its id, CRN or name."""
    if not text:
        return {}
    if "/" in text and not text.startswith("crn:"):
        return {"cidr_block": text}
    try:
        return {"address": str(ip_address(text))}
    except ValueError:
        return reference(run, SECURITY_GROUP, text)


def _rule(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        remote=_remote(run, options.get("remote")),
        port_min=options.get("port-min"),
        port_max=options.get("port-max"),
        type=options.get("icmp-type"),
        code=options.get("icmp-code"),
        name=options.get("name"),
    )


def _new_rule(run: Run) -> dict[str, Any]:
    return {"direction": run.given["DIRECTION"], "protocol": protocol_of(run.given["PROTOCOL"]), **_rule(run)}


def _changed_rule(run: Run) -> dict[str, Any]:
    """The API asks for the protocol of the rule, which a change does not name."""
    options, path = run.given, place(run, RULE, run.given[RULE.label()])
    removed = {field: None for name, field in _RESETS.items() if options.get(f"reset-{name}")}
    protocol = {"protocol": run.api.get(path)["protocol"]}
    return {**filled(direction=options.get("direction")), **_rule(run), **removed, **protocol}


def _changed_interface(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options.get("name"),
        auto_delete=options.get("auto-delete"),
        allow_ip_spoofing=options.get("allow-ip-spoofing"),
    )


def _interface(run: Run) -> dict[str, Any]:
    options = run.given
    groups = references(run, SECURITY_GROUP, options.get("sgs") or ()) or None
    subnet = reference(run, SUBNET, options.get("subnet"))
    return filled(subnet=subnet, security_groups=groups, resource_group=group_of(run), **_changed_interface(run))


def _target_path(run: Run, ref: str) -> str:
    """The path of a target, by its id, or by its name with what it is named within."""
    options = run.given
    if options.get("trt") == "virtual_network_interface":
        ref = id_of(run, VNI, ref)
    elif options.has("trt"):
        raise Failed(f"A target of the type {options.get('trt')} is not supported by Kunsthalle.")
    group = id_of(run, SECURITY_GROUP, options["GROUP"])
    resource = ref if options.has("trt") else _interface_id(run, ref)
    return path_of(TARGET.path + "/{}", group, id_of(run, TARGET, resource, [group]))


def _add_target(run: Run) -> None:
    ref, group = run.given["TARGET"], run.given["GROUP"]
    run.progress("Adding", f"target {ref} to {SECURITY_GROUP.noun} {group}")
    run.detail(run.api.call("PUT", _target_path(run, ref), {}).body, TARGET.fields)


def _target(run: Run) -> None:
    ref = run.given["TARGET"]
    run.progress("Getting", f"{TARGET.noun} {ref}")
    run.detail(run.api.get(_target_path(run, ref)), TARGET.fields)


def _remove_targets(run: Run) -> None:
    refs, group = run.given["TARGET"], run.given["GROUP"]
    if not run.confirmed(f"This will remove target {', '.join(refs)} from {SECURITY_GROUP.noun} {group}. Continue"):
        return
    for ref in refs:
        run.progress("Removing", f"target {ref} from {SECURITY_GROUP.noun} {group}")
        run.api.call("DELETE", _target_path(run, ref))
    run.done(f"Target {', '.join(refs)} is removed.", [{"id": ref, "name": ref, "result": True} for ref in refs])


def _gateway(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options["NAME"],
        vpc=reference(run, VPC, options["VPC"]),
        zone={"name": options["ZONE"]},
        floating_ip=_floating_ip(run, options.get("ip")),
        resource_group=group_of(run),
    )


def _floating_ip(run: Run, text: str | None) -> dict[str, str]:
    """An existing floating IP, by its id, name or address."""
    if not text:
        return {}
    listed = run.api.listed(FLOATING_IP.path, FLOATING_IP.key)
    first = next((str(entry["id"]) for entry in listed if text in {entry["name"], entry["address"]}), text)
    return {"id": first}


_ALONE = (("zone", "nic", "vni"),)
_RENAMED = (("name",),)
_INTERFACE = (
    flag("auto-delete", "true|false", "Whether it ends with its target."),
    flag("allow-ip-spoofing", "true|false", "Whether other source addresses are allowed.", also=("ais",)),
)
_RESETS = {"icmp-type": "type", "icmp-code": "code", "port-min": "port_min", "port-max": "port_max"}
_RESETTING = tuple(flag(f"reset-{name}", text=f"Remove the {name} of the rule.") for name in _RESETS)
_RESET_ALONE = tuple((name, f"reset-{name}") for name in _RESETS)
_IN = flag("in", "INSTANCE", "ID or name of the instance, where its interface is named.")
_BM = flag("bm", "SERVER", "ID or name of the bare metal server, where its interface is named.")
_NIC = flag("nic", "INTERFACE", "ID of the network interface, or its name with --in or --bm.", also=("nic-id",))
_TYPES = ("load_balancer", "endpoint_gateway", "vpn_server", "virtual_network_interface")
_NAMED_TARGET = (flag("trt", text="Type of the target, where it is named.", choices=_TYPES), _IN, _BM)
_WITHIN = (("trt", "in", "bm"),)
_RULE = (
    OF_VPC,
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
        _NIC,
        _IN,
        _BM,
        flag("vni", "VNI", "ID or name of the virtual network interface."),
        body=_floating,
        alone=_ALONE,
        any_of=_ALONE,
        also=("is ipc",),
    ),
    changes(
        FLOATING_IP,
        "floating-ip-update",
        NAME,
        _NIC,
        _IN,
        _BM,
        body=_changed_floating,
        any_of=(("name", "nic"),),
        also=("is ipu",),
    ),
    deletes(FLOATING_IP, "floating-ip-release", also=("is ipd",)),
    lists(SECURITY_GROUP, "security-groups", Filter("vpc", "vpc.id", "VPC", OF_VPC.help, of=VPC)),
    shows(SECURITY_GROUP, "security-group", OF_VPC),
    makes(
        SECURITY_GROUP,
        "security-group-create",
        "NAME VPC",
        body=lambda run: filled(
            name=run.given["NAME"], vpc=reference(run, VPC, run.given["VPC"]), resource_group=group_of(run)
        ),
    ),
    changes(SECURITY_GROUP, "security-group-update", OF_VPC, NAME, body=renames, any_of=_RENAMED),
    deletes(SECURITY_GROUP, "security-group-delete", OF_VPC),
    lists(RULE, "security-group-rules", OF_VPC),
    shows(RULE, "security-group-rule", OF_VPC),
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
        *_RESETTING,
        flag("direction", text="Direction of the traffic.", choices=("inbound", "outbound")),
        body=_changed_rule,
        alone=_RESET_ALONE,
    ),
    deletes(RULE, "security-group-rule-delete", OF_VPC),
    lists(TARGET, "security-group-targets", OF_VPC, also=("is sg-ts",)),
    Command(
        "is security-group-target",
        "View details of a security group target.",
        _target,
        "GROUP TARGET",
        (OF_VPC, *_NAMED_TARGET),
        also=("is sg-t",),
        alone=_WITHIN,
    ),
    Command(
        "is security-group-target-add",
        "Add a target to a security group.",
        _add_target,
        "GROUP TARGET",
        (OF_VPC, *_NAMED_TARGET),
        also=("is sg-ta",),
        alone=_WITHIN,
    ),
    Command(
        "is security-group-target-remove",
        "Remove one or more targets from a security group.",
        _remove_targets,
        "GROUP TARGET...",
        (OF_VPC, *_NAMED_TARGET, FORCE),
        also=("is sg-td",),
        alone=_WITHIN,
    ),
    lists(PUBLIC_GATEWAY, "public-gateways", also=("is pubgws",)),
    shows(PUBLIC_GATEWAY, "public-gateway", OF_VPC, also=("is pubgw",)),
    makes(
        PUBLIC_GATEWAY,
        "public-gateway-create",
        "NAME VPC ZONE",
        flag("ip", "FLOATING_IP", "ID, name or address of an existing floating IP."),
        body=_gateway,
        also=("is pubgwc",),
    ),
    changes(PUBLIC_GATEWAY, "public-gateway-update", OF_VPC, NAME, body=renames, any_of=_RENAMED),
    deletes(PUBLIC_GATEWAY, "public-gateway-delete", OF_VPC, also=("is pubgwd",)),
    lists(VNI, "virtual-network-interfaces", also=("is vnis",)),
    shows(VNI, "virtual-network-interface", also=("is vni",)),
    makes(
        VNI,
        "virtual-network-interface-create",
        "",
        flag("name", "NAME", "Name of the interface."),
        flag("subnet", "SUBNET", "ID or name of the subnet.", required=True),
        OF_VPC,
        flag("sgs", "LIST", "Comma separated IDs or names of security groups.", kind="list"),
        *_INTERFACE,
        body=_interface,
        also=("is vnic",),
    ),
    changes(VNI, "virtual-network-interface-update", NAME, *_INTERFACE, body=_changed_interface, also=("is vniu",)),
    deletes(VNI, "virtual-network-interface-delete", also=("is vnid",)),
)
