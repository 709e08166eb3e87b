"""Templates: what they keep, what they show, and servers made of them."""

from __future__ import annotations

from typing import Any

import pytest

from unit.instances.api_in_process import ZONE, Api

TEMPLATES = "/v1/instance/templates"


def make(api: Api, **source: Any) -> dict[str, Any]:
    return api.call("POST", TEMPLATES, api.home.prototype(**source), status=201)


def use(api: Api, template: dict[str, Any], **over: Any) -> dict[str, Any]:
    """A server of a template, running."""
    made = api.call("POST", "/v1/instances", {"source_template": {"id": template["id"]}, **over}, status=201)
    api.settle()
    return api.call("GET", f"/v1/instances/{made['id']}", status=200)


def test_references_are_shown_by_id_whatever_they_were_given_by(idle: Api) -> None:
    image, home = idle.image(), idle.home
    interface = {
        "subnet": {"crn": home.subnet.crn},
        "security_groups": [{"href": f"http://here/v1/security_groups/{home.vpc.default_security_group_id}"}],
    }
    boot = {"volume": {"profile": {"href": "http://here/v1/volume/profiles/10iops-tier"}, "capacity": 20}}
    made = make(
        idle,
        name="web",
        image={"crn": image.crn},
        vpc=None,
        keys=[{"fingerprint": home.key.fingerprint}],
        profile={"href": "http://here/v1/instance/profiles/cx2-2x4"},
        primary_network_interface=interface,
        boot_volume_attachment=boot,
        user_data="#cloud-config\n",
    )
    assert made == idle.call("GET", f"{TEMPLATES}/{made['id']}", status=200)
    assert made["image"] == {
        "id": image.id,
        "crn": image.crn,
        "name": "mine",
        "href": f"http://here/v1/images/{image.id}",
    }
    assert made["vpc"] == {"id": home.vpc.id}
    assert made["zone"] == {"name": ZONE}
    assert made["keys"] == [{"id": home.key.id}]
    assert made["profile"] == {"name": "cx2-2x4"}
    shown = made["primary_network_interface"]
    assert shown["subnet"] == {"id": home.subnet.id}
    assert shown["security_groups"] == [{"id": home.vpc.default_security_group_id}]
    assert shown["name"]
    assert made["boot_volume_attachment"] == {
        "delete_volume_on_instance_delete": True,
        "volume": {"profile": {"name": "10iops-tier"}, "capacity": 20},
    }
    assert made["user_data"] == "#cloud-config\n"
    assert "catalog_offering" not in made


def test_a_server_of_a_template(api: Api) -> None:
    image = api.image()
    template = make(api, name="web", image={"id": image.id}, profile={"name": "cx2-2x4"})
    server = use(api, template)
    assert (server["status"], server["profile"]["name"], server["image"]["id"]) == ("running", "cx2-2x4", image.id)
    assert server["name"] != "web"
    second = use(api, template, name="second", profile={"name": "cx2-4x8"})
    assert (second["name"], second["profile"]["name"]) == ("second", "cx2-4x8")
    key = api.call("GET", f"/v1/instances/{second['id']}/initialization", status=200)["keys"][0]
    assert (key["id"], key["fingerprint"]) == (api.home.key.id, api.home.key.fingerprint)


def test_another_source_replaces_the_templates(api: Api) -> None:
    first, second = api.image("first"), api.image("second")
    boot = {"volume": {"profile": {"name": "5iops-tier"}, "capacity": 12}}
    template = make(api, image={"id": first.id}, boot_volume_attachment=boot)
    server = use(api, template, image={"id": second.id})
    assert server["image"]["id"] == second.id
    volume = api.call("GET", f"/v1/volumes/{server['boot_volume_attachment']['volume']['id']}", status=200)
    assert (volume["capacity"], volume["profile"]["name"]) == (12, "5iops-tier")


def test_a_template_of_a_template(idle: Api) -> None:
    image = idle.image()
    first = make(idle, name="first", image={"id": image.id}, user_data="one")
    body = {"name": "second", "source_template": {"crn": first["crn"]}, "user_data": "two"}
    second = idle.call("POST", TEMPLATES, body, status=201)
    assert (second["image"], second["user_data"], second["name"]) == (first["image"], "two", "second")
    assert "source_template" not in second


