"""What every engine of many hosts must do when one of them goes silent, is said to be lost, and comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from kunsthalle.hypervisor.host_protocol import HostAnswers, HostNotBack, HostState, NoSuchHost, NotOffered
from kunsthalle.hypervisor.openstack.cloud_hosts import LOST_REASON
from kunsthalle.hypervisor.protocol import (
    DataDisk,
    NoAnswer,
    NoRoom,
    ServerSpec,
    Status,
    Unresponsive,
)
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated

from .conftest import Bench, CloudBench

SECOND = "0717_2e09281b-f177-46fb-baf1-bc152b2e391b"


@dataclass
class Site:
    """An engine of two hosts with a server on each, and whoever cuts the power of one."""

    bench: Bench
    first: ServerSpec
    second: ServerSpec
    cut: Callable[[str], None]
    revive: Callable[[str], None]

    @property
    def engine(self) -> Bench:
        return self.bench.engine

    def states(self) -> dict[str, HostState]:
        return {host.name: host.state for host in self.bench.engine.hosts.inventory()}

    def at(self, server: ServerSpec) -> str:
        (name,) = [host.name for host in self.bench.engine.hosts.inventory() if server.id in host.servers]
        return name

    def lose(self, server: ServerSpec) -> str:
        """The host of a server loses its power, and the operator says so; its name."""
        name = self.at(server)
        self.cut(name)
        self.bench.engine.hosts.lose(name)
        return name


@pytest.fixture(params=["simulated", "openstack"])
def site(request: pytest.FixtureRequest) -> Site:
    bench: Bench = request.getfixturevalue(request.param)
    first, second = bench.server(), bench.server(SECOND, mac="02:00:0a:00:00:06")
    bench.engine.start(first)
    bench.engine.start(second)
    if isinstance(bench, CloudBench):
        return Site(bench, first, second, bench.cloud.cut_power, bench.cloud.bring_back)
    hosts = bench.engine.hosts
    return Site(bench, first, second, lambda name: hosts.power(name, on=False), lambda name: hosts.power(name, on=True))


def test_hosts_say_what_they_are_and_whom_they_have(site: Site) -> None:
    first, second = site.bench.engine.hosts.inventory()
    assert {first.servers, second.servers} == {(site.first.id,), (SECOND,)}, "the emptier one gets the next"
    for host in (first, second):
        assert (host.state, host.used_vcpus, host.used_memory_mib) == (HostState.UP, 1, 128)
        assert (host.vcpus >= 32, host.memory_mib >= 65_536) == (True, True)
    site.bench.engine.delete(SECOND)
    assert sorted(host.used_vcpus for host in site.bench.engine.hosts.inventory()) == [0, 1]


def test_nothing_is_done_with_a_machine_that_cannot_be_reached(site: Site) -> None:
    engine, id_ = site.bench.engine, site.first.id
    name = site.at(site.first)
    engine.states([id_], thorough=True)
    site.cut(name)
    for thorough in (True, False):
        states = engine.states([id_, SECOND], thorough=thorough)
        assert states == {id_: Status.UNREACHABLE, SECOND: Status.RUNNING}
    assert (engine.status(id_), engine.lives(id_), site.states()[name]) == (Status.UNREACHABLE, True, HostState.SILENT)
    calls: list[Callable[[], object]] = [
        lambda: engine.start(site.first),
        lambda: engine.stop(id_, 0),
        lambda: engine.stop(id_, 0, cut=False),
        lambda: engine.reset(id_),
        lambda: engine.delete(id_),
        lambda: engine.set_disks(id_, (DataDisk("attachment", "blank"),)),
    ]
    for call in calls:
        with pytest.raises(NoAnswer):
            call()
    engine.press(id_)
    assert engine.status(id_) is Status.UNREACHABLE
    assert site.at(site.first) == name, "nobody has moved it"


def test_a_silent_host_gets_no_server(site: Site) -> None:
    silent = site.at(site.first)
    site.cut(silent)
    third = site.bench.server("third", mac="02:00:0a:00:00:07")
    site.bench.engine.start(third)
    assert site.at(third) == site.at(site.second) != silent


def test_only_a_host_that_is_silent_can_be_lost(site: Site) -> None:
    hosts, name = site.bench.engine.hosts, site.at(site.first)
    with pytest.raises(HostAnswers):
        hosts.lose(name)
    for call in (hosts.lose, hosts.take_back, lambda host: hosts.power(host, on=False)):
        with pytest.raises(NoSuchHost):
            call("compute-9")
    hosts.take_back(name)
    assert site.states()[name] is HostState.UP, "one that was not lost is fine"
    site.cut(name)
    hosts.lose(name)
    hosts.lose(name)
    assert site.states()[name] is HostState.LOST


def test_a_machine_of_a_lost_host_runs_elsewhere_and_nowhere_else(site: Site) -> None:
    engine, id_ = site.bench.engine, site.first.id
    engine.states([id_], thorough=True)
    name = site.lose(site.first)
    for thorough in (False, True):
        states = engine.states([id_, SECOND], thorough=thorough)
        assert states == {id_: Status.STRANDED, SECOND: Status.RUNNING}
    engine.start(site.first)
    engine.start(site.first)
    assert (engine.status(id_), site.at(site.first)) == (Status.RUNNING, site.at(site.second))
    assert engine.servers() == sorted([id_, SECOND])
    site.revive(name)
    engine.hosts.take_back(name)
    assert (site.states()[name], engine.status(id_)) == (HostState.UP, Status.RUNNING)
    assert site.at(site.first) == site.at(site.second), "what has left stays where it is"
    third = site.bench.server("third", mac="02:00:0a:00:00:07")
    engine.start(third)
    assert site.at(third) == name


def test_a_machine_of_a_lost_host_that_is_to_be_off_is_off_and_starts_elsewhere(site: Site) -> None:
    engine = site.bench.engine
    site.lose(site.first)
    assert engine.stop(site.first.id, 0) is True
    assert engine.status(site.first.id) in {Status.STOPPED, Status.ABSENT}
    engine.start(site.first)
    assert site.at(site.first) == site.at(site.second)


def test_where_no_host_is_left_there_is_no_room(site: Site) -> None:
    first = site.lose(site.first)
    site.lose(site.second)
    for _ in range(2):
        with pytest.raises(NoRoom):
            site.bench.engine.start(site.first)
    site.revive(first)
    site.bench.engine.hosts.take_back(first)
    site.bench.engine.start(site.first)
    assert site.at(site.first) == first


def test_a_host_that_was_down_and_is_back_has_lost_what_ran_on_it(site: Site) -> None:
    name, engine = site.at(site.first), site.bench.engine
    site.cut(name)
    site.revive(name)
    assert engine.status(site.first.id) in {Status.LOST, Status.STOPPED}, "Nova does not tell the two apart"
    engine.start(site.first)
    assert engine.status(site.first.id) is Status.RUNNING


def test_simulated_hosts_survive_the_process(simulated: Bench) -> None:
    simulated.engine.start(simulated.server())
    simulated.engine.hosts.power("host-1", on=False)
    simulated.engine.hosts.lose("host-1")
    again = Simulated(simulated.root, lambda: None, hosts=1)
    assert [host.state for host in again.hosts.inventory()] == [HostState.LOST]
    assert again.servers() != []
    assert again.states(again.servers(), thorough=True) == dict.fromkeys(again.servers(), Status.STRANDED)


# -- a cloud alone


def servers_of(bench: CloudBench, *names: str) -> list[ServerSpec]:
    made = [bench.server(name, mac=f"02:00:0a:00:01:0{at}") for at, name in enumerate(names)]
    for spec in made:
        bench.engine.start(spec)
    return made


def test_a_host_whose_agent_alone_is_dead_has_nobody_started_twice(openstack: CloudBench) -> None:
    cloud, engine = openstack.cloud, openstack.engine
    (server,) = servers_of(openstack, "a")
    (row,) = cloud.servers.values()
    cloud.kill_agent(row["host"])
    for call in (lambda: engine.start(server), lambda: engine.stop("a", 0), lambda: engine.delete("a")):
        with pytest.raises(NoAnswer):
            call()
    assert (cloud.most_writers(), len(cloud.guests), list(cloud.servers)) == (1, 1, [row["id"]])


def test_where_the_operator_was_wrong_the_agent_ends_what_has_left(openstack: CloudBench) -> None:
    cloud, engine = openstack.cloud, openstack.engine
    (server,) = servers_of(openstack, "a")
    (row,) = cloud.servers.values()
    old = row["host"]
    cloud.kill_agent(old)
    engine.hosts.lose(old)
    engine.start(server)
    assert (row["host"] != old, list(cloud.servers)) == (True, [row["id"]]), "it is the same server to the cloud"
    assert cloud.most_writers() == 2, "which is why nobody but the operator may say so"
    cloud.bring_back(old)
    assert (cloud.most_writers(), list(cloud.guests)) == (1, [(row["host"], row["id"])])


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("fault", ["cut", 502, 503])
@pytest.mark.parametrize("call", [
    ("GET", "/servers/detail"),
    ("POST", "/metadata"),
    ("POST", "/action"),
    ("GET", "/servers/"),
    ("DELETE", "/metadata"),
])  # fmt: skip
@pytest.mark.parametrize("later", [0, 1])
def test_an_evacuation_that_breaks_off_anywhere_goes_on_where_it_was(
    openstack: CloudBench, call: tuple[str, str], fault: object, later: int
) -> None:
    """`later`: whether the first such call goes well."""
    cloud = openstack.cloud
    (server,) = servers_of(openstack, "a")
    (row,) = cloud.servers.values()
    old, volumes = row["host"], set(row["attached"])
    cloud.cut_power(old)
    openstack.engine.hosts.lose(old)
    cloud.faults += [(*call, "none")] * later + [(*call, fault)]
    tries = 0
    while True:
        tries += 1
        try:
            openstack.engine.start(server)
            break
        except Unresponsive:
            assert tries < 4
    cloud.faults.clear()
    openstack.engine.start(server)
    (after,) = cloud.servers.values()
    assert (after["status"], after["host"] != old, set(after["attached"])) == ("ACTIVE", True, volumes)
    assert (cloud.most_writers(), len(cloud.guests), after["metadata"]) == (1, 1, {"name": "my-server"})


def test_what_was_asked_of_a_host_before_it_was_known_to_be_lost_does_not_keep_anybody(openstack: CloudBench) -> None:
    cloud = openstack.cloud
    (server,) = servers_of(openstack, "a")
    (row,) = cloud.servers.values()
    cloud.cut_power(row["host"])
    cloud.act_on_server(row["id"], {"os-stop": None})
    assert row["task_state"] == "powering-off"
    openstack.engine.hosts.lose(row["host"])
    openstack.engine.start(server)
    assert (row["status"], cloud.most_writers()) == ("ACTIVE", 1)


def test_a_server_that_has_left_is_made_anew_when_it_was_stopped_meanwhile(openstack: CloudBench) -> None:
    """It has the size and the seed of its next start, as after any stop."""
    cloud, engine = openstack.cloud, openstack.engine
    (server,) = servers_of(openstack, "a")
    (row,) = cloud.servers.values()
    cloud.cut_power(row["host"])
    engine.hosts.lose(row["host"])
    engine.start(server)
    engine.stop("a", 0)
    engine.start(server)
    (after,) = cloud.servers.values()
    assert after["id"] != row["id"]


def test_a_host_that_somebody_else_has_forced_down_is_theirs(openstack: CloudBench) -> None:
    cloud, engine = openstack.cloud, openstack.engine
    servers_of(openstack, "a")
    (row,) = cloud.servers.values()
    host = cloud.hosts[row["host"]]
    host |= {"forced_down": True, "disabled_reason": "by Masakari"}
    assert engine.status("a") is Status.UNREACHABLE
    assert engine.states(["a"], thorough=True) == {"a": Status.UNREACHABLE}
    engine.hosts.take_back(row["host"])
    assert (host["forced_down"], host["disabled_reason"]) == (True, "by Masakari")
    engine.hosts.lose(row["host"])
    assert (host["status"], host["disabled_reason"]) == ("disabled", LOST_REASON)
    engine.hosts.take_back(row["host"])
    assert (host["status"], host["forced_down"], engine.status("a")) == ("enabled", False, Status.RUNNING)


def test_a_host_is_not_back_before_its_agent_has_ended_what_has_left(openstack: CloudBench) -> None:
    cloud, hosts = openstack.cloud, openstack.engine.hosts
    (server,) = servers_of(openstack, "a")
    (row,) = cloud.servers.values()
    old = row["host"]
    cloud.cut_power(old)
    hosts.lose(old)
    openstack.engine.start(server)
    with pytest.raises(HostNotBack):
        hosts.take_back(old)
    assert {host.name: host.state for host in hosts.inventory()}[old] is HostState.LOST
    cloud.bring_back(old)
    hosts.take_back(old)
    assert {host.name: host.state for host in hosts.inventory()}[old] is HostState.UP


def test_no_rehearsal_switches_a_real_host(openstack: CloudBench) -> None:
    with pytest.raises(NotOffered):
        openstack.engine.hosts.power("compute-1", on=False)
    assert openstack.cloud.hosts["compute-1"]["agent"] is True


def test_between_two_looks_at_all_only_changes_are_asked_for(openstack: CloudBench) -> None:
    cloud, engine = openstack.cloud, openstack.engine
    names = ["a", "b", "c", "d"]
    servers_of(openstack, *names)
    cloud.moment += 3600
    servers_of(openstack, "late")
    engine.states(names, thorough=True)
    row = next(one for one in cloud.servers.values() if one["name"] == "a")
    cloud.act_on_server(row["id"], {"os-stop": None})
    cloud.delete_server(next(id_ for id_, one in cloud.servers.items() if one["name"] == "b"))
    (made,) = servers_of(openstack, "e")
    cloud.calls.clear()
    states = engine.states([*names, "e"], thorough=False)
    assert states == dict(zip([*names, "e"], [
        Status.STOPPED, Status.ABSENT, Status.RUNNING, Status.RUNNING, Status.RUNNING,
    ], strict=True))  # fmt: skip
    asked = ["GET /compute/v2.1/servers/detail", "GET /compute/v2.1/os-services"]
    assert cloud.calls == asked
    assert cloud.told[0] == 4, "what has changed, the last one before it included, and no more"
    cloud.cut_power(next(one["host"] for one in cloud.servers.values() if one["name"] == made.id))
    assert engine.states(["e"], thorough=False) == {"e": Status.UNREACHABLE}


def test_a_cloud_that_says_nothing_of_its_hosts_is_looked_at_as_a_whole(openstack: CloudBench) -> None:
    engine, cloud = openstack.engine, openstack.cloud
    servers_of(openstack, "a")
    engine.states(["a"], thorough=True)
    cloud.faults += [("GET", "/os-services", 403)]
    cloud.calls.clear()
    for _ in range(2):
        assert engine.states(["a"], thorough=False) == {"a": Status.RUNNING}
    look = "GET /compute/v2.1/servers/detail"
    assert cloud.calls == [look, "GET /compute/v2.1/os-services", look, look], "it is asked once"
