"""Snapshots: taken, restored, found, removed; and what they keep from going meanwhile."""

from __future__ import annotations

from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest

from fixtures.worlds import World
from kunsthalle.hypervisor.overlays import read_header
from kunsthalle.jobs.queue import MOST_ATTEMPTS
from unit.instances.api_in_process import ZONE, Api

GENERAL = {"profile": {"name": "general-purpose"}, "zone": {"name": ZONE}}


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


def boot_of(server: dict[str, Any]) -> str:
    return str(server["boot_volume_attachment"]["volume"]["id"])


def take(api: Api, volume_id: str, **fields: Any) -> dict[str, Any]:
    body = {"source_volume": {"id": volume_id}, **fields}
    made = api.call("POST", "/v1/snapshots", body, status=201)
    assert (made["lifecycle_state"], made["progress"], "captured_at" in made) == ("pending", 0, False)
    api.settle()
    return api.call("GET", f"/v1/snapshots/{made['id']}", status=200)


def work(api: Api) -> None:
    while api.worker._one("test.0"):
        pass


def test_a_snapshot_of_a_running_server(api: Api) -> None:
    image = api.image()
    server = api.server(image={"id": image.id})
    snapshot = take(api, boot_of(server), name="before")
    read = sdk.Snapshot.from_dict(snapshot)
    assert (read.lifecycle_state, read.progress, read.bootable, read.deletable) == ("stable", 100, True, True)
    assert (read.minimum_capacity, read.size) == (10, 1)
    assert read.captured_at is not None
    assert (read.source_volume.id, read.source_image.id) == (boot_of(server), image.id)
    assert read.operating_system.name == "debian-12-amd64"
    assert read.crn.startswith("crn:v1:bluemix:public:is:us-south:a/")
    assert "catalog_offering" not in snapshot
    path = api.disks.snapshot_path(read.id)
    assert read_header(path) == read_header(api.disks.volume(boot_of(server)))
    assert f"snapshot:{read.id}" in api.holders(str(image.digest))
    listed = sdk.SnapshotCollection.from_dict(api.call("GET", "/v1/snapshots", status=200))
    assert [one.id for one in listed.snapshots] == [read.id]


def test_snapshots_outlive_what_they_were_made_from(api: Api) -> None:
    image = api.image()
    server = api.server(image={"id": image.id})
    snapshot = take(api, boot_of(server))
    api.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    api.call("DELETE", f"/v1/images/{image.id}", status=202)
    api.later(3600)
    assert api.holders(str(image.digest)) == {f"snapshot:{snapshot['id']}"}
    source = {"volume": {"source_snapshot": {"id": snapshot["id"]}}}
    restored = api.server(boot_volume_attachment=source)
    assert (restored["status"], restored["image"]) == ("running", snapshot["source_image"])
    volume = api.call("GET", f"/v1/volumes/{boot_of(restored)}", status=200)
    assert volume["source_snapshot"]["id"] == snapshot["id"]
    assert volume["source_image"] == snapshot["source_image"]
    api.call("DELETE", f"/v1/snapshots/{snapshot['id']}", status=202)
    api.later(3600)
    api.code("GET", f"/v1/snapshots/{snapshot['id']}", status=404)
    assert not api.disks.snapshot_path(snapshot["id"]).exists()
    api.act(restored["id"], "stop")
    api.act(restored["id"], "start")
    assert api.state(restored["id"]) == "running"
    assert api.holders(str(image.digest)) == {f"volume:{volume['id']}"}


@pytest.mark.parametrize(("asked", "capacity"), [({}, 10), ({"capacity": 10}, 10), ({"capacity": 25}, 25)])
def test_a_volume_of_a_snapshot(api: Api, asked: dict[str, int], capacity: int) -> None:
    server = api.server(image={"id": api.image().id})
    snapshot = take(api, boot_of(server))
    body = {**GENERAL, **asked, "source_snapshot": {"crn": snapshot["crn"]}}
    made = api.call("POST", "/v1/volumes", body, status=201)
    api.settle()
    volume = api.call("GET", f"/v1/volumes/{made['id']}", status=200)
    assert (volume["status"], volume["capacity"]) == ("available", capacity)
    assert volume["operating_system"]["name"] == "debian-12-amd64"
    header = read_header(api.disks.volume(volume["id"]))
    assert header is not None
    assert header.size_bytes == capacity * 2**30
    second = api.server(boot_volume_attachment={"volume": {"id": volume["id"]}})
    assert second["status"] == "running"


def test_too_small_for_the_snapshot(api: Api) -> None:
    boot = {"volume": {"profile": {"name": "general-purpose"}, "capacity": 20}}
    server = api.server(image={"id": api.image().id}, boot_volume_attachment=boot)
    snapshot = take(api, boot_of(server))
    source = {"source_snapshot": {"id": snapshot["id"]}, "capacity": 19}
    assert api.code("POST", "/v1/volumes", {**GENERAL, **source}, status=400) == ("validation_min_value", "capacity")
    body = api.home.prototype(boot_volume_attachment={"volume": source})
    refused = ("validation_min_value", "boot_volume_attachment.volume.capacity")
    assert api.code("POST", "/v1/instances", body, status=400) == refused


