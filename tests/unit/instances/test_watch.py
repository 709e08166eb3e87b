"""Machines that end without having been told to, and those that take their time when they were."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from fixtures.engines import storage_at
from fixtures.worlds import World
from kunsthalle.core.clock import MovableClock
from kunsthalle.hypervisor.protocol import Facts, ServerSpec, Status, Unresponsive
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.instances.vm_monitor import FULL_CHECK_INTERVAL, LEASE, Watch
from kunsthalle.jobs import queue
from unit.instances.api_in_process import Api

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
        self.down = False
        self.pressed = 0
        self.asked = 0

    def servers(self) -> list[str]:
        if self.down:
            raise Unresponsive("down")
        return super().servers()

    def states(self, server_ids: Collection[str], *, thorough: bool) -> dict[str, Status]:
        self.asked += 1
        return super().states(server_ids, thorough=thorough)

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


class Set:
    """A clock whose real time is what the test says."""

    def __init__(self, clock: MovableClock, real: list[int]) -> None:
        self.now, self._real = clock.now, real

    def real(self) -> int:
        return self._real[0]


@pytest.fixture
def engine(tmp_path: Path) -> Frail:
    return Frail(tmp_path / "machines")


@pytest.fixture
def told(world: World, tmp_path: Path, engine: Frail) -> Api:
    return Api(world, tmp_path, engine)


@pytest.fixture
def watch(told: Api, engine: Frail) -> Watch:
    return Watch(told.world.store, told.world.base, engine)


def work(api: Api) -> None:
    """Works off what is due, one job at a time, in this thread."""
    while api.worker._one("test.0"):
        pass


def server(api: Api, image: str = "mine", **more: Any) -> str:
    body = api.home.prototype(image={"id": api.image(image).id}, **more)
    made = api.call("POST", "/v1/instances", body, status=201)
    work(api)
    assert api.state(made["id"]) == "running"
    return str(made["id"])


def shown(api: Api, id_: str) -> dict[str, Any]:
    return api.call("GET", f"/v1/instances/{id_}", status=200)


def codes(api: Api, id_: str) -> list[str]:
    return [one["code"] for one in shown(api, id_)["status_reasons"]]


def active(api: Api, id_: str) -> bool:
    (attachment,) = shown(api, id_)["volume_attachments"]
    return bool(api.call("GET", f"/v1/volumes/{attachment['volume']['id']}", status=200)["active"])


def test_a_guest_that_powers_itself_off_is_stopped(told: Api, engine: Frail, watch: Watch) -> None:
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


def test_a_machine_that_dies_fails_its_server_with_a_reason(told: Api, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.ended[id_] = Status.FAILED
    watch.round()
    work(told)
    assert (told.state(id_), codes(told, id_), active(told, id_)) == ("failed", ["stopped_by_host_failure"], False)
    engine.ended.clear()
    assert engine.status(id_) is Status.STOPPED, "what stood still is ended"


def test_a_guest_that_kvm_breaks_off_is_started_anew_without_it(told: Api, engine: Frail, watch: Watch) -> None:
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
    told: Api, engine: Frail, watch: Watch, policy: dict[str, Any], ends: str, reason: list[str]
) -> None:
    id_ = server(told, **policy)
    Simulated.stop(engine, id_, 0)
    engine.ended[id_] = Status.LOST
    watch.round()
    work(told)
    assert (told.state(id_), codes(told, id_)) == (ends, reason)
    assert (engine.status(id_) is Status.RUNNING) == (ends == "running")


def test_who_acts_meanwhile_has_the_say(told: Api, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    Simulated.stop(engine, id_, 0)
    watch.round()
    told.call("POST", f"/v1/instances/{id_}/actions", {"type": "reboot"}, status=201)
    work(told)
    assert (told.state(id_), engine.status(id_)) == ("running", Status.RUNNING)


def test_nothing_is_said_of_a_machine_that_does_not_answer(told: Api, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.hangs = True
    watch.round()
    assert told.world.read(told.world.base, queue.pending) == 0
    assert (told.state(id_), codes(told, id_), active(told, id_)) == ("running", ["host_unreachable"], True)
    revision = told.answer("GET", f"/v1/instances/{id_}").headers["etag"]
    for _ in range(FULL_CHECK_INTERVAL):
        watch.round()
    assert told.answer("GET", f"/v1/instances/{id_}").headers["etag"] == revision, "it is said once"
    engine.hangs = False
    for _ in range(FULL_CHECK_INTERVAL):
        watch.round()
    assert (told.state(id_), codes(told, id_)) == ("running", [])


def test_who_acts_on_an_instance_that_does_not_answer_is_heard(told: Api, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.hangs = True
    watch.round()
    told.call("POST", f"/v1/instances/{id_}/actions", {"type": "stop"}, status=201)
    work(told)
    assert (told.state(id_), codes(told, id_)) == ("stopped", [])


def test_an_ended_job_that_finds_nobody_answering_says_nothing(told: Api, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.ended[id_] = Status.FAILED
    watch.round()
    engine.ended[id_] = Status.UNREACHABLE
    work(told)
    assert told.state(id_) == "running"
    assert told.world.read(told.world.base, queue.alive) == [], "and there is nothing to try again"


def test_one_question_asks_for_all_machines(told: Api, engine: Frail, watch: Watch) -> None:
    ids = {server(told), server(told, "another")}
    asked: list[set[str]] = []

    def states(server_ids: Collection[str], *, thorough: bool) -> dict[str, Status]:
        asked.append(set(server_ids))
        return dict.fromkeys(server_ids, Status.RUNNING)

    engine.states = states
    watch.round()
    watch.round()
    assert asked == [ids, ids]


def test_an_engine_that_does_not_answer_at_all_is_asked_again(told: Api, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.down = True
    for _ in range(3):
        watch.round()
    assert (told.state(id_), codes(told, id_)) == ("running", [])
    engine.down = False
    Simulated.stop(engine, id_, 0)
    watch.round()
    work(told)
    assert told.state(id_) == "stopped", "the first look was still to come"


def test_of_the_nodes_that_share_an_engine_one_looks(told: Api, engine: Frail) -> None:
    engine.shared = True
    id_ = server(told)
    real, clock = [told.world.clock.real()], told.world.clock
    ctx = dataclasses.replace(told.world.base, clock=Set(clock, real))
    first, second = (Watch(told.world.store, ctx, engine) for _ in range(2))
    for watch in (first, second, first, second):
        watch.round()
    assert engine.asked == 2, "the first"
    real[0] += LEASE // 2 + 1
    second.round()
    first.round()
    assert engine.asked == 3, "it renews in time"
    real[0] += LEASE + 1
    Simulated.delete(engine, id_)
    second.round()
    first.round()
    assert engine.asked == 4, "when it has gone silent, the other takes over"
    work(told)
    assert told.state(id_) == "failed", "what is absent there is nowhere"


def test_what_was_said_is_not_said_again_at_once(told: Api, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    engine.ended[id_] = Status.FAILED
    for _ in range(FULL_CHECK_INTERVAL):
        watch.round()
    assert told.world.read(told.world.base, queue.pending) == 1
    watch.round()
    assert told.world.read(told.world.base, queue.pending) == 2


def test_machines_of_no_server_are_ended_at_the_start(told: Api, engine: Frail, watch: Watch) -> None:
    id_ = server(told)
    disk = shown(told, id_)["boot_volume_attachment"]["volume"]["id"]
    engine.start(ServerSpec("0717_of-nobody", "orphan", disk, 1, 128, None, "02:00:00:00:00:01"))
    assert len(engine.servers()) == 2
    watch.round()
    work(told)
    assert engine.servers() == [id_]
    assert told.state(id_) == "running"


def test_a_deaf_guest_is_cut_off_when_its_grace_is_over_on_the_product_clock(told: Api, engine: Frail) -> None:
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


def test_a_guest_that_takes_its_time_is_stopped_when_it_is_down(told: Api, engine: Frail, watch: Watch) -> None:
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


def test_a_start_meanwhile_spares_the_guest(told: Api, engine: Frail) -> None:
    id_ = server(told)
    engine.deaf = True
    for type_ in ("stop", "start"):
        told.call("POST", f"/v1/instances/{id_}/actions", {"type": type_}, status=201)
        work(told)
    told.world.clock.set(told.world.clock.now() + 60_000_000)
    work(told)
    assert (told.state(id_), engine.status(id_)) == ("running", Status.RUNNING)


def test_force_cuts_at_once(told: Api, engine: Frail) -> None:
    id_ = server(told)
    engine.deaf = True
    told.call("POST", f"/v1/instances/{id_}/actions", {"type": "stop", "force": True}, status=201)
    work(told)
    assert (told.state(id_), engine.status(id_), engine.pressed) == ("stopped", Status.STOPPED, 0)
