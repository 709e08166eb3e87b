"""The audit is kept for a number of days: a job removes what is older, a bounded number of rows at a time.

What a sink has not received yet is kept longer, and for a bounded time, too: a sink that nobody repairs does not fill
the disk.
"""

from __future__ import annotations

from sqlalchemy import delete, func, select

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.log import get_logger
from kunsthalle.db import audit, kv
from kunsthalle.db.audit_cursors import days_of_unsent, keep_unsent_for, may_expire
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit as table
from kunsthalle.jobs import queue

log = get_logger("audit")
JOB = "audit.expire"
BATCH = 1_000
"""Rows that one transaction removes: other writers wait for no more than that."""
_FACT, _SUBJECT = "audit-days", "audit"


def keep_for(store: Store, ctx: Context, days: int, unsent_days: int = 0) -> None:
    """At a start: from now on entries are kept for so many days, 0 for ever. The job is scheduled anew if need be.

    Entries that a sink has not received are kept for `unsent_days` more.
    """
    if store.read(ctx, lambda session: (kv.get(session, _FACT), days_of_unsent(session))) == (days, unsent_days):
        return

    def write(session: Session) -> None:
        keep_unsent_for(session, unsent_days)
        if kv.locked(session, _FACT) != days:  # another node may have been quicker
            kv.put(session, _FACT, days)
            _schedule(session, 0)

    store.write(ctx, write)


def _schedule(session: Session, pause: int) -> None:
    """One job, due when the oldest entry expires, and not before a pause is over."""
    queue.cancel(session, JOB, _SUBJECT)
    days, now = int(kv.get(session, _FACT) or 0), session.ctx.now()
    if days:
        row = session.first(select(func.min(table.c.at)))
        oldest = row[0] if row is not None and row[0] is not None else now
        queue.enqueue(session, JOB, _SUBJECT, due_at=max(oldest + days * DAY, now + pause))


def _expire(run: queue.Run) -> None:
    days = run.read(lambda session: int(kv.get(session, _FACT) or 0))
    before, removed = run.ctx.now() - days * DAY, 0
    while days:
        batch = run.write(lambda session: _remove(session, before))
        removed += batch
        if batch < BATCH:
            break
    if removed:
        log.info("audit entries expired", removed=removed, before=rfc3339(before))

    def finish(session: Session) -> None:
        if removed:
            audit.record(session, f"kunsthalle.{JOB}", f"{removed} entries before {rfc3339(before)}", 200)
        _schedule(session, DAY)

    run.finish(finish)


def _remove(session: Session, before: int) -> int:
    oldest = select(table.c.id).where(may_expire(session, before)).order_by(table.c.at, table.c.id).limit(BATCH)
    return session.execute(delete(table).where(table.c.id.in_(oldest))).rowcount


def handler() -> queue.Handler:
    """The job; when it has failed for good it is tried again the next day."""
    return queue.Handler(JOB, _expire, lambda session, _job, _error: _schedule(session, DAY))
