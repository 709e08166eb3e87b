"""VPCs, their subnets, and the floating IPs that reach into them."""

from __future__ import annotations

from collections.abc import Sequence

from kunsthalle.console import refusals
from kunsthalle.console.api_client import segment
from kunsthalle.console.forms import Form, number
from kunsthalle.console.listing import Choice, Linked, Row, everything
from kunsthalle.console.network_targets import interfaces, target_of
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    CRN,
    GROUP,
    ID,
    NAME,
    NAME_INPUT,
    RENAME_INPUT,
    RESOURCE_GROUP,
    Action,
    Input,
    Kind,
    Link,
    Option,
    Part,
    Shown,
    by_resource_group,
    chosen_from,
    id_and_name,
    linked,
    of_inputs,
)

_TRAIL = ("Infrastructure", "Network")
_DOCS = "reference/generated/ibmcloud-is.html"
_PROVIDERS = 5
"""Addresses of each subnet that are the provider's."""
_VPC, _SUBNET, _FLOATING = "/v1/vpcs/{id}", "/v1/subnets/{id}", "/v1/floating_ips/{id}"
IN_VPC = Input("vpc.id", "VPC", "select", options=chosen_from("/v1/vpcs", "vpcs", id_and_name), required=True)
OF_VPC = Shown("vpc", "VPC", lambda row: [Link(row["vpc"]["name"], f"/vpcs/{row['vpc']['id']}")], "links")
_ZONE = Shown("zone", "Zone", lambda row: row["zone"]["name"])
_STATUS = Shown("status", "Status", shape="status")


async def zones(visit: Visit, _row: Row) -> Sequence[Option]:
    """Every zone of every region, by name."""
    regions = (await visit.api.get("/v1/regions"))["regions"]
    lists = [await visit.api.get(f"/v1/regions/{segment(region['name'])}/zones") for region in regions]
    return [(zone["name"], zone["name"]) for told in lists for zone in told["zones"]]


async def by_vpc(visit: Visit) -> Sequence[Choice]:
    """The filters of what is in a VPC."""
    vpcs, _ = await everything(visit.api, Linked("/v1/vpcs", "vpcs"))
    return (Choice("vpc.id", "VPC", [id_and_name(row) for row in vpcs]), *await by_resource_group(visit))


async def _with_contents(visit: Visit, vpcs: list[Row]) -> None:
    subnets, _ = await everything(visit.api, Linked("/v1/subnets", "subnets"))
    gateways, _ = await everything(visit.api, Linked("/v1/public_gateways", "public_gateways"))
    for vpc in vpcs:
        vpc["subnets"] = [subnet for subnet in subnets if subnet["vpc"]["id"] == vpc["id"]]
        vpc["gateways"] = [gateway for gateway in gateways if gateway["vpc"]["id"] == vpc["id"]]


async def _subnets_of(_visit: Visit, vpc: Row) -> list[Row]:
    return list(vpc["subnets"])


async def _groups_of(visit: Visit, vpc: Row) -> list[Row]:
    source = Linked("/v1/security_groups", "security_groups", fixed=(("vpc.id", vpc["id"]),))
    return (await everything(visit.api, source))[0]


async def _prefixes_of(visit: Visit, vpc: Row) -> list[Row]:
    source = Linked(f"/v1/vpcs/{segment(vpc['id'])}/address_prefixes", "address_prefixes")
    return (await everything(visit.api, source))[0]


def _linked_name(place: str) -> Shown:
    return Shown("name", "Name", lambda row: [Link(row["name"], f"{place}/{row['id']}")], "links")


