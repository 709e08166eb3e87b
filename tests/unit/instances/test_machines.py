"""Servers and machines: failures, overtaking, crashes. The engine is a real simulated one with a say of the test's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.engines import storage_at
from fixtures.worlds import World
from kunsthalle.hypervisor.disk_quota import Quota, used_bytes
from kunsthalle.hypervisor.protocol import (
    DataDisk,
    DiskError,
    DiskFull,
    NoRoom,
    ServerSpec,
    StartError,
    Status,
    Unresponsive,
)
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.hypervisor.specs import OverlaySpec
from kunsthalle.jobs import queue
from unit.instances.api_in_process import Api


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


class Told(Simulated):
    """Does what it is told before it does its work: once for each entry, by the name of the call."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, storage_at(root.parent))
        self.before: dict[str, list[Callable[[], None]]] = {}
        self.after: dict[str, list[Callable[[], None]]] = {}

    @contextmanager
    def _around(self, call: str) -> Iterator[None]:
        for then in self.before.get(call, [])[:1]:
            self.before[call].pop(0)
            then()
        yield
        for then in self.after.get(call, [])[:1]:
            self.after[call].pop(0)
            then()

    def start(self, spec: ServerSpec) -> None:
        with self._around("start"):
            super().start(spec)

    def create_overlay(self, spec: OverlaySpec) -> None:
        with self._around("create_overlay"):
            super().create_overlay(spec)

    def set_disks(self, server_id: str, data: tuple[DataDisk, ...]) -> set[str]:
        with self._around("set_disks"):
            return super().set_disks(server_id, data)

    def stop(self, server_id: str, grace_seconds: float, *, cut: bool = True) -> bool:
        with self._around("stop"):
            return super().stop(server_id, grace_seconds, cut=cut)

    def delete(self, server_id: str) -> None:
        with self._around("delete"):
            super().delete(server_id)


@pytest.fixture
def engine(tmp_path: Path) -> Told:
    return Told(tmp_path / "machines")


@pytest.fixture
def told(world: World, tmp_path: Path, engine: Told) -> Api:
    return Api(world, tmp_path, engine)


def _raise(error: Exception) -> Callable[[], None]:
    def now() -> None:
        raise error

    return now


def make(api: Api, image: str = "mine") -> dict[str, Any]:
    body = api.home.prototype(image={"id": api.image(image).id})
    return api.call("POST", "/v1/instances", body, status=201)


def work(api: Api) -> None:
    """Works off what is due, one job at a time, in this thread."""
    while api.worker._one("test.0"):
        pass


def act(api: Api, id_: str, type_: str) -> Callable[[], None]:
    return lambda: api.call("POST", f"/v1/instances/{id_}/actions", {"type": type_}, status=201) and None


def test_an_engine_that_refuses_fails_the_server_and_says_nothing_of_the_host(told: Api, engine: Told) -> None:
    engine.before["start"] = [_raise(StartError(f"no room in {told.root}"))]
    made = make(told)
    work(told)
    failed = told.call("GET", f"/v1/instances/{made['id']}", status=200)
    assert (failed["status"], failed["lifecycle_state"]) == ("failed", "stable")
    (reason,) = failed["status_reasons"]
    assert reason["code"] == "cannot_start"
    assert str(told.root) not in reason["message"]
    volume = told.call("GET", f"/v1/volumes/{made['boot_volume_attachment']['volume']['id']}", status=200)
    assert (volume["status"], volume["active"]) == ("available", False)
    act(told, made["id"], "start")()
    work(told)
    again = told.call("GET", f"/v1/instances/{made['id']}", status=200)
    assert (again["status"], again["status_reasons"]) == ("running", [])


@pytest.mark.parametrize(("fault", "code"), [
    (NoRoom("900 of 1000 MiB are in use"), "cannot_start_capacity"),
    (DiskFull("the disks take 9.9 GB of 10"), "cannot_start_storage"),
])  # fmt: skip
def test_a_host_without_room_says_so_and_nothing_of_what_others_have(
    told: Api, engine: Told, fault: Exception, code: str
) -> None:
    engine.before["start"] = [_raise(fault)]
    made = make(told)
    work(told)
    failed = told.call("GET", f"/v1/instances/{made['id']}", status=200)
    (reason,) = failed["status_reasons"]
    assert (failed["status"], reason["code"]) == ("failed", code)
    assert not any(sign.isdigit() for sign in reason["message"])


def test_the_disks_of_a_host_have_a_quota(told: Api, engine: Told) -> None:
    first = make(told)
    work(told)
    assert told.state(first["id"]) == "running"
    full = Quota(promised=15)
    with pytest.raises(DiskFull):
        full.check(told.disks.folder, 10)
    full.check(told.disks.folder, 5)
    full.check(told.disks.folder)
    told.disks.quota = full
    second = make(told, "another")
    work(told)
    reasons = told.call("GET", f"/v1/instances/{second['id']}", status=200)["status_reasons"]
    assert [one["code"] for one in reasons] == ["cannot_start_storage"]
    assert engine.servers() == [first["id"]]
    assert used_bytes(told.disks.folder) > 0
    big = told.disks.folder / "volumes" / "big"
    with big.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
    assert used_bytes(told.disks.folder) > 1 << 20


def test_a_failed_server_can_be_stopped_and_deleted(told: Api, engine: Told) -> None:
    engine.before["start"] = [_raise(StartError("no"))]
    made = make(told)
    work(told)
    act(told, made["id"], "stop")()
    work(told)
    assert told.state(made["id"]) == "stopped"
    told.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    work(told)
    told.code("GET", f"/v1/instances/{made['id']}", status=404)


