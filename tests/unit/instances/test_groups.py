"""Instance groups: members are real servers, their count is held, and what goes away takes along what it should."""

from __future__ import annotations

import pytest

from unit.instances.group_caller import GROUPS, TEMPLATES, Caller

pytestmark = pytest.mark.by_turns(3)


def test_a_group_makes_its_members_and_takes_them_along(caller: Caller) -> None:
    template = caller.template(name="web")
    made = caller.do("POST", GROUPS, caller.body(template, 3, name="webs"))
    assert (made["status"], made["lifecycle_state"], made["membership_count"]) == ("scaling", "pending", 3)
    listed = caller.members(made)
    assert len(listed) == 3, "they are listed at once"
    caller.app.settle()
    group = caller.now(made)
    assert (group["status"], group["lifecycle_state"], group["lifecycle_reasons"]) == ("healthy", "stable", [])
    assert group["instance_template"]["name"] == "web"
    assert group["vpc"]["id"] == template["vpc"]["id"]
    assert list(caller.servers().values()) == ["running"] * 3
    members = caller.members(group)
    assert {one["status"] for one in members} == {"healthy"}
    assert {one["instance"]["id"] for one in members} == set(caller.servers())
    server = caller.do("GET", f"/v1/instances/{members[0]['instance']['id']}")
    assert server["instance_group_membership"]["id"] == members[0]["id"]
    assert server["instance_group_membership"]["instance_group"]["id"] == group["id"]
    alone = caller.app.server_of(caller.image)["id"]
    for asked in (f"id={group['id']}", f"crn={group['crn']}"):
        found = caller.do("GET", f"/v1/instances?instance_group_membership.instance_group.{asked}")
        assert (found["total_count"], alone in str(found)) == (3, False), asked
    assert caller.do("GET", "/v1/instances?instance_group_membership.instance_group.crn=none")["instances"] == []
    caller.do("DELETE", f"/v1/instances/{alone}")
    caller.do("DELETE", f"{GROUPS}/{group['id']}")
    assert caller.app.call("owner", "GET", f"{GROUPS}/{group['id']}").json.get("status") in {"deleting", None}
    caller.app.settle()
    assert caller.servers() == {}
    assert caller.refused("GET", f"{GROUPS}/{group['id']}") == (404, "not_found", "id")
    assert caller.do("GET", GROUPS)["total_count"] == 0


def test_the_count_is_followed_out_and_in(caller: Caller) -> None:
    group = caller.group(1)
    first = caller.members(group)[0]["id"]
    caller.app.travel(1)
    group = caller.change(group, membership_count=4)
    assert (group["status"], len(caller.servers())) == ("healthy", 4)
    group = caller.change(group, membership_count=2)
    assert (group["status"], len(caller.servers())) == ("healthy", 2)
    assert first in {one["id"] for one in caller.members(group)}, "the newest go first"
    group = caller.change(group, membership_count=0)
    assert (group["status"], caller.servers()) == ("healthy", {})


def test_more_members_than_are_made_at_once(caller: Caller) -> None:
    group = caller.group(0)
    assert group["status"] == "healthy"
    group = caller.change(group, membership_count=45)
    assert (group["status"], len(caller.members(group)), len(caller.servers())) == ("healthy", 45, 45)


def test_members_are_spread_over_the_subnets(caller: Caller) -> None:
    vpc = caller.do("GET", "/v1/vpcs")["vpcs"][0]["id"]
    wish = {"vpc": {"id": vpc}, "zone": {"name": "us-south-2"}, "total_ipv4_address_count": 16, "name": "second"}
    second = caller.do("POST", "/v1/subnets", wish)["id"]
    first = caller.do("GET", "/v1/subnets?zone.name=us-south-1")["subnets"][0]["id"]
    body = caller.body(caller.template(), 4, subnets=[{"id": first}, {"id": second}])
    made = caller.do("POST", GROUPS, body)
    caller.app.settle()
    servers = caller.do("GET", "/v1/instances")["instances"]
    zones = sorted(one["zone"]["name"] for one in servers)
    assert (caller.now(made)["status"], zones) == ("healthy", ["us-south-1"] * 2 + ["us-south-2"] * 2)


def test_what_two_servers_cannot_share_is_left_to_each(caller: Caller) -> None:
    subnet = caller.subnet()["id"]
    interface = {"subnet": {"id": subnet}, "primary_ip": {"address": caller.subnet()["ipv4_cidr_block"][:-4] + "9"}}
    boot = {"volume": {"name": "the-only-one", "profile": {"name": "10iops-tier"}, "capacity": 20}}
    template = caller.template(primary_network_interface=interface, boot_volume_attachment=boot)
    group = caller.group(2, template)
    assert group["status"] == "healthy"
    volumes = caller.do("GET", "/v1/volumes")["volumes"]
    assert [(one["capacity"], one["profile"]["name"]) for one in volumes] == [(20, "10iops-tier")] * 2


