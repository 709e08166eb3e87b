"""Instance groups: members are real servers, their count is held, and what goes away takes along what it should."""

from __future__ import annotations

import pytest

from unit.instances.crowd import GROUPS, TEMPLATES, Crowd


def test_a_group_makes_its_members_and_takes_them_along(crowd: Crowd) -> None:
    template = crowd.template(name="web")
    made = crowd.do("POST", GROUPS, crowd.body(template, 3, name="webs"))
    assert (made["status"], made["lifecycle_state"], made["membership_count"]) == ("scaling", "pending", 3)
    listed = crowd.members(made)
    assert len(listed) == 3, "they are listed at once"
    crowd.app.settle()
    group = crowd.now(made)
    assert (group["status"], group["lifecycle_state"], group["lifecycle_reasons"]) == ("healthy", "stable", [])
    assert group["instance_template"]["name"] == "web"
    assert group["vpc"]["id"] == template["vpc"]["id"]
    assert list(crowd.servers().values()) == ["running"] * 3
    members = crowd.members(group)
    assert {one["status"] for one in members} == {"healthy"}
    assert {one["instance"]["id"] for one in members} == set(crowd.servers())
    server = crowd.do("GET", f"/v1/instances/{members[0]['instance']['id']}")
    assert server["instance_group_membership"]["id"] == members[0]["id"]
    assert server["instance_group_membership"]["instance_group"]["id"] == group["id"]
    alone = crowd.app.server_of(crowd.image)["id"]
    for asked in (f"id={group['id']}", f"crn={group['crn']}"):
        found = crowd.do("GET", f"/v1/instances?instance_group_membership.instance_group.{asked}")
        assert (found["total_count"], alone in str(found)) == (3, False), asked
    assert crowd.do("GET", "/v1/instances?instance_group_membership.instance_group.crn=none")["instances"] == []
    crowd.do("DELETE", f"/v1/instances/{alone}")
    crowd.do("DELETE", f"{GROUPS}/{group['id']}")
    assert crowd.app.call("owner", "GET", f"{GROUPS}/{group['id']}").json.get("status") in {"deleting", None}
    crowd.app.settle()
    assert crowd.servers() == {}
    assert crowd.refused("GET", f"{GROUPS}/{group['id']}") == (404, "not_found", "id")
    assert crowd.do("GET", GROUPS)["total_count"] == 0


def test_the_count_is_followed_out_and_in(crowd: Crowd) -> None:
    group = crowd.group(1)
    first = crowd.members(group)[0]["id"]
    crowd.app.travel(1)
    group = crowd.change(group, membership_count=4)
    assert (group["status"], len(crowd.servers())) == ("healthy", 4)
    group = crowd.change(group, membership_count=2)
    assert (group["status"], len(crowd.servers())) == ("healthy", 2)
    assert first in {one["id"] for one in crowd.members(group)}, "the newest go first"
    group = crowd.change(group, membership_count=0)
    assert (group["status"], crowd.servers()) == ("healthy", {})


def test_more_members_than_are_made_at_once(crowd: Crowd) -> None:
    group = crowd.group(0)
    assert group["status"] == "healthy"
    group = crowd.change(group, membership_count=45)
    assert (group["status"], len(crowd.members(group)), len(crowd.servers())) == ("healthy", 45, 45)


def test_members_are_spread_over_the_subnets(crowd: Crowd) -> None:
    vpc = crowd.do("GET", "/v1/vpcs")["vpcs"][0]["id"]
    wish = {"vpc": {"id": vpc}, "zone": {"name": "us-south-2"}, "total_ipv4_address_count": 16, "name": "second"}
    second = crowd.do("POST", "/v1/subnets", wish)["id"]
    first = crowd.do("GET", "/v1/subnets?zone.name=us-south-1")["subnets"][0]["id"]
    body = crowd.body(crowd.template(), 4, subnets=[{"id": first}, {"id": second}])
    made = crowd.do("POST", GROUPS, body)
    crowd.app.settle()
    servers = crowd.do("GET", "/v1/instances")["instances"]
    zones = sorted(one["zone"]["name"] for one in servers)
    assert (crowd.now(made)["status"], zones) == ("healthy", ["us-south-1"] * 2 + ["us-south-2"] * 2)


