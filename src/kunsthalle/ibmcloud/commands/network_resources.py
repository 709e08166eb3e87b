"""What networks are made of, as the command line shows it (cli.md 3.4)."""

from __future__ import annotations

from kunsthalle.ibmcloud.commands.vpc_resources import CRN, GROUP_TABLE, ID, NAMED, STATUS, SUBNET, VPC
from kunsthalle.ibmcloud.printed_tables import ID_NAME, Field, look, names, nested
from kunsthalle.ibmcloud.resource_commands import CREATED, RESOURCE_GROUP, Resource


def protocol_of(word: str) -> str:
    """Return a protocol as the API names it. The plug-in says `all`, the present API `any`."""
    return "any" if word == "all" else word


SECURITY_GROUP = Resource(
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
RULE = Resource(
    "security group rule",
    "security group rules",
    "/v1/security_groups/{}/rules",
    "rules",
    RULE_FIELDS,
    RULE_FIELDS,
    parents=(SECURITY_GROUP,),
)

VNI = Resource(
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

FLOATING_IP = Resource(
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

PUBLIC_GATEWAY = Resource(
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

NETWORK_ACL = Resource(
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

ADDRESS_PREFIX = Resource(
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

_ACL_RULE: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Action", "action"),
    ("Direction", "direction"),
    ("Protocol", "protocol"),
    ("Source", "source"),
    ("Destination", "destination"),
    ("Source Port Min", "source_port_min"),
    ("Source Port Max", "source_port_max"),
    ("Destination Port Min", "destination_port_min"),
    ("Destination Port Max", "destination_port_max"),
    ("ICMP Type", "type"),
    ("ICMP Code", "code"),
)
ACL_RULE = Resource(
    "network acl rule",
    "network acl rules",
    "/v1/network_acls/{}/rules",
    "rules",
    _ACL_RULE,
    (*_ACL_RULE, ("Before", nested("before", *ID_NAME)), CREATED),
    parents=(NETWORK_ACL,),
)

ROUTING_TABLE = Resource(
    "routing table",
    "routing tables",
    "/v1/vpcs/{}/routing_tables",
    "routing_tables",
    (ID, NAMED, ("Default", "is_default"), ("Lifecycle State", "lifecycle_state"), ("Subnets", names("subnets"))),
    (
        ID,
        NAMED,
        CRN,
        ("Default", "is_default"),
        ("Lifecycle State", "lifecycle_state"),
        ("Direct link ingress", "route_direct_link_ingress"),
        ("Internet ingress", "route_internet_ingress"),
        ("Transit gateway ingress", "route_transit_gateway_ingress"),
        ("VPC zone ingress", "route_vpc_zone_ingress"),
        ("Accept routes from", names("accept_routes_from", "resource_type")),
        ("Routes", nested("routes", *ID_NAME)),
        ("Subnets", nested("subnets", *ID_NAME)),
        RESOURCE_GROUP,
        CREATED,
    ),
    parents=(VPC,),
)

_ROUTE: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Action", "action"),
    ("Destination", "destination"),
    ("Next hop", "next_hop.address"),
    ("Priority", "priority"),
    ("Origin", "origin"),
    ("Lifecycle State", "lifecycle_state"),
    ("Zone", "zone.name"),
)
ROUTE = Resource(
    "route",
    "routes",
    "/v1/vpcs/{}/routing_tables/{}/routes",
    "routes",
    _ROUTE,
    (*_ROUTE, ("Advertise", "advertise"), CREATED),
    parents=(VPC, ROUTING_TABLE),
)

_TARGET: tuple[Field, ...] = (ID, NAMED, ("Resource type", "resource_type"))
TARGET = Resource(
    "security group target",
    "security group targets",
    "/v1/security_groups/{}/targets",
    "targets",
    _TARGET,
    _TARGET,
    parents=(SECURITY_GROUP,),
)

_RESERVED_IP: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Address", "address"),
    ("Auto delete", "auto_delete"),
    ("Owner", "owner"),
    ("Target", "target.name"),
)
RESERVED_IP = Resource(
    "reserved ip",
    "reserved ips",
    "/v1/subnets/{}/reserved_ips",
    "reserved_ips",
    _RESERVED_IP,
    (*_RESERVED_IP, CREATED),
    parents=(SUBNET,),
)
