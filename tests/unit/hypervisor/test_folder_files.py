"""Files of disks, as engines of this host make and copy them: the simulated one, and QEMU's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kunsthalle.hypervisor import overlays
from kunsthalle.hypervisor.disk_protocol import ImageBytes
from kunsthalle.hypervisor.overlays import read_header
from kunsthalle.hypervisor.protocol import BadSpec, DiskError, Status
from kunsthalle.hypervisor.specs import OverlaySpec

from .conftest import GIB, Bench, engine_at, stored


@pytest.fixture(params=["simulated", pytest.param("qemu", marks=pytest.mark.needs_qemu)])
def bench(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.getfixturevalue(request.param)
    return made


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_disk_is_a_thin_overlay(bench: Bench) -> None:
    for size in (10 * GIB, 250 * GIB):
        spec = bench.disk(f"d{size}", size)
        bench.engine.create_overlay(spec)
        header = read_header(spec.path)
        assert header is not None
        assert (header.base, header.size_bytes) == (str(bench.base), size)
        assert spec.path.stat().st_size < 1 << 20
        assert spec.path.stat().st_mode & 0o777 == 0o600


def test_a_finished_disk_is_left_alone_and_an_unfinished_one_replaced(bench: Bench) -> None:
    spec = bench.disk()
    bench.engine.create_overlay(spec)
    before = spec.path.stat()
    bench.engine.create_overlay(spec)
    assert spec.path.stat().st_mtime_ns == before.st_mtime_ns
    spec.path.write_bytes(b"QFI")
    bench.engine.create_overlay(spec)
    assert read_header(spec.path) is not None
    with pytest.raises(DiskError):
        bench.engine.create_overlay(replace(spec, size_bytes=20 * GIB))
    assert tree(bench.folder) == [spec.path.name]


def test_bad_disks(bench: Bench) -> None:
    good = bench.disk()
    bad: list[OverlaySpec] = [
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
            bench.engine.create_overlay(spec)
    with pytest.raises(DiskError):
        bench.engine.create_overlay(replace(good, base=bench.base.with_name("absent")))
    assert tree(bench.folder) == [] if bench.folder.exists() else True


def test_names_of_disks_that_mean_something_elsewhere(bench: Bench) -> None:
    place = bench.root.parent / "a,b=c:d json:{} %s"
    place.mkdir()
    _, digest = stored(place, bench.base)
    engine, name = engine_at(bench, bench.root / "odd", place), "x,readonly=on"
    try:
        engine.disks.make(replace(bench.volume(name), base=ImageBytes(digest, "qcow2")), None)
        assert read_header(place / "disks" / "volumes" / f"{name}.qcow2") is not None
        engine.start(bench.server("s1", disk=name))
        assert engine.status("s1") is Status.RUNNING
    finally:
        engine.delete("s1")


def test_copy_of_a_disk_has_its_base_and_its_data(bench: Bench) -> None:
    source, target = bench.disk("source").path, bench.folder / "deep" / "target.qcow2"
    bench.engine.create_overlay(bench.disk("source"))
    with source.open("r+b") as file:
        file.seek(8 << 20)
        file.write(b"data after a hole")
    bench.engine.copy_overlay(source, target, None)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks < 4096
    assert target.stat().st_mode & 0o777 == 0o600
    assert tree(target.parent) == ["target.qcow2"]


def test_a_finished_copy_stays_and_another_disk_is_not_overwritten(bench: Bench) -> None:
    source, target, other = (bench.disk(name, size).path for name, size in (("s", GIB), ("t", GIB), ("o", GIB)))
    bench.engine.create_overlay(bench.disk("s"))
    bench.engine.copy_overlay(source, target, "no-such-server")
    before = target.read_bytes()
    with source.open("r+b") as file:
        file.seek(8 << 20)
        file.write(b"later")
    bench.engine.copy_overlay(source, target, None)
    assert target.read_bytes() == before
    bench.engine.create_overlay(bench.disk("o", 20 * GIB))
    with pytest.raises(DiskError):
        bench.engine.copy_overlay(source, other, None)


def test_a_copy_that_fails_leaves_nothing(bench: Bench) -> None:
    target = bench.folder / "target.qcow2"
    for source in (bench.folder / "absent.qcow2", bench.root):
        with pytest.raises(DiskError):
            bench.engine.copy_overlay(source, target, None)
    assert not target.exists()


def test_delete_disk_may_be_repeated(bench: Bench) -> None:
    spec = bench.disk()
    bench.engine.create_overlay(spec)
    overlays.delete_overlay(spec.path)
    overlays.delete_overlay(spec.path)
    assert tree(bench.folder) == []
    assert bench.base.exists()