def test_a_deleted_membership_is_one_fewer(caller: Caller) -> None:
    group = caller.group(3)
    gone, kept, _ = caller.members(group)
    caller.do("DELETE", f"{GROUPS}/{group['id']}/memberships/{gone['id']}")
    caller.app.settle()
    group = caller.now(group)
    assert (group["status"], group["membership_count"]) == ("healthy", 2)
    assert gone["instance"]["id"] not in caller.servers()
    path = f"{GROUPS}/{group['id']}/memberships/{kept['id']}"
    caller.do("PATCH", path, {"delete_instance_on_membership_delete": False, "name": "stays"})
    assert caller.do("GET", path)["name"] == "stays"
    caller.do("DELETE", path)
    caller.app.settle()
    assert caller.now(group)["membership_count"] == 1
    assert caller.servers()[kept["instance"]["id"]] == "running", "it left the group and runs on"
    assert "instance_group_membership" not in caller.do("GET", f"/v1/instances/{kept['instance']['id']}")
    caller.do("DELETE", f"{GROUPS}/{group['id']}/memberships")
    caller.app.settle()
    assert (caller.now(group)["membership_count"], set(caller.servers())) == (0, {kept["instance"]["id"]})


def test_a_member_deleted_behind_the_groups_back_is_made_anew(caller: Caller) -> None:
    group = caller.group(2)
    gone = caller.members(group)[0]["instance"]["id"]
    caller.do("DELETE", f"/v1/instances/{gone}")
    caller.app.settle()
    assert (caller.now(group)["status"], len(caller.servers())) == ("healthy", 2)
    assert gone not in caller.servers()


def test_a_stopped_member_is_not_well_and_stays(caller: Caller) -> None:
    group = caller.group(1)
    server = caller.members(group)[0]["instance"]["id"]
    caller.do("POST", f"/v1/instances/{server}/actions", {"type": "stop"})
    caller.app.settle()
    assert caller.members(group)[0]["status"] == "unhealthy"
    assert list(caller.servers().values()) == ["stopped"]
    caller.do("POST", f"/v1/instances/{server}/actions", {"type": "start"})
    caller.app.settle()
    assert (caller.members(group)[0]["status"], caller.now(group)["status"]) == ("healthy", "healthy")


def test_a_template_in_use_stays(caller: Caller) -> None:
    old, new = caller.template(name="old"), caller.template(name="new")
    group = caller.group(1, old)
    in_use = (409, "instance_template_in_use", None)
    assert caller.refused("DELETE", f"{TEMPLATES}/{old['id']}") == in_use
    group = caller.change(group, instance_template={"id": new["id"]}, membership_count=2)
    assert group["instance_template"]["id"] == new["id"]
    assert sorted(one["instance_template"]["name"] for one in caller.members(group)) == ["new", "old"]
    caller.do("DELETE", f"{TEMPLATES}/{old['id']}")
    assert caller.refused("DELETE", f"{TEMPLATES}/{new['id']}") == in_use
    assert len(caller.members(group)) == 2


def test_a_group_that_cannot_grow_says_why_and_tries_again(caller: Caller) -> None:
    template = caller.template()
    group = caller.group(1, template)
    image = template["image"]["id"]
    caller.do("POST", f"/v1/images/{image}/deprecate")
    group = caller.change(group, membership_count=2)
    assert group["status"] == "healthy", "a deprecated image boots"
    caller.do("POST", f"/v1/images/{image}/obsolete")
    group = caller.change(group, membership_count=3)
    assert (group["status"], group["lifecycle_state"], group["membership_count"]) == ("unhealthy", "waiting", 3)
    assert [one["code"] for one in group["lifecycle_reasons"]] == ["invalid_state"]
    assert list(caller.servers().values()) == ["running"] * 2, "those that run keep running"
    caller.do("PATCH", f"/v1/images/{image}", {"obsolescence_at": None})
    assert caller.now(group)["status"] == "unhealthy"
    caller.app.travel(60)
    group = caller.now(group)
    assert (group["status"], group["lifecycle_reasons"], len(caller.servers())) == ("healthy", [], 3)


def test_it_is_tried_ever_later_and_at_once_when_the_group_changes(caller: Caller) -> None:
    template = caller.template()
    group = caller.group(1, template)
    image = template["image"]["id"]
    caller.do("POST", f"/v1/images/{image}/obsolete")
    caller.change(group, membership_count=2)
    caller.app.travel(90 * 86_400)
    assert caller.now(group)["status"] == "unhealthy"
    caller.do("PATCH", f"/v1/images/{image}", {"obsolescence_at": None})
    caller.app.travel(3_600)
    assert caller.now(group)["status"] == "unhealthy"
    assert caller.change(group, membership_count=2)["status"] == "healthy"
    assert len(caller.servers()) == 2


