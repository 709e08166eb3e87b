"""The moves of a bare metal server that take time elsewhere: here one job, which nothing runs behind."""

from __future__ import annotations

from kunsthalle.core.log import get_logger
from kunsthalle.instances.metal import interfaces
from kunsthalle.instances.metal.kinds import BARE_METAL, METAL_INTERFACE
from kunsthalle.store import jobs
from kunsthalle.store.rows import delete
from kunsthalle.store.scope import unguarded
from kunsthalle.store.tables import remove_rows
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

log = get_logger("metal")
MOVE = "metal.move"
_NEXT = {
    "pending": "starting",
    "starting": "running",
    "restarting": "running",
    "stopping": "stopped",
    "reinitializing": "starting",
}


def _step(unit: Unit, id_: str) -> bool:
    """One move; whether there may be another."""
    for server in unguarded(unit, BARE_METAL, BARE_METAL.table.c.id == id_):
        if server.status == "deleting":
            for interface in interfaces.of_server(unit, id_):
                interfaces.give_back(unit, interface)
            remove_rows(unit, METAL_INTERFACE.table, METAL_INTERFACE.table.c.bare_metal_server_id == id_)
            delete(unit, BARE_METAL, id_, server.account_id)
            return False
        to = _NEXT.get(server.status)
        if to is not None:
            transition(unit, BARE_METAL, id_, to, BARE_METAL.table.c.status == server.status)
            return True
    return False


def _run(run: jobs.Run) -> None:
    while run.write(lambda unit: _step(unit, run.job.subject)):
        pass


def _give_up(unit: Unit, job: jobs.Claimed, error: str) -> None:
    log.error("bare metal server not moved", server=job.subject, error=error)
    reason = {"code": "cannot_start", "message": "The server's log has the details."}
    transition(unit, BARE_METAL, job.subject, "failed", status_reasons=[reason])


def handler() -> jobs.Handler:
    return jobs.Handler(MOVE, _run, _give_up)
