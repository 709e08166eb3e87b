"""What every Hypervisor must do: run on the simulated one, and on real QEMU processes."""

from __future__ import annotations

import subprocess
import threading
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from fixtures.fleet import FOLDER
from fixtures.tools import ROOT
from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.disk_images import qcow2
from kunsthalle.disk_images.detection import HEAD_BYTES
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.hypervisor.disk_protocol import DiskKind, ExpectedDisk
from kunsthalle.hypervisor.protocol import (
    BadServerId,
    BadSpec,
    DataDisk,
    DiskError,
    HypervisorError,
    NotApart,
    NotRunning,
    Passphrases,
    StartError,
    Status,
)

from .conftest import GIB, Bench

pytestmark = pytest.mark.by_turns(3)

VOLUME, SNAPSHOT = DiskKind.VOLUME, DiskKind.SNAPSHOT


QEMU = pytest.param("qemu", marks=(pytest.mark.needs_qemu, pytest.mark.by_turns(3)))
FLEET = [pytest.param("fleet", marks=pytest.mark.fleet)] if FOLDER else []
ENGINES = ["simulated", "shared", "openstack", QEMU, *FLEET]
NAMES = {"shared": "simulated", "fleet": "openstack"}


@pytest.fixture(params=ENGINES)
def bench(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.getfixturevalue(request.param)
    assert made.engine.name == NAMES.get(request.param, request.param)
    return made


@pytest.fixture(params=["simulated", "shared", QEMU])
def local(request: pytest.FixtureRequest) -> Bench:
    """An engine that keeps disks as files of its host: it knows what is in them."""
    made: Bench = request.getfixturevalue(request.param)
    return made


def test_what_a_driver_needs_of_the_package_is_an_extra_of_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {engine.extra for engine in HYPERVISORS.values()} - {""}
    assert extras
    assert extras <= set(project["optional-dependencies"])


def test_a_disk_is_made_once_and_known_by_its_id(bench: Bench) -> None:
    disks = bench.engine.disks
    for size in (10 * GIB, 250 * GIB):
        disks.make(bench.volume(f"d{size}", size), None)
    disks.make(bench.volume(f"d{10 * GIB}"), None)
    assert disks.inventory(VOLUME) == {f"d{10 * GIB}": 10 * GIB, f"d{250 * GIB}": 250 * GIB}
    assert disks.inventory(SNAPSHOT) == {}
    with pytest.raises(DiskError):
        disks.make(bench.volume(f"d{10 * GIB}", 20 * GIB), None)
    disks.delete(VOLUME, f"d{250 * GIB}")
    disks.delete(VOLUME, f"d{250 * GIB}")
    assert (disks.exists(VOLUME, f"d{10 * GIB}"), disks.exists(VOLUME, f"d{250 * GIB}")) == (True, False)
    assert list(disks.leftovers()) == []


def test_a_disk_that_stands_on_nothing_is_there_when_a_server_is_to_have_it(bench: Bench) -> None:
    disks, blank = bench.engine.disks, bench.volume("blank", base=None)
    disks.make(blank, None)
    disks.ensure(blank)
    bench_size = disks.inventory(VOLUME)["blank"]
    disks.ensure(replace(blank, size_bytes=20 * GIB))
    assert disks.inventory(VOLUME)["blank"] == bench_size == 10 * GIB, "what is there first stays"


def test_a_disk_grows_and_never_shrinks(bench: Bench) -> None:
    disks = bench.engine.disks
    disks.make(bench.volume(), None)
    for size, then in ((30 * GIB, 30 * GIB), (20 * GIB, 30 * GIB), (30 * GIB, 30 * GIB)):
        disks.grow(bench.volume(size_bytes=size))
        assert disks.inventory(VOLUME)["boot"] == then
    disks.grow(bench.volume("absent"))
    assert not disks.exists(VOLUME, "absent")


def content(stream: BinaryIO | None) -> bytes:
    assert stream is not None
    return stream.read()


def guest_sees(whole: bytes, folder: Path, offset: int, length: int = 65536) -> bytes:
    """What a guest reads of a disk that is this file: a cloud compresses what it gives away. `count` is from 0 on."""
    (folder / "whole").write_bytes(whole)
    part = ["bs=512", f"skip={offset // 512}", f"count={(offset + length) // 512}", f"if={folder / 'whole'}"]
    command = ["qemu-img", "dd", "-f", "qcow2", "-O", "raw", *part, f"of={folder / 'part'}"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return (folder / "part").read_bytes()


@pytest.mark.needs_qemu_img
def test_a_snapshot_keeps_a_moment_and_volumes_are_made_of_it(bench: Bench, tmp_path: Path) -> None:
    disks, source = bench.engine.disks, bench.volume("source")
    disks.make(source, None)
    first = guest_sees(bench.base.read_bytes(), tmp_path, 0, 512)
    with disks.read_out(source) as stream:
        known = bench.engine.name != "openstack"
        assert (stream is None) is known, "nothing was written: the image is all there is, if the engine knows"
    bench.write("source", 0x41)
    assert disks.snapshot(source, "moment") > 1 << 16
    bench.write("source", 0x42)
    assert disks.snapshot(source, "moment") > 1 << 16, "a finished snapshot stays"
    moment = replace(bench.volume("moment"), kind=SNAPSHOT)
    disks.make(bench.volume("restored"), moment)
    for disk, byte in ((source, 0x42), (moment, 0x41), (bench.volume("restored"), 0x41)):
        with disks.read_out(disk) as stream:
            whole = content(stream)
        header = qcow2.parse(whole[:HEAD_BYTES])
        assert (header.backing_offset, header.virtual_size) == (0, 10 * GIB), "one file, as large as the disk"
        assert guest_sees(whole, tmp_path, 8 << 20) == bytes([byte]) * 65536
        assert guest_sees(whole, tmp_path, 0, 512) == first, "with what it stands on"
    assert list(disks.leftovers()) == []
    assert disks.outgrows(bench.volume("larger", 20 * GIB), moment) is known
    disks.delete(VOLUME, "source")
    disks.delete(SNAPSHOT, "moment")
    with disks.read_out(bench.volume("restored")) as stream:
        assert guest_sees(content(stream), tmp_path, 8 << 20) == bytes([0x41]) * 65536, (
            "a volume outlives what it was made of"
        )
    with pytest.raises(DiskError):
        disks.snapshot(source, "too-late")
    assert disks.inventory(SNAPSHOT) == {}


def test_a_snapshot_of_no_disk_is_none(bench: Bench) -> None:
    disks, blank = bench.engine.disks, bench.volume("blank", base=None)
    assert disks.snapshot(blank, "nothing") == 0
    disks.make(bench.volume("made", base=None), replace(blank, kind=SNAPSHOT, id="nothing"))
    assert (disks.inventory(VOLUME), disks.inventory(SNAPSHOT)) == ({}, {})


@pytest.mark.needs_qemu_img
def test_a_disk_of_another_engine_is_read_in_with_its_content(bench: Bench, tmp_path: Path) -> None:
    disks, whole = bench.engine.disks, tmp_path / "of-another"
    write_qcow2(whole, 10 * GIB, {0: b"first", 8 << 20: bytes([0x51]) * 65536})
    volume, blank = bench.volume("in"), bench.volume("blank-in", base=None)
    moment = replace(volume, kind=SNAPSHOT, id="moment-in")
    for disk in (volume, blank, moment):
        with whole.open("rb") as stream:
            disks.read_in(disk, stream)
            disks.read_in(disk, stream)
        with disks.read_out(disk) as stream:
            back = content(stream)
        assert guest_sees(back, tmp_path, 0, 512) == b"first".ljust(512, b"\0"), "and nothing of the image below"
        assert guest_sees(back, tmp_path, 8 << 20) == bytes([0x51]) * 65536
    assert (set(disks.inventory(VOLUME)), set(disks.inventory(SNAPSHOT))) == ({"in", "blank-in"}, {"moment-in"})
    disks.make(bench.volume("of-the-moment"), moment)
    disks.delete(SNAPSHOT, "moment-in")
    with disks.read_out(bench.volume("of-the-moment")) as stream:
        assert guest_sees(content(stream), tmp_path, 8 << 20) == bytes([0x51]) * 65536
    assert list(disks.leftovers()) == []


@pytest.mark.needs_qemu_img
def test_a_disk_that_holds_nothing_of_its_own_is_read_in_as_its_image(bench: Bench, tmp_path: Path) -> None:
    disks, volume = bench.engine.disks, bench.volume("plain")
    moment = replace(volume, kind=SNAPSHOT, id="plain-moment")
    first = guest_sees(bench.base.read_bytes(), tmp_path, 0, 512)
    for disk in (volume, moment):
        disks.read_in(disk, None)
        assert disks.exists(disk.kind, disk.id)
    disks.make(bench.volume("of-the-plain"), moment)
    for disk in (volume, moment, bench.volume("of-the-plain")):
        with disks.read_out(disk) as stream:
            assert stream is None or guest_sees(stream.read(), tmp_path, 0, 512) == first
    assert list(disks.leftovers()) == []


def test_encrypted_disks_open_with_their_passphrase_alone(local: Bench) -> None:
    bench = local
    disks, opened = bench.engine.disks, Passphrases(b"the data key")
    disks.make(bench.volume("secret", passphrases=opened), None)
    disks.ensure(bench.volume("blank", base=None, passphrases=opened))
    disks.snapshot(bench.volume("secret"), "moment")
    disks.make(
        bench.volume("copy", passphrases=opened), replace(bench.volume("moment"), kind=SNAPSHOT, passphrases=opened)
    )
    for kind, id_, digest in (
        (VOLUME, "secret", bench.digest),
        (VOLUME, "blank", None),
        (SNAPSHOT, "moment", bench.digest),
    ):
        expected = ExpectedDisk(kind, id_, digest, encrypted=True, passphrase=b"the data key")
        assert list(disks.damage(expected)) == []
        (wrong,) = disks.damage(replace(expected, passphrase=b"another"))
        (plain,) = disks.damage(replace(expected, encrypted=False))
        assert (wrong.check, plain.check) == ("wrong_data_key", "wrong_encryption")


def test_a_disk_on_the_bytes_of_another_image_is_damaged(local: Bench) -> None:
    bench = local
    disks = bench.engine.disks
    disks.make(bench.volume(), None)
    expected = ExpectedDisk(VOLUME, "boot", bench.digest, encrypted=False, passphrase=None)
    assert list(disks.damage(expected)) == []
    (damage,) = disks.damage(replace(expected, digest="0" * 64))
    assert damage.check == "wrong_backing"
    assert disks.reattach_base(replace(expected, digest="0" * 64)) is False, "there are no such bytes"
    assert disks.reattach_base(expected) is True
    assert list(disks.damage(replace(expected, id="absent"))) == []


def test_a_servers_data_disks_come_and_go(bench: Bench) -> None:
    engine, data = bench.engine, DataDisk("attachment", "blank")
    engine.disks.ensure(bench.volume("blank", base=None))
    server = bench.server()
    with pytest.raises(NotRunning):
        engine.set_disks(server.id, ())
    engine.start(server)
    assert engine.set_disks(server.id, (data,)) == set()
    with pytest.raises(DiskError):
        engine.set_disks(server.id, (data, DataDisk("other", "absent")))
    with pytest.raises(BadSpec):
        engine.set_disks(server.id, (data, data))


HOSTILE_DISKS = ["", ".", "..", "../x", "a/b", "/etc", "a" * 129, "a\0b", "a\n", ".hidden"]


@pytest.mark.parametrize("name", HOSTILE_DISKS)
def test_a_hostile_id_is_never_a_disk(simulated: Bench, name: str) -> None:
    disks, spec, server = simulated.engine.disks, simulated.volume(name), simulated.server()
    expected = ExpectedDisk(VOLUME, name, None, encrypted=False, passphrase=None)

    def read_out() -> None:
        with disks.read_out(spec):
            pass

    calls: list[Callable[[], object]] = [
        lambda: disks.make(spec, None),
        lambda: disks.ensure(spec),
        lambda: disks.grow(spec),
        lambda: disks.exists(VOLUME, name),
        lambda: disks.delete(SNAPSHOT, name),
        lambda: disks.snapshot(simulated.volume(server.disk), name),
        lambda: list(disks.damage(expected)),
        lambda: simulated.engine.start(replace(server, disk=name)),
        read_out,
    ]
    for call in calls:
        with pytest.raises(BadSpec):
            call()
    assert list(disks.inventory(VOLUME)) == [server.disk]


def test_the_life_of_a_server(bench: Bench) -> None:
    engine, server = bench.engine, bench.server()
    assert engine.status(server.id) is Status.ABSENT
    assert engine.servers() == []
    engine.start(server)
    assert engine.status(server.id) is Status.RUNNING
    engine.start(server)
    assert engine.status(server.id) is Status.RUNNING
    assert engine.servers() == [server.id]
    engine.reset(server.id)
    assert engine.status(server.id) is Status.RUNNING
    engine.stop(server.id, 0)
    assert engine.status(server.id) is Status.STOPPED
    engine.stop(server.id, 0)
    with pytest.raises(NotRunning):
        engine.reset(server.id)
    engine.start(server)
    assert engine.status(server.id) is Status.RUNNING
    engine.delete(server.id)
    assert engine.status(server.id) is Status.ABSENT
    assert engine.servers() == []
    assert engine.console(server.id, 1000) == b""
    assert engine.disks.exists(DiskKind.VOLUME, server.disk)


def test_servers_of_a_placement_group_run_apart_where_there_are_hosts(bench: Bench) -> None:
    engine = bench.engine
    servers = [bench.server(name, mac=f"02:00:0a:00:01:0{at}", apart="group") for at, name in enumerate("abc")]
    for server in servers[:2]:
        engine.start(server)
        engine.start(server)
    many = len(engine.hosts.inventory()) > 1
    holding = [host for host in engine.hosts.inventory() if host.servers]
    assert len(holding) == (2 if many else 1)
    if many:
        with pytest.raises(NotApart):
            engine.start(servers[2])
        assert engine.status("c") in {Status.ABSENT, Status.STOPPED}
        engine.start(bench.server("alone", mac="02:00:0a:00:01:09"))
        engine.stop("a", 0)
        engine.start(servers[0])
        engine.delete("a")
    engine.start(servers[2])
    assert engine.status("c") is Status.RUNNING
    for name in (*"abc", "alone"):
        engine.delete(name)
    for _ in range(2):
        engine.forget_group("group")


def test_the_states_of_many_servers_are_one_question(bench: Bench) -> None:
    engine, (first, second) = bench.engine, (bench.server("a"), bench.server("b", mac="02:00:0a:00:00:06"))
    engine.start(first)
    engine.start(second)
    engine.stop("b", 0)
    for thorough in (True, False):
        states = engine.states(["a", "b", "absent"], thorough=thorough)
        assert states == {"a": Status.RUNNING, "b": Status.STOPPED, "absent": Status.ABSENT}
    assert engine.states([], thorough=True) == {}


def test_what_is_absent(bench: Bench) -> None:
    bench.engine.stop("nobody", 1)
    bench.engine.delete("nobody")
    assert bench.engine.console("nobody", 100) == b""
    with pytest.raises(NotRunning):
        bench.engine.reset("nobody")
    assert bench.engine.servers() == []


def test_servers_are_told_apart(bench: Bench) -> None:
    first, second = bench.server("a"), bench.server("b", mac="02:00:0a:00:00:06")
    bench.engine.start(first)
    bench.engine.start(second)
    bench.engine.stop("a", 0)
    assert [bench.engine.status(name) for name in ("a", "b")] == [Status.STOPPED, Status.RUNNING]
    bench.engine.delete("a")
    assert bench.engine.servers() == ["b"]
    assert bench.engine.status("b") is Status.RUNNING


def test_a_second_object_on_the_same_folder_sees_the_same(local: Bench, reopen: Callable[[Bench], Bench]) -> None:
    bench = local
    server = bench.server()
    bench.engine.start(server)
    again = reopen(bench)
    assert again.engine.servers() == [server.id]
    assert again.engine.status(server.id) is Status.RUNNING
    again.engine.start(server)
    again.engine.stop(server.id, 0)
    assert bench.engine.status(server.id) is Status.STOPPED


def test_a_server_without_a_disk_does_not_start(bench: Bench) -> None:
    server = replace(bench.server(), disk="absent")
    with pytest.raises(StartError):
        bench.engine.start(server)
    assert bench.engine.status(server.id) is not Status.RUNNING


def test_bad_servers(bench: Bench) -> None:
    good = bench.server()
    changes: list[dict[str, object]] = [
        {"disk": "../outside"},
        {"vcpus": 0},
        {"memory_mib": 0},
        {"mac": "01:00:0a:00:00:05"},
        {"mac": "02:00:0a:00:00:05,netdev=x"},
        {"mac": ""},
    ]
    for change in changes:
        with pytest.raises(BadSpec):
            bench.engine.start(replace(good, **change))
    assert bench.engine.servers() == []


HOSTILE = ["", ".", "..", "../x", "a/b", "/etc", "-name", "a" * 65, "a b", "a,b", "a\0b", "a\n", "é"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_id_is_never_a_path(simulated: Bench, name: str) -> None:
    engine, server = simulated.engine, simulated.server()
    calls: list[Callable[[], object]] = [
        lambda: engine.start(replace(server, id=name)),
        lambda: engine.stop(name, 0),
        lambda: engine.reset(name),
        lambda: engine.delete(name),
        lambda: engine.status(name),
        lambda: engine.console(name, 10),
        lambda: engine.copy_overlay(simulated.path(server.disk), simulated.path("t"), name),
    ]
    for call in calls:
        with pytest.raises(BadServerId):
            call()
    assert engine.servers() == []


def test_many_hands_on_one_server(bench: Bench) -> None:
    server = bench.server()
    refused: list[HypervisorError] = []

    def work(call: Callable[[], object]) -> None:
        try:
            call()
        except HypervisorError as error:
            refused.append(error)

    engine = bench.engine
    calls = [lambda: engine.start(server)] * 3 + [
        lambda: engine.stop(server.id, 0),
        lambda: engine.delete(server.id),
    ]
    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert refused == []
    engine.start(server)
    assert engine.status(server.id) is Status.RUNNING
    engine.delete(server.id)
    assert engine.servers() == []
