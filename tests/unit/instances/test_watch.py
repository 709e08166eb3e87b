"""Machines that end without having been told to, and those that take their time when they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.engines import storage_at
from fixtures.worlds import World
from kunsthalle.hypervisor.protocol import Facts, ServerSpec, Status, Unresponsive
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.instances.vm_monitor import FULL_CHECK_INTERVAL, Watch
from kunsthalle.jobs import queue
from unit.instances.cloud import Cloud

OFF = {"availability_policy": {"host_failure": "stop"}}


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


class Frail(Simulated):
    """Its machines end as the test says; deaf ones do not heed the power button."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, storage_at(root.parent))
        self.ended: dict[str, Status] = {}
        self.kvm = False
        self.deaf = False
        self.hangs = False
        self.pressed = 0

    def status(self, server_id: str) -> Status:
        if self.hangs:
            raise Unresponsive("hangs")
        return self.ended.get(server_id) or super().status(server_id)

    def facts(self, server_id: str) -> Facts | None:
        return Facts("kvm", 1, 128) if self.kvm else super().facts(server_id)

    def accelerator(self) -> tuple[str, str]:
        return "tcg", "KVM broke a guest off"

    def start(self, spec: ServerSpec) -> None:
        self.ended.pop(spec.id, None)
        super().start(spec)

    def stop(self, server_id: str, grace_seconds: float, *, cut: bool = True) -> bool:
        self.pressed += not cut
        return not (self.deaf and not cut) and super().stop(server_id, grace_seconds, cut=cut)

    def press(self, server_id: str) -> None:
        self.pressed += 1
        if not self.deaf:
            super().stop(server_id, 0)


@pytest.fixture
def engine(tmp_path: Path) -> Frail:
    return Frail(tmp_path / "machines")


@pytest.fixture
def told(world: World, tmp_path: Path, engine: Frail) -> Cloud:
    return Cloud(world, tmp_path, engine)


@pytest.fixture
def watch(told: Cloud, engine: Frail) -> Watch:
    return Watch(told.world.store, told.world.base, engine)


def work(cloud: Cloud) -> None:
    """Works off what is due, one job at a time, in this thread."""
    while cloud.worker._one("test.0"):
        pass


def server(cloud: Cloud, **more: Any) -> str:
    body = cloud.home.prototype(image={"id": cloud.image().id}, **more)
    made = cloud.call("POST", "/v1/instances", body, status=201)
    work(cloud)
    assert cloud.state(made["id"]) == "running"
    return str(made["id"])


def shown(cloud: Cloud, id_: str) -> dict[str, Any]:
    return cloud.call("GET", f"/v1/instances/{id_}", status=200)


def codes(cloud: Cloud, id_: str) -> list[str]:
    return [one["code"] for one in shown(cloud, id_)["status_reasons"]]


def active(cloud: Cloud, id_: str) -> bool:
    (attachment,) = shown(cloud, id_)["volume_attachments"]
    return bool(cloud.call("GET", f"/v1/volumes/{attachment['volume']['id']}", status=200)["active"])