def test_a_snapshot_of_an_empty_volume_boots_nothing(api: Api) -> None:
    volume = api.call("POST", "/v1/volumes", {**GENERAL, "capacity": 10}, status=201)
    early = {"source_volume": {"id": volume["id"]}}
    api.settle()
    snapshot = take(api, volume["id"])
    assert (snapshot["bootable"], "source_image" in snapshot) == (False, False)
    source = {"volume": {"source_snapshot": {"id": snapshot["id"]}}}
    body = api.home.prototype(boot_volume_attachment=source)
    refused = ("bad_field", "boot_volume_attachment.volume.source_snapshot")
    assert api.code("POST", "/v1/instances", body, status=400) == refused
    restored = api.call("POST", "/v1/volumes", {**GENERAL, "source_snapshot": {"id": snapshot["id"]}}, status=201)
    api.settle()
    assert api.call("GET", f"/v1/volumes/{restored['id']}", status=200)["status"] == "available"
    body = api.home.prototype(boot_volume_attachment={"volume": {"id": restored["id"]}})
    assert api.code("POST", "/v1/instances", body, status=400) == ("bad_field", "boot_volume_attachment.volume")
    assert api.call("POST", "/v1/snapshots", early, status=201)["lifecycle_state"] == "pending"


def test_what_is_being_captured_or_restored_stays(idle: Api) -> None:
    made = idle.call("POST", "/v1/instances", idle.home.prototype(image={"id": idle.image().id}), status=201)
    volume = boot_of(made)
    body = {"source_volume": {"id": volume}}
    assert idle.code("POST", "/v1/snapshots", body, status=409) == ("invalid_state", None)
    work(idle)
    snapshot = idle.call("POST", "/v1/snapshots", body, status=201)
    path, source = f"/v1/snapshots/{snapshot['id']}", {"source_snapshot": {"id": snapshot["id"]}}
    assert idle.code("DELETE", f"/v1/instances/{made['id']}", status=409) == ("invalid_state", None)
    assert idle.state(made["id"]) == "running"
    assert idle.code("POST", "/v1/volumes", {**GENERAL, **source}, status=409) == ("invalid_state", "source_snapshot")
    work(idle)
    restored = idle.call("POST", "/v1/volumes", {**GENERAL, **source}, status=201)
    assert idle.code("DELETE", path, status=409) == ("invalid_state", None)
    work(idle)
    idle.call("DELETE", path, status=202)
    assert idle.call("GET", path, status=200)["lifecycle_state"] == "deleting"
    idle.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    work(idle)
    idle.code("GET", path, status=404)
    idle.code("GET", f"/v1/volumes/{volume}", status=404)
    assert idle.call("GET", f"/v1/volumes/{restored['id']}", status=200)["status"] == "available"


def test_a_snapshot_deleted_before_it_was_taken(idle: Api) -> None:
    made = idle.call("POST", "/v1/instances", idle.home.prototype(image={"id": idle.image().id}), status=201)
    work(idle)
    snapshot = idle.call("POST", "/v1/snapshots", {"source_volume": {"id": boot_of(made)}}, status=201)
    idle.call("DELETE", f"/v1/snapshots/{snapshot['id']}", status=202)
    work(idle)
    idle.code("GET", f"/v1/snapshots/{snapshot['id']}", status=404)
    assert not idle.disks.snapshot_path(snapshot["id"]).exists()


def test_a_snapshot_that_cannot_be_taken_fails(idle: Api) -> None:
    made = idle.call("POST", "/v1/instances", idle.home.prototype(image={"id": idle.image().id}), status=201)
    work(idle)
    idle.disks.volume(boot_of(made)).unlink()
    snapshot = idle.call("POST", "/v1/snapshots", {"source_volume": {"id": boot_of(made)}}, status=201)
    path = f"/v1/snapshots/{snapshot['id']}"
    for _ in range(MOST_ATTEMPTS):
        assert idle.call("GET", path, status=200)["lifecycle_state"] == "pending"
        work(idle)
        idle.world.clock.actual += 60_000_000
    assert idle.call("GET", path, status=200)["lifecycle_state"] == "failed"
    idle.call("DELETE", path, status=202)
    work(idle)
    idle.code("GET", path, status=404)


def test_filters_and_names(api: Api) -> None:
    image = api.image()
    server = api.server(image={"id": image.id})
    first, second = take(api, boot_of(server), name="first"), take(api, boot_of(server), name="second")
    both = {first["id"], second["id"]}
    expected: list[tuple[dict[str, str], set[str]]] = [
        ({"name": "first"}, {first["id"]}),
        ({"source_volume.id": boot_of(server)}, both),
        ({"source_volume.id": "none"}, set()),
        ({"source_image.id": image.id}, both),
        ({"source_image.crn": image.crn}, both),
        ({"source_image.crn": image.crn.upper()}, set()),
    ]
    for query, ids in expected:
        found = api.call("GET", "/v1/snapshots", status=200, **query)
        assert {one["id"] for one in found["snapshots"]} == ids, query
    path = f"/v1/snapshots/{first['id']}"
    assert api.code("PATCH", path, {"name": "second"}, status=400) == ("validation_unique_failed", "name")
    assert api.call("PATCH", path, {"name": "third"}, status=200)["name"] == "third"
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert api.code(method, path, body, status=404, caller="stranger") == ("not_found", "id")
    assert api.code("DELETE", path, status=403, caller="viewer") == ("not_authorized", None)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 400, "validation_required_field", "source_volume"),
        ({"source_snapshot": {"crn": "x"}}, 400, "bad_field", "source_snapshot"),
        ({"source_volume": {"id": "r006-none"}}, 404, "not_found", "source_volume"),
    ],
)
def test_refused(idle: Api, body: dict[str, Any], status: int, code: str, field: str) -> None:
    assert idle.code("POST", "/v1/snapshots", body, status=status) == (code, field)
