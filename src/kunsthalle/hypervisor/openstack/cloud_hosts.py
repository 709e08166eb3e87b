"""Hosts as Nova's compute services, which the operator's word marks: forced down, disabled, and why.

The mark is in the cloud alone, so that all nodes of a store know of it, and whoever looks after the cloud. A host that
somebody else has forced down, such as Masakari, is theirs to see to: here it is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kunsthalle.hypervisor.host_protocol import (
    EngineHost,
    HostAnswers,
    HostNotBack,
    Hosts,
    HostState,
    NoSuchHost,
    NotOffered,
)
from kunsthalle.hypervisor.openstack.cloud_client import COMPUTE, Cloud, NotAccepted

HOST = "OS-EXT-SRV-ATTR:host"
"""The attribute of a server that says where it is."""

LOST_REASON = "kunsthalle: the operator has said that this host is lost"
_LOADS_VERSION = "compute 2.87"
"""The last version in which Nova tells loads itself, and not Placement."""

Row = dict[str, Any]


class CloudHosts(Hosts):
    """See Hosts. `servers` are the rows of ours."""

    def __init__(self, cloud: Cloud, servers: Callable[[], list[Row]]) -> None:
        self._cloud, self._servers = cloud, servers

    def inventory(self) -> list[EngineHost]:
        """See Hosts.inventory."""
        loads = {
            str(row["service"]["host"]): row
            for row in self._cloud.every(COMPUTE, "/os-hypervisors/detail", version=_LOADS_VERSION)
        }
        at: dict[str, list[str]] = {}
        for server in self._servers():
            at.setdefault(str(server.get(HOST)), []).append(str(server["name"]))
        rows = sorted(self._services(), key=lambda row: str(row["host"]))
        return [_shown(row, loads.get(str(row["host"]), {}), sorted(at.get(str(row["host"]), []))) for row in rows]

    def states(self) -> dict[str, HostState]:
        """See Hosts.states. One question."""
        return {str(row["host"]): _state(row) for row in self._services()}

    def up(self, zone: str | None) -> int:
        """How many hosts answer, of an availability zone if it is given. One question."""
        rows = [row for row in self._services() if zone in (None, row["zone"])]
        return sum(_state(row) is HostState.UP for row in rows)

    def lose(self, name: str) -> None:
        """See Hosts.lose."""
        service = self._service(name)
        match _state(service):
            case HostState.LOST:
                return
            case HostState.UP:
                raise HostAnswers(f"the host {name} answers")
            case HostState.SILENT:
                mark = {"status": "disabled", "disabled_reason": LOST_REASON, "forced_down": True}
                self._cloud.put(COMPUTE, f"/os-services/{service['id']}", mark)

    def take_back(self, name: str) -> None:
        """See Hosts.take_back."""
        service = self._service(name)
        if _state(service) is not HostState.LOST:
            return
        try:
            self._cloud.put(COMPUTE, f"/os-services/{service['id']}", {"status": "enabled", "forced_down": False})
        except NotAccepted as error:  # Nova waits until the agent has ended what was evacuated from there
            raise HostNotBack(f"the agent of {name} has not started since the host was lost") from error

    def power(self, name: str, *, on: bool) -> None:  # noqa: ARG002  nothing is switched
        """See Hosts.power."""
        self._service(name)
        raise NotOffered("the hosts of a cloud are real, and no rehearsal switches them")

    def _service(self, name: str) -> Row:
        service = next((row for row in self._services() if row["host"] == name), None)
        if service is None:
            raise NoSuchHost(f"there is no host {name}")
        return service

    def _services(self) -> list[Row]:
        rows: list[Row] = self._cloud.get(COMPUTE, "/os-services", binary="nova-compute")["services"]
        return rows


def _state(service: Row) -> HostState:
    if service["forced_down"] and service.get("disabled_reason") == LOST_REASON:
        return HostState.LOST
    return HostState.UP if service["state"] == "up" else HostState.SILENT


def _shown(service: Row, load: Row, servers: list[str]) -> EngineHost:
    def number(key: str) -> int:
        return int(load.get(key) or 0)

    return EngineHost(
        name=str(service["host"]),
        zone=str(service["zone"]),
        state=_state(service),
        used_vcpus=number("vcpus_used"),
        vcpus=number("vcpus"),
        used_memory_mib=number("memory_mb_used"),
        memory_mib=number("memory_mb"),
        servers=tuple(servers),
    )
