"""Volumes: made, shown, found, renamed, removed."""

from __future__ import annotations

from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest

from kunsthalle.block_storage.volume_profiles import PROFILES
from kunsthalle.hypervisor.overlays import read_header
from unit.instances.api_in_process import ZONE, Api

GENERAL = {"profile": {"name": "general-purpose"}, "zone": {"name": ZONE}}
ABSENT = {"id": "r006-00000000-0000-4000-8000-000000000000"}


def make(api: Api, **fields: Any) -> dict[str, Any]:
    made = api.call("POST", "/v1/volumes", {**GENERAL, **fields}, status=201)
    assert made["status"] == "pending"
    api.settle()
    return api.call("GET", f"/v1/volumes/{made['id']}", status=200)


def test_an_empty_volume(api: Api) -> None:
    volume = make(api, name="data", capacity=100, user_tags=["env:test"])
    read = sdk.Volume.from_dict(volume)
    assert (read.status, read.attachment_state, read.active, read.health_state) == (
        "available",
        "unattached",
        False,
        "ok",
    )
    assert (read.capacity, read.iops, read.bandwidth) == (100, 3000, 393)
    assert (read.name, read.user_tags, read.zone.name) == ("data", ["env:test"], ZONE)
    assert read.crn.startswith(f"crn:v1:bluemix:public:is:{ZONE}:a/")
    assert not {"source_image", "operating_system", "catalog_offering", "source_snapshot"} & set(volume)
    assert not api.disks.volume(volume["id"]).exists()
    listed = sdk.VolumeCollection.from_dict(api.call("GET", "/v1/volumes", status=200))
    assert [one.id for one in listed.volumes] == [volume["id"]]


@pytest.mark.parametrize(
    ("profile", "capacity", "asked", "iops", "bandwidth"),
    [
        ("general-purpose", 10, None, 3000, 393),
        ("general-purpose", 2000, 9, 6000, 786),
        ("5iops-tier", 9600, None, 48000, 6144),
        ("10iops-tier", 10, None, 3000, 6291),
        ("custom", 10, 100, 100, 209),
        ("sdp", 1, None, 3000, 1000),
    ],
)
def test_what_follows_from_profile_and_capacity(
    idle: Api, profile: str, capacity: int, asked: int | None, iops: int, bandwidth: int
) -> None:
    body = {**GENERAL, "profile": {"name": profile}, "capacity": capacity}
    body |= {} if asked is None else {"iops": asked}
    made = idle.call("POST", "/v1/volumes", body, status=201)
    assert (made["iops"], made["bandwidth"]) == (iops, bandwidth)


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({}, 400, "validation_required_field", "capacity"),
        ({"capacity": 9}, 400, "validation_min_value", "capacity"),
        ({"capacity": 16001}, 400, "validation_max_value", "capacity"),
        ({"capacity": 10, "profile": {"name": "huge"}}, 400, "bad_field", "profile"),
        ({"capacity": 10, "zone": {"name": "eu-de-1"}}, 400, "invalid_zone", "zone"),
        ({"capacity": 10, "profile": {"name": "custom"}, "iops": 99}, 400, "validation_min_value", "iops"),
        ({"capacity": 10, "profile": {"name": "custom"}, "iops": 48001}, 400, "validation_max_value", "iops"),
        ({"capacity": 10, "encryption_key": {"crn": "x"}}, 404, "encryption_key_not_found", "encryption_key.crn"),
        ({"capacity": 10, "resource_group": {"id": "none"}}, 400, "bad_field", "resource_group"),
        ({"source_snapshot": ABSENT}, 404, "not_found", "source_snapshot"),
        ({"capacity": 10, "name": "UPPER"}, 400, "validation_invalid_name", "name"),
        ({"capacity": "ten"}, 400, "validation_invalid_field_type", "capacity"),
    ],
)
def test_refused(idle: Api, changes: dict[str, Any], status: int, code: str, field: str) -> None:
    assert idle.code("POST", "/v1/volumes", {**GENERAL, **changes}, status=status) == (code, field)
    assert idle.call("GET", "/v1/volumes", status=200)["total_count"] == 0


def test_names_are_unique_and_may_change(api: Api) -> None:
    first, _ = make(api, name="first", capacity=10), make(api, name="second", capacity=10)
    path = f"/v1/volumes/{first['id']}"
    assert api.code("POST", "/v1/volumes", {**GENERAL, "capacity": 10, "name": "first"}, status=400) == (
        "validation_unique_failed",
        "name",
    )
    assert api.code("PATCH", path, {"name": "second"}, status=400) == ("validation_unique_failed", "name")
    same = {"name": "third", "capacity": 10, "profile": {"name": "general-purpose"}}
    assert api.call("PATCH", path, same, status=200)["name"] == "third"
    assert api.call("PATCH", path, {}, status=200)["name"] == "third"
    for field, value in (("capacity", 11), ("profile", {"name": "10iops-tier"})):
        assert api.code("PATCH", path, {field: value}, status=409)[0] == "invalid_state"


