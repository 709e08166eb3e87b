"""Every network operation of the VPC SDK, from its minimal and from its full prototype, judged by the SDK's models.

A walk is a story of one kind: made, listed, read, changed, removed, with what refuses to go while it is in use.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException

from fixtures.sdk import Judge, client
from fixtures.worlds import World
from kunsthalle.authz.context import Context

from .conftest import Http

SCOPE = Path(__file__).parents[2] / "stories" / "api" / "vpc_operations.txt"
FAMILIES = {"regions", "vpcs", "subnets", "public_gateways", "floating_ips", "security_groups", "network_acls"}
FAMILIES |= {"virtual_network_interfaces", "keys"}
ZONE = {"name": "us-south-1"}
GROUP = "fee82deba12e4c0fb69c3b09d1f12345"
"""The resource group of the SDK's own samples, which every account has (vpc-api.md G3)."""


def expected() -> set[str]:
    rows = (line.split() for line in SCOPE.read_text().splitlines())
    return {name for name, _method, path in rows if path.split("/")[1] in FAMILIES}


def refused(code: str, status: int, call: Callable[..., Any], *arguments: Any, **more: Any) -> None:
    with pytest.raises(ApiException) as caught:
        call(*arguments, **more)
    answer = caught.value.http_response.json()
    assert (caught.value.status_code, answer["errors"][0]["code"]) == (status, code)


def geography(judge: Judge) -> None:
    judge("list_regions")
    judge("get_region", "us-south")
    judge("list_region_zones", "us-south")
    judge("get_region_zone", "us-south", "us-south-2")


def vpcs(judge: Judge) -> dict[str, Any]:
    judge("create_vpc")
    servers = [{"address": "10.0.0.53"}]
    full = judge(
        "create_vpc",
        name="full",
        address_prefix_management="manual",
        classic_access=True,
        dns={"enable_hub": False, "resolver": {"type": "manual", "manual_servers": servers}},
        resource_group={"id": GROUP},
    )
    assert full["dns"]["resolver"]["manual_servers"] == servers
    here = judge("create_vpc", name="here", dns={"enable_hub": True})
    judge("list_vpcs", resource_group_id=GROUP, classic_access=False)
    id_ = here["id"]
    assert judge("get_vpc", id_)["status"] == "available"
    for what in ("network_acl", "routing_table", "security_group"):
        judge(f"get_vpc_default_{what}", id_)
    judge("update_vpc", id_, {})
    tag = judge.vpc.get_vpc(full["id"]).get_headers()["etag"]
    system = {"dns": {"resolver": {"type": "system", "manual_servers": None}}}
    assert judge("update_vpc", full["id"], system, if_match=tag)["dns"]["resolver"]["type"] == "system"
    refused("precondition_failed", 412, judge.vpc.update_vpc, full["id"], {"name": "stale"}, if_match=tag)
    judge("delete_vpc", full["id"])
    return dict(here)


def prefixes(judge: Judge, vpc_id: str) -> None:
    made = judge("create_vpc_address_prefix", vpc_id, "10.0.0.0/24", ZONE)
    full = judge("create_vpc_address_prefix", vpc_id, "10.0.1.0/24", ZONE, is_default=False, name="full")
    judge("list_vpc_address_prefixes", vpc_id)
    judge("get_vpc_address_prefix", vpc_id, made["id"])
    judge("update_vpc_address_prefix", vpc_id, made["id"], {"name": "other", "is_default": False})
    judge("delete_vpc_address_prefix", vpc_id, full["id"])


