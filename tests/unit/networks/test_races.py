"""Changes that many ask for at once, each from a process of its own, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_vpc import VpcV1

from fixtures.sdk import client
from fixtures.worlds import World
from kunsthalle.authz.context import Context

from .conftest import Http, acting, at_once

ZONE = {"name": "us-south-1"}


@pytest.fixture
def clients(nodes: list[World], ctx: Context) -> list[VpcV1]:
    """The SDK at each node."""
    return [client(Http(node, {"me": acting(node, ctx)}).app, "me") for node in nodes]


@pytest.fixture
def place(clients: list[VpcV1]) -> dict[str, Any]:
    """A VPC, a subnet and an interface in it."""
    vpc = clients[0].create_vpc(name="here").get_result()
    body = {"vpc": {"id": vpc["id"]}, "total_ipv4_address_count": 16, "zone": ZONE}
    subnet = clients[0].create_subnet(body).get_result()
    interface = clients[0].create_virtual_network_interface(subnet={"id": subnet["id"]}).get_result()
    return {"vpc": vpc, "subnet": subnet, "interface": interface["id"]}


def _race(*calls: Callable[[], Any]) -> list[Any]:
    """The status of each call, or the code it was refused with."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call().get_status_code()
        except ApiException as error:
            return error.http_response.json()["errors"][0]["code"]

    return sorted(at_once([lambda call=call: run(call) for call in calls]), key=str)


def test_an_interface_gets_one_floating_ip(clients: list[VpcV1], place: dict[str, Any]) -> None:
    ips = [clients[0].create_floating_ip({"zone": ZONE}).get_result()["id"] for _ in clients]
    calls = [
        lambda vpc=vpc, ip=ip: vpc.update_floating_ip(ip, {"target": {"id": place["interface"]}})
        for vpc, ip in zip(clients, ips, strict=True)
    ]
    assert _race(*calls) == [200, *["target_in_use"] * 3]


def test_a_zone_gets_one_public_gateway(clients: list[VpcV1], place: dict[str, Any]) -> None:
    calls = [lambda vpc=vpc: vpc.create_public_gateway({"id": place["vpc"]["id"]}, ZONE) for vpc in clients]
    assert _race(*calls) == [201, *["bad_field"] * 3]
    assert clients[0].list_floating_ips().get_result()["total_count"] == 1


def test_no_rule_is_lost(clients: list[VpcV1], place: dict[str, Any]) -> None:
    group = place["vpc"]["default_security_group"]["id"]
    rule = {"direction": "inbound", "protocol": "tcp"}
    assert _race(*(lambda vpc=vpc: vpc.create_security_group_rule(group, rule) for vpc in clients)) == [201] * 4
    assert len(clients[0].get_security_group(group).get_result()["rules"]) == 6


def test_a_target_stays_in_its_last_group(clients: list[VpcV1], place: dict[str, Any]) -> None:
    groups = [place["vpc"]["default_security_group"]["id"]]
    groups.append(clients[0].create_security_group({"id": place["vpc"]["id"]}).get_result()["id"])
    clients[0].create_security_group_target_binding(groups[1], place["interface"])
    calls = [
        lambda vpc=vpc, group=group: vpc.delete_security_group_target_binding(group, place["interface"])
        for vpc, group in zip(clients, groups, strict=False)
    ]
    assert _race(*calls) == [204, "security_group_last_of_target"]


def test_an_acl_goes_or_is_used_but_not_both(clients: list[VpcV1], place: dict[str, Any]) -> None:
    acl = clients[0].create_network_acl({"vpc": {"id": place["vpc"]["id"]}}).get_result()["id"]
    subnet = place["subnet"]["id"]
    both = _race(
        lambda: clients[0].delete_network_acl(acl),
        lambda: clients[1].replace_subnet_network_acl(subnet, {"id": acl}),
    )
    assert both in ([204, "not_found"], [201, "acl_in_use"])


def test_two_hubs_are_never_bound_at_once(clients: list[VpcV1], place: dict[str, Any]) -> None:
    hubs = [clients[0].create_vpc(dns={"enable_hub": True}).get_result()["id"] for _ in range(2)]
    here = place["vpc"]["id"]
    calls = [
        lambda vpc=vpc, hub=hub: vpc.create_vpc_dns_resolution_binding(here, {"id": hub})
        for vpc, hub in zip(clients, hubs, strict=False)
    ]
    assert _race(*calls) == [201, "invalid_state"]
