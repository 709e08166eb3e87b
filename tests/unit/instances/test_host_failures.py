"""A host that goes silent, is said to be lost, and comes back: what becomes of the instances on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from fixtures.engines import storage_at
from fixtures.hand_made_cloud import HandMade, hand_made_cloud
from fixtures.worlds import World
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.db.tables import jobs, leases
from kunsthalle.hypervisor.host_protocol import HostState
from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack
from kunsthalle.hypervisor.protocol import Hypervisor, Status
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.instances.locked_engine import LockedEngine
from kunsthalle.instances.server_locks import ServerLocks
from kunsthalle.instances.vm_monitor import FULL_CHECK_INTERVAL, Watch
from kunsthalle.jobs import queue
from unit.instances.api_in_process import Api

pytestmark = pytest.mark.by_turns(3)

STAY_OFF = {"availability_policy": {"host_failure": "stop"}}


@dataclass
class Site:
    """The API on an engine of two hosts, whose watch and jobs run when the test says so."""

    api: Api
    engine: Hypervisor
    watch: Watch
    cut: Callable[[str], None]
    revive: Callable[[str], None]

    def work(self) -> None:
        """Two looks at the machines, and all that is to be done then; what waits for somebody is tried once more."""
        for _ in range(2):
            again = update(jobs).where(jobs.c.state == "queued").values(not_before=0)
            self.api.world.write(self.api.world.base, lambda session, again=again: session.execute(again))
            self.jobs()
            self.watch.round()
        self.jobs()

    def jobs(self) -> None:
        while self.api.worker._one("test.0"):
            pass

    def boot(self, name: str = "mine", **more: Any) -> str:
        body = self.api.home.prototype(image={"id": self.api.image(name).id}, **more)
        made = self.api.call("POST", "/v1/instances", body, status=201)
        self.jobs()
        assert self.api.state(made["id"]) == "running"
        return str(made["id"])

    def act(self, id_: str, type_: str) -> None:
        self.api.call("POST", f"/v1/instances/{id_}/actions", {"type": type_}, status=201)

    def shown(self, id_: str) -> tuple[str, list[str]]:
        """The status, and the codes of its reasons."""
        instance = self.api.call("GET", f"/v1/instances/{id_}", status=200)
        return instance["status"], [reason["code"] for reason in instance["status_reasons"]]

    def host(self, id_: str) -> str:
        (name,) = [host.name for host in self.engine.hosts.inventory() if id_ in host.servers]
        return name

    def fall_silent(self, id_: str) -> str:
        """The host of an instance is heard of no more, and the product has noticed."""
        name = self.host(id_)
        self.cut(name)
        self.work()
        return name


@pytest.fixture
def simulated(world: World, tmp_path: Path) -> Site:
    engine = Simulated(tmp_path / "machines", storage_at(tmp_path), hosts=2)
    watch, hosts = Watch(world.store, world.base, engine), engine.hosts
    return Site(
        Api(world, tmp_path, engine),
        engine,
        watch,
        lambda name: hosts.power(name, on=False),
        lambda name: hosts.power(name, on=True),
    )


@dataclass
class CloudSite(Site):
    """On a cloud, of which the process may die in any call."""

    cloud: HandMade
    session: MortalSession


class Died(BaseException):
    """The process is no more."""


class MortalSession:
    """A session of the cloud. After `calls` more calls of Nova the next one is carried out, and nobody is left to hear
    the answer, or to do anything else.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self.calls = 1 << 30

    def get_project_id(self) -> str:
        return str(self._session.get_project_id())

    def request(self, path: str, method: str, **more: Any) -> Any:
        if self.calls < 0:
            raise Died
        answer = self._session.request(path, method, **more)
        self.calls -= more["endpoint_filter"]["service_type"] == "compute"
        if self.calls < 0:
            raise Died
        return answer


@pytest.fixture
def on_cloud(world: World, tmp_path: Path) -> Iterator[CloudSite]:
    with hand_made_cloud() as (cloud, client):
        session = MortalSession(client.session)
        blobs = FilesystemBlobs(tmp_path / "blobs")
        inner = OpenStack(replace(client, session=session), blobs, tmp_path / "consoles")
        shared = LockedEngine(inner, ServerLocks(world.store, world.base))
        watch = Watch(world.store, world.base, shared)
        api = Api(world, tmp_path, shared)
        yield CloudSite(api, shared, watch, cloud.cut_power, cloud.bring_back, cloud, session)
        assert cloud.most_writers() <= 1, "of one volume there is one writer"


@pytest.fixture(params=["simulated", "on_cloud"])
def site(request: pytest.FixtureRequest) -> Site:
    made: Site = request.getfixturevalue(request.param)
    return made


def test_a_silent_host_is_said_and_nobody_is_moved(site: Site) -> None:
    id_, other = site.boot(), site.boot("other")
    name = site.fall_silent(id_)
    assert (site.shown(id_), site.shown(other)) == (("running", ["host_unreachable"]), ("running", []))
    for _ in range(2 * FULL_CHECK_INTERVAL):
        site.watch.round()
    assert site.api.world.read(site.api.world.base, queue.alive) == []
    assert (site.host(id_), site.engine.status(id_)) == (name, Status.UNREACHABLE)