def names(judge: Judge, hub_id: str) -> None:
    spoke = judge("create_vpc", name="spoke")["id"]
    made = judge("create_vpc_dns_resolution_binding", spoke, {"id": hub_id})
    for vpc in (spoke, hub_id):
        listed = judge("list_vpc_dns_resolution_bindings", vpc, sort="-created_at")
        assert listed["total_count"] == 1
    delegated = {"dns": {"resolver": {"type": "delegated", "vpc": {"id": hub_id}}}}
    assert judge("update_vpc", spoke, delegated)["dns"]["resolver"]["vpc"]["id"] == hub_id
    refused("invalid_state", 409, judge.vpc.delete_vpc_dns_resolution_binding, spoke, made["id"])
    judge("update_vpc", spoke, {"dns": {"resolver": {"type": "system", "vpc": None}}})
    judge("get_vpc_dns_resolution_binding", spoke, made["id"])
    judge("update_vpc_dns_resolution_binding", spoke, made["id"], {"name": "to-the-hub"})
    gone = judge("delete_vpc_dns_resolution_binding", spoke, made["id"])
    assert gone["lifecycle_state"] == "deleting"
    again = judge("create_vpc_dns_resolution_binding", spoke, {"id": hub_id}, name="full")
    refused("vpc_not_empty", 409, judge.vpc.delete_vpc, hub_id)
    assert judge("get_vpc", spoke)["dns"]["resolution_binding_count"] == 1
    judge("delete_vpc", spoke)
    refused("not_found", 404, judge.vpc.get_vpc_dns_resolution_binding, spoke, again["id"])
    assert judge("get_vpc", hub_id)["dns"]["resolution_binding_count"] == 0


def routing(judge: Judge, vpc_id: str) -> None:
    judge("create_vpc_routing_table", vpc_id)
    hop = {"address": "10.240.0.9"}
    full = judge(
        "create_vpc_routing_table",
        vpc_id,
        name="full",
        accept_routes_from=[{"resource_type": "vpn_gateway"}],
        advertise_routes_to=["direct_link"],
        route_direct_link_ingress=True,
        route_internet_ingress=True,
        route_transit_gateway_ingress=False,
        route_vpc_zone_ingress=False,
        routes=[{"destination": "10.7.0.0/16", "zone": ZONE, "next_hop": hop}],
    )
    table = full["id"]
    listed = judge("list_vpc_routing_tables", vpc_id, is_default=False)["routing_tables"]
    assert [one["is_default"] for one in listed] == [False, False]
    assert table in {one["id"] for one in listed}
    judge("get_vpc_routing_table", vpc_id, table)
    change = {"accept_routes_from": [], "name": "changed"}
    refused("missing_if_match", 400, judge.vpc.update_vpc_routing_table, vpc_id, table, change)
    judge("update_vpc_routing_table", vpc_id, table, change, if_match="*")
    one = judge("create_vpc_routing_table_route", vpc_id, table, "10.8.0.0/16", ZONE, action="drop")
    whole = {"action": "deliver", "advertise": True, "name": "whole", "next_hop": hop, "priority": 1}
    judge("create_vpc_routing_table_route", vpc_id, table, "10.9.0.0/16", ZONE, **whole)
    refused("bad_field", 400, judge.vpc.create_vpc_routing_table_route, vpc_id, table, "10.9.0.0/16", ZONE, **whole)
    assert judge("list_vpc_routing_table_routes", vpc_id, table)["total_count"] == 3
    judge("get_vpc_routing_table_route", vpc_id, table, one["id"])
    judge("update_vpc_routing_table_route", vpc_id, table, one["id"], {"priority": 0, "next_hop": None})
    judge("delete_vpc_routing_table_route", vpc_id, table, one["id"])
    judge("delete_vpc_routing_table", vpc_id, table)
    default = judge("create_vpc_route", vpc_id, "10.6.0.0/16", ZONE, next_hop=hop)
    judge("create_vpc_route", vpc_id, "10.5.0.0/16", ZONE, **whole)
    assert judge("list_vpc_routes", vpc_id, zone_name=ZONE["name"])["total_count"] == 2
    judge("get_vpc_route", vpc_id, default["id"])
    judge("update_vpc_route", vpc_id, default["id"], {"name": "other"})
    judge("delete_vpc_route", vpc_id, default["id"])


