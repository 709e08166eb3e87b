"""What an image may be used for goes with its bytes: to the boot volume, its snapshots, what is made of those."""

from __future__ import annotations

from typing import Any

import pytest

from unit.instances.api_in_process import Api

SMALL = "vcpu.count <= 2"
BIG = {"profile": {"name": "bx2-4x16"}}
PROFILE = {"name": "general-purpose"}


def use(instance: str, version: str = "2026-01-01", metal: str = "true") -> dict[str, str]:
    return {"api_version": version, "instance": instance, "bare_metal_server": metal}


@pytest.fixture
def strict(api: Api) -> dict[str, Any]:
    """A server of an image that allows small servers only."""
    return api.server(image={"id": api.image("strict", allowed_use=use(SMALL)).id}, name="strict")


def volume_of(api: Api, server: dict[str, Any]) -> dict[str, Any]:
    return api.call("GET", f"/v1/volumes/{server['boot_volume_attachment']['volume']['id']}", status=200)


def snapshot_of(api: Api, volume: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = api.call("POST", "/v1/snapshots", {"source_volume": {"id": volume["id"]}, **more}, status=201)
    api.settle()
    return api.call("GET", f"/v1/snapshots/{made['id']}", status=200)


def booting(api: Api, **changes: Any) -> dict[str, Any]:
    return api.home.prototype(**changes)


def test_the_use_of_an_image_goes_with_its_bytes(api: Api, strict: dict[str, Any]) -> None:
    volume = volume_of(api, strict)
    assert volume["allowed_use"] == use(SMALL)
    snapshot = snapshot_of(api, volume)
    assert snapshot["allowed_use"] == use(SMALL)
    body = {"zone": {"name": "us-south-1"}, "profile": PROFILE, "source_snapshot": {"id": snapshot["id"]}}
    assert api.call("POST", "/v1/volumes", body, status=201)["allowed_use"] == use(SMALL)
    api.act(strict["id"], "stop")
    image = api.call("POST", "/v1/images", {"source_volume": {"id": volume["id"]}}, status=201)
    assert image["allowed_use"] == use(SMALL, "2026-10-06"), "read as today's requests are"


def test_every_source_of_a_server_is_asked(api: Api, strict: dict[str, Any]) -> None:
    volume = volume_of(api, strict)
    snapshot = {"volume": {"source_snapshot": {"id": snapshot_of(api, volume)["id"]}, "profile": PROFILE}}
    api.call("POST", "/v1/instances", booting(api, boot_volume_attachment=snapshot), status=201)
    refused = ("bad_field", "allowed_use")
    assert api.code("POST", "/v1/instances", booting(api, boot_volume_attachment=snapshot, **BIG), status=400) == (
        refused
    )
    free = {
        "zone": {"name": "us-south-1"},
        "profile": PROFILE,
        "source_snapshot": snapshot["volume"]["source_snapshot"],
    }
    made = api.call("POST", "/v1/volumes", free, status=201)
    api.settle()
    there = {"volume": {"id": made["id"]}}
    assert api.code("POST", "/v1/instances", booting(api, boot_volume_attachment=there, **BIG), status=400) == refused
    api.call("POST", "/v1/instances", booting(api, boot_volume_attachment=there), status=201)


def test_a_server_does_not_outgrow_what_it_boots_from(api: Api, strict: dict[str, Any]) -> None:
    path = f"/v1/instances/{strict['id']}"
    api.act(strict["id"], "stop")
    assert api.code("PATCH", path, BIG, status=400) == ("bad_field", "allowed_use")
    volume = f"/v1/volumes/{strict['boot_volume_attachment']['volume']['id']}"
    api.call("PATCH", volume, {"allowed_use": {"instance": "vcpu.count <= 4"}}, status=200)
    assert api.call("PATCH", path, BIG, status=200)["profile"]["name"] == "bx2-4x16"
    api.call("PATCH", volume, {"allowed_use": {"instance": "!enable_secure_boot"}}, status=200)
    assert api.code("PATCH", path, {"enable_secure_boot": True}, status=400) == ("bad_field", "allowed_use")


def test_a_new_boot_volume_may_be_used_for_less_and_its_image_still_decides(api: Api) -> None:
    image = {"id": api.image("medium", allowed_use=use("vcpu.count <= 4")).id}
    narrow = {"volume": {"profile": PROFILE, "allowed_use": {"instance": SMALL}}}
    assert volume_of(api, api.server(image=image, boot_volume_attachment=narrow))["allowed_use"] == use(SMALL)
    body = booting(api, image=image, boot_volume_attachment=narrow, **BIG)
    assert api.code("POST", "/v1/instances", body, status=400) == ("bad_field", "allowed_use")
    wide = {"volume": {"profile": PROFILE, "allowed_use": {"instance": "true"}}}
    body = booting(api, image=image, boot_volume_attachment=wide, profile={"name": "bx2-8x32"})
    assert api.code("POST", "/v1/instances", body, status=400) == ("bad_field", "allowed_use")


def test_the_use_is_changed_and_profiles_follow(api: Api, strict: dict[str, Any]) -> None:
    volume = volume_of(api, strict)
    snapshot = snapshot_of(api, volume, allowed_use={"bare_metal_server": "enable_secure_boot"})
    assert snapshot["allowed_use"] == use(SMALL, metal="enable_secure_boot")
    for path in (f"/v1/volumes/{volume['id']}", f"/v1/snapshots/{snapshot['id']}"):
        changed = api.call("PATCH", path, {"allowed_use": {"instance": "vcpu.count == 4"}}, status=200)
        assert changed["allowed_use"]["instance"] == "vcpu.count == 4"
        fitting = api.call("GET", f"{path}/instance_profiles", status=200)["instance_profiles"]
        assert {one["name"].rpartition("-")[2].partition("x")[0] for one in fitting} == {"4"}
        bad = {"allowed_use": {"instance": "vcpu.count +"}}
        assert api.code("PATCH", path, bad, status=400) == ("bad_field", "allowed_use.instance")


def test_what_nothing_boots_from_has_no_use(api: Api) -> None:
    body: dict[str, Any] = {"zone": {"name": "us-south-1"}, "profile": PROFILE, "capacity": 10}
    given = {"allowed_use": {"instance": "true"}}
    assert api.code("POST", "/v1/volumes", {**body, **given}, status=400) == ("bad_field", "allowed_use")
    made = api.call("POST", "/v1/volumes", body, status=201)
    assert "allowed_use" not in made
    api.settle()
    assert api.code("PATCH", f"/v1/volumes/{made['id']}", given, status=400) == ("bad_field", "allowed_use")


def test_boot_and_data_volumes_get_the_bandwidth_that_was_asked_for(api: Api) -> None:
    image = {"id": api.image("wide").id}
    chosen = {"profile": {"name": "sdp"}, "bandwidth": 2_000}
    server = api.server(
        image=image,
        boot_volume_attachment={"volume": chosen},
        volume_attachments=[{"volume": {**chosen, "capacity": 10}}],
    )
    ids = [one["volume"]["id"] for one in server["volume_attachments"]]
    assert [api.call("GET", f"/v1/volumes/{id_}", status=200)["bandwidth"] for id_ in ids] == [2_000, 2_000]
    tiered = {"volume": {"profile": PROFILE, "bandwidth": 7}}
    body = booting(api, image=image, boot_volume_attachment=tiered)
    assert api.code("POST", "/v1/instances", body, status=400) == ("bad_field", "bandwidth")
