"""What networks are made of, as the command line shows it (cli.md 3.4)."""

from __future__ import annotations

from kunsthalle.ibmcloud.commands.kinds import CRN, GROUP_TABLE, ID, NAMED, STATUS, VPC
from kunsthalle.ibmcloud.tables import ID_NAME, Field, look, names, nested
from kunsthalle.ibmcloud.things import CREATED, RESOURCE_GROUP, Thing

SECURITY_GROUP = Thing(
    "security group",
    "security groups",
    "/v1/security_groups",
    "security_groups",
    (
        ID,
        NAMED,
        ("Rules", lambda group: len(group.get("rules") or ())),
        ("Targets", lambda group: len(group.get("targets") or ())),
        ("VPC", "vpc.name"),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        CREATED,
        ("VPC", nested("vpc", *ID_NAME)),
        GROUP_TABLE,
        (
            "Rules",
            nested(
                "rules",
                ("ID", "id"),
                ("Direction", "direction"),
                ("IP version", "ip_version"),
                ("Protocol", "protocol"),
                ("Port min", "port_min"),
                ("Port max", "port_max"),
                ("Remote", lambda rule: next(iter(rule.get("remote", {}).values()), None)),
            ),
        ),
    ),
    grouped=True,
)

RULE_FIELDS: tuple[Field, ...] = (
    ID,
    ("Direction", "direction"),
    ("IP version", "ip_version"),
    ("Protocol", "protocol"),
    ("Port min", "port_min"),
    ("Port max", "port_max"),
    ("Type", "type"),
    ("Code", "code"),
    (
        "Remote",
        lambda rule: look(rule, "remote.cidr_block") or look(rule, "remote.address") or look(rule, "remote.name"),
    ),
)
RULE = Thing(
    "security group rule",
    "security group rules",
    "/v1/security_groups/{}/rules",
    "rules",
    RULE_FIELDS,
    RULE_FIELDS,
    parents=(SECURITY_GROUP,),
)

VNI = Thing(
    "virtual network interface",
    "virtual network interfaces",
    "/v1/virtual_network_interfaces",
    "virtual_network_interfaces",
    (
        ID,
        NAMED,
        ("Status", "lifecycle_state"),
        ("Primary IP", "primary_ip.address"),
        ("Subnet", "subnet.name"),
        ("VPC", "vpc.name"),
        ("Zone", "zone.name"),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        ("Status", "lifecycle_state"),
        ("Primary IP", nested("primary_ip", ("ID", "id"), ("Name", "name"), ("Address", "address"))),
        ("Subnet", nested("subnet", *ID_NAME)),
        ("VPC", nested("vpc", *ID_NAME)),
        ("Security groups", nested("security_groups", *ID_NAME)),
        ("Target", nested("target", *ID_NAME, ("Resource type", "resource_type"))),
        ("Auto delete", "auto_delete"),
        ("Allow source IP spoofing", "allow_ip_spoofing"),
        ("Zone", "zone.name"),
        GROUP_TABLE,
        CREATED,
    ),
    grouped=True,
)

FLOATING_IP = Thing(
    "floating ip",
    "floating ips",
    "/v1/floating_ips",
    "floating_ips",
    (ID, ("Address", "address"), NAMED, STATUS, ("Zone", "zone.name"), ("Target", "target.name"), RESOURCE_GROUP),
    (
        ID,
        ("Address", "address"),
        NAMED,
        CRN,
        STATUS,
        ("Zone", "zone.name"),
        CREATED,
        ("Target", nested("target", *ID_NAME, ("Resource type", "resource_type"))),
        RESOURCE_GROUP,
    ),
    grouped=True,
)

PUBLIC_GATEWAY = Thing(
    "public gateway",
    "public gateways",
    "/v1/public_gateways",
    "public_gateways",
    (
        ID,
        NAMED,
        STATUS,
        ("Floating IP", "floating_ip.address"),
        ("VPC", "vpc.name"),
        ("Zone", "zone.name"),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        STATUS,
        ("Floating IP", nested("floating_ip", ("ID", "id"), ("Address", "address"))),
        ("VPC", nested("vpc", *ID_NAME)),
        ("Zone", "zone.name"),
        GROUP_TABLE,
        CREATED,
    ),
    grouped=True,
)

NETWORK_ACL = Thing(
    "network acl",
    "network acls",
    "/v1/network_acls",
    "network_acls",
    (
        ID,
        NAMED,
        ("Rules", lambda acl: len(acl.get("rules") or ())),
        ("Subnets", names("subnets")),
        ("VPC", "vpc.name"),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        CREATED,
        ("VPC", nested("vpc", *ID_NAME)),
        ("Subnets", nested("subnets", *ID_NAME)),
        GROUP_TABLE,
    ),
    grouped=True,
)

ADDRESS_PREFIX = Thing(
    "address prefix",
    "address prefixes",
    "/v1/vpcs/{}/address_prefixes",
    "address_prefixes",
    (
        ID,
        NAMED,
        ("CIDR block", "cidr"),
        ("Zone", "zone.name"),
        ("Default", "is_default"),
        ("Has subnets", "has_subnets"),
    ),
    (
        ID,
        NAMED,
        ("CIDR block", "cidr"),
        ("Zone", "zone.name"),
        ("Default", "is_default"),
        ("Has subnets", "has_subnets"),
        CREATED,
    ),
    parents=(VPC,),
)