def subnets(judge: Judge, vpc: dict[str, Any]) -> dict[str, Any]:
    in_vpc = {"vpc": {"id": vpc["id"]}}
    acl = judge("create_network_acl", in_vpc)
    table = judge("create_vpc_routing_table", vpc["id"], name="other-table")
    gateway = judge("create_public_gateway", {"id": vpc["id"]}, ZONE)
    made = judge("create_subnet", {**in_vpc, "total_ipv4_address_count": 16, "zone": ZONE})
    whole = {"ip_version": "ipv4", "name": "whole", "network_acl": {"id": acl["id"]}, "resource_group": {"id": GROUP}}
    whole |= {"routing_table": {"id": table["id"]}, "public_gateway": {"id": gateway["id"]}, "zone": ZONE}
    full = judge("create_subnet", {**in_vpc, **whole, "ipv4_cidr_block": "10.240.1.0/24"})
    assert full["public_gateway"]["id"] == gateway["id"]
    filters = {"zone_name": ZONE["name"], "vpc_id": vpc["id"], "routing_table_name": "other-table"}
    assert [one["id"] for one in judge("list_subnets", **filters)["subnets"]] == [full["id"]]
    id_ = made["id"]
    judge("get_subnet", id_)
    judge("update_subnet", id_, {})
    judge("update_subnet", id_, {"name": "one", "network_acl": {"id": acl["id"]}})
    for what, other in (("network_acl", acl), ("routing_table", table)):
        assert judge(f"replace_subnet_{what}", id_, {"id": other["id"]})["id"] == other["id"]
        assert judge(f"get_subnet_{what}", id_)["id"] == other["id"]
    judge("set_subnet_public_gateway", id_, {"id": gateway["id"]})
    judge("get_subnet_public_gateway", id_)
    refused("public_gateway_in_use", 409, judge.vpc.delete_public_gateway, gateway["id"])
    refused("acl_in_use", 409, judge.vpc.delete_network_acl, acl["id"])
    judge("unset_subnet_public_gateway", id_)
    refused("not_found", 404, judge.vpc.get_subnet_public_gateway, id_)
    refused("vpc_not_empty", 409, judge.vpc.delete_vpc, vpc["id"])
    judge("delete_subnet", full["id"])
    return dict(made)


def addresses(judge: Judge, subnet_id: str) -> None:
    made = judge("create_subnet_reserved_ip", subnet_id)
    whole = {"address": "10.240.0.9", "auto_delete": False, "name": "whole"}
    judge("create_subnet_reserved_ip", subnet_id, **whole)
    refused("address_is_already_reserved", 409, judge.vpc.create_subnet_reserved_ip, subnet_id, address="10.240.0.9")
    listed = judge("list_subnet_reserved_ips", subnet_id, sort="address")["reserved_ips"]
    assert [one["address"] for one in listed][:5] == [f"10.240.0.{n}" for n in range(5)]
    subnet = judge("get_subnet", subnet_id)
    assert subnet["available_ipv4_address_count"] == subnet["total_ipv4_address_count"] - len(listed)
    judge("get_subnet_reserved_ip", subnet_id, made["id"])
    judge("update_subnet_reserved_ip", subnet_id, made["id"], {"name": "other"})
    refused("reserved_ip_in_use", 409, judge.vpc.delete_subnet_reserved_ip, subnet_id, listed[0]["id"])
    judge("delete_subnet_reserved_ip", subnet_id, made["id"])


def gateways(judge: Judge, vpc_id: str) -> None:
    zone = {"name": "us-south-2"}
    floating = {"name": "way-out", "resource_group": {"id": GROUP}}
    made = judge("create_public_gateway", {"id": vpc_id}, zone, floating_ip=floating, name="full")
    assert made["status"] == "pending"
    judge("list_public_gateways", resource_group_id=made["resource_group"]["id"])
    judge("get_public_gateway", made["id"])
    judge("update_public_gateway", made["id"], {"name": "renamed"})
    ip = judge("get_floating_ip", made["floating_ip"]["id"])
    assert ip["target"]["name"] == "renamed"
    refused("floating_ip_in_use", 409, judge.vpc.delete_floating_ip, ip["id"])
    judge("delete_public_gateway", made["id"])
    refused("not_found", 404, judge.vpc.get_floating_ip, ip["id"])