def test_on_the_operators_word_policies_are_followed(site: Site) -> None:
    back, off = site.boot(), site.boot("off", **STAY_OFF)
    also = site.boot("also", **STAY_OFF)
    assert site.host(back) == site.host(also) != site.host(off)
    name = site.fall_silent(back)
    site.engine.hosts.lose(name)
    site.work()
    assert site.shown(back) == ("running", [])
    assert (site.host(back), site.engine.status(back)) == (site.host(off), Status.RUNNING)
    assert site.shown(also) == ("failed", ["stopped_by_host_failure"])
    assert site.shown(off) == ("running", [])
    site.act(also, "start")
    site.work()
    assert (site.shown(also), site.host(also)) == (("running", []), site.host(off))
    site.revive(name)
    site.engine.hosts.take_back(name)
    site.work()
    assert [site.shown(id_) for id_ in (back, off, also)] == [("running", [])] * 3
    assert {host.state for host in site.engine.hosts.inventory()} == {HostState.UP}


def test_the_word_is_heard_by_whoever_was_asked_meanwhile(site: Site) -> None:
    """What is asked of an instance on a silent host waits; nothing is given up, and nothing is done twice."""
    ids = {verb: site.boot(verb) for verb in ("stop", "reboot", "delete")}
    site.boot("far")
    for verb, id_ in ids.items():
        name = site.host(id_)
        site.cut(name)
        if verb == "delete":
            site.api.call("DELETE", f"/v1/instances/{id_}", status=204)
        else:
            site.act(id_, verb)
        site.work()
        state = {"stop": "stopping", "reboot": "restarting", "delete": "deleting"}[verb]
        assert site.shown(id_)[0] == state
        site.engine.hosts.lose(name)
        site.work()
        if verb == "delete":
            site.api.call("GET", f"/v1/instances/{id_}", status=404)
            assert id_ not in site.engine.servers()
        else:
            assert site.shown(id_) == ({"stop": "stopped", "reboot": "running"}[verb], [])
        site.revive(name)
        site.engine.hosts.take_back(name)
        site.work()


def test_a_host_that_is_back_before_anybody_said_that_it_was_lost(site: Site) -> None:
    id_ = site.boot()
    name = site.fall_silent(id_)
    site.act(id_, "stop")
    site.work()
    assert site.shown(id_)[0] == "stopping"
    site.revive(name)
    site.work()
    assert site.shown(id_)[0] == "stopped"
    site.act(id_, "start")
    site.work()
    assert site.shown(id_) == ("running", [])


def test_where_nobody_has_room_the_instance_says_so_and_starts_later(site: Site) -> None:
    id_, other = site.boot(), site.boot("other")
    names = [site.fall_silent(one) for one in (id_, other)]
    for name in names:
        site.engine.hosts.lose(name)
    site.work()
    assert site.shown(id_) == ("failed", ["cannot_start_capacity"])
    site.revive(names[0])
    site.engine.hosts.take_back(names[0])
    site.act(id_, "start")
    site.work()
    assert site.shown(id_) == ("running", [])


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("at", range(14))
def test_a_process_that_dies_in_any_call_of_an_evacuation_is_followed_by_one_that_ends_it(
    on_cloud: CloudSite, at: int
) -> None:
    cloud, id_ = on_cloud.cloud, on_cloud.boot()
    name = on_cloud.fall_silent(id_)
    on_cloud.engine.hosts.lose(name)
    on_cloud.session.calls = at
    with suppress(Died):
        on_cloud.watch.round()
        on_cloud.jobs()
    on_cloud.session.calls = 1 << 30
    on_cloud.api.world.write(on_cloud.api.world.base, queue.release_all)
    on_cloud.api.world.write(on_cloud.api.world.base, lambda session: session.execute(delete(leases)))  # run out
    on_cloud.watch = Watch(on_cloud.api.world.store, on_cloud.api.world.base, on_cloud.engine)
    on_cloud.work()
    (server,) = cloud.servers.values()
    assert (on_cloud.shown(id_), on_cloud.host(id_) != name, server["status"]) == (("running", []), True, "ACTIVE")
    assert (cloud.most_writers(), len(cloud.guests)) == (1, 1)


def test_while_the_cloud_is_away_reads_answer_and_writes_wait(on_cloud: CloudSite) -> None:
    site, cloud, api = on_cloud, on_cloud.cloud, on_cloud.api
    before = site.boot()
    cloud.away = True
    body = api.home.prototype(image={"id": api.image("later").id})
    made = api.call("POST", "/v1/instances", body, status=201)["id"]
    blank = {"profile": {"name": "general-purpose"}, "zone": {"name": "us-south-1"}, "capacity": 10}
    volume = api.call("POST", "/v1/volumes", blank, status=201)
    site.act(before, "stop")
    for _ in range(queue.MOST_ATTEMPTS + 2):
        site.work()
    assert (site.shown(before)[0], site.shown(made)[0]) == ("stopping", "starting")
    assert len(api.call("GET", "/v1/instances", status=200)["instances"]) == 2
    cloud.away = False
    site.work()
    assert (site.shown(before)[0], site.shown(made)) == ("stopped", ("running", []))
    assert api.call("GET", f"/v1/volumes/{volume['id']}", status=200)["status"] == "available"
    assert sorted(server["name"] for server in cloud.servers.values()) == sorted([before, made])
    names = [one["name"] for one in cloud.volumes.values() if one["name"]]
    assert len(names) == len(set(names)), "nothing is doubled"