def test_a_full_subnet_is_a_reason_too(caller: Caller) -> None:
    vpc = caller.do("GET", "/v1/vpcs")["vpcs"][0]["id"]
    wish = {"vpc": {"id": vpc}, "zone": {"name": "us-south-1"}, "total_ipv4_address_count": 8, "name": "small"}
    small = caller.do("POST", "/v1/subnets", wish)["id"]
    group = caller.group(2, subnets=[{"id": small}])
    group = caller.change(group, membership_count=5)
    assert (group["status"], group["lifecycle_reasons"][0]["code"]) == ("unhealthy", "insufficient_ipv4_addresses")
    assert len(caller.servers()) == 2, "a step that fails leaves nothing half done"
    assert caller.change(group, membership_count=3)["status"] == "healthy"


def test_a_restart_in_between_loses_nothing(caller: Caller) -> None:
    template = caller.template()
    caller.app.pause()
    made = caller.do("POST", GROUPS, caller.body(template, 30))
    assert caller.now(made)["status"] == "scaling"
    caller.app.restart()
    caller.app.settle()
    assert (caller.now(made)["status"], len(caller.servers())) == ("healthy", 30)


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"instance_template": {"id": "0717-no"}}, (404, "not_found", "instance_template")),
        ({"subnets": []}, (400, "validation_min_value", "subnets")),
        ({"subnets": [{"id": "0717-no"}]}, (404, "not_found", "subnets")),
        ({"membership_count": -1}, (400, "validation_min_value", "membership_count")),
        ({"membership_count": 1001}, (400, "validation_max_value", "membership_count")),
        ({"load_balancer_pool": {"id": "x"}}, (400, "bad_field", "load_balancer_pool")),
        ({"application_port": 80}, (400, "bad_field", "application_port")),
        ({"resource_group": {"id": "no"}}, (400, "bad_field", "resource_group")),
        ({"name": "UPPER"}, (400, "validation_invalid_name", "name")),
    ],
)
def test_refusals(caller: Caller, fields: dict[str, object], refusal: tuple[object, ...]) -> None:
    assert caller.refused("POST", GROUPS, {**caller.body(caller.template(), 1), **fields}) == refusal
    assert (caller.servers(), caller.do("GET", GROUPS)["instance_groups"]) == ({}, [])


def test_refusals_of_places_and_names(caller: Caller) -> None:
    template = caller.template()
    other = caller.do("POST", "/v1/vpcs", {"name": "other"})["id"]
    wish = {"vpc": {"id": other}, "zone": {"name": "us-south-1"}, "total_ipv4_address_count": 8, "name": "there"}
    there = {"id": caller.do("POST", "/v1/subnets", wish)["id"]}
    apart = (400, "vpc_resource_separation", "subnets")
    here = caller.do("GET", f"/v1/subnets?vpc.id={template['vpc']['id']}")["subnets"][0]["id"]
    assert caller.refused("POST", GROUPS, caller.body(template, 1, subnets=[there])) == apart
    group = caller.group(0, template, name="one", subnets=[{"id": here}])
    assert caller.refused("PATCH", f"{GROUPS}/{group['id']}", {"subnets": [there]}) == apart
    body = caller.body(template, 0, name="one", subnets=[{"id": here}])
    assert caller.refused("POST", GROUPS, body) == (400, "validation_unique_failed", "name")
    caller.do("DELETE", f"{GROUPS}/{group['id']}")
    assert caller.refused("DELETE", f"{GROUPS}/{group['id']}")[0] in {404, 409}


def test_a_group_is_its_accounts_own(caller: Caller) -> None:
    template = caller.template()
    group = caller.group(1, template)
    member = caller.members(group)[0]["id"]
    caller.who = "consumer"
    for path in (f"{GROUPS}/{group['id']}", f"{GROUPS}/{group['id']}/memberships/{member}"):
        assert caller.refused("GET", path)[:2] == (404, "not_found")
    assert caller.refused("POST", GROUPS, caller.body(template, 1)) == (404, "not_found", "instance_template")
    caller.who = "viewer"
    assert caller.now(group)["id"] == group["id"]
    assert caller.refused("PATCH", f"{GROUPS}/{group['id']}", {"membership_count": 0})[0] == 403
    assert caller.refused("DELETE", f"{GROUPS}/{group['id']}/memberships/{member}")[0] == 403
