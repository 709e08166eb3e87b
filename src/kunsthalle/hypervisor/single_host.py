"""The one host of an engine that runs its servers on the host that it is on."""

from __future__ import annotations

import os
import socket

from kunsthalle.hypervisor.host import memory_mib
from kunsthalle.hypervisor.host_protocol import EngineHost, Hosts, HostState, NoSuchHost, NotOffered
from kunsthalle.hypervisor.protocol import Facts, Hypervisor


class SingleHost(Hosts):
    """See Hosts. It answers as long as somebody can ask; with it, its engine is gone."""

    def __init__(self, engine: Hypervisor) -> None:
        self._engine = engine

    def inventory(self) -> list[EngineHost]:
        """See Hosts.inventory."""
        servers = tuple(self._engine.servers())
        facts = [known for id_ in servers if self._engine.lives(id_) and (known := self._engine.facts(id_)) is not None]
        used = used_by(facts)
        return [EngineHost(socket.gethostname(), "", HostState.UP, used[0], _vcpus(), used[1], memory_mib(), servers)]

    def states(self) -> dict[str, HostState]:
        """See Hosts.states."""
        return {socket.gethostname(): HostState.UP}

    def lose(self, name: str) -> None:
        """See Hosts.lose."""
        self._check(name)
        raise NotOffered(f"{self._engine.name} runs servers on this host alone, which cannot be lost to itself")

    def take_back(self, name: str) -> None:
        """See Hosts.take_back."""
        self._check(name)

    def power(self, name: str, *, on: bool) -> None:  # noqa: ARG002  nothing is switched
        """See Hosts.power."""
        self._check(name)
        raise NotOffered(f"{self._engine.name} runs servers on this host, which is no rehearsal")

    @staticmethod
    def _check(name: str) -> None:
        if name != socket.gethostname():
            raise NoSuchHost(f"there is no host {name}")


def used_by(facts: list[Facts]) -> tuple[int, int]:
    """The vCPU and the MiB that machines have got."""
    return sum(each.vcpus for each in facts), sum(each.memory_mib for each in facts)


def _vcpus() -> int:
    return os.cpu_count() or 1
