"""
QEMU processes: launching them so that they outlive the program, finding them again, ending them.

A process is known by what it is, never by its number alone: the pid file names it, its arguments name the
server, and its working directory is the server's folder (the same inode: a copy of the folder is no owner).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from kunsthalle.core import core_files
from kunsthalle.hypervisor import channels
from kunsthalle.hypervisor.protocol import HypervisorError, StartError, Unresponsive
from kunsthalle.hypervisor.qemu.qemu_command import BUILD, PID_FILE, identity
from kunsthalle.hypervisor.qemu.qmp import BROKEN, SOCKET, Command, ask
from kunsthalle.hypervisor.run_folders import write_atomically

ENGINE_LOG = "engine.log"
"""What the process said on its standard output and error since its last start."""

_WAITS = "prelaunch"
_LOG_TAIL = 2000
_MAX_PID = 1 << 31
_POLL_SECONDS = 0.02


class Process:
    """A server's process, held by a descriptor that cannot come to mean another process."""

    def __init__(self, pid: int, descriptor: int, arguments: list[str]) -> None:
        """Made by `find`; owns the descriptor."""
        self.pid, self.arguments, self._descriptor = pid, arguments, descriptor

    def wait(self, seconds: float) -> bool:
        """Whether the process ended within that time."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(max(0, seconds) * 1000))

    def kill(self) -> None:
        """Ends it without a word; one that has ended is fine."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def find(folder: Path) -> Process | None:
    """The living process of the server whose folder this is. To be used as a context."""
    pid = _pid(folder)
    return None if pid is None else _hold(pid, folder)


def search(folder: Path) -> Process | None:
    """
    Like `find`, and if that finds none, looks at every process of the host: for who is about to change resources.

    A process that had lost its pid file gets it back. The caller holds the folder.
    """
    if (process := find(folder)) is not None:
        return process
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (process := _hold(int(entry.name), folder)) is not None:
            write_atomically(folder / PID_FILE, f"{process.pid}\n".encode())
            return process
    return None


def _hold(pid: int, folder: Path) -> Process | None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    # Looked at after the descriptor was taken: the number cannot have changed hands in between.
    arguments = _own(pid, folder)
    if arguments is None:
        os.close(descriptor)
        return None
    return Process(pid, descriptor, arguments)


def crashed(folder: Path) -> bool:
    """Whether the last process ended without tidying up, which QEMU does at every orderly end."""
    return (folder / PID_FILE).exists()


def forget(folder: Path) -> None:
    """Removes what a killed process left."""
    for name in (PID_FILE, SOCKET):
        (folder / name).unlink(missing_ok=True)
    channels.forget(folder)


def launch(folder: Path, command: list[str], seconds: float, opening: list[Command]) -> None:
    """
    Starts a process in a session of its own and waits until the guest executes.

    `opening` gives a process that waits for them its encrypted disks. StartError with the process's last words if it
    ends, refuses a disk, or does not get there in time.
    """
    flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(folder / ENGINE_LOG, flags, 0o600), "wb") as log:
        process = subprocess.Popen(  # noqa: S603  an argument list; every part is ours or was checked
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"LC_ALL": "C", "PATH": os.defpath},
            start_new_session=True,
            umask=0o077,
        )
    core_files.prevent(process.pid)  # it knows no passphrase yet
    # Takes the exit status whenever it comes, so that an ended process is gone and not a zombie.
    threading.Thread(target=process.wait, name=f"qemu-{process.pid}", daemon=True).start()
    deadline, state = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        if process.poll() is not None:
            _forget_only(folder, process.pid)
            raise StartError(f"QEMU ended with {process.returncode}: {last_words(folder)}")
        state = _state(folder, deadline - time.monotonic()) if _pid(folder) == process.pid else None
        if state == "running":
            return
        if state in BROKEN or (opening and state == _WAITS and not _built(folder, opening, deadline)):
            break
        time.sleep(_POLL_SECONDS)
    process.kill()
    process.wait()
    _forget_only(folder, process.pid)
    raise StartError(f"the guest did not execute within {seconds:g} s ({state}): {last_words(folder)}")


def _built(folder: Path, opening: list[Command], deadline: float) -> bool:
    """Opens the disks that a process waits for and has it build its machine; False if it refuses, or does not wait."""
    try:
        ask(folder, *opening, BUILD, timeout=deadline - time.monotonic())
    except HypervisorError as error:
        with (folder / ENGINE_LOG).open("ab") as log:
            log.write(f"{error}\n".encode())
        return False
    return True


def last_words(folder: Path) -> str:
    """The end of what the process said."""
    try:
        return (folder / ENGINE_LOG).read_bytes()[-_LOG_TAIL:].decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def _pid(folder: Path) -> int | None:
    try:
        text = (folder / PID_FILE).read_bytes().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() and 0 < int(text) < _MAX_PID else None


def _forget_only(folder: Path, pid: int) -> None:
    """After a failed start. Another process's pid file is its lock, and stays."""
    if _pid(folder) == pid:
        forget(folder)


def _own(pid: int, folder: Path) -> list[str] | None:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")
        here = os.path.samestat(Path(f"/proc/{pid}/cwd").stat(), folder.stat())
    except OSError:
        return None
    expected = identity(folder.name)
    named = any(arguments[start : start + len(expected)] == expected for start in range(len(arguments)))
    return arguments if here and named else None


def _state(folder: Path, seconds: float) -> str | None:
    if not (folder / SOCKET).exists():
        return None
    try:
        (answer,) = ask(folder, "query-status", timeout=seconds)
    except Unresponsive:
        return None
    return str(answer["status"])
