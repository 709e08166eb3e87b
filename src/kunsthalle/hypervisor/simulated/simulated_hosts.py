"""Hosts of simulated instances, to rehearse what becomes of instances when a host is lost: nothing but a file says what
is the matter with each.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.host_protocol import EngineHost, HostAnswers, Hosts, HostState, NoSuchHost
from kunsthalle.hypervisor.protocol import Facts, NoRoom, NotApart, Status
from kunsthalle.hypervisor.run_folders import RunDirectories, write_atomically
from kunsthalle.hypervisor.single_host import used_by

VCPUS, MEMORY_MIB = 64, 262_144
"""What a simulated host is said to have."""

_FILE = "hosts.json"


@dataclass(frozen=True, slots=True)
class _Host:
    """`boots`: how often it came up; what ran on it before is gone."""

    on: bool = True
    lost: bool = False
    boots: int = 0

    @property
    def state(self) -> HostState:
        if self.lost:
            return HostState.LOST
        return HostState.UP if self.on else HostState.SILENT


class Place(NamedTuple):
    """Where a machine was started: its host, and which run of it."""

    host: str
    boots: int


class SimulatedHosts(Hosts):
    """See Hosts. `machines` are the ids of the servers that there are, with their states as they are written down."""

    def __init__(
        self, root: Path, directories: RunDirectories, count: int, machines: Callable[[], Iterator[tuple[str, Any]]]
    ) -> None:
        self._path, self._directories, self._machines = root.absolute() / _FILE, directories, machines
        self.names = tuple(f"host-{number}" for number in range(1, count + 1))

    def inventory(self) -> list[EngineHost]:
        """See Hosts.inventory."""
        known = self._read()
        at: dict[str, list[tuple[str, Any]]] = {name: [] for name in self.names}
        for id_, state in self._machines():
            at[self.place(state).host].append((id_, state))
        return [self._shown(name, known[name], sorted(at[name], key=lambda machine: machine[0])) for name in self.names]

    @staticmethod
    def _shown(name: str, host: _Host, machines: list[tuple[str, Any]]) -> EngineHost:
        running = [state for _, state in machines if _runs(state)]
        sizes = [Facts("none", int(state["vcpus"]), int(state["memory_mib"])) for state in running]
        vcpus, memory = used_by(sizes)
        ids = tuple(id_ for id_, _ in machines)
        return EngineHost(name, "", host.state, vcpus, VCPUS, memory, MEMORY_MIB, ids)

    def states(self) -> dict[str, HostState]:
        """See Hosts.states."""
        return {name: host.state for name, host in self._read().items()}

    def lose(self, name: str) -> None:
        """See Hosts.lose."""
        with self._directories.alone():
            host = self._known(name)
            if host.on and not host.lost:
                raise HostAnswers(f"the host {name} answers")
            self._write(name, replace(host, lost=True))

    def take_back(self, name: str) -> None:
        """See Hosts.take_back."""
        with self._directories.alone():
            self._write(name, replace(self._known(name), lost=False))

    def power(self, name: str, *, on: bool) -> None:
        """See Hosts.power."""
        with self._directories.alone():
            host = self._known(name)
            if host.on != on:
                self._write(name, replace(host, on=on, boots=host.boots + on))

    def place(self, state: dict[str, Any]) -> Place:
        """Where a machine was started, of its state as it is written down; one of a host that is no more, and one that
        was started before there were hosts, on the first.
        """
        name = str(state.get("host", ""))
        return Place(name if name in self.names else self.names[0], int(state.get("boots", 0)))

    def fate(self, state: dict[str, Any]) -> Status:
        """What became of a machine that was started and not stopped."""
        place = self.place(state)
        host = self._read()[place.host]
        match host.state:
            case HostState.LOST:
                return Status.STRANDED
            case HostState.SILENT:
                return Status.UNREACHABLE
            case HostState.UP:
                return Status.RUNNING if host.boots == place.boots else Status.LOST

    def choose(self, server_id: str = "", apart: str = "") -> Place:
        """The host with the fewest machines of those that are up, and that have none of the placement group `apart`,
        the server itself left out. One host alone has all machines of a group. NoRoom, NotApart.
        """
        known = self._read()
        up = [name for name in self.names if known[name].state is HostState.UP]
        if not up:
            raise NoRoom("no host is up")
        if len(self.names) > 1:
            running = [state for id_, state in self._machines() if id_ != server_id and _runs(state)]
            mates = {self.place(state).host for state in running if apart and state.get("apart") == apart}
            taken = Counter(self.place(state).host for state in running)
            up = sorted((name for name in up if name not in mates), key=lambda name: taken[name])
        if not up:
            raise NotApart("every host that is up has a server of the placement group")
        return Place(up[0], known[up[0]].boots)

    def _known(self, name: str) -> _Host:
        if name not in self.names:
            raise NoSuchHost(f"there is no host {name}")
        return self._read()[name]

    def _read(self) -> dict[str, _Host]:
        try:
            stored = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            stored = {}
        return {name: _Host(**stored.get(name, {})) for name in self.names}

    def _write(self, name: str, host: _Host) -> None:
        stored = {**self._read(), name: host}
        write_atomically(self._path, json.dumps({key: asdict(value) for key, value in stored.items()}).encode())


def _runs(state: dict[str, Any]) -> bool:
    """Whether a machine was started and not stopped, whatever became of it."""
    return bool(state.get("status") == Status.RUNNING.value)