VPC = Kind(
    word="VPC",
    plural="VPCs",
    trail=_TRAIL,
    here="/vpcs/{vpc_id}",
    many="GET /v1/vpcs",
    one=f"GET {_VPC}",
    source=linked("/v1/vpcs", "vpcs"),
    about="A virtual private cloud (VPC) is a network of your own. Subnets, security groups and instances are in one.",
    empty="Create one before the first subnet and the first instance.",
    docs=_DOCS,
    columns=(
        NAME,
        _STATUS,
        Shown("subnets", "Subnets", lambda row: len(row["subnets"]), number=True),
        Shown(
            "group",
            "Default security group",
            lambda row: [
                Link(row["default_security_group"]["name"], f"/security-groups/{row['default_security_group']['id']}")
            ],
            "links",
        ),
        GROUP,
        CREATED,
    ),
    facts=(
        ID,
        CRN,
        Shown("acl", "Default network ACL", lambda row: row["default_network_acl"]["name"]),
        Shown("table", "Default routing table", lambda row: row["default_routing_table"]["name"]),
        Shown("dns", "DNS hub", lambda row: "yes" if row["dns"]["enable_hub"] else "no"),
        GROUP,
        CREATED,
    ),
    create=(
        Action(
            "new",
            "Create VPC",
            "POST /v1/vpcs",
            "The VPC has been created.",
            "It gets a default security group, a default network ACL and a default routing table.",
            (
                NAME_INPUT,
                Input(
                    "address_prefix_management",
                    "Address prefixes",
                    "select",
                    options=(("auto", "One in each zone"), ("manual", "None: add them with the API")),
                ),
                RESOURCE_GROUP,
            ),
            of_inputs("name", "address_prefix_management", "resource_group.id"),
        ),
    ),
    actions=(
        Action("edit", "Rename", f"PATCH {_VPC}", "The VPC is renamed.", "", (RENAME_INPUT,), of_inputs("name")),
        Action(
            "delete",
            "Delete",
            f"DELETE {_VPC}",
            "The VPC is deleted.",
            "Its security groups, network ACLs and routing tables are deleted too.",
            danger=True,
            gone=True,
        ),
    ),
    parts=(
        Part(
            "subnets",
            "Subnets",
            "Instances have addresses of a subnet.",
            "The VPC has no subnet: an instance needs one.",
            _subnets_of,
            (_linked_name("/subnets"), _STATUS, Shown("ipv4_cidr_block", "IP range", shape="code"), _ZONE),
        ),
        Part(
            "groups",
            "Security groups",
            "They say which traffic reaches an instance, and which leaves it.",
            "The VPC has no security group.",
            _groups_of,
            (
                _linked_name("/security-groups"),
                Shown("rules", "Rules", lambda row: len(row["rules"]), number=True),
                Shown("targets", "Targets", lambda row: len(row["targets"]), number=True),
            ),
        ),
        Part(
            "prefixes",
            "Address prefixes",
            "The IP ranges of subnets lie in them.",
            "The VPC has no address prefix.",
            _prefixes_of,
            (NAME, Shown("cidr", "IP range", shape="code"), _ZONE),
        ),
    ),
    choices=by_resource_group,
    prepare=_with_contents,
    rule=refusals.of_vpc,
    status="status",
)


async def _addresses(_visit: Visit, subnet: Row) -> list[Row]:
    return list(subnet["addresses"])


async def _with_targets(visit: Visit, subnets: list[Row]) -> None:
    """The reserved IPs of subnets, and what has them, by name. On a list those that have just the provider's own are
    not asked for. `choices` are the public gateways that each may use: those of its VPC and its zone.
    """
    gateways, _ = await everything(visit.api, Linked("/v1/public_gateways", "public_gateways"))
    for subnet in subnets:
        place = (subnet["vpc"]["id"], subnet["zone"])
        subnet["choices"] = [id_and_name(row) for row in gateways if (row["vpc"]["id"], row["zone"]) == place]
        source = Linked(f"/v1/subnets/{segment(subnet['id'])}/reserved_ips", "reserved_ips")
        taken = subnet["total_ipv4_address_count"] - subnet["available_ipv4_address_count"]
        alone = len(subnets) == 1 or taken > _PROVIDERS
        subnet["addresses"] = (await everything(visit.api, source))[0] if alone else []
        subnet["targets"] = [entry["target"]["name"] for entry in subnet["addresses"] if "target" in entry]


async def _subnet_body(_visit: Visit, form: Form, _row: Row) -> Row:
    body = form.body("name", "vpc.id", "ipv4_cidr_block", "resource_group.id")
    count = form.get("total_ipv4_address_count")
    if body.get("ipv4_cidr_block") and not count:
        return body
    return {**body, **form.body("zone.name"), **({"total_ipv4_address_count": number(count)} if count else {})}


async def _gateways(_visit: Visit, subnet: Row) -> Sequence[Option]:
    return list(subnet["choices"])