def test_what_two_servers_cannot_share_is_left_to_each(crowd: Crowd) -> None:
    subnet = crowd.subnet()["id"]
    interface = {"subnet": {"id": subnet}, "primary_ip": {"address": crowd.subnet()["ipv4_cidr_block"][:-4] + "9"}}
    boot = {"volume": {"name": "the-only-one", "profile": {"name": "10iops-tier"}, "capacity": 20}}
    template = crowd.template(primary_network_interface=interface, boot_volume_attachment=boot)
    group = crowd.group(2, template)
    assert group["status"] == "healthy"
    volumes = crowd.do("GET", "/v1/volumes")["volumes"]
    assert [(one["capacity"], one["profile"]["name"]) for one in volumes] == [(20, "10iops-tier")] * 2


def test_a_deleted_membership_is_one_fewer(crowd: Crowd) -> None:
    group = crowd.group(3)
    gone, kept, _ = crowd.members(group)
    crowd.do("DELETE", f"{GROUPS}/{group['id']}/memberships/{gone['id']}")
    crowd.app.settle()
    group = crowd.now(group)
    assert (group["status"], group["membership_count"]) == ("healthy", 2)
    assert gone["instance"]["id"] not in crowd.servers()
    path = f"{GROUPS}/{group['id']}/memberships/{kept['id']}"
    crowd.do("PATCH", path, {"delete_instance_on_membership_delete": False, "name": "stays"})
    assert crowd.do("GET", path)["name"] == "stays"
    crowd.do("DELETE", path)
    crowd.app.settle()
    assert crowd.now(group)["membership_count"] == 1
    assert crowd.servers()[kept["instance"]["id"]] == "running", "it left the group and runs on"
    assert "instance_group_membership" not in crowd.do("GET", f"/v1/instances/{kept['instance']['id']}")
    crowd.do("DELETE", f"{GROUPS}/{group['id']}/memberships")
    crowd.app.settle()
    assert (crowd.now(group)["membership_count"], set(crowd.servers())) == (0, {kept["instance"]["id"]})


def test_a_member_deleted_behind_the_groups_back_is_made_anew(crowd: Crowd) -> None:
    group = crowd.group(2)
    gone = crowd.members(group)[0]["instance"]["id"]
    crowd.do("DELETE", f"/v1/instances/{gone}")
    crowd.app.settle()
    assert (crowd.now(group)["status"], len(crowd.servers())) == ("healthy", 2)
    assert gone not in crowd.servers()


def test_a_stopped_member_is_not_well_and_stays(crowd: Crowd) -> None:
    group = crowd.group(1)
    server = crowd.members(group)[0]["instance"]["id"]
    crowd.do("POST", f"/v1/instances/{server}/actions", {"type": "stop"})
    crowd.app.settle()
    assert crowd.members(group)[0]["status"] == "unhealthy"
    assert list(crowd.servers().values()) == ["stopped"]
    crowd.do("POST", f"/v1/instances/{server}/actions", {"type": "start"})
    crowd.app.settle()
    assert (crowd.members(group)[0]["status"], crowd.now(group)["status"]) == ("healthy", "healthy")


def test_a_template_in_use_stays(crowd: Crowd) -> None:
    old, new = crowd.template(name="old"), crowd.template(name="new")
    group = crowd.group(1, old)
    in_use = (409, "instance_template_in_use", None)
    assert crowd.refused("DELETE", f"{TEMPLATES}/{old['id']}") == in_use
    group = crowd.change(group, instance_template={"id": new["id"]}, membership_count=2)
    assert group["instance_template"]["id"] == new["id"]
    assert sorted(one["instance_template"]["name"] for one in crowd.members(group)) == ["new", "old"]
    crowd.do("DELETE", f"{TEMPLATES}/{old['id']}")
    assert crowd.refused("DELETE", f"{TEMPLATES}/{new['id']}") == in_use
    assert len(crowd.members(group)) == 2


def test_a_group_that_cannot_grow_says_why_and_tries_again(crowd: Crowd) -> None:
    template = crowd.template()
    group = crowd.group(1, template)
    image = template["image"]["id"]
    crowd.do("POST", f"/v1/images/{image}/deprecate")
    group = crowd.change(group, membership_count=2)
    assert group["status"] == "healthy", "a deprecated image boots"
    crowd.do("POST", f"/v1/images/{image}/obsolete")
    group = crowd.change(group, membership_count=3)
    assert (group["status"], group["lifecycle_state"], group["membership_count"]) == ("unhealthy", "waiting", 3)
    assert [one["code"] for one in group["lifecycle_reasons"]] == ["invalid_state"]
    assert list(crowd.servers().values()) == ["running"] * 2, "those that run keep running"
    crowd.do("PATCH", f"/v1/images/{image}", {"obsolescence_at": None})
    assert crowd.now(group)["status"] == "unhealthy"
    crowd.app.travel(60)
    group = crowd.now(group)
    assert (group["status"], group["lifecycle_reasons"], len(crowd.servers())) == ("healthy", [], 3)


