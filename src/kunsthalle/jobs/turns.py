"""Whose turn it is: jobs are shared out between accounts, so that one account's many jobs hold up nobody else's.

A job with `transfer_bytes` is a transfer: an import, an export or a copy, which may take minutes. All others are short.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, text, true

from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import invalid, too_many
from kunsthalle.core.sizes import GIB
from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.session import Session
from kunsthalle.db.tables import job_turns, jobs
from kunsthalle.db.unscoped import put_row

LONGEST_PAUSE = 600 * SECOND
"""Between two tries of a job. A job that waits longer was put back before the system clock went back."""
RETRY_AFTER = 10
"""Seconds after which a caller who has too many jobs may try again."""
_ADVISORY_LOCK = 7202
_ANY_NUMBER = 2**31 - 1
"""More jobs than any account has running."""


READY = and_(
    jobs.c.state == "queued",
    jobs.c.due_at <= bindparam("now"),
    or_(jobs.c.not_before <= bindparam("real"), jobs.c.not_before > bindparam("latest")),
)
"""Which queued jobs may be claimed, at `moments`."""


def lane(*, transfers: bool) -> ColumnElement[bool]:
    """Jobs that a thread takes: all of them, or, without transfers, the short ones."""
    return true() if transfers else jobs.c.transfer_bytes.is_(None)


def moments(session: Session) -> dict[str, int]:
    """Now by the product clock, now in real time, and until when in real time a job may wait."""
    real = session.ctx.clock.real()
    return {"now": session.ctx.now(), "real": real, "latest": real + LONGEST_PAUSE}


def take_turns(session: Session) -> None:
    """Lets one claim at a time go on from here, so that each sees the ones before. SQLite has only one writer."""
    if session.dialect != "sqlite":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def _next_account(*, transfers: bool) -> CompiledSelect:
    def make() -> Select[Any]:
        in_lane = lane(transfers=transfers)
        due = func.min(jobs.c.due_at).label("due")
        waiting = select(jobs.c.account_id, due).where(READY, in_lane).group_by(jobs.c.account_id).subquery()
        active = select(jobs.c.account_id, func.count().label("n")).where(jobs.c.state == "running", in_lane)
        running = active.group_by(jobs.c.account_id).subquery()
        count = func.coalesce(running.c.n, 0)
        return (
            select(waiting.c.account_id)
            .outerjoin(running, running.c.account_id == waiting.c.account_id)
            .outerjoin(job_turns, job_turns.c.account_id == waiting.c.account_id)
            .where(count < bindparam("most"))
            .order_by(count, func.coalesce(job_turns.c.turn, 0), waiting.c.due, waiting.c.account_id)
            .limit(1)
        )

    return CompiledSelect(make)


_NEXT_ACCOUNT = {transfers: _next_account(transfers=transfers) for transfers in (False, True)}


def next_account(session: Session, most_running: int | None, *, transfers: bool) -> str | None:
    """The account whose job is claimed next: with the fewest running jobs, and among those served longest ago.

    Running jobs of the lane count, so that an account's own transfers do not keep its short jobs waiting. None where no
    job of the lane is ready, or every account that has one has `most_running` already.
    """
    most = _ANY_NUMBER if most_running is None else most_running
    row = _NEXT_ACCOUNT[transfers].first(session, {**moments(session), "most": most})
    return str(row[0]) if row else None


_LAST_TURN = CompiledSelect(lambda: select(func.max(job_turns.c.turn)))


def served(session: Session, account_id: str) -> None:
    """Puts the account behind all others that have been served."""
    row = _LAST_TURN.first(session, {})
    turn = (row[0] if row and row[0] is not None else 0) + 1
    put_row(session, job_turns, ("account_id",), replacing=("turn",), account_id=account_id, turn=turn)


def _alive() -> Select[Any]:
    """How many jobs of an account wait or run, how many of them are transfers, and how many bytes these may write."""
    moved = jobs.c.transfer_bytes
    here = and_(jobs.c.account_id == bindparam("account", None), jobs.c.due_at <= bindparam("now", None))
    numbers = select(func.count(), func.count(moved), func.coalesce(func.sum(moved), 0))
    return numbers.where(here, jobs.c.state.in_(("queued", "running")))


_ALIVE = CompiledSelect(_alive)


def refuse_excess(session: Session, transfer_bytes: int | None) -> None:
    """Refuses a caller's new job when the account has too many. 429; 400 `over_quota` for one that can never run.

    On PostgreSQL two requests at the same moment may both take the last place.
    """
    bounds = session.bounds
    if transfer_bytes is not None and transfer_bytes > bounds.transfer_bytes:
        most = bounds.transfer_bytes // GIB
        size = -(-transfer_bytes // GIB)
        raise invalid("over_quota", f"The transfer may write {size} GiB; an account may have {most} GiB in transfer.")
    row = _ALIVE.first(session, {"account": session.ctx.account_id, "now": session.ctx.now()})
    count, transfers, size = (int(value) for value in row) if row else (0, 0, 0)
    if count >= bounds.waiting:
        text_ = f"The account has {count} jobs that wait or run; at most {bounds.waiting} are allowed."
        raise too_many(text_, RETRY_AFTER)
    if transfer_bytes is None:
        return
    if transfers >= bounds.transfers:
        text_ = f"The account has {transfers} imports, exports and copies that wait or run"
        raise too_many(f"{text_}; at most {bounds.transfers} are allowed.", RETRY_AFTER)
    if size + transfer_bytes > bounds.transfer_bytes:
        most = bounds.transfer_bytes // GIB
        text_ = f"The account's imports, exports and copies may write {most} GiB together; that is reached."
        raise too_many(text_, RETRY_AFTER)
