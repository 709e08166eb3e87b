"""Processes under measurement: started on a core of their own, asked until they answer, their memory read."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = (_CORES[0], _CORES[1]) if len(_CORES) > 1 else (None, None)
_PATIENCE = 60
_TICKS = os.sysconf("SC_CLK_TCK")
_PAUSE = 0.001
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class ProgramMissing(Exception):
    """A bench needs a program that is not here; the message says which, and where it is from."""


def require(program: str, package: str) -> None:
    """ProgramMissing unless the program is on the path."""
    if shutil.which(program) is None:
        raise ProgramMissing(f"{program} is not on the path. Install Debian's package {package}, then measure again.")


@contextlib.contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """What is started inside runs on this core only; on a machine with one core, anywhere."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python(module: str, *arguments: str | int | Path) -> list[str]:
    """The command line of a module of this checkout."""
    return [sys.executable, "-m", module, *map(str, arguments)]


class Process:
    """A server on loopback. `seconds` is how long it took from its start to its first 200 on `ready`.

    `env` is what its environment has beside this one's.
    """

    def __init__(
        self,
        command: list[str],
        port: int,
        log: Path,
        core: int | None = SERVER_CORE,
        *,
        ready: str = "/healthz",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        with on_core(core), log.open("ab") as file:
            begun = time.perf_counter()
            environment = {**_ENVIRONMENT, **(env or {})}
            self._process = subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT, env=environment)
        try:
            with on_core(CLIENT_CORE):
                while not _ask(port, ready).startswith(b"HTTP/1.1 200"):
                    if self._process.poll() is not None or time.perf_counter() - begun > _PATIENCE:
                        raise RuntimeError(f"{command} did not start:\n{log.read_text(errors='replace')[-2_000:]}")
                    time.sleep(_PAUSE)
        except BaseException:  # also where the bench is told to end meanwhile: nobody else knows the process
            self.stop()
            raise
        self._begun = begun
        self.seconds = time.perf_counter() - begun

    def seconds_to(self, path: str, status: int) -> float:
        """Seconds from the start until a further call has its answer, asked for from now on."""
        with on_core(CLIENT_CORE):
            told = _ask(self.port, path)
        if f" {status} ".encode() not in told[:16]:
            raise RuntimeError(f"{path}: not the answer that was expected: {told[:80]!r}")
        return time.perf_counter() - self._begun

    @property
    def pid(self) -> int:
        return self._process.pid

    def memory(self) -> dict[str, int]:
        """`Rss` and `Pss` in bytes, of this process as it is now."""
        return _memory(self.pid)

    def cpu(self) -> float:
        """Seconds of processor time that all threads have had so far."""
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9

    def family(self) -> list[int]:
        """The ids of this process and of all that it has started, and they in their turn."""
        family = [self.pid]
        for pid in family:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                family += map(int, children.read_text().split())
        return family

    def memory_of_family(self) -> int:
        """Bytes (PSS) of all of them."""
        return sum(_memory(pid)["Pss"] for pid in self.family())

    def cpu_of_family(self) -> float:
        """Seconds of processor time of all of them so far, with threads that have ended, in steps of a tick (10 ms)."""
        return sum(map(_cpu_of_ended_threads_too, self.family()))

    def forget_peak(self) -> None:
        """From now on `peak` counts anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """The most resident bytes since the last `forget_peak`."""
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0

    def stop(self) -> None:
        """Ask it to end, and end it where it does not; TimeoutExpired then."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_PATIENCE)
            finally:
                self._process.kill()  # nothing where it has ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _memory(pid: int) -> dict[str, int]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(size) * 1024 for name, size in re.findall(r"^(Rss|Pss): +(\d+) kB", text, re.MULTILINE)}


def _cpu_of_ended_threads_too(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _ask(port: int, path: str) -> bytes:
    """The beginning of the answer, or nothing where nobody answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(64)
    except OSError:
        return b""


def bare(folder: Path) -> Process:
    """The bare application on the database that `bare.prepare` made in the folder."""
    port = free_port()
    return Process(python("tools.bench.bare", folder / "bare.sqlite", port), port, folder / "bare.log")


def product(data: Path, *options: str, core: int | None = SERVER_CORE) -> Process:
    """`kunsthalle serve` on a data folder."""
    port = free_port()
    command = python("kunsthalle.cli.main", "serve", "--data", data, "--port", port, *options)
    return Process(command, port, data.parent / f"{data.name}.log", core)
