"""Looking after machines: one that ends without having been told to is noticed, and its server says so.

Nothing is remembered but what was said already. What is looked at is the engine, as it is now; so it makes no
difference whether a guest powered itself off, its process was killed, the host was restarted, or this program was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import field
from functools import partial

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.hypervisor.protocol import Hypervisor, HypervisorError, Status
from kunsthalle.instances import unreachable_machines
from kunsthalle.instances.models import Instance
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.service import DELETE, SETTLE, STOP
from kunsthalle.jobs import leases, queue

log = get_logger("machines")
FULL_CHECK_INTERVAL = 15
"""Every so many rounds a machine is asked how it is; in between it is enough that it is there."""

SHUTDOWN_RESEND_INTERVAL = 3
"""And every so many rounds one that is going down is told so again."""

WATCH_LEASE = "machines"
"""The lease of the node that looks after the machines of an engine that several nodes share."""

LEASE = 30 * SECOND

CONSOLES_INTERVAL = 5
"""Every so many rounds what guests say is fetched from an engine elsewhere: it remembers the last 100 KiB of each."""


@dataclass(slots=True)
class Watch:
    """`ctx` is the program's own. One thread calls `round`."""

    store: Store
    ctx: Context
    hypervisor: Hypervisor
    _rounds: int = 0
    _told: set[tuple[str, int]] = field(default_factory=set)
    _owner: str = ""
    _leads_until: int = 0
    _collector: threading.Thread | None = None

    def round(self) -> None:
        """Looks once at every machine that is meant to run or to be going down, and has jobs do what is to be done.

        Of the nodes that share an engine one does so; the others look whether that one still does.
        """
        if self.hypervisor.shared and not self._leads():
            self._rounds = 0
            return
        thorough, first = self._rounds % FULL_CHECK_INTERVAL == 0, self._rounds == 0
        try:
            machines = self.hypervisor.servers() if first else []  # before the servers: theirs were there before it
            servers = self.store.read(self.ctx, _all if first else _moving)
            if first:
                self._first_pass(machines, {instance.id: instance for instance in servers})
            if thorough:
                self._told.clear()  # what came of it is seen now
            self._told &= {(server.id, server.revision) for server in servers}
            moving = [server for server in servers if self._is_due(server)]
            states = self.hypervisor.states([server.id for server in moving], thorough=thorough) if moving else {}
        except HypervisorError as error:
            log.warning("engine does not answer", engine=self.hypervisor.name, error=str(error))
            return
        if self.hypervisor.shared and self._rounds % CONSOLES_INTERVAL == 0:
            self._keep_consoles([id_ for id_, status in states.items() if status is Status.RUNNING])
        self._rounds += 1
        for server in moving:
            self._judge(server, states[server.id], thorough=thorough)

    def _keep_consoles(self, server_ids: list[str]) -> None:
        """Beside the rounds, which go on meanwhile: a question for each server may take long."""
        if server_ids and (self._collector is None or not self._collector.is_alive()):
            self._collector = threading.Thread(target=self._collect, args=(server_ids,), name="consoles", daemon=True)
            self._collector.start()

    def _collect(self, server_ids: list[str]) -> None:
        try:
            self.hypervisor.keep_consoles(server_ids)
        except HypervisorError as error:
            log.warning("consoles not kept", engine=self.hypervisor.name, error=str(error))

    def _leads(self) -> bool:
        """Whether this node has the lease; it is renewed when half of it is over."""
        real = self.ctx.clock.real()
        if real + LEASE // 2 < self._leads_until:
            return True
        self._owner = self._owner or self.ctx.ids.uuid()
        take = partial(leases.take, name=WATCH_LEASE, owner=self._owner, microseconds=LEASE)
        leads = self.store.write(self.ctx, take)
        self._leads_until = real + LEASE if leads else 0
        return leads

    def _is_due(self, server: Instance) -> bool:
        return server.status in ("running", "stopping") and (server.id, server.revision) not in self._told

    def _first_pass(self, machines: list[str], servers: dict[str, Instance]) -> None:
        """After a start: machines that no server answers for are ended; what was found is said once."""
        orphans = [id_ for id_ in machines if id_ not in servers]
        for id_ in orphans:
            log.warning("machine of no server", instance=id_)
            self.store.write(self.ctx, partial(queue.enqueue, kind=DELETE, subject=id_))
        running = [server.id for server in servers.values() if server.status == "running" and server.id in machines]
        if running:
            accelerator, reason = self.hypervisor.accelerator()
            told = {"engine": self.hypervisor.name, "accelerator": accelerator, "reason": reason}
            log.info("machines found", meant_to_run=len(running), **told)

    def _judge(self, instance: Instance, status: Status, *, thorough: bool) -> None:
        match status:
            case Status.RUNNING:
                self._runs(instance, thorough=thorough)
            case Status.UNREACHABLE:
                if instance.status == "running" and not unreachable_machines.is_noted(instance):
                    self._write(instance, unreachable_machines.note)
            case Status.ABSENT if not (self.store.embedded or self.hypervisor.shared):
                return  # another node's
            case Status.ABSENT | Status.STOPPED | Status.FAILED | Status.LOST | Status.STRANDED:
                self._told.add((instance.id, instance.revision))
                kind = STOP if instance.status == "stopping" else SETTLE
                self._write(instance, lambda session, of: queue.enqueue(session, kind, of.id))
            case _:
                raise UnknownMember("status of a machine", status)

    def _runs(self, instance: Instance, *, thorough: bool) -> None:
        if thorough and unreachable_machines.is_noted(instance):
            self._write(instance, unreachable_machines.withdraw)
        if instance.status == "stopping" and self._rounds % SHUTDOWN_RESEND_INTERVAL == 0:
            try:
                self.hypervisor.press(instance.id)  # a guest that was just starting up did not notice the first time
            except HypervisorError as error:
                log.warning("machine does not answer", instance=instance.id, error=str(error))

    def _write(self, instance: Instance, function: Callable[[Session, Instance], object]) -> None:
        ctx = self.ctx.as_system(instance.account_id)
        self.store.write(ctx, lambda session: function(session, instance))


def _all(session: Session) -> list[Instance]:
    return unscoped(session, INSTANCE)


def _moving(session: Session) -> list[Instance]:
    return unscoped(session, INSTANCE, INSTANCE.table.c.status.in_(("running", "stopping")))
