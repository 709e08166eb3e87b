"""Real guests under real QEMU: what they are told, what their disks keep, and what copies of those hold."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.encrypted_images import SECRET, encrypted_copy
from kunsthalle.core import core_files
from kunsthalle.disk_images.backing_files import name_of
from kunsthalle.disk_images.encrypted_disks import write_disk, write_overlay
from kunsthalle.hypervisor import overlays
from kunsthalle.hypervisor.disk_protocol import DiskKind
from kunsthalle.hypervisor.protocol import (
    Channel,
    DataDisk,
    DiskError,
    Passphrases,
    SeedSpec,
    ServerSpec,
    StartError,
    Status,
)
from kunsthalle.hypervisor.qemu.qmp import ask
from kunsthalle.hypervisor.specs import OverlaySpec

from .conftest import GIB, Bench, processes, says, until

pytestmark = [pytest.mark.needs_qemu, pytest.mark.by_turns(8)]


def staying(bench: Bench, server_id: str = "guest", hostname: str = "my-host") -> ServerSpec:
    """A server whose guest stays up until its power button is pressed."""
    seed = SeedSpec(server_id, hostname, "#cloud-config\n# kunsthalle-stay\n", ("ssh-ed25519 AAAA me@home",))
    return bench.server(server_id, seed=seed)


def booted(bench: Bench, server_id: str, boots: int) -> bool:
    return says(bench.engine, server_id, f"boots={boots} ")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


PROGRAM = """
import pickle, sys, time
from pathlib import Path
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.disk_images.limits import Limits
from kunsthalle.hypervisor.folder_disks import LocalStorage
root, binary, tool, server = pickle.loads(bytes.fromhex(sys.argv[1]))
blobs = FilesystemBlobs(root.parent / "blobs")
storage = LocalStorage(root.parent / "disks", blobs, None, Limits())
Qemu(root, binary, tool, lambda: storage, "tcg").start(server)
print("started", flush=True)
time.sleep(600)
"""


def start_by_a_program_that_dies(bench: Bench, server: ServerSpec) -> int:
    """The process of the guest, which a killed program left behind."""
    tools = [Path(str(shutil.which(name))) for name in ("qemu-system-x86_64", "qemu-img")]
    handed = pickle.dumps((bench.root, *tools, server)).hex()
    with subprocess.Popen([sys.executable, "-c", PROGRAM, handed], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"started\n"
        (guest,) = processes(bench.root)
        program.kill()
    assert program.returncode == -signal.SIGKILL
    return guest


def answers(bench: Bench, server_id: str, words: str) -> bool:
    """Whether the guest answers a line on its console: its processor goes on."""
    line = bench.engine.connect(server_id, Channel.SERIAL)
    assert line is not None
    try:
        asyncio.run(line.write(f"{words}\n".encode()))
        return says(bench.engine, server_id, f"KUNSTHALLE-HEARD {words}\r\n")
    finally:
        line.close()


def copy_that_fails(bench: Bench, server: ServerSpec) -> None:
    """The guest stands still for the copy of its disk, and goes on if that fails."""
    seen = []

    def fails(_source: Path, _target: Path) -> None:
        seen.append(ask(bench.root / "run" / server.id, "query-status", timeout=10)[0]["status"])
        raise DiskError("no room")

    copy = bench.path("failed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlays, "copy_overlay", fails)
        with pytest.raises(DiskError, match="no room"):
            bench.engine.copy_overlay(bench.path(server.disk), copy, server.id)
    assert seen == ["paused"]
    assert answers(bench, server.id, "after the copy that failed")
    assert not copy.exists()


def copy_that_boots(bench: Bench, server: ServerSpec) -> None:
    """The disk of a running server is copied, and the copy boots: on it the guest has booted once."""
    copy = bench.path("copy")
    bench.engine.copy_overlay(bench.path(server.disk), copy, server.id)
    assert bench.engine.status(server.id) is Status.RUNNING
    assert answers(bench, server.id, "after the copy")
    other = replace(staying(bench, "other", "the-copy"), disk="copy")
    bench.engine.start(other)
    assert says(bench.engine, "other", "hostname=the-copy instance-id=other boots=2 ")
    bench.engine.delete("other")


def left_standing_by_a_crash(bench: Bench, server: ServerSpec, how: Callable[[], object]) -> None:
    """Whoever started a copy is gone: the guest goes on as soon as somebody wants something of it."""
    (pid,) = processes(bench.root)
    ask(bench.root / "run" / server.id, "stop", timeout=10)
    how()
    assert processes(bench.root) in ([pid], [])


def test_the_life_of_a_guest(bench: Bench) -> None:
    """One guest is enough for all of it: a boot takes seconds of a processor without KVM."""
    engine, server, before = bench.engine, staying(bench), sha256(bench.base)
    guest = start_by_a_program_that_dies(bench, server)
    assert engine.servers() == [server.id]
    assert engine.status(server.id) is Status.RUNNING
    engine.start(server)
    assert says(engine, server.id, "KUNSTHALLE-BOOT-OK hostname=my-host instance-id=guest boots=1 ")
    assert processes(bench.root) == [guest], "it has outlived the program, and is found again"

    copy_that_fails(bench, server)
    copy_that_boots(bench, server)
    left_standing_by_a_crash(bench, server, lambda: engine.start(server))
    assert answers(bench, server.id, "after the crash")

    engine.reset(server.id)
    assert booted(bench, server.id, 2)
    assert engine.status(server.id) is Status.RUNNING
    left_standing_by_a_crash(bench, server, lambda: engine.stop(server.id, 60))
    assert engine.status(server.id) is Status.STOPPED
    assert says(engine, server.id, "KUNSTHALLE-SHUTDOWN", 0), "it was told, and not cut"
    assert until(lambda: processes(bench.root) == [])

    engine.start(server)
    assert booted(bench, server.id, 3)
    console = engine.console(server.id, 1 << 16)
    assert re.findall(rb"boots=(\d)", console) == [b"1", b"2", b"3"], "its disk keeps what it wrote"
    assert engine.console(server.id, 10) == console[-10:]
    os.kill(processes(bench.root)[0], signal.SIGKILL)
    assert until(lambda: engine.status(server.id) is Status.FAILED)
    engine.start(server)
    assert booted(bench, server.id, 4)
    engine.stop(server.id, 0)
    check = ["qemu-img", "check", "-q", "-U", "-f", "qcow2", bench.path(server.disk)]
    assert subprocess.run(check, check=False, timeout=60).returncode == 0

    assert sha256(bench.base) == before
    engine.delete(server.id)
    assert processes(bench.root) == []
    assert list((bench.root / "run").iterdir()) == []
    for disk in (server.disk, "other", "copy"):
        engine.disks.delete(DiskKind.VOLUME, disk)
    assert list(bench.folder.iterdir()) == []


def test_a_guest_on_a_vhd_base_that_powers_itself_off_is_stopped(bench: Bench, tmp_path: Path) -> None:
    base = tmp_path / "base.vhd"
    command = ["qemu-img", "convert", "-f", "qcow2", "-O", "vpc", "-o", "subformat=dynamic,force_size=on"]
    subprocess.run([*command, bench.base, base], check=True, timeout=120)
    base.chmod(0o444)
    before = sha256(base)
    disk = OverlaySpec(bench.path("overlay-of-vhd"), base, "vhd", 10 * GIB, name_of(base, "vhd"))
    bench.engine.create_overlay(disk)
    server = replace(bench.server("on-vhd"), disk="overlay-of-vhd")
    bench.engine.start(server)
    assert says(bench.engine, server.id, "hostname=my-server instance-id=on-vhd boots=1 ")
    assert until(lambda: bench.engine.status(server.id) is Status.STOPPED)
    assert until(lambda: processes(bench.root) == [])
    assert sha256(base) == before


def test_a_guest_without_a_seed(bench: Bench) -> None:
    server = bench.server("no-seed", seed=None)
    bench.engine.start(server)
    assert says(bench.engine, server.id, "hostname=none instance-id=none boots=1 ")


@pytest.fixture
def bench(qemu: Bench) -> Bench:
    return qemu


def encrypted(bench: Bench, name: str, passphrases: Passphrases) -> str:
    """A boot disk on the base of the bench, which may be encrypted itself."""
    base = bench.base
    if passphrases.base is not None:
        base = bench.folder / "encrypted-base.qcow2"
        encrypted_copy(bench.base, base, passphrases.base, driver="qcow2")
    write_overlay(bench.path(name), base, "qcow2", 10 * GIB, passphrases.disk or b"")
    return name


def known_to(pid: int) -> bytes:
    """What everybody on the host may read of a process, and what its owner may."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


