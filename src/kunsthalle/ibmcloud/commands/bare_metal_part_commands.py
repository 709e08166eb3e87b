"""Disks, network interfaces and network attachments of bare metal servers (VPC CLI reference, "Bare metal servers")."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.bare_metal_commands import SERVER
from kunsthalle.ibmcloud.commands.interface_commands import address_commands, below
from kunsthalle.ibmcloud.commands.named_documents import reserved_ip, vlans
from kunsthalle.ibmcloud.commands.network_resources import SECURITY_GROUP, VNI
from kunsthalle.ibmcloud.commands.vpc_resources import ID, NAMED, STATUS, SUBNET
from kunsthalle.ibmcloud.grammar import flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field, IfAny, names
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    NAME,
    OF_VPC,
    Resource,
    changes,
    deletes,
    filled,
    lists,
    makes,
    reference,
    references,
    renames,
    shows,
)

_DISK: tuple[Field, ...] = (ID, NAMED, ("Size", "size"), ("Interface Type", "interface_type"))
DISK = Resource(
    "bare metal server disk",
    "bare metal server disks",
    "/v1/bare_metal_servers/{}/disks",
    "disks",
    _DISK,
    (*_DISK, CREATED),
    parents=(SERVER,),
)

_INTERFACE: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Interface Type", "interface_type"),
    ("Subnet", "subnet.name"),
    ("Reserved IP", "primary_ip.address"),
    ("Floating IP", names("floating_ips", "address")),
    ("Security Groups", names("security_groups")),
    ("MAC address", "mac_address"),
    STATUS,
    ("Type", "type"),
)
_VLANS: tuple[Field, ...] = (("Allowed VLANs", IfAny("allowed_vlans")), ("VLAN", IfAny("vlan")))
INTERFACE = Resource(
    "network interface",
    "network interfaces",
    "/v1/bare_metal_servers/{}/network_interfaces",
    "network_interfaces",
    _INTERFACE,
    (
        *_INTERFACE,
        *_VLANS,
        ("Allow interface to float", IfAny("allow_interface_to_float")),
        ("Allow source IP spoofing", "allow_ip_spoofing"),
        ("Enable infrastructure NAT", "enable_infrastructure_nat"),
        CREATED,
    ),
    parents=(SERVER,),
)

_ATTACHMENT: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Interface Type", "interface_type"),
    ("Virtual network interface", "virtual_network_interface.name"),
    ("Subnet", "subnet.name"),
    ("Primary IP", "primary_ip.address"),
    ("Lifecycle State", "lifecycle_state"),
    ("Type", "type"),
)
ATTACHMENT = Resource(
    "network attachment",
    "network attachments",
    "/v1/bare_metal_servers/{}/network_attachments",
    "network_attachments",
    _ATTACHMENT,
    (*_ATTACHMENT, *_VLANS, ("Allow to float", IfAny("allow_to_float")), CREATED),
    parents=(SERVER,),
)

_TYPE = flag("interface-type", text="Type of the interface.", choices=("pci", "vlan"))
_TRUNK = flag("allowed-vlans", "LIST", "VLAN IDs and ranges of them, for VLAN interfaces on it.")
_TAGGED = (
    flag("vlan", "ID", "VLAN ID of a VLAN interface.", kind="int"),
    flag("allow-interface-to-float", "true|false", "Whether a VLAN interface floats to other servers."),
)
_SPOOFING = flag("allow-ip-spoofing", "true|false", "Whether source IP spoofing is allowed.")
_NAT = flag("enable-infrastructure-nat", "true|false", "Whether NAT is done by the infrastructure.")


def _protection(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options.get("name"),
        allowed_vlans=vlans(run, "allowed-vlans"),
        allow_ip_spoofing=options.get("allow-ip-spoofing"),
        enable_infrastructure_nat=options.get("enable-infrastructure-nat"),
    )


def _address(run: Run) -> dict[str, Any]:
    options = run.given
    new = filled(address=options.get("address"), auto_delete=options.get("auto-delete"), name=options.get("ip-name"))
    return {**reserved_ip(run, options.get("subnet"), "rip"), **new}


def _interface(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        subnet=reference(run, SUBNET, options.get("subnet")),
        interface_type=options.get("interface-type"),
        primary_ip=_address(run),
        security_groups=references(run, SECURITY_GROUP, options.get("security-groups") or ()) or None,
        vlan=options.get("vlan"),
        allow_interface_to_float=options.get("allow-interface-to-float"),
        **_protection(run),
    )


def _attachment(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options.get("name"),
        virtual_network_interface=reference(run, VNI, options.get("vni")),
        interface_type=options.get("interface-type"),
        allowed_vlans=vlans(run, "allowed-vlans"),
        vlan=options.get("vlan"),
        allow_to_float=options.get("allow-interface-to-float"),
    )


_NIC, _NAC = "bare-metal-server-network-interface", "bare-metal-server-network-attachment"
_ONE_VLAN = (("allowed-vlans", "vlan"), ("allowed-vlans", "allow-interface-to-float"))

COMMANDS = (
    lists(DISK, "bare-metal-server-disks", also=("is bm-disks",)),
    shows(DISK, "bare-metal-server-disk", also=("is bm-disk",)),
    changes(DISK, "bare-metal-server-disk-update", NAME, body=renames, any_of=(("name",),)),
    lists(INTERFACE, f"{_NIC}s", also=("is bm-nics",)),
    shows(INTERFACE, _NIC, also=("is bm-nic",)),
    makes(
        INTERFACE,
        f"{_NIC}-create",
        "",
        flag("subnet", "SUBNET", "ID or name of the subnet.", required=True),
        flag("name", "NAME", "Name of the interface."),
        _TYPE,
        flag("rip", "RESERVED_IP", "ID or name of the reserved IP to use."),
        flag("address", "IP", "Address to reserve in the subnet."),
        flag("auto-delete", "true|false", "Whether the reserved IP ends with the interface."),
        flag("ip-name", "NAME", "Name of the reserved IP."),
        flag("security-groups", "LIST", "IDs or names of security groups.", kind="list"),
        OF_VPC,
        _TRUNK,
        *_TAGGED,
        _SPOOFING,
        _NAT,
        body=_interface,
        alone=(("rip", "address"), *_ONE_VLAN),
        also=("is bm-nicc",),
    ),
    changes(INTERFACE, f"{_NIC}-update", NAME, _SPOOFING, _NAT, _TRUNK, body=_protection, also=("is bm-nicu",)),
    deletes(INTERFACE, f"{_NIC}-delete", also=("is bm-nicd",)),
    *address_commands(
        _NIC, below(INTERFACE, (SERVER, INTERFACE), "floating ip", "floating_ips"), "floating-ip", writable=True
    ),
    *address_commands(_NIC, below(INTERFACE, (SERVER, INTERFACE), "reserved ip", "ips"), "reserved-ip", writable=False),
    lists(ATTACHMENT, f"{_NAC}s"),
    shows(ATTACHMENT, _NAC),
    makes(
        ATTACHMENT,
        f"{_NAC}-create",
        "",
        flag("name", "NAME", "Name of the attachment."),
        flag("vni", "VNI", "ID or name of the virtual network interface.", required=True),
        _TYPE,
        _TRUNK,
        *_TAGGED,
        body=_attachment,
        alone=_ONE_VLAN,
    ),
    changes(
        ATTACHMENT,
        f"{_NAC}-update",
        NAME,
        _TRUNK,
        body=lambda run: filled(name=run.given.get("name"), allowed_vlans=vlans(run, "allowed-vlans")),
    ),
    deletes(ATTACHMENT, f"{_NAC}-delete"),
)
