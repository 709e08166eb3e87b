"""Images of volumes: what is taken, and when it may be."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest

from fixtures.worlds import World
from kunsthalle.disk_images.qemu_img import Tools, find_tools
from unit.instances.api_in_process import ZONE, Api


def boot_of(server: dict[str, Any]) -> str:
    return str(server["boot_volume_attachment"]["volume"]["id"])


def stopped(api: Api) -> dict[str, Any]:
    server = api.server(image={"id": api.image().id})
    api.act(server["id"], "stop")
    return server


def image_of(api: Api, volume_id: str) -> dict[str, Any]:
    made = api.call("POST", "/v1/images", {"source_volume": {"id": volume_id}}, status=201)
    assert made["status"] == "pending"
    api.settle()
    return api.call("GET", f"/v1/images/{made['id']}", status=200)


def test_a_volume_that_was_never_written_is_its_image_again(api: Api) -> None:
    server = stopped(api)
    original = api.call("GET", f"/v1/images/{server['image']['id']}", status=200)
    image = image_of(api, boot_of(server))
    read = sdk.Image.from_dict(image)
    assert (read.status, read.source_volume.id, read.catalog_offering.managed) == ("available", boot_of(server), False)
    assert (image["file"], image["operating_system"]) == (original["file"], original["operating_system"])
    assert api.holders(image["file"]["checksums"]["sha256"]) == {
        f"image:{original['id']}",
        f"image:{image['id']}",
        f"volume:{boot_of(server)}",
    }
    assert list((api.root / "disks" / "scratch").iterdir()) == []
    again = api.server(image={"id": image["id"]})
    assert (again["status"], again["image"]["id"]) == ("running", image["id"])


def test_not_while_the_server_runs(api: Api) -> None:
    server = api.server(image={"id": api.image().id})
    body = {"source_volume": {"id": boot_of(server)}}
    refused = ("invalid_state", "source_volume")
    assert api.code("POST", "/v1/images", body, status=409) == refused
    api.act(server["id"], "stop")
    api.call("POST", "/v1/images", body, status=201)


def test_not_of_a_volume_without_a_system(api: Api) -> None:
    body = {"profile": {"name": "general-purpose"}, "zone": {"name": ZONE}, "capacity": 10}
    volume = api.call("POST", "/v1/volumes", body, status=201)
    api.settle()
    source = {"source_volume": {"id": volume["id"]}}
    assert api.code("POST", "/v1/images", source, status=400) == ("bad_field", "source_volume")
    assert api.code("POST", "/v1/images", source, status=404, caller="stranger") == ("not_found", "source_volume")


def test_a_volume_that_went_meanwhile_fails_the_image(idle: Api) -> None:
    idle.worker.start()
    server = stopped(idle)
    idle.worker.stop()
    made = idle.call("POST", "/v1/images", {"source_volume": {"id": boot_of(server)}}, status=201)
    idle.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    image = f"/v1/images/{made['id']}"
    while idle.worker._one("test.0"):
        pass
    failed = idle.call("GET", image, status=200)
    assert (failed["status"], failed["file"]) == ("failed", {})
    assert failed["status_reasons"][0]["code"] == "image_data_corrupted"


def write_into(path: Path, text: bytes) -> None:
    """What a guest would do: data into the overlay, by the tool that QEMU shares its code with."""
    raw = path.with_suffix(".raw")
    command = [str(shutil.which("qemu-io")), "-f", "qcow2", "-c", f"write -P {text[0]} 1M 64k", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    raw.unlink(missing_ok=True)


def read_from(path: Path, text: bytes) -> bool:
    command = [str(shutil.which("qemu-io")), "-r", "-f", "qcow2", "-c", f"read -P {text[0]} 1M 64k", str(path)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return "Pattern verification failed" not in ended.stdout


@pytest.fixture
def tools() -> Tools:
    found = find_tools()
    assert found is not None
    return found


@pytest.mark.needs_qemu_img
def test_what_was_written_is_in_the_image(world: World, tmp_path: Path, tools: Tools) -> None:
    api = Api(world, tmp_path, tools=tools)
    api.worker.start()
    try:
        server = stopped(api)
        write_into(api.disks.volume(boot_of(server)), b"W")
        image = image_of(api, boot_of(server))
        digest = image["file"]["checksums"]["sha256"]
        assert (image["status"], image["minimum_provisioned_size"]) == ("available", 10)
        blob = api.blobs.local_path(digest)
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == digest
        assert read_from(blob, b"W")
        assert api.holders(digest) == {f"image:{image['id']}"}
        assert list((api.root / "disks" / "scratch").iterdir()) == []
    finally:
        api.worker.stop()


@pytest.mark.needs_qemu_img
def test_without_the_tool_a_written_volume_fails_the_image(api: Api) -> None:
    server = stopped(api)
    write_into(api.disks.volume(boot_of(server)), b"W")
    image = image_of(api, boot_of(server))
    assert image["status"] == "failed"
    assert "qemu-img" in image["status_reasons"][0]["message"]


@pytest.mark.needs_qemu_img
def test_a_written_snapshot_grows_onto_bytes_of_its_own(world: World, tmp_path: Path, tools: Tools) -> None:
    api = Api(world, tmp_path, tools=tools)
    api.worker.start()
    try:
        server = stopped(api)
        write_into(api.disks.volume(boot_of(server)), b"W")
        snapshot = api.call("POST", "/v1/snapshots", {"source_volume": {"id": boot_of(server)}}, status=201)
        api.settle()
        for capacity in (10, 30):
            source = {"source_snapshot": {"id": snapshot["id"]}, "capacity": capacity}
            restored = api.server(boot_volume_attachment={"volume": source})
            assert restored["status"] == "running"
            assert read_from(api.disks.volume(boot_of(restored)), b"W")
        held = {digest for digest in api.blobs.digests() if f"volume:{boot_of(restored)}" in api.holders(digest)}
        assert len(held) == 1
        api.call("DELETE", f"/v1/snapshots/{snapshot['id']}", status=202)
        api.call("DELETE", f"/v1/instances/{server['id']}", status=204)
        api.settle()
        assert read_from(api.disks.volume(boot_of(restored)), b"W")
        api.call("DELETE", f"/v1/instances/{restored['id']}", status=204)
        api.later(3600)
        assert not held & set(api.blobs.digests())
    finally:
        api.worker.stop()
