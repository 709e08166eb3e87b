"""The package over HTTP; the SDK's own models are the judge of every answer."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find
from kunsthalle.networks import address_allocation, security_groups
from kunsthalle.networks.queries import default_security_group
from kunsthalle.networks.resources import SUBNET, VPC

from .conftest import Http, nic

ABSENT = "r006-00000000-0000-4000-8000-000000000000"


@pytest.fixture
def vpc(http: Http) -> dict[str, Any]:
    made: dict[str, Any] = http.call("POST", "/v1/vpcs", {"name": "here"}, status=201)
    return made


@pytest.fixture
def subnet(http: Http, vpc: dict[str, Any]) -> dict[str, Any]:
    body = {"vpc": {"id": vpc["id"]}, "name": "one", "total_ipv4_address_count": 8, "zone": {"name": "us-south-1"}}
    made: dict[str, Any] = http.call("POST", "/v1/subnets", body, status=201)
    return made


def _attach_nic(world: World, me: Context, subnet_id: str, target: dict[str, str]) -> str:
    """A target with an address, in the default group of its VPC; the group's id."""

    def work(session: Session) -> str:
        here = find(session, SUBNET, subnet_id)
        vpc = find(session, VPC, here.vpc_id)
        group = default_security_group(session, vpc)
        address_allocation.reserve(session, here, None, name="nic-ip", target=target)
        security_groups.attach(session, vpc, [group], target)
        return group.id

    return world.write(me, work)


def test_regions_and_zones(http: Http) -> None:
    regions = sdk.RegionCollection.from_dict(http.call("GET", "/v1/regions", status=200)).regions
    assert [(one.name, one.endpoint) for one in regions] == [("us-south", "http://here")]
    assert sdk.Region.from_dict(http.call("GET", "/v1/regions/us-south", status=200)).status == "available"
    zones = sdk.ZoneCollection.from_dict(http.call("GET", "/v1/regions/us-south/zones", status=200)).zones
    assert [one.name for one in zones] == ["us-south-1", "us-south-2", "us-south-3"]
    one = sdk.Zone.from_dict(http.call("GET", "/v1/regions/us-south/zones/us-south-2", status=200))
    assert (one.name, one.region.name) == ("us-south-2", "us-south")
    assert http.code("GET", "/v1/regions/eu-de", status=404) == ("not_found", "name")
    assert http.code("GET", "/v1/regions/eu-de/zones", status=404) == ("not_found", "region_name")
    assert http.code("GET", "/v1/regions/us-south/zones/us-south-4", status=404) == ("not_found", "name")


def test_a_vpc_and_what_came_with_it(http: Http, vpc: dict[str, Any]) -> None:
    assert vpc["status"] == "pending"
    made = sdk.VPC.from_dict(http.call("GET", f"/v1/vpcs/{vpc['id']}", status=200))
    assert (made.name, made.status, made.classic_access, made.health_state) == ("here", "available", False, "ok")
    resolver = sdk.VPCDNSResolverTypeSystem.from_dict(vpc["dns"]["resolver"])
    assert resolver.type == "system"
    here = f"/v1/vpcs/{made.id}"
    group = sdk.DefaultSecurityGroup.from_dict(http.call("GET", f"{here}/default_security_group", status=200))
    acl = sdk.DefaultNetworkACL.from_dict(http.call("GET", f"{here}/default_network_acl", status=200))
    table = sdk.DefaultRoutingTable.from_dict(http.call("GET", f"{here}/default_routing_table", status=200))
    assert (group.id, acl.id, table.id) == (
        made.default_security_group.id,
        made.default_network_acl.id,
        made.default_routing_table.id,
    )
    assert table.is_default
    assert [rule.direction for rule in acl.rules] == ["inbound", "outbound"]
    assert acl.rules[0].before.id == acl.rules[1].id
    assert acl.rules[1].before is None
    assert group.rules[0].remote["id"] == group.id
    listed = sdk.AddressPrefixCollection.from_dict(http.call("GET", f"{here}/address_prefixes", status=200))
    assert {(one.zone.name, one.cidr) for one in listed.address_prefixes} == {
        ("us-south-1", "10.240.0.0/18"),
        ("us-south-2", "10.240.64.0/18"),
        ("us-south-3", "10.240.128.0/18"),
    }
    prefix = listed.address_prefixes[0]
    assert sdk.AddressPrefix.from_dict(http.call("GET", f"{here}/address_prefixes/{prefix.id}", status=200)) == prefix
    tables = sdk.RoutingTableCollection.from_dict(http.call("GET", f"{here}/routing_tables", status=200))
    assert [one.id for one in tables.routing_tables] == [table.id]


