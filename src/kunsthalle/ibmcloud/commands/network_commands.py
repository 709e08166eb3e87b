"""VPCs, their address prefixes, and subnets (cli.md 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kunsthalle.ibmcloud.commands.network_resources import (
    ADDRESS_PREFIX,
    NETWORK_ACL,
    PUBLIC_GATEWAY,
    RESERVED_IP,
    ROUTING_TABLE,
    SECURITY_GROUP,
)
from kunsthalle.ibmcloud.commands.vpc_resources import SUBNET, VPC
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import look
from kunsthalle.ibmcloud.resource_commands import (
    NAME,
    OF_VPC,
    Filter,
    Resource,
    changes,
    deletes,
    filled,
    group_of,
    id_of,
    lists,
    makes,
    place,
    reference,
    renames,
    shown,
    shows,
    view_part,
)

_DNS = (
    flag("dns-enable-hub", "true|false", "Whether the VPC is a hub of names."),
    flag("dns-resolver-type", text="How names are resolved.", choices=("system", "manual", "delegated")),
    flag("dns-resolver-manual-servers", "JSON|@FILE", "Servers that resolve names.", kind="json"),
)
_ATTACHED = flag("show-attached", text="View what is attached, too.")


def _dns(run: Run) -> dict[str, Any]:
    options = run.given
    resolver = filled(type=options.get("dns-resolver-type"), manual_servers=options.get("dns-resolver-manual-servers"))
    return filled(enable_hub=options.get("dns-enable-hub"), resolver=resolver)


def _vpc(run: Run) -> dict[str, Any]:
    return filled(
        name=run.given["NAME"],
        address_prefix_management=run.given.get("address-prefix-management"),
        dns=_dns(run),
        resource_group=group_of(run),
    )


def _show_attached(run: Run, resource: Resource, resources: tuple[tuple[Resource, str], ...]) -> None:
    """The resource, and with `--show-attached` tables of what names it."""
    ref = run.given[resource.label()]
    run.progress("Getting", f"{resource.noun} {ref}")
    result = shown(run, resource, ref)
    run.detail(result, resource.fields)
    if run.given.get("show-attached") and not run.json:
        for other, parameter in resources:
            listed = [
                entry
                for entry in run.api.listed(other.path, other.key, {parameter: result["id"]})
                if look(entry, parameter) == result["id"]
            ]
            run.terminal.lines(["", other.nouns.capitalize()])
            run.table(listed, other.columns, f"No {other.nouns} were found.")


def _subnet(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options["NAME"],
        vpc=reference(run, VPC, options["VPC"]),
        zone={"name": options.get("zone")} if options.has("zone") else None,
        total_ipv4_address_count=options.get("ipv4-address-count"),
        ipv4_cidr_block=options.get("ipv4-cidr-block"),
        **_bound(run),
        resource_group=group_of(run),
    )


def _bound(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        network_acl=reference(run, NETWORK_ACL, options.get("acl")) if options.has("acl") else None,
        public_gateway=reference(run, PUBLIC_GATEWAY, options.get("pgw")) if options.has("pgw") else None,
        routing_table=_routing_table(run),
    )


def _routing_table(run: Run) -> dict[str, str]:
    """By its id, or its name in the VPC that the command line or the subnet names."""
    options = run.given
    if not options.has("rt"):
        return {}
    named = options.words.get("VPC") or options.get("vpc")
    vpc = id_of(run, VPC, named) if named else shown(run, SUBNET, options["SUBNET"])["vpc"]["id"]
    return {"id": id_of(run, ROUTING_TABLE, options.get("rt"), [vpc])}


def _detach(run: Run) -> None:
    ref = run.given["SUBNET"]
    if not run.confirmed(f"This will detach the public gateway from subnet {ref}. Continue"):
        return
    run.progress("Detaching", f"public gateway from subnet {ref}")
    run.api.call("DELETE", f"{place(run, SUBNET, ref)}/public_gateway")
    run.done(f"The public gateway is detached from subnet {ref}.")


def _reserved(run: Run) -> dict[str, Any]:
    options = run.given
    target = {"id": options.get("target")} if options.has("target") else None
    named = {**renames(run), **filled(address=options.get("address"), auto_delete=options.get("auto-delete"))}
    return {**named, **filled(target=target)}


def _prefix(run: Run) -> dict[str, Any]:
    options = run.given
    zone = {"name": options["ZONE"]}
    return filled(name=options["NAME"], zone=zone, cidr=options["CIDR"], is_default=options.get("default"))


def _default(path: str, resource: Resource) -> Callable[[Run], None]:
    """Views the resource that each VPC has one of, and that new resources in it get."""
    return partial(view_part, owner=VPC, path=path, fields=resource.fields, noun=f"default {resource.noun}")


COMMANDS = (
    lists(
        VPC,
        "vpcs",
        Filter("classic-access", "classic_access", text="Access to classic infrastructure."),
    ),
    Command(
        "is vpc",
        "View details of a vpc.",
        partial(_show_attached, resource=VPC, resources=((SUBNET, "vpc.id"),)),
        "VPC",
        (_ATTACHED,),
    ),
    makes(
        VPC,
        "vpc-create",
        "NAME",
        flag("classic-access", text="Ignored: there is no classic infrastructure."),
        flag("address-prefix-management", text="Address prefixes.", choices=("auto", "manual")),
        *_DNS,
        body=_vpc,
        also=("is vpcc",),
    ),
    changes(VPC, "vpc-update", NAME, *_DNS, body=lambda run: {**renames(run), **filled(dns=_dns(run))}),
    deletes(VPC, "vpc-delete"),
    Command(
        "is vpc-default-security-group",
        "View the default security group of a VPC.",
        _default("default_security_group", SECURITY_GROUP),
        "VPC",
    ),
    Command(
        "is vpc-default-network-acl",
        "View the default network ACL of a VPC.",
        _default("default_network_acl", NETWORK_ACL),
        "VPC",
    ),
    lists(ADDRESS_PREFIX, "vpc-address-prefixes"),
    shows(ADDRESS_PREFIX, "vpc-address-prefix"),
    makes(
        ADDRESS_PREFIX,
        "vpc-address-prefix-create",
        "NAME VPC ZONE CIDR",
        flag("default", "true|false", "Whether it is the default prefix of its zone."),
        body=_prefix,
        parents_first=False,
    ),
    changes(
        ADDRESS_PREFIX,
        "vpc-address-prefix-update",
        NAME,
        flag("default", "true|false", "Whether it is the default prefix of its zone."),
        body=lambda run: {**renames(run), **filled(is_default=run.given.get("default"))},
    ),
    deletes(ADDRESS_PREFIX, "vpc-address-prefix-delete"),
    lists(
        SUBNET,
        "subnets",
        Filter("zone", "zone.name", "ZONE", "Name of the zone."),
        Filter("rt", "routing_table.id", "TABLE", "ID of the routing table."),
        Filter("vpc", "vpc.id", "VPC", OF_VPC.help, of=VPC),
    ),
    Command(
        "is subnet",
        "View details of a subnet.",
        partial(_show_attached, resource=SUBNET, resources=()),
        "SUBNET",
        (OF_VPC, _ATTACHED),
    ),
    makes(
        SUBNET,
        "subnet-create",
        "NAME VPC",
        flag("zone", "ZONE", "Name of the zone."),
        flag("ipv4-address-count", "N", "Number of addresses: a power of two.", kind="int"),
        flag("ipv4-cidr-block", "CIDR", "Block of addresses."),
        flag("acl", "ACL", "ID or name of the network ACL."),
        flag("pgw", "GATEWAY", "ID or name of the public gateway.", also=("public-gateway-id",)),
        flag("rt", "TABLE", "ID or name of the routing table."),
        body=_subnet,
        alone=(("ipv4-address-count", "ipv4-cidr-block"),),
        any_of=(("ipv4-address-count", "ipv4-cidr-block"),),
    ),
    changes(
        SUBNET,
        "subnet-update",
        NAME,
        OF_VPC,
        flag("acl", "ACL", "ID or name of the network ACL."),
        flag("pgw", "GATEWAY", "ID or name of the public gateway."),
        flag("rt", "TABLE", "ID or name of the routing table."),
        body=lambda run: {**renames(run), **_bound(run)},
    ),
    Command(
        "is subnet-public-gateway",
        "View the public gateway of a subnet.",
        partial(view_part, owner=SUBNET, path="public_gateway", fields=PUBLIC_GATEWAY.fields, noun=PUBLIC_GATEWAY.noun),
        "SUBNET",
        (OF_VPC,),
    ),
    Command(
        "is subnet-public-gateway-detach", "Detach the public gateway of a subnet.", _detach, "SUBNET", (OF_VPC, FORCE)
    ),
    deletes(SUBNET, "subnet-delete", OF_VPC),
    lists(RESERVED_IP, "subnet-reserved-ips", OF_VPC),
    shows(RESERVED_IP, "subnet-reserved-ip", OF_VPC),
    makes(
        RESERVED_IP,
        "subnet-reserved-ip-create",
        "",
        OF_VPC,
        flag("name", "NAME", "Name of the address."),
        flag("address", "ADDRESS", "The address, otherwise any that is free."),
        flag("target", "ID", "ID of the virtual network interface that it is bound to."),
        flag("auto-delete", "true|false", "Whether it ends with its target."),
        body=_reserved,
    ),
    changes(
        RESERVED_IP,
        "subnet-reserved-ip-update",
        OF_VPC,
        NAME,
        flag("auto-delete", "true|false", "Whether it ends with its target."),
        body=lambda run: {**renames(run), **filled(auto_delete=run.given.get("auto-delete"))},
    ),
    deletes(RESERVED_IP, "subnet-reserved-ip-delete", OF_VPC),
)
