"""
Servers without an engine: their states are files, their disks are real empty overlays, and nothing runs.

It is what a host without QEMU has. Everything around it is real; the console says that no guest ran.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.core.lazy import Lazy
from kunsthalle.disk_images.writers import write_overlay as write_plain_overlay
from kunsthalle.hypervisor import overlays
from kunsthalle.hypervisor.bulk_states import look_at_each
from kunsthalle.hypervisor.folder_disks import LocalDisks, LocalStorage
from kunsthalle.hypervisor.protocol import (
    AbsentZone,
    Channel,
    DataDisk,
    DiskError,
    Excerpt,
    Facts,
    Hypervisor,
    NoAnswer,
    NotRunning,
    ServerSpec,
    StartError,
    Status,
)
from kunsthalle.hypervisor.run_folders import RunDirectories, write_atomically
from kunsthalle.hypervisor.simulated.simulated_hosts import SimulatedHosts
from kunsthalle.hypervisor.specs import OverlaySpec, check_data, check_server

WriteOverlay = Callable[[Path, Path, str, int], None]
"""Writes an empty qcow2 overlay: its path, the base, `qcow2` or `vhd`, the virtual size in bytes."""

_STATE = "state.json"


class Simulated(Hypervisor):
    """See Hypervisor. The states survive the process, like those of an engine would."""

    name = "simulated"
    shared = HYPERVISORS[name].shared
    offers = frozenset({Channel.SERIAL})

    def __init__(
        self,
        root: Path,
        storage: Callable[[], LocalStorage],
        write_overlay: WriteOverlay = write_plain_overlay,
        hosts: int = 1,
    ) -> None:
        """`root` is the engine's own folder, made if absent; `storage` is asked once there are disks to work with.
        `hosts`: how many are simulated.
        """
        self._directories = RunDirectories(root)
        self._hosts = SimulatedHosts(root, self._directories, hosts, self._machines)
        self._disks = Lazy(lambda: LocalDisks(storage(), self))
        self._write_overlay = write_overlay

    @property
    def disks(self) -> LocalDisks:
        """See Hypervisor.disks."""
        return self._disks()

    @property
    def hosts(self) -> SimulatedHosts:
        """See Hypervisor.hosts."""
        return self._hosts

    def create_overlay(self, spec: OverlaySpec) -> None:
        """See LocalEngine.create_overlay."""
        overlays.create_overlay(
            spec, lambda path: self._write_overlay(path, spec.base, spec.base_format, spec.size_bytes)
        )

    def copy_overlay(self, source: Path, target: Path, server_id: str | None) -> None:
        """See LocalEngine.copy_overlay. A simulated server never writes, so nothing stands still."""
        if server_id is None:
            overlays.copy_overlay(source, target)
            return
        with self._directories.lock(server_id):
            overlays.copy_overlay(source, target)

    def start(self, spec: ServerSpec) -> None:
        """See Hypervisor.start."""
        check_server(spec)
        for disk_id in (spec.disk, *(disk.disk for disk in spec.data)):
            if overlays.read_header(self.disks.volume(disk_id)) is None:
                raise StartError(f"there is no disk of the volume {disk_id}")
        with self._directories.lock(spec.id, create=True) as folder:
            assert folder is not None  # noqa: S101  create=True always yields one
            starts = self._starts(folder)
            if self._reached(folder) is not Status.RUNNING:
                size = {"vcpus": spec.vcpus, "memory_mib": spec.memory_mib}
                place = self._hosts.choose(spec.id, spec.apart or "")._asdict()
                known = {"name": spec.name, "apart": spec.apart or ""}
                self._write(folder, Status.RUNNING, starts=starts + 1, **known, **size, **place)

    def set_disks(self, server_id: str, data: tuple[DataDisk, ...]) -> set[str]:
        """See Hypervisor.set_disks. No guest could hold on to a disk."""
        check_data(data)
        if self._reached(self._directories.path(server_id)) is not Status.RUNNING:
            raise NotRunning(f"the server {server_id} is not running")
        for disk in data:
            if overlays.read_header(self.disks.volume(disk.disk)) is None:
                raise DiskError(f"there is no disk of the volume {disk.disk}")
        return set()

    def stop(self, server_id: str, grace_seconds: float, *, cut: bool = True) -> bool:  # noqa: ARG002  no guest could use the grace
        """See Hypervisor.stop."""
        with self._directories.lock(server_id) as folder:
            if folder is not None and self._reached(folder) is not Status.STOPPED:
                self._write(folder, Status.STOPPED)
        return True

    def press(self, server_id: str) -> None:
        """See Hypervisor.press. A simulated guest always listens."""
        with suppress(NoAnswer):
            self.stop(server_id, 0)

    def lives(self, server_id: str) -> bool:
        """See Hypervisor.lives."""
        return self.status(server_id) in {Status.RUNNING, Status.UNREACHABLE}

    def reset(self, server_id: str) -> None:
        """See Hypervisor.reset."""
        with self._directories.lock(server_id) as folder:
            if folder is None or self._reached(folder) is not Status.RUNNING:
                raise NotRunning(f"the server {server_id} is not running")
            self._write(folder, Status.RUNNING, starts=self._starts(folder) + 1)

    def delete(self, server_id: str) -> None:
        """See Hypervisor.delete."""
        with self._directories.lock(server_id) as folder:
            if folder is not None and self._reached(folder):
                self._directories.remove(folder)

    def forget_group(self, group_id: str) -> None:
        """See Hypervisor.forget_group. What there is of a group is written on its servers."""

    def status(self, server_id: str) -> Status:
        """See Hypervisor.status."""
        folder = self._directories.path(server_id)
        return self._status(folder) if folder.is_dir() else Status.ABSENT

    def states(self, server_ids: Collection[str], *, thorough: bool) -> dict[str, Status]:  # noqa: ARG002  one file has it all
        """See Hypervisor.states."""
        return look_at_each(self, server_ids, thorough=True)

    def console(self, server_id: str, max_bytes: int) -> bytes:
        """See Hypervisor.console."""
        return self.read_console(server_id, None, max_bytes).text

    def read_console(self, server_id: str, start: int | None, max_bytes: int) -> Excerpt:
        """See Hypervisor.read_console."""
        line = self._line(server_id)
        at = len(line) - max(0, max_bytes) if start is None else start
        at = min(max(0, at), len(line))
        text = line[at : at + max(0, max_bytes)]
        return Excerpt(at, at + len(text), text)

    def keep_consoles(self, server_ids: Collection[str]) -> None:
        """See Hypervisor.keep_consoles. What was said is in files already."""

    def connect(self, server_id: str, channel: Channel) -> None:  # noqa: ARG002  of all lines there is none
        """See Hypervisor.connect. No guest runs; what the console says is read, and nobody listens."""
        if not self.lives(server_id):
            raise NotRunning(f"the server {server_id} is not running")

    def facts(self, server_id: str) -> Facts | None:
        """See Hypervisor.facts."""
        state = self._read(self._directories.path(server_id))
        return Facts("none", int(state["vcpus"]), int(state["memory_mib"])) if "vcpus" in state else None

    def absent_zones(self) -> tuple[AbsentZone, ...]:
        """See Hypervisor.absent_zones. All zones are on the same hosts."""
        return ()

    def accelerator(self) -> tuple[str, str]:
        """See Hypervisor.accelerator."""
        return "none", "servers are simulated: no guest runs"

    def _line(self, server_id: str) -> bytes:
        folder = self._directories.path(server_id)
        starts = self._starts(folder)
        if not starts:
            return b""
        line = (
            f"kunsthalle: the server {self._read(folder)['name']} ({server_id}) is simulated and was started"
            f" {starts} time(s). No guest ran, so there is no console output.\n"
        )
        return line.encode()

    def servers(self) -> list[str]:
        """See Hypervisor.servers."""
        return self._directories.ids()

    def _machines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for id_ in self._directories.ids():
            yield id_, self._read(self._directories.path(id_))

    def _status(self, folder: Path) -> Status:
        state = self._read(folder)
        status = Status(state.get("status", Status.STOPPED.value))
        return self._hosts.fate(state) if status is Status.RUNNING else status

    def _reached(self, folder: Path) -> Status:
        """The status of a machine that is to be changed. NoAnswer where its host is silent."""
        status = self._status(folder)
        if status is Status.UNREACHABLE:
            raise NoAnswer(f"the host of the server {folder.name} does not answer")
        return status

    def _starts(self, folder: Path) -> int:
        return int(self._read(folder).get("starts", 0))

    @staticmethod
    def _read(folder: Path) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((folder / _STATE).read_bytes())
        except FileNotFoundError:
            return {}
        return state

    def _write(self, folder: Path, status: Status, **changed: str | int) -> None:
        state = {**self._read(folder), "status": status.value, **changed}
        write_atomically(folder / _STATE, json.dumps(state).encode())
