"""What changes and what goes: rules in their order, what is in use, what a version names otherwise, tags."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find
from kunsthalle.networks import address_allocation, security_groups
from kunsthalle.networks.queries import default_security_group
from kunsthalle.networks.resources import SUBNET, VPC

from .conftest import VERSION, Http, nic

ZONE = {"name": "us-south-1"}
OLD = "2025-12-08"


@pytest.fixture
def vpc(http: Http) -> dict[str, Any]:
    made: dict[str, Any] = http.call("POST", "/v1/vpcs", {"name": "here"}, status=201)
    return made


@pytest.fixture
def subnet(http: Http, vpc: dict[str, Any]) -> dict[str, Any]:
    body = {"vpc": {"id": vpc["id"]}, "name": "one", "total_ipv4_address_count": 16, "zone": ZONE}
    made: dict[str, Any] = http.call("POST", "/v1/subnets", body, status=201)
    return made


def _interface(http: Http, subnet: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"subnet": {"id": subnet["id"]}, **more}
    made: dict[str, Any] = http.call("POST", "/v1/virtual_network_interfaces", body, status=201)
    return made


def test_a_creation_is_pending_and_the_next_look_is_not(
    http: Http, vpc: dict[str, Any], subnet: dict[str, Any]
) -> None:
    assert (vpc["status"], subnet["status"]) == ("pending", "pending")
    assert http.call("GET", f"/v1/vpcs/{vpc['id']}", status=200)["status"] == "available"
    made = _interface(http, subnet)
    here = f"/v1/virtual_network_interfaces/{made['id']}"
    assert made["lifecycle_state"] == "pending"
    assert http.call("GET", here, status=200)["lifecycle_state"] == "stable"
    assert http.call("DELETE", here, status=202)["lifecycle_state"] == "deleting"
    assert http.code("GET", here, status=404) == ("not_found", "id")


def test_a_rule_without_a_protocol_is_for_all_of_them(http: Http, vpc: dict[str, Any]) -> None:
    rules = f"/v1/security_groups/{vpc['default_security_group']['id']}/rules"
    new = http.call("POST", rules, {"direction": "inbound"}, status=201)
    old = http.call("POST", rules, {"direction": "inbound"}, status=201, version=OLD)
    assert (new["protocol"], old["protocol"]) == ("any", "all")
    assert http.call("GET", f"{rules}/{old['id']}", status=200)["protocol"] == "icmp_tcp_udp"
    shown = http.call("GET", rules, status=200, version=OLD)["rules"]
    assert {one["protocol"] for one in shown} == {"all"}


def test_an_old_denial_of_all_denies_everything(http: Http, vpc: dict[str, Any]) -> None:
    rules = f"/v1/network_acls/{vpc['default_network_acl']['id']}/rules"
    body = {
        "action": "deny",
        "direction": "inbound",
        "protocol": "all",
        "source": "10.0.0.1",
        "destination": "0.0.0.0/0",
    }
    made = http.call("POST", rules, body, status=201, version=OLD)
    assert (made["protocol"], made["source"]) == ("all", "10.0.0.1")
    assert http.call("GET", f"{rules}/{made['id']}", status=200)["protocol"] == "any"
    assert http.code("POST", rules, body, status=400) == ("validation_enum", "protocol")
    body["protocol"] = "icmp_tcp_udp"
    assert http.code("POST", rules, body, status=400) == ("bad_field", "action")
    tcp = {"protocol": "tcp", "source_port_min": 1}
    assert http.code("POST", rules, {**body, **tcp}, status=400) == ("validation_required_field", "source_port_min")
    other = http.call("POST", rules, {**body, "protocol": "tcp", "name": "tcp"}, status=201)
    assert (other["source_port_min"], other["destination_port_max"]) == (1, 65_535)
    assert (
        http.code("POST", rules, {**body, "protocol": "gre", "name": "tcp"}, status=400)[0]
        == "validation_unique_failed"
    )


def test_rules_of_an_acl_stand_where_they_are_put(http: Http, vpc: dict[str, Any]) -> None:
    rules = f"/v1/network_acls/{vpc['default_network_acl']['id']}/rules"
    ids = {one["name"]: one["id"] for one in http.call("GET", rules, status=200)["rules"]}

    def names() -> list[str]:
        listed = http.call("GET", rules, status=200)
        shown = [one["name"] for one in listed["rules"]]
        assert [one["before"]["name"] for one in listed["rules"][:-1]] == shown[1:]
        assert listed["total_count"] == len(shown)
        return shown

    body = {
        "action": "allow",
        "direction": "inbound",
        "protocol": "tcp",
        "source": "0.0.0.0/0",
        "destination": "0.0.0.0/0",
    }
    for name, before in (("a", "allow-inbound"), ("b", "allow-outbound"), ("c", None)):
        place = {} if before is None else {"before": {"id": ids[before]}}
        ids[name] = http.call("POST", rules, {**body, "name": name, **place}, status=201)["id"]
    assert names() == ["a", "allow-inbound", "b", "allow-outbound", "c"]
    http.call("PATCH", f"{rules}/{ids['c']}", {"before": {"href": f"http://here{rules}/{ids['a']}"}}, status=200)
    http.call("PATCH", f"{rules}/{ids['a']}", {"before": None}, status=200)
    http.call("PATCH", f"{rules}/{ids['b']}", {"name": "bb"}, status=200)
    assert names() == ["c", "allow-inbound", "bb", "allow-outbound", "a"]
    gone = {"before": {"id": "r006-00000000-0000-4000-8000-000000000000"}}
    assert http.code("PATCH", f"{rules}/{ids['a']}", gone, status=404) == ("not_found", "before")
    assert http.code("PATCH", f"{rules}/{ids['a']}", {"before": {"id": ids["a"]}}, status=404) == (
        "not_found",
        "before",
    )
    http.call("DELETE", f"{rules}/{ids['allow-inbound']}", status=204)
    assert names() == ["c", "bb", "allow-outbound", "a"]
    first = http.call("GET", rules, status=200, limit="2")
    start = httpx.URL(first["next"]["href"]).params["start"]
    http.call("DELETE", f"{rules}/{ids['b']}", status=204)
    rest = http.call("GET", rules, status=200, limit="2", start=start)
    assert [one["name"] for one in rest["rules"]] == ["allow-outbound", "a"]
    assert "next" not in rest


def test_a_group_rule_changes_and_forgets(http: Http, vpc: dict[str, Any]) -> None:
    rules = f"/v1/security_groups/{vpc['default_security_group']['id']}/rules"
    body = {"direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 23}
    made = http.call("POST", rules, body, status=201)
    one = f"{rules}/{made['id']}"
    assert http.call("PATCH", one, {}, status=200) == made
    changed = http.call(
        "PATCH", one, {"port_min": None, "port_max": None, "local": {"address": "10.0.0.4"}}, status=200
    )
    assert "port_min" not in changed
    assert changed["local"] == {"address": "10.0.0.4"}
    assert http.code("PATCH", one, {"port_min": 9}, status=400) == ("validation_required_field", "port_min")
    assert http.code("PATCH", one, {"direction": None}, status=400) == ("validation_not_null", "direction")
    assert http.call("PATCH", one, {"type": 8, "code": 0}, status=200) == changed
    any_ = http.call("POST", rules, {"direction": "outbound"}, status=201)["id"]
    assert http.code("PATCH", f"{rules}/{any_}", {"port_min": 1, "port_max": 2}, status=400) == (
        "validation_discriminator_forbidden",
        "port_min",
    )
    http.call("DELETE", one, status=204)
    assert http.code("GET", one, status=404) == ("not_found", "id")


def test_a_floating_ip_at_a_servers_interface(
    http: Http, world: World, me: Context, vpc: dict[str, Any], subnet: dict[str, Any]
) -> None:
    def plug(session: Session) -> None:
        here = find(session, SUBNET, subnet["id"])
        address_allocation.reserve(session, here, None, target=nic(0))
        security_groups.attach(
            session,
            find(session, VPC, vpc["id"]),
            [default_security_group(session, find(session, VPC, vpc["id"]))],
            nic(0),
        )

    world.write(me, plug)
    made = http.call("POST", "/v1/floating_ips", {"target": {"id": nic(0)["id"]}}, status=201)
    assert made["target"]["primary_ip"]["address"] == "10.240.0.4"
    assert made["zone"]["name"] == "us-south-1"
    other = http.call("POST", "/v1/floating_ips", {"zone": ZONE}, status=201)["id"]
    bind = {"target": {"id": nic(0)["id"]}}
    assert http.code("PATCH", f"/v1/floating_ips/{other}", bind, status=409) == ("target_in_use", "target")
    far = http.call("POST", "/v1/floating_ips", {"zone": {"name": "us-south-2"}}, status=201)["id"]
    assert http.code("PATCH", f"/v1/floating_ips/{far}", bind, status=400) == ("zone_inconsistency", "target")
    web = http.call("POST", "/v1/security_groups", {"vpc": {"id": vpc["id"]}, "name": "web"}, status=201)["id"]
    target = f"/v1/security_groups/{web}/targets/{nic(0)['id']}"
    assert http.call("PUT", target, status=201) == http.call("PUT", target, status=200)
    world.write(me, address_allocation.release, nic(0)["id"])
    assert "target" not in http.call("GET", f"/v1/floating_ips/{made['id']}", status=200)
    assert http.code("POST", "/v1/floating_ips", {}, status=400) == ("validation_only_one", "zone")


def test_an_address_that_is_kept_goes_to_an_interface_and_back(http: Http, subnet: dict[str, Any]) -> None:
    ips = f"/v1/subnets/{subnet['id']}/reserved_ips"
    kept = http.call("POST", ips, {"name": "kept", "address": "10.240.0.9"}, status=201)
    assert (kept["owner"], kept["auto_delete"], kept["lifecycle_state"]) == ("user", False, "pending")
    assert http.code("PATCH", f"{ips}/{kept['id']}", {"auto_delete": True}, status=400) == ("bad_field", "auto_delete")
    made = http.call("POST", "/v1/virtual_network_interfaces", {"primary_ip": {"id": kept["id"]}}, status=201)
    assert made["primary_ip"]["address"] == "10.240.0.9"
    again = {"subnet": {"id": subnet["id"]}, "primary_ip": {"id": kept["id"]}}
    assert http.code("POST", "/v1/virtual_network_interfaces", again, status=409) == (
        "reserved_ip_in_use",
        "primary_ip",
    )
    assert http.code("DELETE", f"{ips}/{kept['id']}", status=409) == ("reserved_ip_in_use", None)
    http.call("PATCH", f"/v1/virtual_network_interfaces/{made['id']}", {"name": "renamed"}, status=200)
    assert http.call("GET", f"{ips}/{kept['id']}", status=200)["target"]["name"] == "renamed"
    (found,) = http.call("GET", ips, status=200, **{"target.crn": made["crn"]})["reserved_ips"]
    assert found["id"] == kept["id"]
    http.call("DELETE", f"/v1/virtual_network_interfaces/{made['id']}", status=202)
    assert "target" not in http.call("GET", f"{ips}/{kept['id']}", status=200)
    http.call("DELETE", f"{ips}/{kept['id']}", status=204)
    assert http.call("GET", f"/v1/subnets/{subnet['id']}", status=200)["available_ipv4_address_count"] == 11


def test_switches_of_an_interface_go_together(http: Http, subnet: dict[str, Any]) -> None:
    path = "/v1/virtual_network_interfaces"
    body: dict[str, Any] = {"subnet": {"id": subnet["id"]}}
    assert http.code("POST", path, {}, status=400) == ("validation_required_field", "subnet")
    assert http.code("POST", path, {**body, "auto_delete": True}, status=400) == ("bad_field", "auto_delete")
    spoof = {"allow_ip_spoofing": True, "enable_infrastructure_nat": False}
    assert http.code("POST", path, {**body, **spoof}, status=400) == ("bad_field", "allow_ip_spoofing")
    assert http.code("POST", path, {**body, "name": "ibm-x"}, status=400) == ("validation_invalid_name", "name")
    made = _interface(http, subnet, allow_ip_spoofing=True)
    change = {"enable_infrastructure_nat": False}
    assert http.code("PATCH", f"{path}/{made['id']}", change, status=400) == ("bad_field", "allow_ip_spoofing")


def test_tags_name_a_state(http: Http, vpc: dict[str, Any]) -> None:
    one = f"/v1/vpcs/{vpc['id']}"
    tag = http.headers("GET", one)["etag"]
    assert tag.startswith('W/"')
    assert len(tag) == 20
    assert http.headers("PATCH", one, {})["etag"] == tag
    group = vpc["default_security_group"]["id"]
    assert (
        http.headers("GET", f"{one}/default_security_group")["etag"]
        == http.headers("GET", f"/v1/security_groups/{group}")["etag"]
    )
    assert http.headers("PATCH", one, {"name": "new"}, if_match=tag.strip('W/"'))["etag"] != tag
    stale = http.refusal("PATCH", one, {"name": "newer"}, if_match=tag)
    assert stale == (412, "precondition_failed", "If-Match")
    assert http.refusal("DELETE", one, if_match=f'"other", {tag}') == (412, "precondition_failed", "If-Match")
    servers = {"dns": {"resolver": {"type": "manual", "manual_servers": [{"address": "10.0.0.2"}]}}}
    assert http.refusal("PATCH", one, servers) == (400, "missing_if_match", "If-Match")
    http.headers("PATCH", one, servers, if_match="*")
    made = http.headers("POST", "/v1/floating_ips", {"zone": ZONE})
    assert made["location"].startswith("http://here/v1/floating_ips/r006-")
    assert http.headers("GET", made["location"].removeprefix("http://here"))["etag"] == made["etag"]
    assert "etag" not in http.headers("GET", "/v1/vpcs")


def test_the_version_of_a_call_is_checked(http: Http) -> None:
    assert http.code("GET", "/v1/vpcs", status=400, version="tomorrow") == ("invalid_version", "version")
    assert VERSION["version"] > OLD
