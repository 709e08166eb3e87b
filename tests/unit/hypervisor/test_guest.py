"""Real guests under real QEMU: what they are told, what their disks keep, and what copies of those hold."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kunsthalle.disk_images.backing_files import name_of
from kunsthalle.hypervisor import overlays
from kunsthalle.hypervisor.protocol import DiskError, DiskSpec, SeedSpec, ServerSpec, Status
from kunsthalle.hypervisor.qemu.qmp import ask

from .conftest import GIB, Bench, processes, says, until

pytestmark = pytest.mark.needs_qemu


def staying(bench: Bench, server_id: str = "guest", hostname: str = "my-host") -> ServerSpec:
    """A server whose guest stays up until its power button is pressed."""
    seed = SeedSpec(server_id, hostname, "#cloud-config\n# kunsthalle-stay\n", ("ssh-ed25519 AAAA me@home",))
    return bench.server(server_id, seed=seed)


def booted(bench: Bench, server_id: str, boots: int) -> bool:
    return says(bench.engine, server_id, f"boots={boots} ")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_guest_knows_its_name_and_its_disk_keeps_what_it_wrote(bench: Bench) -> None:
    engine, server, before = bench.engine, staying(bench), sha256(bench.base)
    engine.start(server)
    assert says(engine, server.id, "KUNSTHALLE-BOOT-OK hostname=my-host instance-id=guest boots=1 ")
    engine.stop(server.id, 60)
    assert engine.status(server.id) is Status.STOPPED
    assert says(engine, server.id, "KUNSTHALLE-SHUTDOWN", 0)
    engine.start(server)
    assert booted(bench, server.id, 2)
    engine.reset(server.id)
    assert booted(bench, server.id, 3)
    assert engine.status(server.id) is Status.RUNNING
    console = engine.console(server.id, 1 << 16)
    assert re.findall(rb"boots=(\d)", console) == [b"1", b"2", b"3"]
    assert engine.console(server.id, 10) == console[-10:]
    assert sha256(bench.base) == before
    engine.delete(server.id)
    assert processes(bench.root) == []
    assert list((bench.root / "run").iterdir()) == []
    engine.delete_disk(server.disk)
    assert list(bench.folder.iterdir()) == []


def test_a_guest_that_powers_itself_off_is_stopped(bench: Bench) -> None:
    server = bench.server("short-lived")
    bench.engine.start(server)
    assert says(bench.engine, server.id, "hostname=my-server instance-id=short-lived boots=1 ")
    assert until(lambda: bench.engine.status(server.id) is Status.STOPPED)
    assert until(lambda: processes(bench.root) == [])


def test_a_guest_without_a_seed(bench: Bench) -> None:
    server = bench.server("no-seed", seed=None)
    bench.engine.start(server)
    assert says(bench.engine, server.id, "hostname=none instance-id=none boots=1 ")


def test_a_guest_on_a_vhd_base(bench: Bench, tmp_path: Path) -> None:
    base = tmp_path / "base.vhd"
    command = ["qemu-img", "convert", "-f", "qcow2", "-O", "vpc", "-o", "subformat=dynamic,force_size=on"]
    subprocess.run([*command, bench.base, base], check=True, timeout=120)
    base.chmod(0o444)
    before = sha256(base)
    disk = DiskSpec(bench.folder / "overlay-of-vhd.qcow2", base, "vhd", 10 * GIB, name_of(base, "vhd"))
    bench.engine.create_disk(disk)
    server = replace(bench.server("on-vhd"), disk=disk.path)
    bench.engine.start(server)
    assert says(bench.engine, server.id, "instance-id=on-vhd boots=1 ")
    assert sha256(base) == before


PROGRAM = """
import pickle, sys, time
from pathlib import Path
from kunsthalle.hypervisor.qemu.engine import Qemu
root, binary, tool, server = pickle.loads(bytes.fromhex(sys.argv[1]))
Qemu(root, binary, tool, "tcg").start(server)
print("started", flush=True)
time.sleep(600)
"""


def test_a_guest_outlives_the_program_and_is_found_again(bench: Bench) -> None:
    import pickle

    server = staying(bench)
    tools = [Path(str(shutil.which(name))) for name in ("qemu-system-x86_64", "qemu-img")]
    handed = pickle.dumps((bench.root, *tools, server)).hex()
    with subprocess.Popen([sys.executable, "-c", PROGRAM, handed], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"started\n"
        (guest,) = processes(bench.root)
        program.kill()
    assert program.returncode == -signal.SIGKILL
    assert bench.engine.servers() == [server.id]
    assert bench.engine.status(server.id) is Status.RUNNING
    bench.engine.start(server)
    assert booted(bench, server.id, 1)
    assert processes(bench.root) == [guest]
    bench.engine.stop(server.id, 60)
    assert says(bench.engine, server.id, "KUNSTHALLE-SHUTDOWN", 0)
    assert bench.engine.status(server.id) is Status.STOPPED
    assert until(lambda: processes(bench.root) == [])


def test_a_killed_guest_has_failed_and_starts_again(bench: Bench) -> None:
    server = staying(bench)
    bench.engine.start(server)
    assert booted(bench, server.id, 1)
    os.kill(processes(bench.root)[0], signal.SIGKILL)
    assert until(lambda: bench.engine.status(server.id) is Status.FAILED)
    bench.engine.start(server)
    assert booted(bench, server.id, 2)
    check = ["qemu-img", "check", "-q", "-U", "-f", "qcow2", server.disk]
    bench.engine.stop(server.id, 0)
    assert subprocess.run(check, check=False, timeout=60).returncode == 0


def test_a_copy_of_a_running_servers_disk_boots(bench: Bench) -> None:
    server = staying(bench)
    bench.engine.start(server)
    assert booted(bench, server.id, 1)
    copy = bench.folder / "copy.qcow2"
    bench.engine.copy_disk(server.disk, copy, server.id)
    assert bench.engine.status(server.id) is Status.RUNNING
    other = replace(staying(bench, "other", "the-copy"), disk=copy)
    bench.engine.start(other)
    assert says(bench.engine, "other", "hostname=the-copy instance-id=other boots=2 ")
    bench.engine.stop(server.id, 60)
    assert says(bench.engine, server.id, "KUNSTHALLE-SHUTDOWN", 0), "the source went on after the copy"


def test_the_guest_stands_still_for_the_copy_and_goes_on_if_it_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, seen = staying(bench), []

    def fails(source: Path, target: Path) -> None:
        folder = bench.root / "run" / server.id
        seen.append(ask(folder, "query-status", timeout=10)[0]["status"])
        raise DiskError("no room")

    bench.engine.start(server)
    monkeypatch.setattr(overlays, "copy_overlay", fails)
    with pytest.raises(DiskError, match="no room"):
        bench.engine.copy_disk(server.disk, bench.folder / "copy.qcow2", server.id)
    assert seen == ["paused"]
    assert booted(bench, server.id, 1)
    assert not (bench.folder / "copy.qcow2").exists()


def test_a_guest_left_standing_by_a_crash_goes_on(bench: Bench) -> None:
    server = staying(bench)
    bench.engine.start(server)
    folder = bench.root / "run" / server.id
    (pid,) = processes(bench.root)
    ask(folder, "stop", timeout=10)
    bench.engine.start(server)
    assert processes(bench.root) == [pid]
    assert booted(bench, server.id, 1)
    ask(folder, "stop", timeout=10)
    bench.engine.stop(server.id, 60)
    assert says(bench.engine, server.id, "KUNSTHALLE-SHUTDOWN", 0)


@pytest.fixture
def bench(qemu: Bench) -> Bench:
    return qemu
