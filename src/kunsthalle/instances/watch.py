"""Looking after machines: one that ends without having been told to is noticed, and its server says so.

Nothing is remembered but what was said already. What is looked at is the engine, as it is now; so it makes no
difference whether a guest powered itself off, its process was killed, the host was restarted, or this program was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from kunsthalle.core.context import Context
from kunsthalle.core.log import get_logger
from kunsthalle.hypervisor.protocol import Hypervisor, HypervisorError, Status
from kunsthalle.instances.kinds import INSTANCE
from kunsthalle.instances.model import Instance
from kunsthalle.instances.service import DELETE, SETTLE, STOP
from kunsthalle.store import jobs
from kunsthalle.store.engine import Store
from kunsthalle.store.scope import unguarded
from kunsthalle.store.unit import Unit

log = get_logger("machines")
THOROUGH = 15
"""Every so many rounds a machine is asked how it is; in between it is enough that it is there."""

PRESSING = 3
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
        thorough, first = self._rounds % THOROUGH == 0, self._rounds == 0
        self._rounds += 1
        machines = self.hypervisor.servers()  # before the servers: those of a machine were there before it
        servers = {one.id: one for one in self.store.read(self.ctx, _all if first else _moving)}
        if first:
            self._greet(machines, servers)
        if thorough:
            self._told.clear()  # what came of it is seen now
        seen = {(one.id, one.revision) for one in servers.values()}
        self._told &= seen
        for one in servers.values():
            if (one.id, one.revision) not in self._told and one.status in ("running", "stopping"):
                self._look(one, thorough=thorough)

    def _greet(self, machines: list[str], servers: dict[str, Instance]) -> None:
        """After a start: machines that no server answers for are ended; what was found is said once."""
        orphans = [id_ for id_ in machines if id_ not in servers]
        for id_ in orphans:
            log.warning("machine of no server", instance=id_)
            self.store.write(self.ctx, partial(jobs.enqueue, kind=DELETE, subject=id_))
        running = [one.id for one in servers.values() if one.status == "running" and one.id in machines]
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
                if instance.status == "stopping" and self._rounds % PRESSING == 0:
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
        self.store.write(ctx, lambda unit: jobs.enqueue(unit, kind, id_))


def _all(unit: Unit) -> list[Instance]:
    return unguarded(unit, INSTANCE)


def _moving(unit: Unit) -> list[Instance]:
    return unguarded(unit, INSTANCE, INSTANCE.table.c.status.in_(("running", "stopping")))
