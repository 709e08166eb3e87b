"""What an image may be used for goes with its bytes: to the boot volume, its snapshots, what is made of those."""

from __future__ import annotations

from typing import Any

import pytest

from unit.instances.cloud import Cloud

SMALL = "vcpu.count <= 2"
BIG = {"profile": {"name": "bx2-4x16"}}
PROFILE = {"name": "general-purpose"}


def use(instance: str, version: str = "2026-01-01", metal: str = "true") -> dict[str, str]:
    return {"api_version": version, "instance": instance, "bare_metal_server": metal}


@pytest.fixture
def strict(cloud: Cloud) -> dict[str, Any]:
    """A server of an image that allows small servers only."""
    return cloud.server(image={"id": cloud.image("strict", allowed_use=use(SMALL)).id}, name="strict")


def volume_of(cloud: Cloud, server: dict[str, Any]) -> dict[str, Any]:
    return cloud.call("GET", f"/v1/volumes/{server['boot_volume_attachment']['volume']['id']}", status=200)


def snapshot_of(cloud: Cloud, volume: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = cloud.call("POST", "/v1/snapshots", {"source_volume": {"id": volume["id"]}, **more}, status=201)
    cloud.settle()
    return cloud.call("GET", f"/v1/snapshots/{made['id']}", status=200)


def booting(cloud: Cloud, **changes: Any) -> dict[str, Any]:
    return cloud.home.prototype(**changes)


def test_the_use_of_an_image_goes_with_its_bytes(cloud: Cloud, strict: dict[str, Any]) -> None:
    volume = volume_of(cloud, strict)
    assert volume["allowed_use"] == use(SMALL)
    snapshot = snapshot_of(cloud, volume)
    assert snapshot["allowed_use"] == use(SMALL)
    body = {"zone": {"name": "us-south-1"}, "profile": PROFILE, "source_snapshot": {"id": snapshot["id"]}}
    assert cloud.call("POST", "/v1/volumes", body, status=201)["allowed_use"] == use(SMALL)
    cloud.act(strict["id"], "stop")
    image = cloud.call("POST", "/v1/images", {"source_volume": {"id": volume["id"]}}, status=201)
    assert image["allowed_use"] == use(SMALL, "2026-10-06"), "read as today's requests are"


def test_every_source_of_a_server_is_asked(cloud: Cloud, strict: dict[str, Any]) -> None:
    volume = volume_of(cloud, strict)
    snapshot = {"volume": {"source_snapshot": {"id": snapshot_of(cloud, volume)["id"]}, "profile": PROFILE}}
    cloud.call("POST", "/v1/instances", booting(cloud, boot_volume_attachment=snapshot), status=201)
    refused = ("bad_field", "allowed_use")
    assert cloud.code("POST", "/v1/instances", booting(cloud, boot_volume_attachment=snapshot, **BIG), status=400) == (
        refused
    )
    free = {
        "zone": {"name": "us-south-1"},
        "profile": PROFILE,
        "source_snapshot": snapshot["volume"]["source_snapshot"],
    }
    made = cloud.call("POST", "/v1/volumes", free, status=201)
    cloud.settle()
    there = {"volume": {"id": made["id"]}}
    assert (
        cloud.code("POST", "/v1/instances", booting(cloud, boot_volume_attachment=there, **BIG), status=400) == refused
    )
    cloud.call("POST", "/v1/instances", booting(cloud, boot_volume_attachment=there), status=201)


def test_a_server_does_not_outgrow_what_it_boots_from(cloud: Cloud, strict: dict[str, Any]) -> None:
    path = f"/v1/instances/{strict['id']}"
    cloud.act(strict["id"], "stop")
    assert cloud.code("PATCH", path, BIG, status=400) == ("bad_field", "allowed_use")
    volume = f"/v1/volumes/{strict['boot_volume_attachment']['volume']['id']}"
    cloud.call("PATCH", volume, {"allowed_use": {"instance": "vcpu.count <= 4"}}, status=200)
    assert cloud.call("PATCH", path, BIG, status=200)["profile"]["name"] == "bx2-4x16"
    cloud.call("PATCH", volume, {"allowed_use": {"instance": "!enable_secure_boot"}}, status=200)
    assert cloud.code("PATCH", path, {"enable_secure_boot": True}, status=400) == ("bad_field", "allowed_use")


def test_a_new_boot_volume_may_be_used_for_less_and_its_image_still_decides(cloud: Cloud) -> None:
    image = {"id": cloud.image("medium", allowed_use=use("vcpu.count <= 4")).id}
    narrow = {"volume": {"profile": PROFILE, "allowed_use": {"instance": SMALL}}}
    assert volume_of(cloud, cloud.server(image=image, boot_volume_attachment=narrow))["allowed_use"] == use(SMALL)
    body = booting(cloud, image=image, boot_volume_attachment=narrow, **BIG)
    assert cloud.code("POST", "/v1/instances", body, status=400) == ("bad_field", "allowed_use")
    wide = {"volume": {"profile": PROFILE, "allowed_use": {"instance": "true"}}}
    body = booting(cloud, image=image, boot_volume_attachment=wide, profile={"name": "bx2-8x32"})
    assert cloud.code("POST", "/v1/instances", body, status=400) == ("bad_field", "allowed_use")


def test_the_use_is_changed_and_profiles_follow(cloud: Cloud, strict: dict[str, Any]) -> None:
    volume = volume_of(cloud, strict)
    snapshot = snapshot_of(cloud, volume, allowed_use={"bare_metal_server": "enable_secure_boot"})
    assert snapshot["allowed_use"] == use(SMALL, metal="enable_secure_boot")
    for path in (f"/v1/volumes/{volume['id']}", f"/v1/snapshots/{snapshot['id']}"):
        changed = cloud.call("PATCH", path, {"allowed_use": {"instance": "vcpu.count == 4"}}, status=200)
        assert changed["allowed_use"]["instance"] == "vcpu.count == 4"
        fitting = cloud.call("GET", f"{path}/instance_profiles", status=200)["instance_profiles"]
        assert {one["name"].rpartition("-")[2].partition("x")[0] for one in fitting} == {"4"}
        bad = {"allowed_use": {"instance": "vcpu.count +"}}
        assert cloud.code("PATCH", path, bad, status=400) == ("bad_field", "allowed_use.instance")


def test_what_nothing_boots_from_has_no_use(cloud: Cloud) -> None:
    body: dict[str, Any] = {"zone": {"name": "us-south-1"}, "profile": PROFILE, "capacity": 10}
    given = {"allowed_use": {"instance": "true"}}
    assert cloud.code("POST", "/v1/volumes", {**body, **given}, status=400) == ("bad_field", "allowed_use")
    made = cloud.call("POST", "/v1/volumes", body, status=201)
    assert "allowed_use" not in made
    cloud.settle()
    assert cloud.code("PATCH", f"/v1/volumes/{made['id']}", given, status=400) == ("bad_field", "allowed_use")


def test_boot_and_data_volumes_get_the_bandwidth_that_was_asked_for(cloud: Cloud) -> None:
    image = {"id": cloud.image("wide").id}
    chosen = {"profile": {"name": "sdp"}, "bandwidth": 2_000}
    server = cloud.server(
        image=image,
        boot_volume_attachment={"volume": chosen},
        volume_attachments=[{"volume": {**chosen, "capacity": 10}}],
    )
    ids = [one["volume"]["id"] for one in server["volume_attachments"]]
    assert [cloud.call("GET", f"/v1/volumes/{id_}", status=200)["bandwidth"] for id_ in ids] == [2_000, 2_000]
    tiered = {"volume": {"profile": PROFILE, "bandwidth": 7}}
    body = booting(cloud, image=image, boot_volume_attachment=tiered)
    assert cloud.code("POST", "/v1/instances", body, status=400) == ("bad_field", "bandwidth")
