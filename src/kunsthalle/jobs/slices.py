"""Work on very much at once, in slices: none of them holds the writer for long.

The first slice is done in the transaction of the request, and mostly is all there is. What is left is done by a job, a
transaction a slice. Whoever begins such work has marked its subject in the same transaction, so that what still waits
for its slice grants nothing and is seen by nobody.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from kunsthalle.core.clock import DAY
from kunsthalle.core.log import get_logger
from kunsthalle.db.session import Session
from kunsthalle.jobs import queue

log = get_logger("jobs")


class SlicedWork(Struct, frozen=True):
    """Work of a kind. `step` does a slice of it on a subject, however often it is called, and says whether there may
    be more.
    """

    kind: str
    step: Callable[[Session, str], bool]

    def begin(self, session: Session, subject: str) -> bool:
        """Do the first slice, and have a job do the rest; whether there is any."""
        more = self.step(session, subject)
        if more:
            system = session.as_context(session.ctx.as_system(session.ctx.account_id))
            queue.enqueue(system, self.kind, subject)
        return more

    def handler(self) -> queue.Handler:
        """The job that does what is left."""
        return queue.Handler(self.kind, self._run, self._give_up)

    def _run(self, run: queue.Run) -> None:
        while run.write(lambda session: self.step(session, run.job.subject)):
            pass

    def _give_up(self, session: Session, job: queue.Claimed, error: Exception) -> None:
        """It is tried again a day later."""
        log.error("work is left over", job=job.kind, subject=job.subject, error=queue.text_of(error))
        queue.enqueue(session, self.kind, job.subject, due_at=session.ctx.now() + DAY)
