"""Placement groups: their life, who is in them, and instances that run apart from each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR

PATH = "/v1/placement_groups"
ABSENT = "r006-00000000-0000-4000-8000-000000000000"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    """An application whose simulated engine has two hosts."""
    made = open_app(tmp_path / "data", simulated_hosts=2)
    yield made
    made.close()


def group_of(app: App, strategy: str = "host_spread", **more: Any) -> dict[str, Any]:
    return dict(app.do("POST", PATH, {"strategy": strategy, **more}))


def member(app: App, image: str, group: dict[str, Any], **more: Any) -> dict[str, Any]:
    return app.server_of(image, placement_target={"id": group["id"]}, **more)


def hosts(app: App) -> dict[str, set[str]]:
    """The servers of each host."""
    listed = app.call(OPERATOR, "GET", "/_kunsthalle/hosts").json["hosts"]
    return {
        host["name"]: {
            one["id"] for one in app.call(OPERATOR, "GET", f"/_kunsthalle/hosts/{host['name']}").json["instances"]
        }
        for host in listed
    }


def test_a_placement_group_from_its_creation_to_its_deletion(app: App) -> None:
    made = group_of(app, name="apart")
    assert {key: made[key] for key in ("name", "strategy", "lifecycle_state", "resource_type")} == {
        "name": "apart",
        "strategy": "host_spread",
        "lifecycle_state": "stable",
        "resource_type": "placement_group",
    }
    assert app.do("GET", PATH)["placement_groups"] == [made]
    renamed = app.do("PATCH", f"{PATH}/{made['id']}", {"name": "still-apart"})
    assert renamed == {**made, "name": "still-apart"}
    assert app.refused("POST", PATH, {"strategy": "power_spread", "name": "still-apart"})[::2] == (400, "name")
    assert app.call("owner", "DELETE", f"{PATH}/{made['id']}").status == 202
    app.settle()
    assert app.refused("GET", f"{PATH}/{made['id']}") == (404, "not_found", "id")


def test_another_account_cannot_tell_it_from_one_that_never_was(app: App) -> None:
    made = group_of(app, "power_spread")
    hidden, absent = (app.call("consumer", "GET", f"{PATH}/{id_}") for id_ in (made["id"], ABSENT))
    assert (hidden.status, hidden.json["errors"]) == (404, absent.json["errors"])
    assert app.ok("consumer", "GET", PATH)["placement_groups"] == []


def test_wrong_strategies_and_readers_are_refused_and_the_search_finds_it(app: App) -> None:
    assert app.refused("POST", PATH, {"strategy": "anywhere"})[0] == 400
    assert app.refused("POST", PATH, {})[0] == 400
    assert app.refused("POST", PATH, {"strategy": "host_spread"}, who="viewer")[0] == 403
    made = group_of(app, name="apart")
    query = {"query": "type:placement-group", "fields": ["name", "crn"]}
    found = app.do("POST", "/v3/resources/search", query)["items"]
    assert [(item["name"], item["crn"]) for item in found] == [("apart", made["crn"])]
    app.do("POST", "/v3/tags/attach", {"tag_names": ["ha"], "resources": [{"resource_id": made["crn"]}]})
    tagged = app.do("POST", "/v3/resources/search", {"query": "tags:ha", "fields": ["crn"]})["items"]
    assert [item["crn"] for item in tagged] == [made["crn"]]


def test_instances_of_a_group_run_on_different_hosts(site: App) -> None:
    image, group = site.image("golden")["id"], group_of(site)
    first, second = (member(site, image, group, name=name) for name in ("first", "second"))
    assert sorted(len(servers & {first["id"], second["id"]}) for servers in hosts(site).values()) == [1, 1]
    site.act(first["id"], "reboot")
    site.act(first["id"], "stop")
    site.act(first["id"], "start")
    assert sorted(len(servers & {first["id"], second["id"]}) for servers in hosts(site).values()) == [1, 1]

    third = member(site, image, group, name="third")
    now = site.do("GET", f"/v1/instances/{third['id']}")
    assert (now["status"], [reason["code"] for reason in now["status_reasons"]]) == (
        "failed",
        ["cannot_start_placement_group"],
    )
    alone = site.server_of(image, name="alone")
    assert site.do("GET", f"/v1/instances/{alone['id']}")["status"] == "running", "who is in no group has room"
    site.act(second["id"], "stop")
    site.act(third["id"], "start")
    assert site.do("GET", f"/v1/instances/{third['id']}")["status"] == "running"


def test_on_one_host_all_of_a_group_run_there(app: App) -> None:
    image, group = app.image("golden")["id"], group_of(app)
    for name in ("first", "second"):
        made = member(app, image, group, name=name)
        assert app.do("GET", f"/v1/instances/{made['id']}")["status"] == "running"


def test_an_instance_shows_its_group_and_is_found_by_it(app: App) -> None:
    image, group, other = app.image("golden")["id"], group_of(app, name="apart"), group_of(app, name="other")
    placed, alone = member(app, image, group, name="placed"), app.server_of(image, name="alone")
    shown = app.do("GET", f"/v1/instances/{placed['id']}")["placement_target"]
    assert shown == {key: group[key] for key in ("crn", "href", "id", "name", "resource_type")}
    assert "placement_target" not in app.do("GET", f"/v1/instances/{alone['id']}")
    for field in ("id", "crn", "name"):
        for one, names in ((group, ["placed"]), (other, [])):
            listed = app.do("GET", f"/v1/instances?placement_group.{field}={one[field]}")["instances"]
            assert [server["name"] for server in listed] == names
    assert app.do("GET", "/v1/instances?placement_group.crn=no-crn")["instances"] == []
    app.do("PATCH", f"{PATH}/{group['id']}", {"name": "renamed"})
    assert app.do("GET", f"/v1/instances/{placed['id']}")["placement_target"]["name"] == "renamed"


def test_a_group_with_instances_stays(app: App) -> None:
    image, group = app.image("golden")["id"], group_of(app)
    made = member(app, image, group)
    assert app.refused("DELETE", f"{PATH}/{group['id']}")[:2] == (409, "placement_group_in_use")
    app.do("DELETE", f"/v1/instances/{made['id']}")
    app.settle()
    app.do("DELETE", f"{PATH}/{group['id']}")
    target = {"placement_target": {"id": group["id"]}}
    refused = app.call("owner", "POST", "/v1/instances", {**prototype(app, image), **target})
    assert (refused.status, refused.json["errors"][0]["code"]) in {(409, "invalid_state"), (404, "not_found")}
    app.settle()
    assert app.do("GET", PATH)["placement_groups"] == []


def prototype(app: App, image: str) -> dict[str, Any]:
    subnet, key = app.do("GET", "/v1/subnets")["subnets"][0], app.do("GET", "/v1/keys")["keys"][0]
    return {
        "image": {"id": image},
        "zone": {"name": subnet["zone"]["name"]},
        "keys": [{"id": key["id"]}],
        "profile": {"name": "bx2-2x8"},
        "primary_network_interface": {"subnet": {"id": subnet["id"]}},
    }


def test_a_group_has_as_many_instances_as_its_strategy_allows(app: App) -> None:
    image, group = app.image("golden")["id"], group_of(app, "power_spread")
    for number in range(4):
        member(app, image, group, name=f"server-{number}")
    body = {**prototype(app, image), "placement_target": {"crn": group["crn"]}}
    assert app.refused("POST", "/v1/instances", body) == (400, "over_quota", "placement_target")


def test_what_is_no_group_of_the_account_is_not_found(app: App) -> None:
    body = prototype(app, app.image("golden")["id"])
    foreign = app.ok("consumer", "POST", PATH, {"strategy": "host_spread"})
    for target in ({"id": ABSENT}, {"id": foreign["id"]}, {"crn": foreign["crn"]}):
        assert app.refused("POST", "/v1/instances", {**body, "placement_target": target}) == (
            404,
            "not_found",
            "placement_target",
        )
    assert app.refused("POST", "/v1/instances", {**body, "placement_target": {}})[0] == 400


def test_templates_and_instance_groups_place_their_instances(site: App) -> None:
    image, group = site.image("golden")["id"], group_of(site)
    wish = {**prototype(site, image), "placement_target": {"crn": group["crn"]}, "name": "pattern"}
    template = site.do("POST", "/v1/instance/templates", wish)
    assert template["placement_target"] == {"id": group["id"]}
    made = site.do("POST", "/v1/instances", {"source_template": {"id": template["id"]}, "name": "by-hand"})
    site.settle()
    subnet = site.do("GET", "/v1/subnets")["subnets"][0]
    of_members = {"instance_template": {"id": template["id"]}, "subnets": [{"id": subnet["id"]}]}
    site.do("POST", "/v1/instance_groups", {**of_members, "membership_count": 1})
    site.settle()
    listed = site.do("GET", f"/v1/instances?placement_group.id={group['id']}")["instances"]
    assert len(listed) == 2
    assert {server["status"] for server in listed} == {"running"}
    assert made["id"] in {server["id"] for server in listed}
    assert [len(servers) for servers in hosts(site).values()] == [1, 1]
