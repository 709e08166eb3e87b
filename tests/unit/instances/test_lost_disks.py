"""A disk that an engine has lost: no empty one takes its place, and whoever asked is told. On every engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.engines import storage_at
from fixtures.hand_made_cloud import hand_made_cloud
from fixtures.worlds import World
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.hypervisor.disk_protocol import DiskKind
from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack
from kunsthalle.hypervisor.protocol import Bounds
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.instances.locked_engine import LockedEngine
from kunsthalle.instances.server_locks import ServerLocks
from unit.instances.api_in_process import ZONE, Api

VOLUME, SNAPSHOT = DiskKind.VOLUME, DiskKind.SNAPSHOT
DATA = {"volume": {"profile": {"name": "general-purpose"}, "capacity": 10, "name": "data"}}


@pytest.fixture
def simulated(world: World, tmp_path: Path) -> Api:
    return Api(world, tmp_path, Simulated(tmp_path / "machines", storage_at(tmp_path)))


@pytest.fixture
def qemu(world: World, tmp_path: Path) -> Iterator[Api]:
    binary, tool = shutil.which("qemu-system-x86_64"), shutil.which("qemu-img")
    assert binary is not None
    assert tool is not None
    storage, bounds = storage_at(tmp_path, find_tools()), Bounds(192)
    engine = Qemu(tmp_path / "machines", Path(binary), Path(tool), storage, "tcg", bounds=bounds, max_vcpus=1)
    yield Api(world, tmp_path, engine, find_tools())
    for id_ in engine.servers():
        engine.delete(id_)


@pytest.fixture
def openstack(world: World, tmp_path: Path) -> Iterator[Api]:
    with hand_made_cloud() as (_, client):
        inner = OpenStack(client, FilesystemBlobs(tmp_path / "blobs"), tmp_path / "consoles")
        yield Api(world, tmp_path, LockedEngine(inner, ServerLocks(world.store, world.base)))


@pytest.fixture(params=["simulated", pytest.param("qemu", marks=pytest.mark.needs_qemu), "openstack"])
def api(request: pytest.FixtureRequest) -> Api:
    """Its jobs are done when the test says so."""
    made: Api = request.getfixturevalue(request.param)
    return made


def work(api: Api) -> None:
    while api.worker._one("test.0"):
        pass


def stopped(api: Api, *attachments: dict[str, Any]) -> dict[str, Any]:
    """An instance that has run."""
    body = api.home.prototype(image={"id": api.image().id}, volume_attachments=list(attachments))
    made = api.call("POST", "/v1/instances", body, status=201)
    work(api)
    assert api.state(made["id"]) == "running"
    act(api, made, "stop", force=True)
    assert api.state(made["id"]) == "stopped"
    return made


def act(api: Api, server: dict[str, Any], type_: str, **more: Any) -> None:
    api.call("POST", f"/v1/instances/{server['id']}/actions", {"type": type_, **more}, status=201)
    work(api)


def lose(api: Api, kind: DiskKind, id_: str, server: dict[str, Any]) -> None:
    """The disk goes, past the product, and what the engine may have kept of the machine on it."""
    api.hypervisor.delete(server["id"])
    api.hypervisor.disks.delete(kind, id_)


def data_volume(api: Api, server: dict[str, Any]) -> str:
    path = f"/v1/instances/{server['id']}/volume_attachments"
    (one,) = [one for one in api.call("GET", path, status=200)["volume_attachments"] if one["type"] == "data"]
    return str(one["volume"]["id"])


@pytest.mark.parametrize("which", ["boot", "data"])
def test_an_instance_does_not_start_without_a_disk_that_it_had(api: Api, which: str) -> None:
    server = stopped(api, DATA)
    volume = data_volume(api, server) if which == "data" else server["boot_volume_attachment"]["volume"]["id"]
    lose(api, VOLUME, volume, server)
    act(api, server, "start")
    shown = api.call("GET", f"/v1/instances/{server['id']}", status=200)
    name = api.call("GET", f"/v1/volumes/{volume}", status=200)["name"]
    (reason,) = shown["status_reasons"]
    assert (shown["status"], reason["code"]) == ("failed", "cannot_start_storage")
    assert reason["message"] == f"The disk of the volume {name} is gone: an empty one does not take its place."
    assert not api.hypervisor.disks.exists(VOLUME, volume)
    api.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    work(api)
    api.code("GET", f"/v1/instances/{server['id']}", status=404)


def test_an_empty_volume_has_its_disk_made_once(api: Api) -> None:
    server = stopped(api)
    body = {"profile": {"name": "general-purpose"}, "capacity": 10, "zone": {"name": ZONE}}
    volume = api.call("POST", "/v1/volumes", body, status=201)["id"]
    work(api)
    assert not api.hypervisor.disks.exists(VOLUME, volume)
    path = f"/v1/instances/{server['id']}/volume_attachments"
    api.call("POST", path, {"volume": {"id": volume}}, status=201)
    for verb, more in (("start", {}), ("stop", {"force": True}), ("start", {})):
        act(api, server, verb, **more)
    assert api.state(server["id"]) == "running"
    assert api.hypervisor.disks.exists(VOLUME, volume)


@pytest.mark.parametrize("which", ["boot", "data"])
def test_nothing_is_made_of_a_snapshot_whose_disk_is_gone(api: Api, which: str) -> None:
    server = stopped(api, DATA)
    source = data_volume(api, server) if which == "data" else server["boot_volume_attachment"]["volume"]["id"]
    snapshot = api.call("POST", "/v1/snapshots", {"source_volume": {"id": source}}, status=201)["id"]
    work(api)
    lose(api, SNAPSHOT, snapshot, server)
    body = {"profile": {"name": "general-purpose"}, "zone": {"name": ZONE}, "source_snapshot": {"id": snapshot}}
    volume = api.call("POST", "/v1/volumes", body, status=201)["id"]
    work(api)
    assert api.call("GET", f"/v1/volumes/{volume}", status=200)["status"] == "failed"
    assert not api.hypervisor.disks.exists(VOLUME, volume)


def test_no_snapshot_is_taken_of_a_disk_that_is_gone(api: Api) -> None:
    server = stopped(api, DATA)
    volume = data_volume(api, server)
    lose(api, VOLUME, volume, server)
    snapshot = api.call("POST", "/v1/snapshots", {"source_volume": {"id": volume}}, status=201)["id"]
    work(api)
    assert api.call("GET", f"/v1/snapshots/{snapshot}", status=200)["lifecycle_state"] == "failed"


def test_a_volume_of_a_snapshot_is_missed_before_an_instance_has_had_it(api: Api) -> None:
    server = stopped(api, DATA)
    source = data_volume(api, server)
    snapshot = api.call("POST", "/v1/snapshots", {"source_volume": {"id": source}}, status=201)["id"]
    work(api)
    body = {"profile": {"name": "general-purpose"}, "zone": {"name": ZONE}, "source_snapshot": {"id": snapshot}}
    volume = api.call("POST", "/v1/volumes", body, status=201)["id"]
    work(api)
    lose(api, VOLUME, volume, server)
    path = f"/v1/instances/{server['id']}/volume_attachments"
    api.call("POST", path, {"volume": {"id": volume}}, status=201)
    act(api, server, "start")
    assert api.state(server["id"]) == "failed"