def test_a_subnet_and_its_addresses(
    http: Http, world: World, me: Context, vpc: dict[str, Any], subnet: dict[str, Any]
) -> None:
    made = sdk.Subnet.from_dict(subnet)
    assert (made.ipv4_cidr_block, made.total_ipv4_address_count, made.zone.name) == ("10.240.0.0/29", 8, "us-south-1")
    assert made.available_ipv4_address_count == 3
    assert (made.vpc.id, made.vpc.resource_type) == (vpc["id"], "vpc")
    assert (made.network_acl.id, made.routing_table.id) == (
        vpc["default_network_acl"]["id"],
        vpc["default_routing_table"]["id"],
    )
    _attach_nic(world, me, made.id, nic(0))
    assert http.call("GET", f"/v1/subnets/{made.id}", status=200)["available_ipv4_address_count"] == 2
    ips = f"/v1/subnets/{made.id}/reserved_ips"
    listed = sdk.ReservedIPCollection.from_dict(http.call("GET", ips, status=200))
    assert listed.total_count == 6
    assert sum(one.owner == "provider" for one in listed.reserved_ips) == 5
    (mine,) = http.call("GET", ips, status=200, **{"target.id": nic(0)["id"]})["reserved_ips"]
    one = sdk.ReservedIP.from_dict(http.call("GET", f"{ips}/{mine['id']}", status=200))
    assert (one.address, one.name, one.auto_delete) == ("10.240.0.4", "nic-ip", True)
    assert mine["target"] == {
        "href": f"http://here/v1{nic(0)['href_path']}",
        "id": nic(0)["id"],
        "name": "nic-0",
        "resource_type": "network_interface",
    }
    assert http.code("DELETE", f"/v1/subnets/{made.id}", status=409) == ("subnet_not_empty", None)
    acl = sdk.NetworkACL.from_dict(http.call("GET", f"/v1/network_acls/{made.network_acl.id}", status=200))
    assert [one.id for one in acl.subnets] == [made.id]


def test_subnets_are_found_by_what_they_are_in(http: Http, vpc: dict[str, Any], subnet: dict[str, Any]) -> None:
    other = http.call("POST", "/v1/vpcs", {"name": "there"}, status=201)
    for zone in ("us-south-1", "us-south-2"):
        body = {"vpc": {"crn": other["crn"]}, "total_ipv4_address_count": 16, "zone": {"name": zone}}
        http.call("POST", "/v1/subnets", body, status=201)

    def found(**query: str) -> int:
        page = sdk.SubnetCollection.from_dict(http.call("GET", "/v1/subnets", status=200, **query))
        assert page.total_count == len(page.subnets)
        return len(page.subnets)

    assert found() == 3
    assert found(**{"vpc.id": vpc["id"]}) == found(**{"vpc.name": "here"}) == found(**{"vpc.crn": vpc["crn"]}) == 1
    assert found(**{"vpc.name": "nowhere"}) == found(**{"vpc.crn": "crn"}) == found(**{"vpc.id": ABSENT}) == 0
    assert found(**{"zone.name": "us-south-1"}) == 2
    assert found(**{"zone.name": "us-south-1", "vpc.id": other["id"]}) == found(name="one") == 1
    assert found(**{"resource_group.id": vpc["resource_group"]["id"]}) == 3
    assert found(**{"routing_table.id": other["default_routing_table"]["id"]}) == 2


def test_how_subnets_are_asked_for(http: Http, vpc: dict[str, Any]) -> None:
    def code(**body: Any) -> tuple[str, str | None]:
        return http.code("POST", "/v1/subnets", {"vpc": {"id": vpc["id"]}, **body}, status=400)

    zone = {"zone": {"name": "us-south-1"}}
    assert code(**zone) == ("validation_only_one", "ipv4_cidr_block")
    assert code(ipv4_cidr_block="10.240.0.0/24", total_ipv4_address_count=8) == (
        "validation_only_one",
        "ipv4_cidr_block",
    )
    assert code(total_ipv4_address_count=8) == ("validation_required_field", "zone")
    assert code(total_ipv4_address_count=9, **zone) == ("bad_field", "total_ipv4_address_count")
    assert code(total_ipv4_address_count=0, **zone) == ("validation_min_value", "total_ipv4_address_count")
    assert code(total_ipv4_address_count=8, zone={"name": "mars-1"}) == ("invalid_zone", "zone")
    assert code(ipv4_cidr_block="10.240.0.0") == ("validation_invalid_ipv4_cidr", "ipv4_cidr_block")
    assert code(ipv4_cidr_block="10.240.0.0/24", name="Bad") == ("validation_invalid_name", "name")
    assert code(ipv4_cidr_block="10.240.0.0/24", resource_group={"id": "x"}) == ("bad_field", "resource_group")
    body = {"vpc": {"id": vpc["id"]}, "ipv4_cidr_block": "10.240.0.0/24"}
    for field in ("public_gateway", "network_acl", "routing_table"):
        assert http.code("POST", "/v1/subnets", {**body, field: {"id": ABSENT}}, status=404) == ("not_found", field)
    assert http.code("POST", "/v1/subnets", {**body, "vpc": {"id": ABSENT}}, status=404) == ("not_found", "vpc")
    made = http.call("POST", "/v1/subnets", {**body, "ip_version": "both", **zone}, status=201)
    assert made["ip_version"] == "ipv4"


