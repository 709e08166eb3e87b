"""
Servers as QEMU processes of this host.

The processes outlive the program; whoever opens the folder next finds them again. What a server's folder
holds: the console's output, the seed, the pid file, QEMU's control socket and its messages.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.core.lazy import Lazy
from kunsthalle.hypervisor import channels, console_log, overlays
from kunsthalle.hypervisor.bulk_states import look_at_each
from kunsthalle.hypervisor.cloud_init_seed import ignition, make_seed
from kunsthalle.hypervisor.folder_disks import LocalDisks, LocalStorage
from kunsthalle.hypervisor.host import boot_id, memory_mib
from kunsthalle.hypervisor.protocol import (
    DEFAULT_BOUNDS,
    AbsentZone,
    Bounds,
    Channel,
    DataDisk,
    DiskError,
    Excerpt,
    Facts,
    Hypervisor,
    HypervisorError,
    Line,
    NoRoom,
    NotRunning,
    ServerSpec,
    StartError,
    Status,
    Unresponsive,
)
from kunsthalle.hypervisor.qemu import hotplug, qemu_process
from kunsthalle.hypervisor.qemu.accelerator import Accelerator
from kunsthalle.hypervisor.qemu.qemu_command import (
    CONSOLE,
    FACTS,
    IGNITION,
    PRESSED,
    SEED,
    Machine,
    opening,
    server_command,
    server_uuid,
)
from kunsthalle.hypervisor.qemu.qmp import BROKEN, Command, ask
from kunsthalle.hypervisor.run_folders import RunDirectories, write_atomically
from kunsthalle.hypervisor.single_host import SingleHost
from kunsthalle.hypervisor.specs import QEMU_FORMATS, OverlaySpec, check_data, check_server

ANSWER_SECONDS = 10.0
"""QEMU answers in milliseconds; this is for a host out of breath."""

START_SECONDS = 30.0
GOING_SECONDS = 30.0
"""What a guest that was told to go down gets before it is started anew."""

_END_SECONDS = 10.0
_PRESS_AGAIN_SECONDS = 5.0
_DISK_SECONDS = 60.0
_LEAVING_SECONDS = 2.0
_ENDED = "ended"
_HELD = frozenset({"paused", "prelaunch"})
"""QEMU's run states in which the guest waits to be told to go on: after `stop`, and after a reset of that."""

_NOT_GOING = BROKEN | _HELD | {_ENDED}


