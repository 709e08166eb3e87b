"""What only the simulated engine does: it says what it is, and calls the writer of overlays it was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.engines import storage_at
from kunsthalle.hypervisor.protocol import DiskError, Status
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.hypervisor.specs import OverlaySpec

from .conftest import GIB, Bench


def test_the_console_says_that_nothing_ran(simulated: Bench) -> None:
    server = simulated.server()
    simulated.engine.start(server)
    simulated.engine.reset(server.id)
    line = simulated.engine.console(server.id, 4096).decode()
    assert "simulated" in line
    assert "No guest ran" in line
    assert "my-server" in line
    assert "2 time(s)" in line
    assert simulated.engine.console(server.id, 5) == line.encode()[-5:]
    assert simulated.engine.console(server.id, 0) == b""


def test_a_server_never_writes_to_its_disk(simulated: Bench) -> None:
    server = simulated.server()
    path = simulated.path(server.disk)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    simulated.engine.start(server)
    simulated.engine.stop(server.id, 0)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_no_secret_is_kept(simulated: Bench) -> None:
    server = simulated.server()
    simulated.engine.start(server)
    for path in simulated.root.rglob("*"):
        if path.is_file():
            assert b"ssh-ed25519" not in path.read_bytes()
    assert "ssh-ed25519" not in repr(server)
    assert "cloud-config" not in repr(server)


def test_the_given_writer_makes_the_disk_under_another_name(tmp_path: Path) -> None:
    calls: list[tuple[Path, Path, str, int]] = []

    def fails(path: Path, backing: Path, backing_format: str, virtual_size: int) -> None:
        calls.append((path, backing, backing_format, virtual_size))
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    base = tmp_path / "base.vhd"
    base.write_bytes(b"base")
    disk = tmp_path / "disks" / "d.qcow2"
    with pytest.raises(DiskError, match="No space left"):
        Simulated(tmp_path / "engine", storage_at(tmp_path), fails).create_overlay(OverlaySpec(disk, base, "vhd", GIB))
    ((path, *rest),) = calls
    assert path != disk
    assert path.parent == disk.parent
    assert rest == [base, "vhd", GIB]
    assert list(disk.parent.iterdir()) == []


def test_a_crash_before_the_first_state_is_a_stopped_server(simulated: Bench) -> None:
    (simulated.root / "run" / "half-made").mkdir()
    assert simulated.engine.status("half-made") is Status.STOPPED
    assert simulated.engine.servers() == ["half-made"]
    simulated.engine.delete("half-made")
    assert simulated.engine.servers() == []


def test_foreign_things_in_the_folder_are_no_servers(simulated: Bench, tmp_path: Path) -> None:
    (simulated.root / "run" / "file").write_text("x")
    (simulated.root / "run" / ".hidden").mkdir()
    (simulated.root / "run" / "link").symlink_to(tmp_path)
    assert simulated.engine.servers() == []
