"""Rules of security groups as requests bring them and answers show them."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from .conftest import Http

OLD = "2025-12-08"


@pytest.fixture
def vpc(http: Http) -> dict[str, Any]:
    made: dict[str, Any] = http.call("POST", "/v1/vpcs", {}, status=201)
    return made


def _create(http: Http, vpc: dict[str, Any], *rules: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    body = {"vpc": {"id": vpc["id"]}, "rules": list(rules)}
    made: list[dict[str, Any]] = http.call("POST", "/v1/security_groups", body, status=201, **more)["rules"]
    return made


def test_rules_of_every_kind(http: Http, vpc: dict[str, Any]) -> None:
    default = vpc["default_security_group"]
    made = _create(
        http,
        vpc,
        {"direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22, "name": "ssh"},
        {"direction": "inbound", "protocol": "icmp", "type": 8, "code": 0, "remote": {"address": "10.0.0.1"}},
        {"direction": "outbound", "protocol": "udp", "local": {"cidr_block": "10.240.0.0/18"}},
        {"direction": "inbound", "protocol": "any", "remote": {"crn": default["crn"]}},
        {"direction": "inbound", "protocol": "icmp_tcp_udp", "ip_version": "ipv4"},
        {"direction": "outbound", "protocol": "number_99"},
        {"direction": "outbound"},
    )
    rules = [sdk.SecurityGroupRule.from_dict(one) for one in made]
    assert [one.protocol for one in rules] == ["tcp", "icmp", "udp", "any", "icmp_tcp_udp", "number_99", "any"]
    assert (rules[0].name, rules[0].port_min, rules[0].port_max) == ("ssh", 22, 22)
    assert (rules[1].type, rules[1].code, made[1]["remote"]) == (8, 0, {"address": "10.0.0.1"})
    assert (made[2]["local"], made[2]["remote"]) == ({"cidr_block": "10.240.0.0/18"}, {"cidr_block": "0.0.0.0/0"})
    assert made[3]["remote"] == {key: default[key] for key in ("crn", "href", "id", "name")}
    assert all(one.resource_type == "security_group_rule" and one.ip_version == "ipv4" for one in rules)


def test_older_versions_know_all_for_three_protocols(http: Http, vpc: dict[str, Any]) -> None:
    (old,) = _create(http, vpc, {"direction": "inbound", "protocol": "all"}, version=OLD)
    assert old["protocol"] == "all"
    group = old["href"].removeprefix("http://here").split("/rules/")[0]
    assert http.call("GET", group, status=200)["rules"][0]["protocol"] == "icmp_tcp_udp"
    (unsaid,) = _create(http, vpc, {"direction": "inbound"}, version=OLD)
    assert unsaid["protocol"] == "all"


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(
    ("rule", "code", "target"),
    [
        ({}, "validation_required_field", "rules[0].direction"),
        ({"direction": "up"}, "validation_enum", "rules[0].direction"),
        ({"direction": "inbound", "ip_version": "ipv6"}, "validation_enum", "rules[0].ip_version"),
        ({"direction": "inbound", "protocol": "all"}, "validation_enum", "rules[0].protocol"),
        ({"direction": "inbound", "protocol": "number_6"}, "validation_enum", "rules[0].protocol"),
        ({"direction": "inbound", "protocol": "number_256"}, "validation_enum", "rules[0].protocol"),
        ({"direction": "inbound", "protocol": "tcp", "port_min": 1}, "validation_required_field", "rules[0].port_min"),
        ({"direction": "inbound", "protocol": "tcp", "port_min": 2, "port_max": 1}, "bad_field", "rules[0].port_max"),
        (
            {"direction": "inbound", "protocol": "tcp", "port_min": 0, "port_max": 1},
            "validation_min_value",
            "rules[0].port_min",
        ),
        ({"direction": "inbound", "protocol": "icmp", "code": 1}, "validation_required_field", "rules[0].type"),
        ({"direction": "inbound", "protocol": "udp", "type": 1}, "validation_discriminator_forbidden", "rules[0].type"),
        ({"direction": "inbound", "remote": {}}, "validation_only_one", "rules[0].remote"),
        ({"direction": "inbound", "local": {"address": "x"}}, "validation_invalid_address", "rules[0].local.address"),
        (
            {"direction": "inbound", "remote": {"cidr_block": "10.0.0.1/24"}},
            "validation_invalid_ipv4_cidr",
            "rules[0].remote.cidr_block",
        ),
        (
            {"direction": "inbound", "remote": {"id": "x", "address": "10.0.0.1"}},
            "validation_only_one",
            "rules[0].remote",
        ),
    ],
)
def test_rules_that_mean_nothing(http: Http, vpc: dict[str, Any], rule: dict[str, Any], code: str, target: str) -> None:
    body = {"vpc": {"id": vpc["id"]}, "rules": [rule]}
    assert http.code("POST", "/v1/security_groups", body, status=400) == (code, target)
    listed = http.call("GET", "/v1/security_groups", status=200)["security_groups"]
    assert [one["id"] for one in listed] == [vpc["default_security_group"]["id"]]


def test_names_of_rules_are_unique_in_their_group(http: Http, vpc: dict[str, Any]) -> None:
    rule = {"direction": "inbound", "name": "same"}
    body = {"vpc": {"id": vpc["id"]}, "rules": [rule, rule]}
    assert http.code("POST", "/v1/security_groups", body, status=400) == ("validation_unique_failed", "name")


def test_a_group_that_does_not_exist_is_no_remote(http: Http, vpc: dict[str, Any]) -> None:
    body = {"vpc": {"id": vpc["id"]}, "rules": [{"direction": "inbound", "remote": {"id": "r006-none"}}]}
    assert http.code("POST", "/v1/security_groups", body, status=404) == ("not_found", "rules[0].remote")
