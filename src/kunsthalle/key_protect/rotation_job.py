"""Rotation by policy: the clock rotates a root key when its policy says so."""

from __future__ import annotations

from kunsthalle.core.clock import DAY
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.jobs import queue
from kunsthalle.key_protect import service
from kunsthalle.key_protect.key_policies import ROTATE_JOB
from kunsthalle.key_protect.resources import PROTECTED_KEY
from kunsthalle.key_protect.tables import protected_keys

_ENDED = ("destroyed", "deactivated")


def rotate_job() -> queue.Handler:
    """A suspended key is looked at again every day, and rotated once it is enabled."""

    def run(run: queue.Run) -> None:
        def due(session: Session) -> None:
            for key in unscoped(session, PROTECTED_KEY, protected_keys.c.id == run.job.subject):
                state = service.state_of(session, key)
                if state == "active":
                    service.renew_material(session, key, None)
                elif state not in _ENDED:
                    _again(session, run.job)

        run.finish(due)

    return queue.Handler(ROTATE_JOB, run, lambda session, job, _error: _again(session, job))


def _again(session: Session, job: queue.Claimed) -> None:
    queue.enqueue(session, ROTATE_JOB, job.subject, due_at=session.ctx.now() + DAY)
