"""Which process is whose, what hangs, what is left over; with real QEMU processes, whose guests matter little."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.engines import storage_at
from kunsthalle.hypervisor.host import boot_id
from kunsthalle.hypervisor.protocol import Bounds, DiskError, Facts, NoRoom, StartError, Status, Unresponsive
from kunsthalle.hypervisor.qemu import qemu_engine as engine_module
from kunsthalle.hypervisor.qemu.accelerator import Accelerator
from kunsthalle.hypervisor.qemu.qemu_command import PID_FILE
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu

from .conftest import Bench, make_qemu, processes, until

pytestmark = [pytest.mark.needs_qemu, pytest.mark.by_turns(3)]


def arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")


def test_started_from_many_places_it_runs_once(qemu: Bench) -> None:
    server = qemu.server()
    engines = [make_qemu(qemu.root) for _ in range(4)]
    threads = [threading.Thread(target=engine.start, args=(server,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(processes(qemu.root)) == 1
    assert {engine.status(server.id) for engine in engines} == {Status.RUNNING}


def test_two_servers_cannot_share_a_disk(qemu: Bench) -> None:
    first = qemu.server("a")
    qemu.engine.start(first)
    with pytest.raises(StartError, match="lock"):
        qemu.engine.start(replace(qemu.server("b"), disk=first.disk))
    assert qemu.engine.status("a") is Status.RUNNING
    assert qemu.engine.status("b") is Status.STOPPED
    assert len(processes(qemu.root)) == 1


def test_a_process_that_lost_its_pid_file_keeps_its_server(qemu: Bench) -> None:
    server = qemu.server()
    qemu.engine.start(server)
    (pid,) = processes(qemu.root)
    pid_file = qemu.root / "run" / server.id / PID_FILE
    pid_file.unlink()
    qemu.engine.start(server)
    assert processes(qemu.root) == [pid]
    assert qemu.engine.status(server.id) is Status.RUNNING
    pid_file.unlink()
    qemu.engine.delete(server.id)
    assert until(lambda: processes(qemu.root) == [])


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("content", ["", "x", "-1", "0", "99999999999999999999", "1", "{own}", "{other}"])
def test_a_pid_file_that_names_another_process_is_not_believed(qemu: Bench, content: str) -> None:
    server = qemu.server()
    qemu.engine.start(server)
    qemu.engine.stop(server.id, 0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        pid_file = qemu.root / "run" / server.id / PID_FILE
        pid_file.write_text(content.format(own=os.getpid(), other=other.pid))
        assert qemu.engine.status(server.id) is Status.FAILED
        qemu.engine.stop(server.id, 0)
        assert qemu.engine.status(server.id) is Status.STOPPED
        pid_file.write_text(content.format(own=os.getpid(), other=other.pid))
        qemu.engine.start(server)
        assert qemu.engine.status(server.id) is Status.RUNNING
        assert other.poll() is None
        other.communicate(b"\n", timeout=30)


def test_a_copy_of_the_folder_owns_no_process(qemu: Bench, tmp_path: Path) -> None:
    server = qemu.server()
    qemu.engine.start(server)
    (pid,) = processes(qemu.root)
    copied = tmp_path / "copied"
    shutil.copytree(qemu.root, copied, ignore=shutil.ignore_patterns("*.sock"))
    other = make_qemu(copied)
    assert other.servers() == [server.id]
    assert other.status(server.id) is Status.FAILED
    other.delete(server.id)
    assert processes(qemu.root) == [pid]
    assert qemu.engine.status(server.id) is Status.RUNNING


def test_a_moved_folder_keeps_its_processes(qemu: Bench) -> None:
    server = qemu.server()
    qemu.engine.start(server)
    moved = qemu.root.rename(qemu.root.parent / "moved")
    try:
        other = make_qemu(moved)
        assert other.status(server.id) is Status.RUNNING
        other.delete(server.id)
        assert processes(moved) == []
    finally:
        for pid in processes(moved):
            os.kill(pid, signal.SIGKILL)


def test_a_folder_with_a_very_long_name(qemu: Bench) -> None:
    server = qemu.server()
    root = qemu.root / ("long " * 30) / ("longer," * 20)
    engine = make_qemu(root, qemu.root.parent)
    engine.start(server)
    assert engine.status(server.id) is Status.RUNNING
    engine.delete(server.id)
    assert engine.status(server.id) is Status.ABSENT
    assert processes(root) == []


def test_a_process_that_hangs_is_told_apart_and_can_be_stopped(qemu: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(engine_module, "_LEAVING_SECONDS", 0.1)
    server = qemu.server()
    qemu.engine.start(server)
    (pid,) = processes(qemu.root)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Unresponsive):
        qemu.engine.status(server.id)
    assert qemu.engine.states([server.id], thorough=True) == {server.id: Status.UNREACHABLE}
    assert qemu.engine.states([server.id], thorough=False) == {server.id: Status.RUNNING}, "it is there"
    qemu.engine.stop(server.id, 0.1)
    assert qemu.engine.status(server.id) is Status.STOPPED
    assert until(lambda: processes(qemu.root) == [])


def test_a_process_that_hangs_is_replaced_by_a_start(qemu: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(engine_module, "_LEAVING_SECONDS", 0.1)
    server = qemu.server()
    qemu.engine.start(server)
    (pid,) = processes(qemu.root)
    os.kill(pid, signal.SIGSTOP)
    qemu.engine.start(server)
    assert until(lambda: pid not in processes(qemu.root))
    assert len(processes(qemu.root)) == 1
    assert qemu.engine.status(server.id) is Status.RUNNING


def test_an_internal_error_is_a_failure_and_kvm_is_not_believed_again(
    qemu: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine, server = qemu.engine, qemu.server()
    assert isinstance(engine, Qemu)
    engine.start(server)
    (pid,) = processes(qemu.root)
    device = tmp_path / "kvm"
    device.touch()
    passes = tmp_path / "passes"
    passes.write_text("#!/bin/sh\nexit 33\n")
    passes.chmod(0o755)
    engine._accelerator = Accelerator(qemu.root, passes, "auto", device)
    assert engine._accelerator.choose() == "kvm"
    monkeypatch.setattr(engine_module, "_run_state", lambda _folder, _process: "internal-error")
    assert engine.status(server.id) is Status.FAILED
    assert engine._accelerator.choose() == "kvm", "the guest ran under TCG: nothing is known of KVM"
    found = engine_module.qemu_process.find(qemu.root / "run" / server.id)
    assert found is not None
    with found:
        found.arguments[found.arguments.index("tcg")] = "kvm"
        engine._state(qemu.root / "run" / server.id, found)
    assert engine._accelerator.choose() == "tcg"
    engine.start(server)
    assert until(lambda: pid not in processes(qemu.root)), "a broken guest is replaced"


def test_where_kvm_passes_the_probe_and_fails_a_server_tcg_takes_over(qemu: Bench, tmp_path: Path) -> None:
    wrapper, device = tmp_path / "qemu", tmp_path / "kvm"
    wrapper.write_text(
        "#!/bin/sh\n"
        'case "$*" in *isa-debug-exit*) exit 33;; *"-accel kvm"*) echo no such luck >&2; exit 134;; esac\n'
        f'exec {shutil.which("qemu-system-x86_64")} "$@"\n'
    )
    wrapper.chmod(0o755)
    device.touch()
    engine = Qemu(qemu.root, wrapper, Path(str(shutil.which("qemu-img"))), storage_at(qemu.root.parent))
    engine._accelerator = Accelerator(qemu.root, wrapper, "auto", device)
    assert engine._accelerator.choose() == "kvm"
    server = qemu.server()
    engine.start(server)
    (pid,) = processes(qemu.root)
    assert "tcg" in arguments(pid)
    assert engine._accelerator.choose() == "tcg"
    assert "no such luck" in (qemu.root / "accelerator.json").read_text()
    forced = Qemu(qemu.root, wrapper, Path(str(shutil.which("qemu-img"))), storage_at(qemu.root.parent), "kvm")
    with pytest.raises(StartError, match="no such luck"):
        forced.start(qemu.server("other"))


def test_a_guest_gets_no_more_than_the_engine_allows(qemu: Bench) -> None:
    engine = Qemu(
        qemu.root, *(Path(str(shutil.which(name))) for name in ("qemu-system-x86_64", "qemu-img")),
        storage_at(qemu.root.parent), "tcg", bounds=Bounds(160, 1024), max_vcpus=1,
    )  # fmt: skip
    engine.start(qemu.server("large", vcpus=64, memory_mib=1 << 20))
    (pid,) = processes(qemu.root)
    words = arguments(pid)
    assert words[words.index("-m") + 1] == "160"
    assert words[words.index("-smp") + 1] == "1"
    assert "seccomp" in Path(f"/proc/{pid}/status").read_text().lower()
    assert "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()


def test_running_servers_share_a_bound_of_memory(qemu: Bench) -> None:
    tools = [Path(str(shutil.which(name))) for name in ("qemu-system-x86_64", "qemu-img")]
    engine = Qemu(qemu.root, *tools, storage_at(qemu.root.parent), "tcg", bounds=Bounds(each=64, total=130))
    first, second, third = (qemu.server(name) for name in "abc")
    engine.start(first)
    engine.start(second)
    with pytest.raises(NoRoom):
        engine.start(third)
    assert engine.facts("c") is None
    assert engine.facts("a") == Facts("tcg", 1, 64)
    engine.start(first)  # it runs already, and takes nothing more
    engine.stop("a", 0)
    engine.start(third)
    assert len(processes(qemu.root)) == 2


def test_nodes_that_start_servers_at_the_same_moment_share_the_bound(
    qemu: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = [Path(str(shutil.which(name))) for name in ("qemu-system-x86_64", "qemu-img")]
    bounds = Bounds(each=64, total=100)
    nodes = [Qemu(qemu.root, *tools, storage_at(qemu.root.parent), "tcg", bounds=bounds) for _ in range(2)]
    servers, outcomes, launch = [qemu.server(name) for name in "ab"], [], engine_module.qemu_process.launch

    def second() -> None:
        with pytest.raises(NoRoom) as refused:
            nodes[1].start(servers[1])
        outcomes.append(refused.value)

    other = threading.Thread(target=second)

    def slow(*arguments: Any) -> Any:
        if not other.ident:
            other.start()
            other.join(0.3)  # time in which it would come here, too: the first is not there to be counted yet
        return launch(*arguments)

    monkeypatch.setattr(engine_module.qemu_process, "launch", slow)
    nodes[0].start(servers[0])
    other.join(60)
    assert len(outcomes) == len(processes(qemu.root)) == 1


def test_a_guest_on_its_way_down_is_started_anew_once_it_is_there(qemu: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "GOING_SECONDS", 0.2)
    server = qemu.server()
    qemu.engine.start(server)
    (pid,) = processes(qemu.root)
    assert qemu.engine.stop(server.id, 0.1, cut=False) is False
    qemu.engine.press(server.id)
    assert qemu.engine.status(server.id) is Status.RUNNING
    qemu.engine.start(server)
    assert processes(qemu.root) not in ([pid], [])
    assert qemu.engine.lives(server.id)
    assert qemu.engine.stop(server.id, 0) is True
    assert not qemu.engine.lives(server.id)


def test_after_a_restart_of_the_host_what_ran_is_lost(qemu: Bench) -> None:
    server = qemu.server()
    qemu.engine.start(server)
    (pid,) = processes(qemu.root)
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not qemu.engine.lives(server.id))
    assert qemu.engine.status(server.id) is Status.FAILED
    facts = qemu.root / "run" / server.id / "facts.json"
    facts.write_text(facts.read_text().replace(boot_id(), "another boot"))
    assert qemu.engine.status(server.id) is Status.LOST
    qemu.engine.start(server)
    assert qemu.engine.status(server.id) is Status.RUNNING


def test_secrets_are_private_files_and_no_arguments(qemu: Bench) -> None:
    config = '{"ignition": {"version": "3.4.0"}, "passwd": {"users": [{"passwordHash": "s3cr3t"}]}}'
    server = qemu.server()
    server = replace(server, seed=replace(server.seed, user_data=config))
    qemu.engine.start(server)
    folder = qemu.root / "run" / server.id
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "config.ign").read_text() == config
    for name in ("seed.iso", "config.ign", "console.log", "engine.log"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    (pid,) = processes(qemu.root)
    assert "ssh-ed25519" not in " ".join(arguments(pid))
    assert "s3cr3t" not in " ".join(arguments(pid))
    assert "name=opt/com.coreos/config,file=config.ign" in arguments(pid)


def test_no_descriptor_is_lost(qemu: Bench) -> None:
    server, copy = qemu.server(), qemu.path("copy")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        qemu.engine.start(server)
        qemu.engine.start(server)
        qemu.engine.copy_overlay(qemu.path(server.disk), copy, server.id)
        qemu.engine.reset(server.id)
        assert qemu.engine.status(server.id) is Status.RUNNING
        qemu.engine.stop(server.id, 0)
    qemu.engine.delete(server.id)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_base_of_another_format_than_said_makes_no_disk(qemu: Bench) -> None:
    spec = replace(qemu.disk("wrong"), base_format="vhd")
    with pytest.raises(DiskError, match="qemu-img"):
        qemu.engine.create_overlay(spec)
    assert list(qemu.folder.iterdir()) == []


def test_a_qemu_img_that_hangs_is_ended(qemu: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "qemu-img"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr(engine_module, "_DISK_SECONDS", 0.2)
    with pytest.raises(DiskError, match="did not end"):
        Qemu(qemu.root, Path("/bin/true"), slow, storage_at(qemu.root.parent)).create_overlay(qemu.disk())
    assert list(qemu.folder.iterdir()) == []