def interfaces(judge: Judge, vpc: dict[str, Any], subnet_id: str) -> None:
    judge("create_virtual_network_interface", subnet={"id": subnet_id})
    group = judge("create_security_group", {"id": vpc["id"]}, name="web")
    full = judge(
        "create_virtual_network_interface",
        subnet={"id": subnet_id},
        name="full",
        allow_ip_spoofing=True,
        auto_delete=False,
        enable_infrastructure_nat=True,
        ips=[{"name": "second", "auto_delete": False}],
        primary_ip={"address": "10.240.0.10", "auto_delete": False, "name": "first"},
        protocol_state_filtering_mode="enabled",
        resource_group={"id": GROUP},
        security_groups=[{"id": group["id"]}],
    )
    id_ = full["id"]
    assert [ip["name"] for ip in full["ips"]] == ["first", "second"]
    judge("list_virtual_network_interfaces", resource_group_id=GROUP)
    assert judge("get_virtual_network_interface", id_)["lifecycle_state"] == "stable"
    judge("update_virtual_network_interface", id_, {"name": "renamed", "allow_ip_spoofing": False})
    ips = judge("list_virtual_network_interface_ips", id_)["ips"]
    judge("get_virtual_network_interface_ip", id_, ips[1]["id"])
    refused("reserved_ip_in_use", 409, judge.vpc.remove_virtual_network_interface_ip, id_, ips[0]["id"])
    judge("remove_virtual_network_interface_ip", id_, ips[1]["id"])
    judge("add_virtual_network_interface_ip", id_, ips[1]["id"])
    floating(judge, id_)
    targets(judge, vpc, group["id"], id_)
    refused("subnet_not_empty", 409, judge.vpc.delete_subnet, subnet_id)
    assert judge("delete_virtual_network_interfaces", id_)["lifecycle_state"] == "deleting"
    assert "target" not in judge("get_subnet_reserved_ip", subnet_id, ips[0]["id"])


def floating(judge: Judge, interface_id: str) -> None:
    free = judge("create_floating_ip", {"zone": ZONE})
    bound = judge("create_floating_ip", {"target": {"id": interface_id}, "name": "b", "resource_group": {"id": GROUP}})
    assert bound["target"]["subnet"]["resource_type"] == "subnet"
    found = judge("list_floating_ips", target_id=interface_id, target_name="renamed", sort="-name")
    assert [one["id"] for one in found["floating_ips"]] == [bound["id"]]
    judge("get_floating_ip", bound["id"])
    judge("list_network_interface_floating_ips", interface_id)
    judge("get_network_interface_floating_ip", interface_id, bound["id"])
    refused("target_in_use", 409, judge.vpc.add_network_interface_floating_ip, interface_id, free["id"])
    assert "target" not in judge("update_floating_ip", bound["id"], {"target": None, "name": "c"})
    judge("add_network_interface_floating_ip", interface_id, free["id"])
    judge("remove_network_interface_floating_ip", interface_id, free["id"])
    judge("update_floating_ip", free["id"], {"target": {"id": interface_id}})
    judge("delete_floating_ip", bound["id"])


def targets(judge: Judge, vpc: dict[str, Any], group_id: str, interface_id: str) -> None:
    refused(
        "security_group_last_of_target", 409, judge.vpc.delete_security_group_target_binding, group_id, interface_id
    )
    default = vpc["default_security_group"]["id"]
    judge("create_security_group_target_binding", default, interface_id)
    judge("get_security_group_target", default, interface_id)
    assert judge("list_security_group_targets", default)["total_count"] == 2
    refused("security_group_interfaces_attached", 409, judge.vpc.delete_security_group, group_id)
    judge("delete_security_group_target_binding", group_id, interface_id)
    judge("delete_security_group", group_id)


