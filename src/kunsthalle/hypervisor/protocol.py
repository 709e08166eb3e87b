"""What an engine that runs servers must do, and what can go wrong in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from kunsthalle.core.outages import Outage
from kunsthalle.core.records import dataclass

if TYPE_CHECKING:
    from kunsthalle.hypervisor.disk_protocol import Disks
    from kunsthalle.hypervisor.host_protocol import Hosts


class HypervisorError(Exception):
    """Anything that an engine refuses or cannot do."""


class BadServerId(HypervisorError, ValueError):
    """Not an id that may become a folder's and a process's name."""


class BadSpec(HypervisorError, ValueError):
    """A disk or server description that cannot be carried out: hostile ids, unknown formats, no size."""


class DiskError(HypervisorError):
    """A disk could not be made or copied; nothing half-made is left under its name."""


class DiskFull(DiskError):
    """The bound that the operator has set for disks is reached."""


class StartError(HypervisorError):
    """The server did not start; the message ends with what the engine said."""


class NoRoom(HypervisorError):
    """The host has no memory left for the server, or no room for the disk."""


class NotApart(NoRoom):
    """Every host that is left has a server of the same placement group."""


class NotRunning(HypervisorError):
    """The server must run for this, and does not."""


class Unresponsive(HypervisorError):
    """The server's process is there and does not answer in time."""


class NoAnswer(Unresponsive, Outage):
    """The engine as a whole does not answer, or the host of the server: what was asked is to be asked again."""


class Unavailable(HypervisorError):
    """What this engine needs is not installed; the message names it."""


@dataclass(frozen=True, slots=True)
class SeedSpec:
    """What the guest is told, by the NoCloud contract. `user_data` and the keys are secret.

    `keys_in_metadata`: Windows guests look for the keys in `meta-data`, Linux guests find them in `vendor-data`.
    """

    instance_id: str
    hostname: str
    user_data: str = field(repr=False)
    ssh_keys: tuple[str, ...] = field(repr=False)
    keys_in_metadata: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What guests get of their host, in MiB. `total` 0: three quarters of the host's memory."""

    each: int = 4096
    total: int = 0


DEFAULT_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Passphrases:
    """What opens an encrypted disk, and the image that it stands on: UTF-8, and None for what is not encrypted.

    They are secret. An engine keeps them in memory, as long as it takes to open the files.
    """

    disk: bytes | None = field(default=None, repr=False)
    base: bytes | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return self.disk is not None or self.base is not None


NOT_ENCRYPTED = Passphrases()


@dataclass(frozen=True, slots=True)
class DataDisk:
    """A further disk of a server. `id`: as of servers; a guest sees its first 20 characters as serial. `disk`: the id
    of the volume.
    """

    id: str
    disk: str
    passphrases: Passphrases = NOT_ENCRYPTED


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A server. `id`: letters, digits, `-` and `_`, at most 64. `mac`: six octets, colons, unicast.

    `disk` is the id of the volume that it boots from, and `passphrases` are that disk's. `data` are the disks besides,
    in the order in which a guest finds them. `apart` is the id of the placement group whose servers run on different
    hosts, as far as the engine has any. `zone` is the API's, None where it says nothing to the engine.
    """

    id: str
    name: str
    disk: str
    vcpus: int
    memory_mib: int
    seed: SeedSpec | None
    mac: str
    data: tuple[DataDisk, ...] = ()
    passphrases: Passphrases = NOT_ENCRYPTED
    apart: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Output of a serial console: what was said from the place `start` up to `end`, in bytes since the first one."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """How a server was started last: `accelerator` is `kvm`, `tcg` (QEMU computes every instruction), or `none`.

    A host may give a server less than its profile promises; here is what it got.
    """

    accelerator: str
    vcpus: int
    memory_mib: int


class Status(Enum):
    """ABSENT: nothing is known of it. STOPPED: told to, or the guest powered itself off. FAILED: it ended, or stands
    still, without having been asked to. LOST: the host was restarted under it. UNREACHABLE: its host, or its process,
    does not answer, so that nothing can be known of it. STRANDED: its host is lost, by the operator's word, so that it
    runs no more; a start has it up elsewhere, with its disks.
    """

    ABSENT = "absent"
    STOPPED = "stopped"
    RUNNING = "running"
    FAILED = "failed"
    LOST = "lost"
    UNREACHABLE = "unreachable"
    STRANDED = "stranded"


@dataclass(frozen=True, slots=True)
class AbsentZone:
    """A zone of the API, and what the operator's settings name for it and the engine does not have."""

    zone: str
    message: str


class Channel(Enum):
    """How to talk to a guest: by its first serial port, or by its screen, keyboard and pointer (RFB, that is VNC)."""

    SERIAL = "serial"
    SCREEN = "vnc"