def test_a_guest_boots_from_encrypted_disks_whose_keys_only_the_process_knows(bench: Bench) -> None:
    secrets = [b"the-passphrase-of-the-image", b"the-passphrase-of-the-disk", b"the-passphrase-of-the-data"]
    keys = Passphrases(disk=secrets[1], base=secrets[0])
    bench.folder.mkdir(exist_ok=True, parents=True)
    disk = encrypted(bench, "encrypted", keys)
    data = [DataDisk(name, name, Passphrases(secrets[2])) for name in ("first", "second")]
    for one in data:
        write_disk(bench.path(one.disk), GIB, secrets[2])
    server = replace(staying(bench), disk=disk, passphrases=keys, data=(data[0],))
    assert not any(secret in repr(server).encode() for secret in secrets)

    with pytest.raises(StartError, match="Invalid password") as refused:
        bench.engine.start(replace(server, passphrases=Passphrases(secrets[1], b"of another image")))
    assert "of another image" not in str(refused.value)
    assert processes(bench.root) == []
    bench.engine.start(server)
    (pid,) = processes(bench.root)
    assert says(bench.engine, server.id, "KUNSTHALLE-BOOT-OK hostname=my-host instance-id=guest boots=1 ")
    assert bench.engine.set_disks(server.id, tuple(data)) == set()
    with pytest.raises(DiskError, match="Invalid password"):
        third = encrypted(bench, "third", Passphrases(b"another passphrase"))
        bench.engine.set_disks(server.id, (*data, DataDisk("third", third, Passphrases(secrets[1]))))
    folder = bench.root / "run" / server.id
    (objects,) = ask(folder, ("qom-list", {"path": "/objects"}), timeout=10)
    assert [one["name"] for one in objects if "key" in one["name"]] == []
    assert not any(secret in known_to(pid) for secret in secrets)
    assert resource.prlimit(pid, resource.RLIMIT_CORE)[0] in {0, core_files.NO_CORE}
    kept = b"".join(path.read_bytes() for path in bench.root.parent.rglob("*") if path.is_file())
    assert not any(secret in kept for secret in secrets)

    copy = bench.path("copy")
    bench.engine.copy_overlay(bench.path(server.disk), copy, server.id)
    assert answers(bench, server.id, "after the copy"), "it goes on without its passphrases"
    opened = {"driver": "qcow2", "file.filename": str(copy), "encrypt.format": "luks", "encrypt.key-secret": "k"}
    command = ["qemu-img", "check", "-q", *SECRET, f"json:{json.dumps({**opened, 'backing': None})}"]
    for passphrase, code in ((secrets[1], 0), (secrets[0], 1)):
        ended = subprocess.run(
            command, input=base64.b64encode(passphrase), capture_output=True, check=False, timeout=60
        )
        assert ended.returncode == code
