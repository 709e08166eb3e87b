"""Volumes that become larger, faster, tagged (reference/vpc-api.md B1, C2)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.app import GIB, App
from kunsthalle.block_storage.states import SNAPSHOT_STATES, VOLUME_STATES
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.disk_images.writers import virtual_size_of

ZONE = {"zone": {"name": "us-south-1"}}


def test_the_states() -> None:
    assert {old: set(new) for old, new in VOLUME_STATES.moves.items()} == {
        "pending": {"available", "failed", "pending_deletion"},
        "available": {"updating", "pending_deletion"},
        "updating": {"available", "pending_deletion"},
        "failed": {"pending_deletion"},
        "pending_deletion": {"failed"},
    }
    assert {old: set(new) for old, new in SNAPSHOT_STATES.moves.items()} == {
        "pending": {"stable", "failed", "deleting"},
        "stable": {"deleting"},
        "failed": {"deleting"},
        "deleting": {"failed"},
    }


def volume(app: App, profile: str = "sdp", **fields: Any) -> str:
    body = {"profile": {"name": profile}, **ZONE, "capacity": 100, **fields}
    made = app.do("POST", "/v1/volumes", body)
    app.settle()
    return f"/v1/volumes/{made['id']}"


def boot(app: App) -> tuple[str, str, Path]:
    """A server, its boot volume's path in the API, and the volume's file."""
    server = app.server_of(app.image("one")["id"])
    id_ = server["boot_volume_attachment"]["volume"]["id"]
    return server["id"], f"/v1/volumes/{id_}", app.server.drivers.disks / "volumes" / f"{id_}.qcow2"


def look(app: App, path: str) -> dict[str, Any]:
    shown: dict[str, Any] = app.do("GET", path)
    sdk.Volume.from_dict(shown)
    return shown


def test_a_detached_volume_of_a_profile_that_allows_it(app: App) -> None:
    path = volume(app)
    app.pause()
    shown = app.do("PATCH", path, {"capacity": 200, "iops": 5_000, "bandwidth": 2_000})
    assert (shown["status"], shown["busy"], shown["health_state"]) == ("updating", True, "ok")
    assert app.refused("PATCH", path, {"capacity": 300}) == (409, "invalid_state", "capacity")
    assert app.refused("DELETE", path)[:2] == (409, "invalid_state")
    assert app.do("PATCH", path, {"name": "meanwhile"})["name"] == "meanwhile"
    app.restart()
    app.settle()
    shown = look(app, path)
    assert [shown[key] for key in ("status", "capacity", "iops", "bandwidth")] == ["available", 200, 5_000, 2_000]
    assert app.do("PATCH", path, {"capacity": 200, "iops": 5_000})["status"] == "available", "nothing to do"


REFUSED: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("sdp", {"capacity": 99}, (400, "validation_min_value", "capacity")),
    ("sdp", {"capacity": 32_001}, (400, "validation_max_value", "capacity")),
    ("sdp", {"capacity": 0}, (400, "validation_min_value", "capacity")),
    ("sdp", {"iops": 99}, (400, "validation_min_value", "iops")),
    ("sdp", {"iops": 64_001}, (400, "validation_max_value", "iops")),
    ("sdp", {"bandwidth": 999}, (400, "validation_min_value", "bandwidth")),
    ("sdp", {"bandwidth": 8_193}, (400, "validation_max_value", "bandwidth")),
    ("sdp", {"profile": {"name": "custom"}}, (400, "bad_field", "profile")),
    ("sdp", {"profile": {"name": "nothing"}}, (400, "bad_field", "profile")),
    ("custom", {"profile": {"name": "general-purpose"}}, (400, "bad_field", "profile")),
    ("general-purpose", {"bandwidth": 1_000}, (400, "bad_field", "bandwidth")),
    ("general-purpose", {"capacity": 101}, (409, "invalid_state", "capacity")),
    ("custom", {"iops": 4_000}, (409, "invalid_state", "iops")),
    ("general-purpose", {"profile": {"name": "10iops-tier"}, "capacity": 400}, (409, "invalid_state", "profile")),
    ("sdp", {"capacity": None}, (400, "validation_not_null", "capacity")),
    ("sdp", {"capacity": "200"}, (400, "validation_invalid_field_type", "capacity")),
]


def test_what_is_refused(app: App) -> None:
    made = {profile: volume(app, profile) for profile in ("sdp", "custom", "general-purpose")}
    before = {path: look(app, path) for path in made.values()}
    for profile, body, refusal in REFUSED:
        assert app.refused("PATCH", made[profile], body) == refusal, (profile, body)
    assert {path: look(app, path) for path in made.values()} == before


def test_a_tier_decides_by_itself(app: App) -> None:
    path = volume(app, "general-purpose", capacity=2_000)
    assert look(app, path)["iops"] == 6_000
    assert app.do("PATCH", path, {"iops": 100})["iops"] == 6_000, "accepted, and ignored"
    server = app.server_of(app.image("one")["id"])
    boot_volume = f"/v1/volumes/{server['boot_volume_attachment']['volume']['id']}"
    app.do("PATCH", boot_volume, {"profile": {"name": "10iops-tier"}, "capacity": 200})
    app.settle()
    shown = look(app, boot_volume)
    assert (shown["profile"]["name"], shown["iops"], shown["capacity"]) == ("10iops-tier", 3_000, 200)
    assert app.refused("PATCH", boot_volume, {"capacity": 251}) == (400, "validation_max_value", "capacity")


def test_the_disk_of_a_stopped_server_grows(app: App) -> None:
    server, path, file = boot(app)
    app.act(server, "stop")
    app.do("PATCH", path, {"capacity": 60})
    app.settle()
    assert look(app, path)["status"] == "available"
    assert virtual_size_of(file, "qcow2") == 60 * GIB
    app.act(server, "start")
    assert app.do("GET", f"/v1/instances/{server}")["status"] == "running"


def test_the_disk_of_a_running_server_grows_at_its_next_start(app: App) -> None:
    server, path, file = boot(app)
    app.do("PATCH", path, {"capacity": 60})
    app.settle()
    shown = look(app, path)
    assert (shown["status"], shown["capacity"], shown["active"]) == ("available", 60, True)
    assert virtual_size_of(file, "qcow2") == 10 * GIB
    snapshot = app.do("POST", "/v1/snapshots", {"source_volume": {"id": shown["id"]}})
    app.settle()
    app.act(server, "stop")
    app.act(server, "start")
    assert virtual_size_of(file, "qcow2") == 60 * GIB
    body = {"source_snapshot": {"id": snapshot["id"]}, "profile": {"name": "general-purpose"}, **ZONE}
    made = app.do("POST", "/v1/volumes", body)
    app.settle()
    restored = app.server.drivers.disks / "volumes" / f"{made['id']}.qcow2"
    assert look(app, f"/v1/volumes/{made['id']}")["status"] == "available"
    assert virtual_size_of(restored, "qcow2") == 60 * GIB, "the snapshot was of a disk that had yet to grow"


@pytest.mark.skipif(find_tools() is None, reason="needs qemu-img")
def test_qemu_reads_what_has_grown(app: App) -> None:
    server, path, file = boot(app)
    app.act(server, "stop")
    app.do("PATCH", path, {"capacity": 250})
    app.settle()
    tools = find_tools()
    assert tools is not None
    for command in (["check", "-q"], ["info"]):
        ran = subprocess.run([tools.qemu_img, *command, file], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    assert "250 GiB" in ran.stdout


def test_a_snapshot_is_being_taken(app: App) -> None:
    _, path, _ = boot(app)
    app.pause()
    app.do("POST", "/v1/snapshots", {"source_volume": {"id": path.rsplit("/", 1)[1]}})
    assert app.refused("PATCH", path, {"capacity": 60})[:2] == (409, "invalid_state")
    assert look(app, path)["capacity"] == 10


def test_a_server_that_goes_takes_a_volume_with_it_that_is_being_changed(app: App) -> None:
    server, path, file = boot(app)
    app.pause()
    app.do("PATCH", path, {"capacity": 60})
    app.do("DELETE", f"/v1/instances/{server}")
    app.restart()
    app.settle()
    assert app.refused("GET", path)[0] == 404
    assert not file.exists()


def tag_of(app: App, path: str) -> str:
    return dict(app.call("owner", "GET", path).headers)[b"etag"].decode()


def test_tags(app: App) -> None:
    path = volume(app, user_tags=["env:test", "a b", "env:test"])
    other = volume(app)
    assert look(app, path)["user_tags"] == ["env:test", "a b"]
    assert app.refused("PATCH", path, {"user_tags": ["x"]}) == (400, "missing_if_match", "If-Match")
    first = tag_of(app, path)
    shown = app.do("PATCH", path, {"user_tags": ["env:prod", "x"]}, if_match=first)
    assert shown["user_tags"] == ["env:prod", "x"]
    assert app.call("owner", "PATCH", path, {"user_tags": []}, if_match=first).status == 412
    assert app.call("owner", "DELETE", path, if_match=first).status == 412
    for bad in ([""], ["*"], ['"'], ["x" * 129], ["é"], "x", [1]):
        assert app.call("owner", "PATCH", path, {"user_tags": bad}, if_match="*").status == 400, bad
    names = {look(app, one)["id"]: one for one in (path, other)}
    for query, found in {"env:prod": [path], "env:pro": [], "x": [path], "*": [], "nv:prod": [], "%22": []}.items():
        page = app.do("GET", f"/v1/volumes?tag={query}")
        assert [names[one["id"]] for one in page["volumes"]] == found, query
        assert page["total_count"] == len(found)


def test_filters(app: App) -> None:
    server, boot_path, _ = boot(app)
    loose = volume(app, "sdp")
    names = {boot_path: "boot", loose: "loose"}
    assert server
    for query, found in {
        "limit=10": {"boot", "loose"},
        "attachment_state=attached": {"boot"},
        "attachment_state=unattached": {"loose"},
        "attachment_state=attached,unattached": {"boot", "loose"},
        "attachment_state=unusable": set(),
        "encryption=provider_managed": {"boot", "loose"},
        "encryption=user_managed": set(),
        "operating_system.family=Debian%20GNU/Linux": {"boot"},
        "operating_system.family=null": {"loose"},
        "operating_system.family=not:null": {"boot"},
        "operating_system.architecture=amd64": {"boot"},
        "operating_system.architecture=s390x": set(),
        "storage_generation=2": {"loose"},
        "storage_generation=1": {"boot"},
        "zone.name=us-south-1&storage_generation=2": {"loose"},
        "zone.name=us-south-3": set(),
        "name=nothing": set(),
    }.items():
        page = sdk.VolumeCollection.from_dict(app.do("GET", f"/v1/volumes?{query}"))
        assert {names[f"/v1/volumes/{one.id}"] for one in page.volumes} == found, query