def test_a_guest_that_powers_itself_off_is_stopped(told: Cloud, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    watch.round()
    work(told)
    assert (told.state(id_), active(told, id_)) == ("running", True)
    Simulated.stop(engine, id_, 0)
    watch.round()
    work(told)
    assert (told.state(id_), codes(told, id_), active(told, id_)) == ("stopped", [], False)
    told.call("POST", f"/v1/instances/{id_}/actions", {"type": "start"}, status=201)
    work(told)
    assert (told.state(id_), engine.status(id_)) == ("running", Status.RUNNING)


def test_a_machine_that_dies_fails_its_server_with_a_reason(told: Cloud, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.ended[id_] = Status.FAILED
    watch.round()
    work(told)
    assert (told.state(id_), codes(told, id_), active(told, id_)) == ("failed", ["stopped_by_host_failure"], False)
    engine.ended.clear()
    assert engine.status(id_) is Status.STOPPED, "what stood still is ended"


def test_a_guest_that_kvm_breaks_off_is_started_anew_without_it(told: Cloud, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.ended[id_], engine.kvm = Status.FAILED, True
    watch.round()
    work(told)
    assert told.state(id_) == "running"


@pytest.mark.parametrize(("policy", "ends", "reason"), [
    ({}, "running", []),
    (OFF, "stopped", ["stopped_by_host_failure"]),
])  # fmt: skip
def test_after_the_host_was_restarted_the_policy_decides(
    told: Cloud, engine: Frail, watch: Watch, policy: dict[str, Any], ends: str, reason: list[str]
) -> None:
    id_ = server(told, **policy)
    Simulated.stop(engine, id_, 0)
    engine.ended[id_] = Status.LOST
    watch.round()
    work(told)
    assert (told.state(id_), codes(told, id_)) == (ends, reason)
    assert (engine.status(id_) is Status.RUNNING) == (ends == "running")


def test_who_acts_meanwhile_has_the_say(told: Cloud, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    Simulated.stop(engine, id_, 0)
    watch.round()
    told.call("POST", f"/v1/instances/{id_}/actions", {"type": "reboot"}, status=201)
    work(told)
    assert (told.state(id_), engine.status(id_)) == ("running", Status.RUNNING)


def test_nothing_is_said_of_a_machine_that_does_not_answer(told: Cloud, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.hangs = True
    watch.round()
    assert told.world.read(told.world.base, queue.pending) == 0
    engine.hangs = False
    assert told.state(id_) == "running"


def test_what_was_said_is_not_said_again_at_once(told: Cloud, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.ended[id_] = Status.FAILED
    for _ in range(FULL_CHECK_INTERVAL):
        watch.round()
    assert told.world.read(told.world.base, queue.pending) == 1
    watch.round()
    assert told.world.read(told.world.base, queue.pending) == 2


def test_machines_of_no_server_are_ended_at_the_start(told: Cloud, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    disk = shown(told, id_)["boot_volume_attachment"]["volume"]["id"]
    engine.start(ServerSpec("0717_of-nobody", "orphan", disk, 1, 128, None, "02:00:00:00:00:01"))
    assert len(engine.servers()) == 2
    watch.round()
    work(told)
    assert engine.servers() == [id_]
    assert told.state(id_) == "running"


def test_a_deaf_guest_is_cut_off_when_its_grace_is_over_on_the_product_clock(told: Cloud, engine: Frail) -> None:
    id_ = server(told)
    engine.deaf = True
    told.call("POST", f"/v1/instances/{id_}/actions", {"type": "stop"}, status=201)
    work(told)
    assert (told.state(id_), engine.status(id_)) == ("stopping", Status.RUNNING)
    told.world.clock.set(told.world.clock.now() + 29_000_000)
    work(told)
    assert told.state(id_) == "stopping"
    told.world.clock.set(told.world.clock.now() + 1_000_000)
    work(told)
    assert (told.state(id_), engine.status(id_), active(told, id_)) == ("stopped", Status.STOPPED, False)


def test_a_guest_that_takes_its_time_is_stopped_when_it_is_down(told: Cloud, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.deaf = True
    told.call("POST", f"/v1/instances/{id_}/actions", {"type": "stop"}, status=201)
    work(told)
    engine.deaf = False
    pressed = engine.pressed
    while engine.pressed == pressed:
        watch.round()
    watch.round()
    work(told)
    assert told.state(id_) == "stopped"


def test_a_start_meanwhile_spares_the_guest(told: Cloud, engine: Frail) -> None:
    id_ = server(told)
    engine.deaf = True
    for type_ in ("stop", "start"):
        told.call("POST", f"/v1/instances/{id_}/actions", {"type": type_}, status=201)
        work(told)
    told.world.clock.set(told.world.clock.now() + 60_000_000)
    work(told)
    assert (told.state(id_), engine.status(id_)) == ("running", Status.RUNNING)


def test_force_cuts_at_once(told: Cloud, engine: Frail) -> None:
    id_ = server(told)
    engine.deaf = True
    told.call("POST", f"/v1/instances/{id_}/actions", {"type": "stop", "force": True}, status=201)
    work(told)
    assert (told.state(id_), engine.status(id_), engine.pressed) == ("stopped", Status.STOPPED, 0)