def test_targets_of_a_security_group(http: Http, world: World, me: Context, subnet: dict[str, Any]) -> None:
    vni = {
        "id": "0717-vni",
        "name": "eth0",
        "href_path": "/virtual_network_interfaces/0717-vni",
        "resource_type": "virtual_network_interface",
        "crn": "crn:v1:bluemix:public:is:us-south-1:a/me::virtual-network-interface:0717-vni",
    }
    group_id = _attach_nic(world, me, subnet["id"], nic(0))
    here = find_targets(http, group_id)
    assert (here.total_count, here.targets) == (1, [{**nic_shown(0)}])
    world.write(me, address_allocation.release, nic(0)["id"])
    _attach_nic(world, me, subnet["id"], vni)
    shown = http.call("GET", f"/v1/security_groups/{group_id}/targets/0717-vni", status=200)
    one = sdk.SecurityGroupTargetReferenceVirtualNetworkInterfaceReference.from_dict(shown)
    assert (one.primary_ip.name, one.subnet.id, one.crn) == ("nic-ip", subnet["id"], vni["crn"])
    group = sdk.SecurityGroup.from_dict(http.call("GET", f"/v1/security_groups/{group_id}", status=200))
    assert len(group.targets) == find_targets(http, group_id).total_count == 2
    absent = f"/v1/security_groups/{group_id}/targets/0717-none"
    assert http.code("GET", absent, status=404) == ("not_found", "id")
    assert http.code("GET", f"/v1/security_groups/{ABSENT}/targets", status=404) == ("not_found", "security_group_id")


def find_targets(http: Http, group_id: str) -> Any:
    listed = http.call("GET", f"/v1/security_groups/{group_id}/targets", status=200)
    return sdk.SecurityGroupTargetCollection.from_dict(listed)


def nic_shown(n: int) -> dict[str, str]:
    target = nic(n)
    return {"href": f"http://here/v1{target.pop('href_path')}", **target}


def test_keys(http: Http, rsa_line: str, ed25519_line: str) -> None:
    made = sdk.Key.from_dict(http.call("POST", "/v1/keys", {"name": "laptop", "public_key": rsa_line}, status=201))
    assert (made.type, made.length, made.public_key) == ("rsa", 2048, rsa_line)
    body = {"public_key": ed25519_line, "type": "ed25519"}
    other = sdk.Key.from_dict(http.call("POST", "/v1/keys", body, status=201))
    assert (other.type, other.length) == ("ed25519", 256)
    listed = sdk.KeyCollection.from_dict(http.call("GET", "/v1/keys", status=200))
    assert {one.id for one in listed.keys} == {made.id, other.id}
    assert http.code("POST", "/v1/keys", body, status=400) == ("key_content_exists", "public_key")
    assert http.code("POST", "/v1/keys", {"public_key": "key"}, status=400) == ("key_parse_failure", "public_key")
    assert http.code("POST", "/v1/keys", {"name": "x"}, status=400) == ("validation_required_field", "public_key")
    http.call("DELETE", f"/v1/keys/{other.id}", status=204)
    assert http.code("GET", f"/v1/keys/{other.id}", status=404) == ("not_found", "id")


RENAMED = [
    "/v1/vpcs/{vpc}",
    "/v1/subnets/{subnet}",
    "/v1/security_groups/{sg}",
    "/v1/network_acls/{acl}",
    "/v1/vpcs/{vpc}/routing_tables/{rt}",
]


@pytest.mark.parametrize("path", RENAMED)
def test_names_can_be_changed(http: Http, vpc: dict[str, Any], subnet: dict[str, Any], path: str) -> None:
    names = {"sg": "default_security_group", "acl": "default_network_acl", "rt": "default_routing_table"}
    ids = {short: vpc[name]["id"] for short, name in names.items()}
    one = path.format(vpc=vpc["id"], subnet=subnet["id"], **ids)
    assert http.call("PATCH", one, {}, status=200) == http.call("GET", one, status=200)
    assert http.call("PATCH", one, {"name": "new"}, status=200)["name"] == "new"
    assert http.call("GET", one, status=200)["name"] == "new"
    assert http.code("PATCH", one, {"name": None}, status=400) == ("validation_not_null", "name")
    assert http.code("PATCH", one, {"name": "-"}, status=400) == ("validation_invalid_name", "name")
    (error,) = http.call("PATCH", one, {"name": "Bad Name"}, status=400)["errors"]
    assert error["message"].startswith("A name consists of lower-case letters, digits and hyphens, begins and ends")
    assert "regex" not in error["message"]