def groups(judge: Judge, vpc_id: str) -> None:
    rule = {"direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22, "name": "ssh"}
    rule |= {"remote": {"cidr_block": "10.0.0.0/8"}, "local": {"cidr_block": "0.0.0.0/0"}, "ip_version": "ipv4"}
    id_ = judge("create_security_group", {"id": vpc_id}, name="f", resource_group={"id": GROUP}, rules=[rule])["id"]
    judge("list_security_groups", vpc_id=vpc_id, resource_group_id=GROUP)
    judge("get_security_group", id_)
    judge("update_security_group", id_, {"name": "other"})
    judge("create_security_group_rule", id_, {"direction": "inbound"})
    made = [judge("create_security_group_rule", id_, {"direction": "outbound", "protocol": one}) for one in PROTOCOLS]
    whole = {"direction": "inbound", "protocol": "icmp", "type": 8, "code": 0, "remote": {"id": id_}}
    icmp = judge("create_security_group_rule", id_, whole)
    judge("create_security_group_rule", id_, {**rule, "name": "ssh-2"})
    assert len(judge("list_security_group_rules", id_)["rules"]) == len(PROTOCOLS) + 4
    judge("get_security_group_rule", id_, icmp["id"])
    assert "code" not in judge("update_security_group_rule", id_, icmp["id"], {"code": None, "name": "ping"})
    assert "type" not in judge("update_security_group_rule", id_, made[0]["id"], {"type": 8, "code": 0})
    judge("delete_security_group_rule", id_, icmp["id"])


PROTOCOLS = ("any", "tcp", "udp", "icmp", "icmp_tcp_udp", "gre", "number_99")


def acls(judge: Judge, vpc_id: str) -> None:
    ends = {"source": "10.0.0.0/8", "destination": "0.0.0.0/0"}
    rule = {"action": "deny", "direction": "inbound", "protocol": "udp", "name": "first", **ends}
    rule |= {f"{end}_port_{bound}": 53 for end in ("source", "destination") for bound in ("min", "max")}
    in_vpc = {"vpc": {"id": vpc_id}}
    full = judge("create_network_acl", {**in_vpc, "name": "f", "resource_group": {"id": GROUP}, "rules": [rule]})
    copy = judge("create_network_acl", {"source_network_acl": {"id": full["id"]}})
    assert [one["name"] for one in copy["rules"]] == ["first"]
    id_ = full["id"]
    judge("list_network_acls", resource_group_id=GROUP)
    judge("get_network_acl", id_)
    judge("update_network_acl", id_, {"name": "other"})
    allow = {"action": "allow", "direction": "outbound", **ends}
    made = [
        judge("create_network_acl_rule", id_, {**allow, "protocol": one, "name": one.replace("_", "-")})
        for one in PROTOCOLS
    ]
    before = {**rule, "name": "zeroth", "before": {"id": full["rules"][0]["id"]}}
    assert judge("create_network_acl_rule", id_, before)["before"]["name"] == "first"
    listed = judge("list_network_acl_rules", id_)
    assert [one["name"] for one in listed["rules"]][:3] == ["zeroth", "first", "any"]
    assert judge("list_network_acl_rules", id_, direction="inbound")["total_count"] == 2
    judge("get_network_acl_rule", id_, made[1]["id"])
    last = judge("update_network_acl_rule", id_, made[0]["id"], {"before": None, "action": "deny"})
    assert (last["action"], "before" in last) == ("deny", False)
    judge("delete_network_acl_rule", id_, made[2]["id"])
    judge("delete_network_acl", copy["id"])


def keys(judge: Judge, rsa_line: str, ed25519_line: str) -> None:
    made = judge("create_key", rsa_line)
    judge("create_key", ed25519_line, name="full", type="ed25519", resource_group={"id": GROUP})
    judge("list_keys", resource_group_id=GROUP)
    judge("get_key", made["id"])
    judge("update_key", made["id"], {"name": "other"})
    judge("delete_key", made["id"])


def test_every_network_operation_conforms(
    both: World, ctx: Context, rsa_line: str, ed25519_line: str, capsys: Any
) -> None:
    judge = Judge(client(Http(both, {"me": ctx}).app, "me"))
    geography(judge)
    here = vpcs(judge)
    prefixes(judge, here["id"])
    names(judge, here["id"])
    routing(judge, here["id"])
    groups(judge, here["id"])
    acls(judge, here["id"])
    subnet = subnets(judge, here)
    addresses(judge, subnet["id"])
    gateways(judge, here["id"])
    interfaces(judge, here, subnet["id"])
    keys(judge, rsa_line, ed25519_line)
    wanted = expected()
    with capsys.disabled():
        print(f"\n{len(judge.conforming & wanted)} of {len(wanted)} network operations conform")  # noqa: T201  the figure that the walk is for
    assert judge.wrong == {}
    assert judge.conforming == wanted
