"""An engine that several nodes share: whoever changes a machine holds its server's lock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from kunsthalle.hypervisor.disk_protocol import Disks
from kunsthalle.hypervisor.host_protocol import Hosts
from kunsthalle.hypervisor.protocol import (
    AbsentZone,
    Channel,
    DataDisk,
    Excerpt,
    Facts,
    Hypervisor,
    Line,
    ServerSpec,
    Status,
)
from kunsthalle.instances.server_locks import LockHeld, ServerLocks


class LockedEngine(Hypervisor):
    """See Hypervisor. What only reads, and what touches disks alone, waits for nobody."""

    def __init__(self, engine: Hypervisor, locks: ServerLocks) -> None:
        self._engine, self._locks = engine, locks
        self.name, self.offers, self.shared = engine.name, engine.offers, engine.shared

    @property
    def disks(self) -> Disks:
        """See Hypervisor.disks."""
        return self._engine.disks

    @property
    def hosts(self) -> Hosts:
        """See Hypervisor.hosts."""
        return self._engine.hosts

    def start(self, spec: ServerSpec) -> None:
        """See Hypervisor.start."""
        with self._locks.hold(spec.id):
            self._engine.start(spec)

    def set_disks(self, server_id: str, data: tuple[DataDisk, ...]) -> set[str]:
        """See Hypervisor.set_disks."""
        with self._locks.hold(server_id):
            return self._engine.set_disks(server_id, data)

    def stop(self, server_id: str, grace_seconds: float, *, cut: bool = True) -> bool:
        """See Hypervisor.stop."""
        with self._locks.hold(server_id):
            return self._engine.stop(server_id, grace_seconds, cut=cut)

    def press(self, server_id: str) -> None:
        """See Hypervisor.press. Whoever is at work on the server meanwhile knows better."""
        with suppress(LockHeld), self._locks.hold(server_id, patience=0):
            self._engine.press(server_id)

    def reset(self, server_id: str) -> None:
        """See Hypervisor.reset."""
        with self._locks.hold(server_id):
            self._engine.reset(server_id)

    def delete(self, server_id: str) -> None:
        """See Hypervisor.delete."""
        with self._locks.hold(server_id):
            self._engine.delete(server_id)

    def forget_group(self, group_id: str) -> None:
        """See Hypervisor.forget_group."""
        self._engine.forget_group(group_id)

    def lives(self, server_id: str) -> bool:
        """See Hypervisor.lives."""
        return self._engine.lives(server_id)

    def status(self, server_id: str) -> Status:
        """See Hypervisor.status."""
        return self._engine.status(server_id)

    def states(self, server_ids: Collection[str], *, thorough: bool) -> Mapping[str, Status]:
        """See Hypervisor.states."""
        return self._engine.states(server_ids, thorough=thorough)

    def console(self, server_id: str, max_bytes: int) -> bytes:
        """See Hypervisor.console."""
        return self._engine.console(server_id, max_bytes)

    def read_console(self, server_id: str, start: int | None, max_bytes: int) -> Excerpt:
        """See Hypervisor.read_console."""
        return self._engine.read_console(server_id, start, max_bytes)

    def keep_consoles(self, server_ids: Collection[str]) -> None:
        """See Hypervisor.keep_consoles."""
        self._engine.keep_consoles(server_ids)

    def connect(self, server_id: str, channel: Channel) -> Line | None:
        """See Hypervisor.connect."""
        return self._engine.connect(server_id, channel)

    def facts(self, server_id: str) -> Facts | None:
        """See Hypervisor.facts."""
        return self._engine.facts(server_id)

    def absent_zones(self) -> tuple[AbsentZone, ...]:
        """See Hypervisor.absent_zones."""
        return self._engine.absent_zones()

    def accelerator(self) -> tuple[str, str]:
        """See Hypervisor.accelerator."""
        return self._engine.accelerator()

    def servers(self) -> list[str]:
        """See Hypervisor.servers."""
        return self._engine.servers()