class Line(Protocol):
    """
    A way to a guest, and back. One task reads and one writes, both on the event loop that first does so.

    `tells_all`: what is read is all that the guest says, and as it says it. Of other lines only that it says something
    is to be gathered, and the rest is in `Hypervisor.read_console`.
    """

    tells_all: bool

    async def read(self) -> bytes:
        """What the guest says next, as soon as it says something; nothing where the line has ended, however it did."""
        ...

    async def write(self, text: bytes) -> None:
        """Tells the guest, and returns once all of it is on its way. OSError if the line has ended."""
        ...

    def close(self) -> None:
        """Hangs up. May be repeated."""
        ...


class Hypervisor(Protocol):
    """
    An engine. Calls block: make them from worker threads, never from an event loop's thread.

    Of the calls that change one server only one is made at a time. An engine of this host sees to that itself, across
    all processes that share its folder; nodes that share an engine hold the server's lock in their database. Reading
    calls (`status`, `states`, `console`, `servers`) do not wait. Every method raises BadServerId for a hostile id.

    What is asked to change a machine that is UNREACHABLE is refused with NoAnswer, and nothing is done: it may be
    running, and nobody else may have its disks.
    """

    name: str
    """As in `core/hypervisor_names.py`."""
    shared: bool
    """As in the same row."""
    offers: frozenset[Channel]
    """The lines of its servers."""

    @property
    def disks(self) -> Disks:
        """The disks of its servers."""
        ...

    @property
    def hosts(self) -> Hosts:
        """The hosts that its servers run on."""
        ...

    def start(self, spec: ServerSpec) -> None:
        """
        Starts the server and returns once it executes; a running one is fine. A STRANDED one leaves its lost host.
        BadSpec, StartError, NoRoom, of which NotApart is one.
        """
        ...

    def set_disks(self, server_id: str, data: tuple[DataDisk, ...]) -> set[str]:
        """
        Gives a running server the data disks that it lacks, and has its guest let go of those it is not to have.

        The ids of disks that it still has and should not: a guest lets go when it is ready, some never. May be
        repeated. NotRunning; DiskError for a disk that cannot be added.
        """
        ...

    def stop(self, server_id: str, grace_seconds: float, *, cut: bool = True) -> bool:
        """Presses the power button; after the grace cuts the power, if it may. Whether it is off: absent is fine."""
        ...

    def press(self, server_id: str) -> None:
        """Presses the power button and returns; the guest goes down if it listens. Absent or stopped is fine."""
        ...

    def lives(self, server_id: str) -> bool:
        """Whether its machine is there: what `status` begins with, and costs next to nothing."""
        ...

    def reset(self, server_id: str) -> None:
        """Restarts the guest the hard way, in place. NotRunning."""
        ...

    def delete(self, server_id: str) -> None:
        """Cuts the power and forgets the server, its console too; its disk stays. Absent is fine."""
        ...

    def forget_group(self, group_id: str) -> None:
        """Forgets a placement group that no server is in any more; an absent one is fine."""
        ...

    def status(self, server_id: str) -> Status:
        """As the engine has it now; nothing is remembered."""
        ...

    def states(self, server_ids: Collection[str], *, thorough: bool) -> Mapping[str, Status]:
        """
        The status of each of many servers, asked for in as few questions as the engine can do with.

        Without `thorough`, RUNNING may say only that a machine is there. HypervisorError if the engine as a whole does
        not answer; a server of whom nothing can be known is UNREACHABLE.
        """
        ...

    def console(self, server_id: str, max_bytes: int) -> bytes:
        """The end of the serial console's output, at most that long; empty if there is none."""
        ...

    def read_console(self, server_id: str, start: int | None, max_bytes: int) -> Excerpt:
        """
        The console's output from a place on, at most that long; without a place, the end of it.

        What was cut off is passed over: the excerpt says where it begins. Reads a file and waits for nothing.
        """
        ...

    def keep_consoles(self, server_ids: Collection[str]) -> None:
        """Has what these servers said outlast them, where the engine would forget it; others need do nothing."""
        ...

    def connect(self, server_id: str, channel: Channel) -> Line | None:
        """
        Opens a line to the guest. Whoever has it must read it: a guest waits for its reader.

        The serial line is for one at a time, a second one waits for the first to hang up. None where there is no
        such line: no guest runs, or its machine was started by a release that gave it none. NotRunning.
        """
        ...

    def facts(self, server_id: str) -> Facts | None:
        """How it was started last; None if it never was. Reads a file and waits for nothing."""
        ...

    def absent_zones(self) -> tuple[AbsentZone, ...]:
        """What the operator's settings name of its zones, and it does not have. NoAnswer, Unresponsive."""
        ...

    def accelerator(self) -> tuple[str, str]:
        """What guests are run by (see Facts), and why it is nothing better, or nothing. May try it out: a second."""
        ...

    def servers(self) -> list[str]:
        """The ids of all servers that are not absent, sorted; this is how orphans are found."""
        ...
