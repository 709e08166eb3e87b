"""Templates: what they keep, what they show, and servers made of them."""

from __future__ import annotations

from typing import Any

import pytest

from unit.instances.cloud import ZONE, Cloud

TEMPLATES = "/v1/instance/templates"


def make(cloud: Cloud, **source: Any) -> dict[str, Any]:
    return cloud.call("POST", TEMPLATES, cloud.home.prototype(**source), status=201)


def use(cloud: Cloud, template: dict[str, Any], **over: Any) -> dict[str, Any]:
    """A server of a template, running."""
    made = cloud.call("POST", "/v1/instances", {"source_template": {"id": template["id"]}, **over}, status=201)
    cloud.settle()
    return cloud.call("GET", f"/v1/instances/{made['id']}", status=200)


def test_references_are_shown_by_id_whatever_they_were_given_by(still: Cloud) -> None:
    image, home = still.image(), still.home
    interface = {
        "subnet": {"crn": home.subnet.crn},
        "security_groups": [{"href": f"http://here/v1/security_groups/{home.vpc.default_security_group_id}"}],
    }
    boot = {"volume": {"profile": {"href": "http://here/v1/volume/profiles/10iops-tier"}, "capacity": 20}}
    made = make(
        still,
        name="web",
        image={"crn": image.crn},
        vpc=None,
        keys=[{"fingerprint": home.key.fingerprint}],
        profile={"href": "http://here/v1/instance/profiles/cx2-2x4"},
        primary_network_interface=interface,
        boot_volume_attachment=boot,
        user_data="#cloud-config\n",
    )
    assert made == still.call("GET", f"{TEMPLATES}/{made['id']}", status=200)
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


def test_a_server_of_a_template(cloud: Cloud) -> None:
    image = cloud.image()
    template = make(cloud, name="web", image={"id": image.id}, profile={"name": "cx2-2x4"})
    server = use(cloud, template)
    assert (server["status"], server["profile"]["name"], server["image"]["id"]) == ("running", "cx2-2x4", image.id)
    assert server["name"] != "web"
    second = use(cloud, template, name="second", profile={"name": "cx2-4x8"})
    assert (second["name"], second["profile"]["name"]) == ("second", "cx2-4x8")
    key = cloud.call("GET", f"/v1/instances/{second['id']}/initialization", status=200)["keys"][0]
    assert (key["id"], key["fingerprint"]) == (cloud.home.key.id, cloud.home.key.fingerprint)


def test_another_source_replaces_the_templates(cloud: Cloud) -> None:
    first, second = cloud.image("first"), cloud.image("second")
    boot = {"volume": {"profile": {"name": "5iops-tier"}, "capacity": 12}}
    template = make(cloud, image={"id": first.id}, boot_volume_attachment=boot)
    server = use(cloud, template, image={"id": second.id})
    assert server["image"]["id"] == second.id
    volume = cloud.call("GET", f"/v1/volumes/{server['boot_volume_attachment']['volume']['id']}", status=200)
    assert (volume["capacity"], volume["profile"]["name"]) == (12, "5iops-tier")


def test_a_template_of_a_template(still: Cloud) -> None:
    image = still.image()
    first = make(still, name="first", image={"id": image.id}, user_data="one")
    body = {"name": "second", "source_template": {"crn": first["crn"]}, "user_data": "two"}
    second = still.call("POST", TEMPLATES, body, status=201)
    assert (second["image"], second["user_data"], second["name"]) == (first["image"], "two", "second")
    assert "source_template" not in second


def test_a_template_of_a_snapshot(cloud: Cloud) -> None:
    server = cloud.server(image={"id": cloud.image().id})
    volume = {"id": server["boot_volume_attachment"]["volume"]["id"]}
    snapshot = cloud.call("POST", "/v1/snapshots", {"source_volume": volume}, status=201)
    cloud.settle()
    source = {"source_snapshot": {"crn": snapshot["crn"]}}
    template = make(cloud, boot_volume_attachment={"volume": source})
    kept = template["boot_volume_attachment"]["volume"]
    assert kept == {"source_snapshot": {"id": snapshot["id"]}, "profile": {"name": "general-purpose"}}
    larger = {"volume": {"capacity": 30, "profile": {"name": "general-purpose"}}}
    made = use(cloud, template, boot_volume_attachment=larger)
    boot = cloud.call("GET", f"/v1/volumes/{made['boot_volume_attachment']['volume']['id']}", status=200)
    assert (made["status"], boot["capacity"], boot["source_snapshot"]["id"]) == ("running", 30, snapshot["id"])


def test_servers_cannot_share_a_volume(still: Cloud) -> None:
    body = still.home.prototype(boot_volume_attachment={"volume": {"id": "any"}})
    refused = ("bad_field", "boot_volume_attachment.volume")
    assert still.code("POST", TEMPLATES, body, status=400) == refused


def test_each_use_is_checked_anew(still: Cloud) -> None:
    image = still.image()
    template = make(still, image={"id": image.id})
    still.call("POST", f"/v1/images/{image.id}/obsolete", status=204)
    body = {"source_template": {"id": template["id"]}}
    assert still.code("POST", "/v1/instances", body, status=409) == ("invalid_state", "image")
    still.call("DELETE", f"/v1/images/{image.id}", status=202)
    assert still.code("POST", "/v1/instances", body, status=404) == ("not_found", "image")
    assert still.call("GET", f"{TEMPLATES}/{template['id']}", status=200)["image"]["id"] == image.id


def test_a_template_changes_its_name_and_goes(still: Cloud) -> None:
    image = still.image()
    first, second = (make(still, name=name, image={"id": image.id}) for name in ("first", "second"))
    path = f"{TEMPLATES}/{first['id']}"
    assert still.code("PATCH", path, {"name": "second"}, status=400) == ("validation_unique_failed", "name")
    assert still.call("PATCH", path, {"name": "third"}, status=200)["name"] == "third"
    listed = still.call("GET", TEMPLATES, status=200)
    assert [one["id"] for one in listed["templates"]] == sorted((first["id"], second["id"]), reverse=True)
    still.call("DELETE", path, status=204)
    assert still.code("GET", path, status=404) == ("not_found", "id")
    body = {"source_template": {"id": first["id"]}}
    assert still.code("POST", "/v1/instances", body, status=404) == ("not_found", "source_template")


@pytest.mark.parametrize("caller", ["stranger", "consumer"])
def test_a_template_is_its_accounts_own(still: Cloud, caller: str) -> None:
    template = make(still, image={"id": still.image().id})
    path = f"{TEMPLATES}/{template['id']}"
    assert still.code("GET", path, status=404, caller=caller) == ("not_found", "id")
    body = {"source_template": {"id": template["id"]}}
    refused = still.code("POST", "/v1/instances", body, status=404, caller=caller)
    assert refused == ("not_found", "source_template")


def test_a_stale_tag_changes_nothing(still: Cloud) -> None:
    path = f"{TEMPLATES}/{make(still, image={'id': still.image().id})['id']}"
    etag = still.answer("GET", path).headers["etag"]
    assert still.answer("PATCH", path, {"name": "other"}, if_match=etag).status_code == 200
    assert still.answer("DELETE", path, if_match=etag).status_code == 412
    assert still.answer("DELETE", path, if_match=still.answer("GET", path).headers["etag"]).status_code == 204