def test_a_name_in_use_is_refused(http: Http, vpc: dict[str, Any]) -> None:
    http.call("POST", "/v1/vpcs", {"name": "there"}, status=201)
    assert http.code("PATCH", f"/v1/vpcs/{vpc['id']}", {"name": "there"}, status=400) == (
        "validation_unique_failed",
        "name",
    )


def test_lists_have_pages(http: Http, vpc: dict[str, Any]) -> None:
    for name in ("b", "c"):
        http.call("POST", "/v1/vpcs", {"name": name}, status=201)
    first = http.call("GET", "/v1/vpcs", status=200, limit="2")
    start = sdk.VPCCollection.from_dict(first).next.href.split("start=")[1]
    second = http.call("GET", "/v1/vpcs", status=200, limit="2", start=start)
    assert "next" not in second
    assert {one["name"] for one in first["vpcs"] + second["vpcs"]} == {"here", "b", "c"}


def test_the_end_of_a_vpc(http: Http, vpc: dict[str, Any], subnet: dict[str, Any]) -> None:
    assert http.code("DELETE", f"/v1/vpcs/{vpc['id']}", status=409) == ("vpc_not_empty", None)
    group = vpc["default_security_group"]["id"]
    assert http.code("DELETE", f"/v1/security_groups/{group}", status=409) == ("security_group_vpc_default", None)
    http.call("DELETE", f"/v1/subnets/{subnet['id']}", status=204)
    http.call("DELETE", f"/v1/vpcs/{vpc['id']}", status=204)
    for path in (f"/v1/vpcs/{vpc['id']}", f"/v1/security_groups/{group}", f"/v1/subnets/{subnet['id']}"):
        assert http.code("GET", path, status=404) == ("not_found", "id")


def test_a_stranger_sees_what_was_never_there(http: Http, vpc: dict[str, Any], subnet: dict[str, Any]) -> None:
    table = f"/v1/vpcs/{{}}/routing_tables/{vpc['default_routing_table']['id']}"
    for path, id_ in (
        ("/v1/vpcs/{}", vpc["id"]),
        ("/v1/vpcs/{}/default_network_acl", vpc["id"]),
        ("/v1/vpcs/{}/address_prefixes", vpc["id"]),
        ("/v1/subnets/{}", subnet["id"]),
        ("/v1/subnets/{}/reserved_ips", subnet["id"]),
        ("/v1/security_groups/{}", vpc["default_security_group"]["id"]),
        ("/v1/security_groups/{}/targets", vpc["default_security_group"]["id"]),
        ("/v1/network_acls/{}", vpc["default_network_acl"]["id"]),
        (table, vpc["id"]),
    ):
        answers = [http.call("GET", path.format(one), status=404, caller="other") for one in (id_, ABSENT)]
        assert answers[0]["errors"] == answers[1]["errors"], path
    for path, key in (("/v1/vpcs", "vpcs"), ("/v1/subnets", "subnets"), ("/v1/security_groups", "security_groups")):
        listed = http.call("GET", path, status=200, caller="other")
        assert (listed["total_count"], listed[key]) == (0, [])
    body = {"vpc": {"id": vpc["id"]}, "ipv4_cidr_block": "10.240.9.0/24"}
    assert http.code("POST", "/v1/subnets", body, status=404, caller="other") == ("not_found", "vpc")


def test_a_child_is_found_below_its_own_parent_only(http: Http, vpc: dict[str, Any]) -> None:
    other = http.call("POST", "/v1/vpcs", {"name": "there"}, status=201)
    table = vpc["default_routing_table"]["id"]
    assert http.code("GET", f"/v1/vpcs/{other['id']}/routing_tables/{table}", status=404) == ("not_found", "id")


def test_a_viewer_sees_and_changes_nothing(http: Http, vpc: dict[str, Any], subnet: dict[str, Any]) -> None:
    for path, id_ in (
        ("/v1/vpcs", vpc["id"]),
        ("/v1/subnets", subnet["id"]),
        ("/v1/security_groups", vpc["default_security_group"]["id"]),
        (f"/v1/vpcs/{vpc['id']}/routing_tables", vpc["default_routing_table"]["id"]),
    ):
        one = f"{path}/{id_}"
        before = http.call("GET", one, status=200, caller="viewer")
        assert http.code("PATCH", one, {"name": "mine"}, status=403, caller="viewer") == ("not_authorized", None)
        if "routing" not in path:
            assert http.code("POST", path, {}, status=403, caller="viewer") == ("not_authorized", None)
            assert http.code("DELETE", one, status=403, caller="viewer") == ("not_authorized", None)
        assert http.call("GET", one, status=200) == before
