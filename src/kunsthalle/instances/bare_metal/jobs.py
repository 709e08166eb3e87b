"""The moves of a bare metal server that take time elsewhere: here one job, which nothing runs behind."""

from __future__ import annotations

from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.log import get_logger
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.db.visibility import unscoped
from kunsthalle.instances.bare_metal import bare_metal_interfaces
from kunsthalle.instances.bare_metal.resources import BARE_METAL, METAL_INTERFACE
from kunsthalle.instances.bare_metal.states import BARE_METAL_STATES
from kunsthalle.jobs import queue

log = get_logger("metal")
MOVE = "metal.move"
_NEXT = ClosedTable(
    "state of a bare metal server",
    BARE_METAL_STATES.states,
    {
        "pending": "starting",
        "starting": "running",
        "running": None,
        "restarting": "running",
        "stopping": "stopped",
        "stopped": None,
        "reinitializing": "starting",
        "failed": None,
        "deleting": None,
    },
)


def _step(session: Session, id_: str) -> bool:
    """One move; whether there may be another."""
    for server in unscoped(session, BARE_METAL, BARE_METAL.table.c.id == id_):
        if server.status == "deleting":
            for interface in bare_metal_interfaces.of_server(session, id_):
                bare_metal_interfaces.give_back(session, interface)
            remove_rows(session, METAL_INTERFACE.table, METAL_INTERFACE.table.c.bare_metal_server_id == id_)
            delete(session, BARE_METAL, id_, server.account_id)
            return False
        to = _NEXT[server.status]
        if to is not None:
            transition(session, BARE_METAL, id_, to, BARE_METAL.table.c.status == server.status)
            return True
    return False


def _run(run: queue.Run) -> None:
    while run.write(lambda session: _step(session, run.job.subject)):
        pass


def _give_up(session: Session, job: queue.Claimed, error: Exception) -> None:
    log.error("bare metal server not moved", server=job.subject, error=queue.text_of(error))
    reason = {"code": "cannot_start", "message": "The server's log has the details."}
    transition(session, BARE_METAL, job.subject, "failed", status_reasons=[reason])


def handler() -> queue.Handler:
    return queue.Handler(MOVE, _run, _give_up)