class Qemu(Hypervisor):
    """See Hypervisor."""

    name = "qemu"
    shared = HYPERVISORS[name].shared
    offers = frozenset(Channel)

    def __init__(
        self,
        root: Path,
        binary: Path,
        qemu_img: Path,
        storage: Callable[[], LocalStorage],
        accelerator: str = "auto",
        bounds: Bounds = DEFAULT_BOUNDS,
        max_vcpus: int | None = None,
    ) -> None:
        """
        `root` is the engine's own folder, made if absent; `storage` is asked once there are disks to work with.
        `accelerator`: `auto`, `kvm` or `tcg`.

        A server that asks for more than the maxima gets the maxima; without `max_vcpus`, the host's CPUs.
        """
        self._total_mib = bounds.total or memory_mib() * 3 // 4
        self._directories = RunDirectories(root)
        self._disks = Lazy(lambda: LocalDisks(storage(), self))
        self._binary, self._qemu_img = binary, qemu_img
        self._accelerator = Accelerator(root.absolute(), binary, accelerator)
        self._max_memory_mib = bounds.each
        self._max_vcpus = max_vcpus or os.cpu_count() or 1

    @property
    def disks(self) -> LocalDisks:
        """See Hypervisor.disks."""
        return self._disks()

    @property
    def hosts(self) -> SingleHost:
        """See Hypervisor.hosts."""
        return SingleHost(self)

    def create_overlay(self, spec: OverlaySpec) -> None:
        """See LocalEngine.create_overlay."""
        overlays.create_overlay(spec, lambda path: self._create(path, spec))

    def copy_overlay(self, source: Path, target: Path, server_id: str | None) -> None:
        """See LocalEngine.copy_overlay."""
        if server_id is None:
            overlays.copy_overlay(source, target)
            return
        with self._directories.lock(server_id) as folder:
            needless = folder is None or overlays.already_copied(source, target)
            process = qemu_process.search(folder) if folder is not None and not needless else None
            if folder is None or process is None:
                overlays.copy_overlay(source, target)
                return
            with process, _standing_still(folder, process):
                overlays.copy_overlay(source, target)

    def start(self, spec: ServerSpec) -> None:
        """See Hypervisor.start. One that a crashed copy left standing goes on; one that hangs is replaced."""
        check_server(spec)
        seed = make_seed(spec.seed) if spec.seed is not None else None
        with self._directories.lock(spec.id, create=True) as folder:
            assert folder is not None  # noqa: S101  create=True always yields one
            if (folder / PRESSED).exists():
                _stop(folder, GOING_SECONDS)  # the guest is on its way down, and would not turn back
            if (process := qemu_process.search(folder)) is not None:
                with process:
                    if self._goes_on(folder, process):
                        return
                    _cut(folder, process)
            if spec.seed is not None and seed is not None:
                write_atomically(folder / SEED, seed)
                if (config := ignition(spec.seed.user_data)) is not None:
                    write_atomically(folder / IGNITION, config)
            console_log.rotate(folder / CONSOLE)
            self._launch(folder, spec)

    def stop(self, server_id: str, grace_seconds: float, *, cut: bool = True) -> bool:
        """See Hypervisor.stop."""
        with self._directories.lock(server_id) as folder:
            return folder is None or _stop(folder, grace_seconds, cut=cut)

    def press(self, server_id: str) -> None:
        """See Hypervisor.press."""
        with self._directories.lock(server_id) as folder:
            process = qemu_process.search(folder) if folder is not None else None
            if folder is None or process is None:
                return
            with process:
                _press_once(folder, process)

    def lives(self, server_id: str) -> bool:
        """See Hypervisor.lives."""
        folder = self._directories.path(server_id)
        process = qemu_process.find(folder)
        if process is None:
            return False
        with process:
            console_log.rotate(folder / CONSOLE)
            return not process.wait(0)

    def set_disks(self, server_id: str, data: tuple[DataDisk, ...]) -> set[str]:
        """See Hypervisor.set_disks."""
        check_data(data)
        with self._directories.lock(server_id) as folder:
            process = qemu_process.search(folder) if folder is not None else None
            if folder is None or process is None:
                raise NotRunning(f"the server {server_id} is not running")
            with process:
                if self._state(folder, process) == _ENDED:
                    raise NotRunning(f"the server {server_id} is not running")
                return hotplug.set_disks(partial(_tell, folder, process), data, self.disks.volume)

    def reset(self, server_id: str) -> None:
        """See Hypervisor.reset."""
        with self._directories.lock(server_id) as folder:
            process = qemu_process.search(folder) if folder is not None else None
            if folder is None or process is None:
                raise NotRunning(f"the server {server_id} is not running")
            with process:
                _tell(folder, process, "system_reset")
                if not self._goes_on(folder, process):
                    if process.wait(0):
                        raise NotRunning(f"the server {server_id} is not running")
                    raise StartError(f"the server {server_id} does not go on after its reset")

    def delete(self, server_id: str) -> None:
        """See Hypervisor.delete."""
        with self._directories.lock(server_id) as folder:
            if folder is not None:
                _stop(folder, 0)
                self._directories.remove(folder)

    def forget_group(self, group_id: str) -> None:
        """See Hypervisor.forget_group. There is one host, and nothing is kept of a group."""

    def status(self, server_id: str) -> Status:
        """See Hypervisor.status. Unresponsive if the process lives and does not answer."""
        folder = self._directories.path(server_id)
        if not folder.is_dir():
            return Status.ABSENT
        console_log.rotate(folder / CONSOLE)
        state, process = _ENDED, qemu_process.find(folder)
        if process is not None:
            with process:
                state = self._state(folder, process)
        if state == _ENDED:
            return _how_it_ended(folder)
        return Status.FAILED if state in BROKEN else Status.RUNNING

    def states(self, server_ids: Collection[str], *, thorough: bool) -> dict[str, Status]:
        """See Hypervisor.states."""
        return look_at_each(self, server_ids, thorough=thorough)

    def console(self, server_id: str, max_bytes: int) -> bytes:
        """See Hypervisor.console."""
        return self.read_console(server_id, None, max_bytes).text

    def read_console(self, server_id: str, start: int | None, max_bytes: int) -> Excerpt:
        """See Hypervisor.read_console."""
        path = self._directories.path(server_id) / CONSOLE
        console_log.rotate(path)
        return console_log.excerpt(path, start, max_bytes)

    def keep_consoles(self, server_ids: Collection[str]) -> None:
        """See Hypervisor.keep_consoles. What was said is in files already."""

    def connect(self, server_id: str, channel: Channel) -> Line | None:
        """See Hypervisor.connect."""
        return channels.connect(self._directories.path(server_id), channel)

    def facts(self, server_id: str) -> Facts | None:
        """See Hypervisor.facts."""
        known = _facts(self._directories.path(server_id))
        return Facts(known["accelerator"], known["vcpus"], known["memory_mib"]) if known else None

    def absent_zones(self) -> tuple[AbsentZone, ...]:
        """See Hypervisor.absent_zones. All zones are on this host."""
        return ()

    def accelerator(self) -> tuple[str, str]:
        """See Hypervisor.accelerator."""
        return self._accelerator.choose(), self._accelerator.reason

    def servers(self) -> list[str]:
        """See Hypervisor.servers."""
        return self._directories.ids()

    def _create(self, path: Path, spec: OverlaySpec) -> None:
        command = [str(self._qemu_img), "create", "-q", "-f", "qcow2", "-F", QEMU_FORMATS[spec.base_format]]
        command += ["-b", spec.backing, str(path), str(spec.size_bytes)]
        try:
            ended = subprocess.run(  # noqa: S603  an argument list; the paths are absolute
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={"LC_ALL": "C", "PATH": os.defpath},
                timeout=_DISK_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DiskError(f"qemu-img did not end within {_DISK_SECONDS:g} s") from error
        if ended.returncode:
            raise DiskError(f"qemu-img: {ended.stderr.decode(errors='replace').strip()[-500:]}")

    def _launch(self, folder: Path, spec: ServerSpec) -> None:
        accelerator = self._accelerator.choose()
        try:
            self._launch_with(folder, spec, accelerator)
        except StartError as error:
            if accelerator != "kvm" or not self._accelerator.is_free:
                raise
            self._launch_with(folder, spec, "tcg")
            self._accelerator.distrust(str(error))

    def _launch_with(self, folder: Path, spec: ServerSpec, accelerator: str) -> None:
        machine = Machine(self._binary, accelerator, self._max_memory_mib, self._max_vcpus)
        facts = Facts(accelerator, machine.vcpus(spec), machine.memory_mib(spec))
        with self._directories.alone():  # until the process is there to be counted, by other nodes, too
            self._refuse_without_room(facts.memory_mib)
            write_atomically(folder / FACTS, json.dumps({**asdict(facts), "boot": boot_id()}).encode())
            (folder / PRESSED).unlink(missing_ok=True)
            place = self.disks.volume
            command, commands = server_command(spec, machine, place), opening(spec, place)
            qemu_process.launch(folder, command, START_SECONDS, commands)

    def _refuse_without_room(self, wanted_mib: int) -> None:
        used = sum(
            facts.memory_mib for server in self.servers() if self.lives(server) and (facts := self.facts(server))
        )
        if self._total_mib and used + wanted_mib > self._total_mib:
            raise NoRoom(f"{used} of {self._total_mib} MiB are in use, and {wanted_mib} MiB are wanted")

    def _state(self, folder: Path, process: qemu_process.Process) -> str:
        """The run state; a guest that KVM broke off is remembered."""
        state = _run_state(folder, process)
        if state == "internal-error" and "kvm" in process.arguments:
            self._accelerator.distrust("a guest stopped with an internal error")
        return state

    def _goes_on(self, folder: Path, process: qemu_process.Process) -> bool:
        """Whether the guest executes, after having been told to if it was paused."""
        try:
            state = self._state(folder, process)
            if state in _HELD:
                _tell(folder, process, "cont")
                state = self._state(folder, process)
        except HypervisorError:
            return False
        return state not in _NOT_GOING


def _facts(folder: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads((folder / FACTS).read_bytes())
    except FileNotFoundError:
        return {}
    return known


def _how_it_ended(folder: Path) -> Status:
    if not qemu_process.crashed(folder):
        return Status.STOPPED
    return Status.FAILED if _facts(folder).get("boot") == boot_id() else Status.LOST


def _run_state(folder: Path, process: qemu_process.Process) -> str:
    """QEMU's run state, after the process has said that it is the one of this folder; or _ENDED."""
    answers = _tell(folder, process, "query-name", "query-uuid", "query-status")
    if not answers:
        return _ENDED
    name, number, state = answers
    if name.get("name") != folder.name or number.get("UUID") != server_uuid(folder.name):
        raise HypervisorError(f"the control socket of {folder.name} belongs to another server")
    return str(state["status"])


def _tell(folder: Path, process: qemu_process.Process, *commands: Command) -> list[Any]:
    """The answers; none if the process ends meanwhile, which a guest may bring about at any moment."""
    try:
        return ask(folder, *commands, timeout=ANSWER_SECONDS)
    except Unresponsive:
        if process.wait(_LEAVING_SECONDS):
            return []
        raise


@contextlib.contextmanager
def _standing_still(folder: Path, process: qemu_process.Process) -> Iterator[None]:
    """Holds a guest still, its writes on the disk, and lets it go on however the block ends."""
    held = _run_state(folder, process) not in BROKEN
    try:
        if held:
            _tell(folder, process, "stop")
        yield
    finally:
        if held:
            _tell(folder, process, "cont")


def _stop(folder: Path, grace_seconds: float, *, cut: bool = True) -> bool:
    process = qemu_process.search(folder)
    if process is not None:
        with process:
            if grace_seconds > 0:
                _press(folder, process, grace_seconds)
            if not cut and not process.wait(0):
                return False
            _cut(folder, process)
    qemu_process.forget(folder)
    (folder / PRESSED).unlink(missing_ok=True)
    return True


def _press(folder: Path, process: qemu_process.Process, grace_seconds: float) -> None:
    """Presses the power button, again and again: a guest that is just starting up does not notice the first."""
    deadline = time.monotonic() + grace_seconds
    with contextlib.suppress(HypervisorError):
        while (left := deadline - time.monotonic()) > 0 and not process.wait(0):
            if not _press_once(folder, process):
                return
            process.wait(min(left, _PRESS_AGAIN_SECONDS))


def _press_once(folder: Path, process: qemu_process.Process) -> bool:
    """False if the guest stands still for good, so that pressing is no use."""
    state = _run_state(folder, process)
    if state in BROKEN:
        return False
    if state in _HELD:
        _tell(folder, process, "cont")
    (folder / PRESSED).touch(mode=0o600)
    _tell(folder, process, "system_powerdown")
    return True


def _cut(folder: Path, process: qemu_process.Process) -> None:
    """Ends the process: by its system context, so that it closes the disk properly, or else by ours."""
    if not process.wait(0):
        with contextlib.suppress(HypervisorError):
            ask(folder, "quit", timeout=ANSWER_SECONDS)
            process.wait(_END_SECONDS)
    process.kill()
    if not process.wait(_END_SECONDS):
        raise Unresponsive(f"the process {process.pid} cannot be ended")
    qemu_process.forget(folder)