def test_a_disk_that_cannot_be_made_fails_the_volume_too(told: Api) -> None:
    made = make(told)
    volume = made["boot_volume_attachment"]["volume"]["id"]
    path = told.disks.volume(volume)
    path.parent.mkdir(parents=True)
    path.mkdir()
    work(told)
    assert told.state(made["id"]) == "failed"
    assert told.call("GET", f"/v1/volumes/{volume}", status=200)["status"] == "failed"
    action = {"type": "start"}
    refused = told.code("POST", f"/v1/instances/{made['id']}/actions", action, status=409)
    assert refused == ("invalid_state", None)
    path.rmdir()
    told.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    work(told)
    told.code("GET", f"/v1/volumes/{volume}", status=404)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["create_overlay", "start"])
def test_a_server_deleted_while_it_boots_leaves_nothing(told: Api, engine: Told, step: str, when: str) -> None:
    made = make(told)

    def delete() -> None:
        told.call("DELETE", f"/v1/instances/{made['id']}", status=204)
        work(told)
        told.code("GET", f"/v1/instances/{made['id']}", status=404)

    getattr(engine, when)[step] = [delete]
    work(told)
    assert engine.servers() == []
    assert list((told.root / "disks").rglob("*.qcow2")) == []
    assert told.call("GET", "/v1/volumes", status=200)["total_count"] == 0


def test_a_server_stopped_while_it_starts_ends_stopped(told: Api, engine: Told) -> None:
    made = make(told)

    def stop() -> None:
        act(told, made["id"], "stop")()
        work(told)
        assert told.state(made["id"]) == "stopped"

    engine.before["start"] = [stop]
    work(told)
    assert told.state(made["id"]) == "stopped"
    assert engine.status(made["id"]) is Status.STOPPED


def test_a_server_is_running_before_the_engine_is_asked_for_its_disks(told: Api, engine: Told) -> None:
    made, seen = make(told), list[str]()
    engine.before["set_disks"] = [lambda: seen.append(told.state(made["id"]))]
    work(told)
    assert seen == ["running"]


def test_a_server_started_while_it_stops_ends_running(told: Api, engine: Told) -> None:
    made = make(told)
    work(told)

    def start() -> None:
        act(told, made["id"], "start")()
        work(told)
        assert told.state(made["id"]) == "running"

    engine.before["stop"] = [start]
    act(told, made["id"], "stop")()
    work(told)
    assert told.state(made["id"]) == "running"
    assert engine.status(made["id"]) is Status.RUNNING


@pytest.mark.parametrize("step", ["create_overlay", "start"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_job_that_dies_anywhere_is_done_again(told: Api, engine: Told, step: str, when: str) -> None:
    """What no handler catches is what a killed process leaves: the job is taken up again by another worker."""
    getattr(engine, when)[step] = [_raise(RuntimeError("killed"))]
    made = make(told)
    work(told)
    assert told.state(made["id"]) == "starting"
    told.world.clock.actual += 60_000_000
    work(told)
    assert told.state(made["id"]) == "running"
    assert engine.status(made["id"]) is Status.RUNNING


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_that_dies_is_done_again(told: Api, engine: Told, when: str) -> None:
    made = make(told)
    work(told)
    getattr(engine, when)["delete"] = [_raise(RuntimeError("killed"))]
    told.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    work(told)
    assert told.state(made["id"]) == "deleting"
    told.world.clock.actual += 60_000_000
    work(told)
    told.code("GET", f"/v1/instances/{made['id']}", status=404)
    assert engine.servers() == []


def test_a_machine_that_cannot_be_ended_fails_in_the_end_and_can_be_deleted_again(told: Api, engine: Told) -> None:
    made = make(told)
    work(told)
    engine.before["delete"] = [_raise(Unresponsive("hangs"))] * queue.MOST_ATTEMPTS
    told.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    for _ in range(queue.MOST_ATTEMPTS):
        work(told)
        told.world.clock.actual += 60_000_000
    assert told.state(made["id"]) == "failed"
    told.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    work(told)
    told.code("GET", f"/v1/instances/{made['id']}", status=404)
    assert told.call("GET", "/v1/volumes", status=200)["total_count"] == 0


def test_a_job_done_twice_changes_nothing(told: Api, engine: Told) -> None:
    made = make(told)
    work(told)

    def again(session: Any) -> None:
        for kind in ("instance.boot", "instance.stop", "instance.restart", "instance.delete"):
            queue.enqueue(session, kind, made["id"])

    told.world.write(told.home.ctx, again)
    work(told)
    assert told.state(made["id"]) == "running"
    assert b"started 1 time(s)" in engine.console(made["id"], 4096)


def test_a_disk_that_two_jobs_make_at_once_is_made(told: Api, engine: Told) -> None:
    """The server goes while it boots, its volume stays: then the volume's own job may meet the server's."""
    keep = {"delete_volume_on_instance_delete": False}
    body = told.home.prototype(image={"id": told.image().id}, boot_volume_attachment=keep)
    made = told.call("POST", "/v1/instances", body, status=201)
    volume = made["boot_volume_attachment"]["volume"]["id"]

    def lost() -> None:
        told.call("DELETE", f"/v1/instances/{made['id']}", status=204)
        engine.before["create_overlay"] = [_raise(DiskError("the other one took the name away"))]
        work(told)
        assert told.call("GET", f"/v1/volumes/{volume}", status=200)["status"] == "pending"

    engine.before["create_overlay"] = [lost]
    work(told)
    told.world.clock.actual += 60_000_000
    work(told)
    assert told.call("GET", f"/v1/volumes/{volume}", status=200)["status"] == "available"
    assert told.disks.volume(volume).exists()
    assert engine.servers() == []
