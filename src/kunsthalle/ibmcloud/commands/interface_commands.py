"""Interfaces of instances and virtual ones: made, changed, removed, and the addresses below them."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.commands.instance_subresource_commands import INTERFACE
from kunsthalle.ibmcloud.commands.instance_views import INSTANCE
from kunsthalle.ibmcloud.commands.network_resources import FLOATING_IP, RESERVED_IP, SECURITY_GROUP, VNI
from kunsthalle.ibmcloud.commands.vpc_resources import ID, NAMED, SUBNET
from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    NAME,
    OF_VPC,
    Resource,
    changes,
    deletes,
    filled,
    id_of,
    lists,
    makes,
    parents_of,
    place,
    reference,
    references,
    renames,
    shows,
)

_ADDRESS: tuple[Field, ...] = (ID, NAMED, ("Address", "address"))


def below(owner: Resource, parents: tuple[Resource, ...], noun: str, path: str) -> Resource:
    """What an interface has of one kind."""
    whole = f"{owner.path}/{{}}/{path}"
    return Resource(noun, f"{noun}s", whole, path, _ADDRESS, _ADDRESS, parents=parents)


_OF_INSTANCE = (INSTANCE, INTERFACE)
_FLOATING = below(INTERFACE, _OF_INSTANCE, "floating ip", "floating_ips")
_RESERVED = below(INTERFACE, _OF_INSTANCE, "reserved ip", "ips")
_VNI_FLOATING = below(VNI, (VNI,), "floating ip", "floating_ips")
_VNI_RESERVED = below(VNI, (VNI,), "reserved ip", "ips")

_ATTACHMENT: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Virtual network interface", "virtual_network_interface.name"),
    ("Subnet", "subnet.name"),
    ("Primary IP", "primary_ip.address"),
    ("Lifecycle State", "lifecycle_state"),
    ("Type", "type"),
)
ATTACHMENT = Resource(
    "network attachment",
    "network attachments",
    "/v1/instances/{}/network_attachments",
    "network_attachments",
    _ATTACHMENT,
    (*_ATTACHMENT, CREATED),
    parents=(INSTANCE,),
)

_SPOOFING = flag("allow-ip-spoofing", "true|false", "Whether other source addresses are allowed.")
_NEW_ADDRESS = (
    flag("rip", "RESERVED_IP", "ID or name of the reserved IP to use."),
    flag("address", "IP", "Address to reserve in the subnet."),
    flag("auto-delete", "true|false", "Whether the reserved IP ends with the interface."),
    flag("ip-name", "NAME", "Name of the reserved IP."),
)
_GROUPS = flag(
    "sg", "LIST", "IDs or names of security groups.", kind="list", also=("sgs", "security-group"), repeated=True
)


def _interface(run: Run) -> dict[str, Any]:
    """The body of a new interface, which `floating-ip-add` and its kin are then told of."""
    options = run.given
    subnet = id_of(run, SUBNET, options["SUBNET"])
    ip = {"id": id_of(run, RESERVED_IP, options.get("rip"), [subnet])} if options.has("rip") else {}
    ip |= filled(address=options.get("address"), auto_delete=options.get("auto-delete"), name=options.get("ip-name"))
    return filled(
        name=options["NAME"],
        subnet={"id": subnet},
        primary_ip=ip,
        security_groups=references(run, SECURITY_GROUP, options.get("sg") or ()) or None,
        allow_ip_spoofing=options.get("allow-ip-spoofing"),
    )


def _changed_interface(run: Run) -> dict[str, Any]:
    return {**renames(run), **filled(allow_ip_spoofing=run.given.get("allow-ip-spoofing"))}


def _attachment(run: Run) -> dict[str, Any]:
    return filled(name=run.given.get("name"), virtual_network_interface=reference(run, VNI, run.given.get("vni")))


def _bind(run: Run, resource: Resource, target: Resource, noun: str) -> None:
    """Puts an address below an interface; a reserved IP is named within the subnet of the interface."""
    ref, parents = run.given[resource.label()], parents_of(run, resource)
    run.progress("Adding", f"{noun} {ref}")
    within = [_subnet_of(run, resource, parents)] if target.parents else []
    path = f"{path_of(resource.path, *parents)}/{path_of('{}', id_of(run, target, ref, within))}"
    run.detail(run.api.call("PUT", path, {}).body, resource.fields)


def _subnet_of(run: Run, resource: Resource, parents: list[str]) -> str:
    owner = resource.parents[-1]
    answer = run.api.get(f"{place(run, owner)}/{path_of('{}', parents[-1])}")
    return str(answer["subnet"]["id"])


def _add(words: str, resource: Resource, target: Resource) -> Command:
    run = partial(_bind, resource=resource, target=target, noun=target.noun)
    takes = f"{resource.takes()} {resource.label()}"
    return Command(f"is {words}", f"Add a {target.noun} to a {resource.parents[-1].noun}.", run, takes)


def address_commands(words: str, addresses: Resource, noun: str, *, writable: bool) -> tuple[Command, ...]:
    """The commands of the addresses below an interface: `writable` ones are added and removed."""
    shown = (lists(addresses, f"{words}-{noun}s"), shows(addresses, f"{words}-{noun}"))
    if not writable:
        return shown
    target = FLOATING_IP if noun == "floating-ip" else RESERVED_IP
    return (
        *shown,
        _add(f"{words}-{noun}-add", addresses, target),
        deletes(addresses, f"{words}-{noun}-remove"),
    )


_NIC, _VIRTUAL = "instance-network-interface", "virtual-network-interface"

COMMANDS = (
    makes(
        INTERFACE,
        f"{_NIC}-create",
        "NAME INSTANCE SUBNET",
        OF_VPC,
        *_NEW_ADDRESS,
        _GROUPS,
        _SPOOFING,
        body=_interface,
        parents_first=False,
        alone=(("rip", "address"),),
        also=("is in-nicc",),
    ),
    changes(INTERFACE, f"{_NIC}-update", NAME, _SPOOFING, body=_changed_interface, also=("is in-nicu",)),
    deletes(INTERFACE, f"{_NIC}-delete", also=("is in-nicd",)),
    *address_commands(_NIC, _FLOATING, "floating-ip", writable=True),
    *address_commands(_NIC, _RESERVED, "reserved-ip", writable=False),
    *address_commands(_VIRTUAL, _VNI_FLOATING, "floating-ip", writable=True),
    *address_commands(_VIRTUAL, _VNI_RESERVED, "reserved-ip", writable=True),
    lists(ATTACHMENT, "instance-network-attachments"),
    shows(ATTACHMENT, "instance-network-attachment"),
    makes(
        ATTACHMENT,
        "instance-network-attachment-create",
        "",
        flag("name", "NAME", "Name of the attachment."),
        flag("vni", "VNI", "ID or name of the virtual network interface.", required=True),
        body=_attachment,
    ),
    changes(ATTACHMENT, "instance-network-attachment-update", NAME, body=renames),
    deletes(ATTACHMENT, "instance-network-attachment-delete"),
)