def test_a_template_of_a_snapshot(api: Api) -> None:
    server = api.server(image={"id": api.image().id})
    volume = {"id": server["boot_volume_attachment"]["volume"]["id"]}
    snapshot = api.call("POST", "/v1/snapshots", {"source_volume": volume}, status=201)
    api.settle()
    source = {"source_snapshot": {"crn": snapshot["crn"]}}
    template = make(api, boot_volume_attachment={"volume": source})
    kept = template["boot_volume_attachment"]["volume"]
    assert kept == {"source_snapshot": {"id": snapshot["id"]}, "profile": {"name": "general-purpose"}}
    larger = {"volume": {"capacity": 30, "profile": {"name": "general-purpose"}}}
    made = use(api, template, boot_volume_attachment=larger)
    boot = api.call("GET", f"/v1/volumes/{made['boot_volume_attachment']['volume']['id']}", status=200)
    assert (made["status"], boot["capacity"], boot["source_snapshot"]["id"]) == ("running", 30, snapshot["id"])


def test_servers_cannot_share_a_volume(idle: Api) -> None:
    body = idle.home.prototype(boot_volume_attachment={"volume": {"id": "any"}})
    refused = ("bad_field", "boot_volume_attachment.volume")
    assert idle.code("POST", TEMPLATES, body, status=400) == refused


def test_each_use_is_checked_anew(idle: Api) -> None:
    image = idle.image()
    template = make(idle, image={"id": image.id})
    idle.call("POST", f"/v1/images/{image.id}/obsolete", status=204)
    body = {"source_template": {"id": template["id"]}}
    assert idle.code("POST", "/v1/instances", body, status=409) == ("invalid_state", "image")
    idle.call("DELETE", f"/v1/images/{image.id}", status=202)
    assert idle.code("POST", "/v1/instances", body, status=404) == ("not_found", "image")
    assert idle.call("GET", f"{TEMPLATES}/{template['id']}", status=200)["image"]["id"] == image.id


def test_a_template_changes_its_name_and_goes(idle: Api) -> None:
    image = idle.image()
    first, second = (make(idle, name=name, image={"id": image.id}) for name in ("first", "second"))
    path = f"{TEMPLATES}/{first['id']}"
    assert idle.code("PATCH", path, {"name": "second"}, status=400) == ("validation_unique_failed", "name")
    assert idle.call("PATCH", path, {"name": "third"}, status=200)["name"] == "third"
    listed = idle.call("GET", TEMPLATES, status=200)
    assert [one["id"] for one in listed["templates"]] == sorted((first["id"], second["id"]), reverse=True)
    idle.call("DELETE", path, status=204)
    assert idle.code("GET", path, status=404) == ("not_found", "id")
    body = {"source_template": {"id": first["id"]}}
    assert idle.code("POST", "/v1/instances", body, status=404) == ("not_found", "source_template")


@pytest.mark.parametrize("caller", ["stranger", "consumer"])
def test_a_template_is_its_accounts_own(idle: Api, caller: str) -> None:
    template = make(idle, image={"id": idle.image().id})
    path = f"{TEMPLATES}/{template['id']}"
    assert idle.code("GET", path, status=404, caller=caller) == ("not_found", "id")
    body = {"source_template": {"id": template["id"]}}
    refused = idle.code("POST", "/v1/instances", body, status=404, caller=caller)
    assert refused == ("not_found", "source_template")


def test_a_stale_tag_changes_nothing(idle: Api) -> None:
    path = f"{TEMPLATES}/{make(idle, image={'id': idle.image().id})['id']}"
    etag = idle.answer("GET", path).headers["etag"]
    assert idle.answer("PATCH", path, {"name": "other"}, if_match=etag).status_code == 200
    assert idle.answer("DELETE", path, if_match=etag).status_code == 412
    assert idle.answer("DELETE", path, if_match=idle.answer("GET", path).headers["etag"]).status_code == 204
