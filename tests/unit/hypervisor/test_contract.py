"""What every Hypervisor must do: run on the simulated one, and on real QEMU processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kunsthalle.hypervisor.overlays import read_header
from kunsthalle.hypervisor.protocol import (
    BadServerId,
    BadSpec,
    DiskError,
    DiskSpec,
    HypervisorError,
    NotRunning,
    StartError,
    Status,
)

from .conftest import GIB, Bench


@pytest.fixture(params=["simulated", pytest.param("qemu", marks=pytest.mark.needs_qemu)])
def bench(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.getfixturevalue(request.param)
    assert made.engine.name == request.param
    return made


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_disk_is_a_thin_overlay(bench: Bench) -> None:
    for size in (10 * GIB, 250 * GIB):
        spec = bench.disk(f"d{size}", size)
        bench.engine.create_disk(spec)
        header = read_header(spec.path)
        assert header is not None
        assert (header.base, header.size_bytes) == (str(bench.base), size)
        assert spec.path.stat().st_size < 1 << 20
        assert spec.path.stat().st_mode & 0o777 == 0o600


def test_a_finished_disk_is_left_alone_and_an_unfinished_one_replaced(bench: Bench) -> None:
    spec = bench.disk()
    bench.engine.create_disk(spec)
    before = spec.path.stat()
    bench.engine.create_disk(spec)
    assert spec.path.stat().st_mtime_ns == before.st_mtime_ns
    spec.path.write_bytes(b"QFI")
    bench.engine.create_disk(spec)
    assert read_header(spec.path) is not None
    with pytest.raises(DiskError):
        bench.engine.create_disk(replace(spec, size_bytes=20 * GIB))
    assert tree(bench.folder) == [spec.path.name]


def test_bad_disks(bench: Bench) -> None:
    good = bench.disk()
    bad: list[DiskSpec] = [
        replace(good, path=Path("relative.qcow2")),
        replace(good, base=Path("nbd:127.0.0.1:10809")),
        replace(good, path=good.path.parent / ".." / "out.qcow2"),
        replace(good, base_format="raw"),
        replace(good, base_format="vpc"),
        replace(good, size_bytes=0),
        replace(good, size_bytes=-512),
        replace(good, size_bytes=GIB + 1),
    ]
    for spec in bad:
        with pytest.raises(BadSpec):
            bench.engine.create_disk(spec)
    with pytest.raises(DiskError):
        bench.engine.create_disk(replace(good, base=bench.base.with_name("absent")))
    assert tree(bench.folder) == [] if bench.folder.exists() else True


def test_names_of_disks_that_mean_something_elsewhere(bench: Bench) -> None:
    folder = bench.folder / "a,b=c:d json:{} %s"
    spec = replace(bench.disk(), path=folder / "x,readonly=on.qcow2")
    bench.engine.create_disk(spec)
    server = bench.server("s1", disk=spec.path)
    bench.engine.start(server)
    assert bench.engine.status("s1") is Status.RUNNING


def test_copy_of_a_disk_has_its_base_and_its_data(bench: Bench) -> None:
    source, target = bench.disk("source").path, bench.folder / "deep" / "target.qcow2"
    bench.engine.create_disk(bench.disk("source"))
    with source.open("r+b") as file:
        file.seek(8 << 20)
        file.write(b"data after a hole")
    bench.engine.copy_disk(source, target, None)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks < 4096
    assert target.stat().st_mode & 0o777 == 0o600
    assert tree(target.parent) == ["target.qcow2"]


def test_a_finished_copy_stays_and_another_disk_is_not_overwritten(bench: Bench) -> None:
    source, target, other = (bench.disk(name, size).path for name, size in (("s", GIB), ("t", GIB), ("o", GIB)))
    bench.engine.create_disk(bench.disk("s"))
    bench.engine.copy_disk(source, target, "no-such-server")
    before = target.read_bytes()
    with source.open("r+b") as file:
        file.seek(8 << 20)
        file.write(b"later")
    bench.engine.copy_disk(source, target, None)
    assert target.read_bytes() == before
    bench.engine.create_disk(bench.disk("o", 20 * GIB))
    with pytest.raises(DiskError):
        bench.engine.copy_disk(source, other, None)


def test_a_copy_that_fails_leaves_nothing(bench: Bench) -> None:
    target = bench.folder / "target.qcow2"
    for source in (bench.folder / "absent.qcow2", bench.root):
        with pytest.raises(DiskError):
            bench.engine.copy_disk(source, target, None)
    assert not target.exists()


def test_delete_disk_may_be_repeated(bench: Bench) -> None:
    spec = bench.disk()
    bench.engine.create_disk(spec)
    bench.engine.delete_disk(spec.path)
    bench.engine.delete_disk(spec.path)
    assert tree(bench.folder) == []
    assert bench.base.exists()


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
    assert server.disk.exists()
    assert tree(bench.root / "run") == []


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


def test_a_second_object_on_the_same_folder_sees_the_same(bench: Bench, reopen: Callable[[Bench], Bench]) -> None:
    server = bench.server()
    bench.engine.start(server)
    again = reopen(bench)
    assert again.engine.servers() == [server.id]
    assert again.engine.status(server.id) is Status.RUNNING
    again.engine.start(server)
    again.engine.stop(server.id, 0)
    assert bench.engine.status(server.id) is Status.STOPPED


def test_a_server_without_a_disk_does_not_start(bench: Bench) -> None:
    server = replace(bench.server(), disk=bench.folder / "absent.qcow2")
    with pytest.raises(StartError):
        bench.engine.start(server)
    assert bench.engine.status(server.id) is not Status.RUNNING


def test_bad_servers(bench: Bench) -> None:
    good = bench.server()
    changes: list[dict[str, object]] = [
        {"disk": Path("relative.qcow2")},
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
        lambda: engine.copy_disk(server.disk, simulated.folder / "t.qcow2", name),
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