def test_a_volume_goes(idle: Api) -> None:
    made = idle.call("POST", "/v1/volumes", {**GENERAL, "capacity": 10}, status=201)
    path = f"/v1/volumes/{made['id']}"
    assert idle.code("DELETE", path, status=409) == ("invalid_state", None)
    idle.worker.start()
    idle.settle()
    idle.worker.stop()
    idle.call("DELETE", path, status=204)
    assert idle.call("GET", path, status=200)["status"] == "pending_deletion"
    assert idle.code("DELETE", path, status=409) == ("invalid_state", None)


def test_filters(api: Api) -> None:
    data = make(api, name="data", capacity=10)
    fast = make(api, name="fast", capacity=10, profile={"name": "sdp"}, zone={"name": "us-south-2"})
    server = api.server(image={"id": api.image().id})
    boot = server["boot_volume_attachment"]["volume"]
    expected: list[tuple[dict[str, str], set[str]]] = [
        ({"name": "data"}, {data["id"]}),
        ({"zone.name": "us-south-2"}, {fast["id"]}),
        ({"attachment_state": "attached"}, {boot["id"]}),
        ({"attachment_state": "unattached"}, {data["id"], fast["id"]}),
        ({"attachment_state": "attached,unattached"}, {data["id"], fast["id"], boot["id"]}),
        ({"attachment_state": "unusable"}, set()),
        ({"encryption": "user_managed"}, set()),
        ({"operating_system.family": "Debian GNU/Linux"}, {boot["id"]}),
        ({"operating_system.architecture": "s390x"}, set()),
        ({"storage_generation": "2"}, {fast["id"]}),
        ({"storage_generation": "1", "attachment_state": "unattached"}, {data["id"]}),
    ]
    for query, ids in expected:
        found = api.call("GET", "/v1/volumes", status=200, **query)
        assert ({one["id"] for one in found["volumes"]}, found["total_count"]) == (ids, len(ids)), query


def test_a_volume_is_its_accounts_own(api: Api) -> None:
    volume = make(api, capacity=10)
    path = f"/v1/volumes/{volume['id']}"
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert api.code(method, path, body, status=404, caller="stranger") == ("not_found", "id")
    for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
        assert api.code(method, path, body, status=403, caller="viewer") == ("not_authorized", None)
    body = {**GENERAL, "capacity": 10}
    assert api.code("POST", "/v1/volumes", body, status=403, caller="viewer") == ("not_authorized", None)


def test_profiles(idle: Api) -> None:
    listed = idle.call("GET", "/v1/volume/profiles", status=200)
    assert [one.name for one in sdk.VolumeProfileCollection.from_dict(listed).profiles] == sorted(PROFILES)
    for shown in listed["profiles"]:
        sdk.VolumeProfileCapacityRange.from_dict(shown["capacity"])
        sdk.VolumeProfileBootCapacityRange.from_dict(shown["boot_capacity"])
        assert idle.call("GET", f"/v1/volume/profiles/{shown['name']}", status=200) == shown
    page = idle.call("GET", "/v1/volume/profiles", status=200, limit="2")
    assert (len(page["profiles"]), page["total_count"], "next" in page) == (2, len(PROFILES), True)


def test_boot_volumes_have_disks_of_their_capacity(api: Api) -> None:
    boot = {"volume": {"profile": {"name": "general-purpose"}, "capacity": 37}}
    server = api.server(image={"id": api.image().id}, boot_volume_attachment=boot)
    header = read_header(api.disks.volume(server["boot_volume_attachment"]["volume"]["id"]))
    assert header is not None
    assert header.size_bytes == 37 * 2**30


@pytest.mark.parametrize("kind", ["volumes", "snapshots"])
def test_tags_change_with_the_state_they_were_read_in(api: Api, kind: str) -> None:
    thing = make(api, capacity=10, user_tags=["one"])
    if kind == "snapshots":
        body = {"source_volume": {"id": thing["id"]}, "user_tags": ["one"]}
        thing = api.call("POST", "/v1/snapshots", body, status=201)
        api.settle()
    path = f"/v1/{kind}/{thing['id']}"
    tags = {"user_tags": ["two", "three"]}
    assert api.code("PATCH", path, tags, status=400) == ("missing_if_match", "If-Match")
    etag = api.answer("GET", path).headers["etag"]
    changed = api.answer("PATCH", path, tags, if_match=etag)
    assert (changed.status_code, changed.json()["user_tags"]) == (200, ["two", "three"])
    assert api.answer("PATCH", path, {"name": "other"}, if_match=etag).status_code == 412
