"""The audit is kept for a number of days: a job removes what is older, a bounded number of rows at a time."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.context import Context
from kunsthalle.core.log import get_logger
from kunsthalle.store import audit, facts, jobs
from kunsthalle.store.engine import Store
from kunsthalle.store.schema.base import audit as table
from kunsthalle.store.unit import Unit

log = get_logger("audit")
JOB = "audit.expire"
BATCH = 1_000
"""Rows that one transaction removes: other writers wait for no more than that."""
_FACT, _SUBJECT = "audit-days", "audit"


def keep_for(store: Store, ctx: Context, days: int) -> None:
    """At a start: from now on entries are kept for so many days, 0 for ever. The job is scheduled anew if need be."""
    if store.read(ctx, lambda unit: facts.get(unit, _FACT)) == days:
        return

    def write(unit: Unit) -> None:
        if facts.locked(unit, _FACT) != days:  # another node may have been quicker
            facts.put(unit, _FACT, days)
            _schedule(unit, 0)

    store.write(ctx, write)


def _schedule(unit: Unit, pause: int) -> None:
    """One job, due when the oldest entry expires, and not before a pause is over."""
    jobs.cancel(unit, JOB, _SUBJECT)
    days, now = int(facts.get(unit, _FACT) or 0), unit.ctx.now()
    if days:
        row = unit.first(select(func.min(table.c.at)))
        oldest = row[0] if row is not None and row[0] is not None else now
        jobs.enqueue(unit, JOB, _SUBJECT, due_at=max(oldest + days * DAY, now + pause))


def _expire(run: jobs.Run) -> None:
    days = run.read(lambda unit: int(facts.get(unit, _FACT) or 0))
    before, removed = run.ctx.now() - days * DAY, 0
    while days:
        batch = run.write(lambda unit: _remove(unit, before))
        removed += batch
        if batch < BATCH:
            break
    if removed:
        log.info("audit entries expired", removed=removed, before=rfc3339(before))

    def finish(unit: Unit) -> None:
        if removed:
            audit.record(unit, f"kunsthalle.{JOB}", f"{removed} entries before {rfc3339(before)}", 200)
        _schedule(unit, DAY)

    run.finish(finish)


def _remove(unit: Unit, before: int) -> int:
    oldest = select(table.c.id).where(table.c.at < before).order_by(table.c.at, table.c.id).limit(BATCH)
    return unit.execute(delete(table).where(table.c.id.in_(oldest))).rowcount


def handler() -> jobs.Handler:
    """The job; when it has failed for good it is tried again the next day."""
    return jobs.Handler(JOB, _expire, lambda unit, _job, _error: _schedule(unit, DAY))
