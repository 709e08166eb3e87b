"""Volumes that become larger, faster, tagged (reference/vpc-api.md B1, C2)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.hall import GIB, Hall
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


def volume(hall: Hall, profile: str = "sdp", **fields: Any) -> str:
    body = {"profile": {"name": profile}, **ZONE, "capacity": 100, **fields}
    made = hall.do("POST", "/v1/volumes", body)
    hall.settle()
    return f"/v1/volumes/{made['id']}"


def boot(hall: Hall) -> tuple[str, str, Path]:
    """A server, its boot volume's path in the API, and the volume's file."""
    server = hall.server_of(hall.image("one")["id"])
    id_ = server["boot_volume_attachment"]["volume"]["id"]
    return server["id"], f"/v1/volumes/{id_}", hall.server.drivers.disks / "volumes" / f"{id_}.qcow2"


def look(hall: Hall, path: str) -> dict[str, Any]:
    shown: dict[str, Any] = hall.do("GET", path)
    sdk.Volume.from_dict(shown)
    return shown


def test_a_detached_volume_of_a_profile_that_allows_it(hall: Hall) -> None:
    path = volume(hall)
    hall.pause()
    shown = hall.do("PATCH", path, {"capacity": 200, "iops": 5_000, "bandwidth": 2_000})
    assert (shown["status"], shown["busy"], shown["health_state"]) == ("updating", True, "ok")
    assert hall.refused("PATCH", path, {"capacity": 300}) == (409, "invalid_state", "capacity")
    assert hall.refused("DELETE", path)[:2] == (409, "invalid_state")
    assert hall.do("PATCH", path, {"name": "meanwhile"})["name"] == "meanwhile"
    hall.restart()
    hall.settle()
    shown = look(hall, path)
    assert [shown[key] for key in ("status", "capacity", "iops", "bandwidth")] == ["available", 200, 5_000, 2_000]
    assert hall.do("PATCH", path, {"capacity": 200, "iops": 5_000})["status"] == "available", "nothing to do"


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


def test_what_is_refused(hall: Hall) -> None:
    made = {profile: volume(hall, profile) for profile in ("sdp", "custom", "general-purpose")}
    before = {path: look(hall, path) for path in made.values()}
    for profile, body, refusal in REFUSED:
        assert hall.refused("PATCH", made[profile], body) == refusal, (profile, body)
    assert {path: look(hall, path) for path in made.values()} == before


def test_a_tier_decides_by_itself(hall: Hall) -> None:
    path = volume(hall, "general-purpose", capacity=2_000)
    assert look(hall, path)["iops"] == 6_000
    assert hall.do("PATCH", path, {"iops": 100})["iops"] == 6_000, "accepted, and ignored"
    server = hall.server_of(hall.image("one")["id"])
    boot_volume = f"/v1/volumes/{server['boot_volume_attachment']['volume']['id']}"
    hall.do("PATCH", boot_volume, {"profile": {"name": "10iops-tier"}, "capacity": 200})
    hall.settle()
    shown = look(hall, boot_volume)
    assert (shown["profile"]["name"], shown["iops"], shown["capacity"]) == ("10iops-tier", 3_000, 200)
    assert hall.refused("PATCH", boot_volume, {"capacity": 251}) == (400, "validation_max_value", "capacity")


def test_the_disk_of_a_stopped_server_grows(hall: Hall) -> None:
    server, path, file = boot(hall)
    hall.act(server, "stop")
    hall.do("PATCH", path, {"capacity": 60})
    hall.settle()
    assert look(hall, path)["status"] == "available"
    assert virtual_size_of(file, "qcow2") == 60 * GIB
    hall.act(server, "start")
    assert hall.do("GET", f"/v1/instances/{server}")["status"] == "running"


def test_the_disk_of_a_running_server_grows_at_its_next_start(hall: Hall) -> None:
    server, path, file = boot(hall)
    hall.do("PATCH", path, {"capacity": 60})
    hall.settle()
    shown = look(hall, path)
    assert (shown["status"], shown["capacity"], shown["active"]) == ("available", 60, True)
    assert virtual_size_of(file, "qcow2") == 10 * GIB
    snapshot = hall.do("POST", "/v1/snapshots", {"source_volume": {"id": shown["id"]}})
    hall.settle()
    hall.act(server, "stop")
    hall.act(server, "start")
    assert virtual_size_of(file, "qcow2") == 60 * GIB
    body = {"source_snapshot": {"id": snapshot["id"]}, "profile": {"name": "general-purpose"}, **ZONE}
    made = hall.do("POST", "/v1/volumes", body)
    hall.settle()
    restored = hall.server.drivers.disks / "volumes" / f"{made['id']}.qcow2"
    assert look(hall, f"/v1/volumes/{made['id']}")["status"] == "available"
    assert virtual_size_of(restored, "qcow2") == 60 * GIB, "the snapshot was of a disk that had yet to grow"


@pytest.mark.skipif(find_tools() is None, reason="needs qemu-img")
def test_qemu_reads_what_has_grown(hall: Hall) -> None:
    server, path, file = boot(hall)
    hall.act(server, "stop")
    hall.do("PATCH", path, {"capacity": 250})
    hall.settle()
    tools = find_tools()
    assert tools is not None
    for command in (["check", "-q"], ["info"]):
        ran = subprocess.run([tools.qemu_img, *command, file], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    assert "250 GiB" in ran.stdout


def test_a_snapshot_is_being_taken(hall: Hall) -> None:
    _, path, _ = boot(hall)
    hall.pause()
    hall.do("POST", "/v1/snapshots", {"source_volume": {"id": path.rsplit("/", 1)[1]}})
    assert hall.refused("PATCH", path, {"capacity": 60})[:2] == (409, "invalid_state")
    assert look(hall, path)["capacity"] == 10


def test_a_server_that_goes_takes_a_volume_with_it_that_is_being_changed(hall: Hall) -> None:
    server, path, file = boot(hall)
    hall.pause()
    hall.do("PATCH", path, {"capacity": 60})
    hall.do("DELETE", f"/v1/instances/{server}")
    hall.restart()
    hall.settle()
    assert hall.refused("GET", path)[0] == 404
    assert not file.exists()


def tag_of(hall: Hall, path: str) -> str:
    return dict(hall.call("owner", "GET", path).headers)[b"etag"].decode()


def test_tags(hall: Hall) -> None:
    path = volume(hall, user_tags=["env:test", "a b", "env:test"])
    other = volume(hall)
    assert look(hall, path)["user_tags"] == ["env:test", "a b"]
    assert hall.refused("PATCH", path, {"user_tags": ["x"]}) == (400, "missing_if_match", "If-Match")
    first = tag_of(hall, path)
    shown = hall.do("PATCH", path, {"user_tags": ["env:prod", "x"]}, if_match=first)
    assert shown["user_tags"] == ["env:prod", "x"]
    assert hall.call("owner", "PATCH", path, {"user_tags": []}, if_match=first).status == 412
    assert hall.call("owner", "DELETE", path, if_match=first).status == 412
    for bad in ([""], ["*"], ['"'], ["x" * 129], ["é"], "x", [1]):
        assert hall.call("owner", "PATCH", path, {"user_tags": bad}, if_match="*").status == 400, bad
    names = {look(hall, one)["id"]: one for one in (path, other)}
    for query, found in {"env:prod": [path], "env:pro": [], "x": [path], "*": [], "nv:prod": [], "%22": []}.items():
        page = hall.do("GET", f"/v1/volumes?tag={query}")
        assert [names[one["id"]] for one in page["volumes"]] == found, query
        assert page["total_count"] == len(found)


def test_filters(hall: Hall) -> None:
    server, boot_path, _ = boot(hall)
    loose = volume(hall, "sdp")
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
        page = sdk.VolumeCollection.from_dict(hall.do("GET", f"/v1/volumes?{query}"))
        assert {names[f"/v1/volumes/{one.id}"] for one in page.volumes} == found, query
