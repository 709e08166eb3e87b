"""Looking after machines: one that ends without having been told to is noticed, and its server says so.

Nothing is remembered but what was said already. What is looked at is the engine, as it is now; so it makes no
difference whether a guest powered itself off, its process was killed, the host was restarted, or this program was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from kunsthalle.authz.context import Context
from kunsthalle.core.log import get_logger
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.hypervisor.protocol import Hypervisor, HypervisorError, Status
from kunsthalle.instances.models import Instance
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.service import DELETE, SETTLE, STOP
from kunsthalle.jobs import queue

log = get_logger("machines")
FULL_CHECK_INTERVAL = 15
"""Every so many rounds a machine is asked how it is; in between it is enough that it is there."""

SHUTDOWN_RESEND_INTERVAL = 3
"""And every so many rounds one that is going down is told so again."""


@dataclass(slots=True)
class Watch:
    """`ctx` is the program's own. One thread calls `round`."""

    store: Store
    ctx: Context
    hypervisor: Hypervisor
    _rounds: int = 0
    _told: set[tuple[str, int]] = field(default_factory=set)

    def round(self) -> None:
        """Looks once at every machine that is meant to run or to be going down, and has jobs do what is to be done."""
        thorough, first = self._rounds % FULL_CHECK_INTERVAL == 0, self._rounds == 0
        self._rounds += 1
        machines = self.hypervisor.servers()  # before the servers: those of a machine were there before it
        servers = {instance.id: instance for instance in self.store.read(self.ctx, _all if first else _moving)}
        if first:
            self._first_pass(machines, servers)
        if thorough:
            self._told.clear()  # what came of it is seen now
        seen = {(server.id, server.revision) for server in servers.values()}
        self._told &= seen
        for server in servers.values():
            if (server.id, server.revision) not in self._told and server.status in ("running", "stopping"):
                self._look(server, thorough=thorough)

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

    def _look(self, instance: Instance, *, thorough: bool) -> None:
        id_ = instance.id
        try:
            if self.hypervisor.lives(id_) and not thorough:
                status = Status.RUNNING
            else:
                status = self.hypervisor.status(id_)
            if status is Status.RUNNING:
                if instance.status == "stopping" and self._rounds % SHUTDOWN_RESEND_INTERVAL == 0:
                    self.hypervisor.press(id_)  # a guest that was just starting up did not notice the first time
                return
        except HypervisorError as error:
            log.warning("machine does not answer", instance=id_, error=str(error))
            return
        if status is Status.ABSENT and not self.store.embedded:
            return  # another node's
        self._told.add((id_, instance.revision))
        kind = STOP if instance.status == "stopping" else SETTLE
        ctx = self.ctx.as_system(instance.account_id)
        self.store.write(ctx, lambda session: queue.enqueue(session, kind, id_))


def _all(session: Session) -> list[Instance]:
    return unscoped(session, INSTANCE)


def _moving(session: Session) -> list[Instance]:
    return unscoped(session, INSTANCE, INSTANCE.table.c.status.in_(("running", "stopping")))
