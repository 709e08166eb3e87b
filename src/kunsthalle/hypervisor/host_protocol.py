"""What an engine says of its hosts, and is told of them by the operator."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.protocol import HypervisorError


class HostState(Enum):
    """UP: the engine hears from it. SILENT: it does not, and what runs there may go on. LOST: the operator has said
    that nothing runs there, whatever the engine hears.
    """

    UP = "up"
    SILENT = "silent"
    LOST = "lost"


class NoSuchHost(HypervisorError):
    """The engine has no host of that name."""


class HostAnswers(HypervisorError):
    """The engine hears from a host that is said to be lost."""


class HostNotBack(HypervisorError):
    """A host that was lost has not started since: it does not know yet which servers have left it."""


class NotOffered(HypervisorError):
    """The engine has no way to do that."""


@dataclass(frozen=True, slots=True)
class EngineHost:
    """A host. `zone` is empty where it is in every one. What is used, and all there is, in vCPU and MiB: 0 where the
    engine does not say. `servers` are the ids of those that it has, sorted, whether they run or not.
    """

    name: str
    zone: str
    state: HostState
    used_vcpus: int
    vcpus: int
    used_memory_mib: int
    memory_mib: int
    servers: tuple[str, ...]


class Hosts(Protocol):
    """
    The hosts of an engine. Calls block, as those of `Hypervisor` do, and may be repeated.

    An engine never takes a host for lost by itself: with only its agent dead, servers run on, and each would have a
    second machine on its disks. Whoever can look has to say so.
    """

    def inventory(self) -> list[EngineHost]:
        """All hosts, by name. HypervisorError."""
        ...

    def states(self) -> Mapping[str, HostState]:
        """The state of each host by its name, as cheaply as the engine can say it. HypervisorError."""
        ...

    def lose(self, name: str) -> None:
        """
        The operator's word that nothing runs on a host any more: it gets no server, its machines are STRANDED, and a
        start has them up elsewhere. It lasts until `take_back`. HostAnswers, NoSuchHost, NotOffered.
        """
        ...

    def take_back(self, name: str) -> None:
        """
        The operator's word that a host may have servers again; one that was not lost is fine. HostNotBack, NoSuchHost.
        """
        ...

    def power(self, name: str, *, on: bool) -> None:
        """Rehearses the end of a host, or its way back. NotOffered by every engine that has real ones; NoSuchHost."""
        ...