SUBNET = Kind(
    word="subnet",
    plural="subnets",
    trail=_TRAIL,
    here="/subnets/{subnet_id}",
    many="GET /v1/subnets",
    one=f"GET {_SUBNET}",
    source=linked("/v1/subnets", "subnets"),
    about="A subnet is an IP range of a VPC in one zone. Instances have their addresses from it.",
    empty="Create one in the zone where instances are to run.",
    docs=_DOCS,
    columns=(
        NAME,
        _STATUS,
        OF_VPC,
        Shown("ipv4_cidr_block", "IP range", shape="code"),
        Shown("available_ipv4_address_count", "Free addresses", number=True),
        _ZONE,
        CREATED,
    ),
    facts=(
        ID,
        CRN,
        OF_VPC,
        _ZONE,
        Shown("ipv4_cidr_block", "IP range", shape="code"),
        Shown(
            "free",
            "Free addresses",
            lambda row: f"{row['available_ipv4_address_count']} of {row['total_ipv4_address_count']}",
        ),
        Shown(
            "gateway",
            "Public gateway",
            lambda row: row["public_gateway"]["name"] if "public_gateway" in row else "none",
        ),
        Shown("acl", "Network ACL", lambda row: row["network_acl"]["name"]),
        Shown("table", "Routing table", lambda row: row["routing_table"]["name"]),
        GROUP,
        CREATED,
    ),
    create=(
        Action(
            "new",
            "Create subnet",
            "POST /v1/subnets",
            "The subnet has been created.",
            "Enter an IP range, or a number of addresses and the zone.",
            (
                NAME_INPUT,
                IN_VPC,
                Input(
                    "ipv4_cidr_block",
                    "IP range",
                    hint="For example 10.240.1.0/24, within an address prefix of the VPC.",
                ),
                Input("total_ipv4_address_count", "Number of addresses", hint="A power of two, 8 or more: 256."),
                Input("zone.name", "Zone", "select", options=zones),
                RESOURCE_GROUP,
            ),
            _subnet_body,
        ),
    ),
    actions=(
        Action("edit", "Rename", f"PATCH {_SUBNET}", "The subnet is renamed.", "", (RENAME_INPUT,), of_inputs("name")),
        Action(
            "gateway",
            "Attach public gateway",
            f"PUT {_SUBNET}/public_gateway",
            "The public gateway is attached.",
            "With it, instances of the subnet reach addresses outside of the VPC.",
            (Input("id", "Public gateway", "select", options=_gateways, required=True),),
            of_inputs("id"),
            offered=lambda row: "public_gateway" not in row,
        ),
        Action(
            "no-gateway",
            "Detach public gateway",
            f"DELETE {_SUBNET}/public_gateway",
            "The public gateway is detached.",
            "Instances without a floating IP no longer reach addresses outside of the VPC.",
            danger=True,
            offered=lambda row: "public_gateway" in row,
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_SUBNET}",
            "The subnet is deleted.",
            "Its IP range is free again.",
            danger=True,
            gone=True,
        ),
    ),
    parts=(
        Part(
            "addresses",
            "Reserved IPs",
            "Those of the provider, and those that interfaces use.",
            "No address of the subnet is reserved.",
            _addresses,
            (
                Shown("address", "Address", shape="code"),
                NAME,
                Shown("owner", "Of"),
                Shown("target", "Used by", target_of, "links"),
            ),
        ),
    ),
    choices=by_vpc,
    prepare=_with_targets,
    rule=refusals.of_subnet,
    status="status",
)


async def _no_target(_visit: Visit, _form: Form, _row: Row) -> Row:
    return {"target": None}


async def _reserved(_visit: Visit, form: Form, _row: Row) -> Row:
    """The zone is that of the target, where there is one: the API takes one of both."""
    target = form.body("target.id")
    return {**form.body("name", "resource_group.id"), **(target or form.body("zone.name"))}


FLOATING_IP = Kind(
    word="floating IP",
    plural="floating IPs",
    trail=_TRAIL,
    here="/floating-ips/{floating_ip_id}",
    many="GET /v1/floating_ips",
    one=f"GET {_FLOATING}",
    source=linked("/v1/floating_ips", "floating_ips"),
    about="A floating IP is an address through which an instance is reached from outside of its VPC.",
    empty="None is reserved. Reserve one, and attach it to the network interface of an instance.",
    docs=_DOCS,
    columns=(
        NAME,
        Shown("address", "Address", shape="code"),
        _STATUS,
        Shown("target", "Attached to", target_of, "links"),
        _ZONE,
        CREATED,
    ),
    facts=(
        ID,
        CRN,
        Shown("address", "Address", shape="copy"),
        Shown("target", "Attached to", target_of, "links"),
        _ZONE,
        GROUP,
        CREATED,
    ),
    create=(
        Action(
            "new",
            "Reserve floating IP",
            "POST /v1/floating_ips",
            "The floating IP is reserved.",
            "",
            (
                NAME_INPUT,
                Input("target.id", "Attach to", "select", options=interfaces, choose="Nothing yet"),
                Input("zone.name", "Zone", "select", "Used where it is attached to nothing yet.", options=zones),
                RESOURCE_GROUP,
            ),
            _reserved,
        ),
    ),
    actions=(
        Action(
            "edit",
            "Rename",
            f"PATCH {_FLOATING}",
            "The floating IP is renamed.",
            "",
            (RENAME_INPUT,),
            of_inputs("name"),
        ),
        Action(
            "attach",
            "Attach",
            f"PATCH {_FLOATING}",
            "The floating IP is attached.",
            "The network interface must be in the same zone.",
            (Input("target.id", "Network interface", "select", options=interfaces, required=True),),
            of_inputs("target.id"),
            offered=lambda row: "target" not in row,
        ),
        Action(
            "detach",
            "Detach",
            f"PATCH {_FLOATING}",
            "The floating IP is detached.",
            "The instance is no longer reached through it. The address stays reserved.",
            body=_no_target,
            danger=True,
            offered=lambda row: "target" in row,
        ),
        Action(
            "delete",
            "Release",
            f"DELETE {_FLOATING}",
            "The floating IP is released.",
            "The address can be given to anybody.",
            danger=True,
            gone=True,
        ),
    ),
    choices=by_resource_group,
    rule=refusals.of_floating_ip,
    status="status",
)
KINDS = (VPC, SUBNET, FLOATING_IP)