def test_it_is_tried_ever_later_and_at_once_when_the_group_changes(crowd: Crowd) -> None:
    template = crowd.template()
    group = crowd.group(1, template)
    image = template["image"]["id"]
    crowd.do("POST", f"/v1/images/{image}/obsolete")
    crowd.change(group, membership_count=2)
    crowd.app.travel(90 * 86_400)
    assert crowd.now(group)["status"] == "unhealthy"
    crowd.do("PATCH", f"/v1/images/{image}", {"obsolescence_at": None})
    crowd.app.travel(3_600)
    assert crowd.now(group)["status"] == "unhealthy"
    assert crowd.change(group, membership_count=2)["status"] == "healthy"
    assert len(crowd.servers()) == 2


def test_a_full_subnet_is_a_reason_too(crowd: Crowd) -> None:
    vpc = crowd.do("GET", "/v1/vpcs")["vpcs"][0]["id"]
    wish = {"vpc": {"id": vpc}, "zone": {"name": "us-south-1"}, "total_ipv4_address_count": 8, "name": "small"}
    small = crowd.do("POST", "/v1/subnets", wish)["id"]
    group = crowd.group(2, subnets=[{"id": small}])
    group = crowd.change(group, membership_count=5)
    assert (group["status"], group["lifecycle_reasons"][0]["code"]) == ("unhealthy", "insufficient_ipv4_addresses")
    assert len(crowd.servers()) == 2, "a step that fails leaves nothing half done"
    assert crowd.change(group, membership_count=3)["status"] == "healthy"


def test_a_restart_in_between_loses_nothing(crowd: Crowd) -> None:
    template = crowd.template()
    crowd.app.pause()
    made = crowd.do("POST", GROUPS, crowd.body(template, 30))
    assert crowd.now(made)["status"] == "scaling"
    crowd.app.restart()
    crowd.app.settle()
    assert (crowd.now(made)["status"], len(crowd.servers())) == ("healthy", 30)


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
def test_refusals(crowd: Crowd, fields: dict[str, object], refusal: tuple[object, ...]) -> None:
    assert crowd.refused("POST", GROUPS, {**crowd.body(crowd.template(), 1), **fields}) == refusal
    assert (crowd.servers(), crowd.do("GET", GROUPS)["instance_groups"]) == ({}, [])


def test_refusals_of_places_and_names(crowd: Crowd) -> None:
    template = crowd.template()
    other = crowd.do("POST", "/v1/vpcs", {"name": "other"})["id"]
    wish = {"vpc": {"id": other}, "zone": {"name": "us-south-1"}, "total_ipv4_address_count": 8, "name": "there"}
    there = {"id": crowd.do("POST", "/v1/subnets", wish)["id"]}
    apart = (400, "vpc_resource_separation", "subnets")
    here = crowd.do("GET", f"/v1/subnets?vpc.id={template['vpc']['id']}")["subnets"][0]["id"]
    assert crowd.refused("POST", GROUPS, crowd.body(template, 1, subnets=[there])) == apart
    group = crowd.group(0, template, name="one", subnets=[{"id": here}])
    assert crowd.refused("PATCH", f"{GROUPS}/{group['id']}", {"subnets": [there]}) == apart
    body = crowd.body(template, 0, name="one", subnets=[{"id": here}])
    assert crowd.refused("POST", GROUPS, body) == (400, "validation_unique_failed", "name")
    crowd.do("DELETE", f"{GROUPS}/{group['id']}")
    assert crowd.refused("DELETE", f"{GROUPS}/{group['id']}")[0] in {404, 409}


def test_a_group_is_its_accounts_own(crowd: Crowd) -> None:
    template = crowd.template()
    group = crowd.group(1, template)
    member = crowd.members(group)[0]["id"]
    crowd.who = "consumer"
    for path in (f"{GROUPS}/{group['id']}", f"{GROUPS}/{group['id']}/memberships/{member}"):
        assert crowd.refused("GET", path)[:2] == (404, "not_found")
    assert crowd.refused("POST", GROUPS, crowd.body(template, 1)) == (404, "not_found", "instance_template")
    crowd.who = "viewer"
    assert crowd.now(group)["id"] == group["id"]
    assert crowd.refused("PATCH", f"{GROUPS}/{group['id']}", {"membership_count": 0})[0] == 403
    assert crowd.refused("DELETE", f"{GROUPS}/{group['id']}/memberships/{member}")[0] == 403
