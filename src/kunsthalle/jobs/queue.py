"""Durable work: rows in `jobs`, enqueued in the caller's transaction, claimed under a lease, repeated or undone.

`due_at` follows the product clock (a reclamation is due days later, and time travel reaches it); `not_before` and
leases follow real time. Reads never advance anything: whatever happens later is a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.sql.dml import UpdateBase

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND
from kunsthalle.db import kv
from kunsthalle.db.bounds import JobBounds
from kunsthalle.db.compiled_changes import CompiledChange, set_columns
from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.row_models import reader
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs
from kunsthalle.db.unscoped import add_row
from kunsthalle.jobs import turns

LEASE = JobBounds().lease
"""Of a job in the hands of a worker, where no setting says otherwise."""
AT_ONCE = 0
"""`due_at` of a job that waits for no moment: a clock that goes back must not make it wait."""
MOST_ATTEMPTS = 5
MOST_CLAIMS = 20
"""A job taken up this often has killed its worker again and again: it ends, and the process can live."""
_OUTAGE_ATTEMPTS = 7
"""So many are counted of a job that waits for the end of an outage: half a minute lies between two."""
_LONGEST_ERROR = 2_000
_PAUSED = "jobs-paused"
"""Who has all nodes claim no job, and until when in real time."""


class Claimed(Struct, frozen=True):
    """A job in the hands of one worker."""

    id: str
    account_id: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    attempts: int
    due_at: int
    initiator: str | None = None
    trace: str | None = None


class Alive(Struct, frozen=True):
    """What a job that waits or runs is about."""

    kind: str
    state: str
    subject: str
    payload: Mapping[str, Any]


_CLAIMED = tuple(jobs.c[name] for name in Claimed.__struct_fields__)
_ALIVE = tuple(jobs.c[name] for name in Alive.__struct_fields__)
_claimed, _alive = reader(Claimed, _CLAIMED), reader(Alive, _ALIVE)
"""Kind, state, subject and payload of a job that waits or runs."""


class LeaseLost(Exception):
    """Another worker has taken the job over; what this one did must not be committed."""


class Handler(Struct, frozen=True):
    """How a kind of job is done.

    `run` may work outside a transaction and ends with `Run.finish`. `give_up` runs, in the transaction that ends the
    job, once it has failed for good with an error: it leaves the subject in a state that says so.
    """

    kind: str
    run: Callable[[Run], None]
    give_up: Callable[[Session, Claimed, Exception], None]


class Run:
    """What a handler is given: its job, a context of the job's account, and transactions that honour the lease."""

    def __init__(
        self,
        job: Claimed,
        ctx: Context,
        reader: Callable[..., Any],
        writer: Callable[..., Any],
        owner: str,
        give_way: Callable[[], None] = lambda: None,
    ) -> None:
        self.job = job
        self.give_way = give_way
        """To be called between two pieces of work that take long: it waits a moment for those who go first."""
        self.ctx = ctx
        self._reader = reader
        self._writer = writer
        self._owner = owner
        self.finished = False

    def read(self, function: Callable[[Session], Any]) -> Any:
        return self._reader(self.ctx, function)

    def write(self, function: Callable[[Session], Any]) -> Any:
        """A step that is durable by itself, refused when the lease is gone."""

        def guarded(session: Session) -> Any:
            _keep(session, self.job.id, self._owner, {"lease_until": _lease(session)})
            return function(session)

        return self._writer(self.ctx, guarded)

    def finish(self, function: Callable[[Session], Any] = lambda _session: None) -> Any:
        """The last step: its effect and the end of the job are one transaction."""

        def guarded(session: Session) -> Any:
            _keep(session, self.job.id, self._owner, {"state": "done"})
            return function(session)

        result = self._writer(self.ctx, guarded)
        self.finished = True
        return result


def _lease(session: Session) -> int:
    """Until when in real time what is claimed now is the claimer's."""
    return session.ctx.clock.real() + session.bounds.lease


def _keep(session: Session, id_: str, owner: str, values: Mapping[str, Any]) -> None:
    is_mine = (jobs.c.id == id_, jobs.c.state == "running", jobs.c.lease_owner == owner)
    if set_columns(session, jobs, values, *is_mine) != 1:
        raise LeaseLost(id_)


def enqueue(
    session: Session,
    kind: str,
    subject: str,
    *,
    due_at: int | None = None,
    not_before: int = 0,
    transfer_bytes: int | None = None,
    **payload: Any,
) -> str:
    """Adds a job to the caller's transaction and account. It is seen by workers once that is committed.

    What it does will be in the audit as done on the caller's behalf, under the caller's trace. `transfer_bytes` says
    that the job is a transfer, and how much it may write at most. A job without `due_at` may run at once, whatever the
    clock is set to meanwhile; `not_before` is a moment of real time, at most `turns.LONGEST_PAUSE` from now. 429, or
    400 `over_quota`, when a caller's account has too many jobs.
    """
    ctx = session.ctx
    if due_at is None and ctx.actor.kind != "System":
        turns.refuse_excess(session, transfer_bytes)
    row = _row(ctx, kind, subject, payload, AT_ONCE if due_at is None else due_at, transfer_bytes)
    add_row(session, jobs, **{**row, "not_before": not_before})
    session.after_commit(_wake_all)
    return str(row["id"])


def enqueue_all(session: Session, kind: str, subjects: Sequence[str]) -> None:
    """The same for each of many subjects, in one statement. 429 when the caller's account has too many jobs before."""
    ctx = session.ctx
    if not subjects:
        return
    if ctx.actor.kind != "System":
        turns.refuse_excess(session, None)
    session.execute_many(insert(jobs), [_row(ctx, kind, subject, {}, AT_ONCE, None) for subject in subjects])
    session.after_commit(_wake_all)


def _row(
    ctx: Context, kind: str, subject: str, payload: Mapping[str, Any], due_at: int, transfer_bytes: int | None
) -> dict[str, Any]:
    return {
        "id": ctx.ids.uuid(),
        "account_id": ctx.account_id,
        "kind": kind,
        "subject": subject,
        "payload": payload,
        "state": "queued",
        "due_at": due_at,
        "not_before": 0,
        "attempts": 0,
        "created_at": ctx.now(),
        "initiator": (ctx.initiator or ctx.actor.iam_id)[:128],
        "trace": ctx.trace,
        "transfer_bytes": transfer_bytes,
    }


_WAITING = jobs.c.state + "" == "queued"
"""Compared as an expression: SQLite would otherwise walk through all that waits, and not look for the subject."""

_CANCEL = CompiledChange(
    lambda: delete(jobs).where(jobs.c.kind == bindparam("of_kind"), jobs.c.subject == bindparam("about"), _WAITING)
)


def cancel(session: Session, kind: str, subject: str) -> int:
    """Removes what has not begun yet; the number of jobs removed."""
    return _CANCEL.count(session, {"of_kind": kind, "about": subject})


def cancel_all(session: Session, kind: str, subjects: Select[Any]) -> int:
    """The same for every subject that a statement finds."""
    waiting = and_(jobs.c.kind == kind, jobs.c.subject.in_(subjects), _WAITING)
    return session.execute(delete(jobs).where(waiting)).rowcount


def claim(session: Session, owner: str, *, transfers: bool = True, most_running: int | None = None) -> Claimed | None:
    """Takes a job whose worker went silent, or the oldest one of the account whose turn it is.

    `transfers` says whether transfers may be taken too; `most_running` how many jobs of one account may run.
    """
    turns.take_turns(session)
    if _is_paused(session):
        return None
    silent, ready = _TAKING[transfers]
    values = {"owner": owner, "lease": _lease(session), **turns.moments(session)}
    row = silent.first(session, values)
    if row is not None:
        return _claimed(row)
    account_id = turns.next_account(session, most_running, transfers=transfers)
    if account_id is None:
        return None
    row = ready.first(session, {**values, "account": account_id})
    if row is None:
        return None
    turns.served(session, account_id)
    return _claimed(row)


def _silent(real: Any) -> ColumnElement[bool]:
    return and_(jobs.c.state == "running", jobs.c.lease_until < real)


def _claimable(*, transfers: bool) -> CompiledSelect:
    def make() -> Select[Any]:
        return (
            select(jobs.c.id)
            .where(or_(turns.READY, _silent(bindparam("real"))), turns.lane(transfers=transfers))
            .limit(1)
        )

    return CompiledSelect(make)


_CLAIMABLE = {transfers: _claimable(transfers=transfers) for transfers in (False, True)}


def claimable(session: Session, *, transfers: bool = True) -> bool:
    """Whether `claim` has a job to choose from, which it may still refuse to an account that has too many running.

    For asking before each claim: a claim writes, and makes everybody else's write wait.
    """
    return _CLAIMABLE[transfers].first(session, turns.moments(session)) is not None


def _taking(which: ColumnElement[bool], first: ColumnElement[int], *, transfers: bool) -> CompiledChange:
    """Takes the first job of those in an order, in the lane, for an owner and until the end of a lease."""

    def make() -> UpdateBase:
        waiting = select(jobs.c.id).where(which, turns.lane(transfers=transfers))
        chosen = waiting.order_by(first, jobs.c.created_at, jobs.c.id).limit(1)
        return (
            update(jobs)
            .where(jobs.c.id == chosen.with_for_update(skip_locked=True).scalar_subquery())
            .values(
                state="running",
                lease_owner=bindparam("owner"),
                lease_until=bindparam("lease"),
                attempts=jobs.c.attempts + 1,
            )
            .returning(*_CLAIMED)
        )

    return CompiledChange(make)


def _takings(*, transfers: bool) -> tuple[CompiledChange, CompiledChange]:
    """Of a job whose worker went silent, and of an account's oldest one that is ready."""
    ready = and_(jobs.c.account_id == bindparam("account"), turns.READY)
    return (
        _taking(_silent(bindparam("real")), jobs.c.lease_until, transfers=transfers),
        _taking(ready, jobs.c.due_at, transfers=transfers),
    )


_TAKING = {transfers: _takings(transfers=transfers) for transfers in (False, True)}


def retry(session: Session, job: Claimed, owner: str, error: Exception, *, patient: bool = False) -> None:
    """Puts a failed job back, to be tried again after a pause in real time that doubles.

    The pause is at most 16 seconds, and ten minutes where the job is `patient`.
    """
    pause = min(2 ** min(job.attempts, MOST_CLAIMS if patient else 6) * SECOND // 4, turns.LONGEST_PAUSE)
    back = {"state": "queued", "not_before": session.ctx.clock.real() + pause, "last_error": _storable(error)}
    _keep(session, job.id, owner, back)


def wait(session: Session, job: Claimed, owner: str, error: Exception) -> None:
    """Puts a job back until an outage is over: it is tried again each half minute, for as long as that takes."""
    attempts = min(job.attempts, _OUTAGE_ATTEMPTS)
    until = session.ctx.clock.real() + 2**attempts * SECOND // 4
    back = {"state": "queued", "not_before": until, "attempts": attempts, "last_error": _storable(error)}
    _keep(session, job.id, owner, back)


def postpone(session: Session, job: Claimed, owner: str, due_at: int) -> None:
    """Puts a job back until a moment of the product clock, as if it had not been taken up."""
    _keep(session, job.id, owner, {"state": "queued", "due_at": due_at, "attempts": job.attempts - 1})


def end(session: Session, job: Claimed, owner: str, state: str, error: Exception | None = None) -> None:
    """Marks a job `done` or `failed` for good."""
    _keep(session, job.id, owner, {"state": state, "last_error": None if error is None else _storable(error)})


def _storable(error: Exception) -> str:
    """An error may quote hostile bytes; what PostgreSQL would refuse must not keep a job from ending."""
    return text_of(error)[:_LONGEST_ERROR].encode(errors="replace").decode().replace("\0", "?")


def text_of(error: Exception) -> str:
    """What the log and the row of a job say of an error: for people, never to be compared."""
    return f"{type(error).__name__}: {error}"


def extend(session: Session, held: Mapping[str, str]) -> None:
    """The heartbeat of a worker process: the leases of the jobs in its hands, id and owner, run on."""
    until = _lease(session)
    for id_, owner in held.items():
        is_mine = and_(jobs.c.id == id_, jobs.c.lease_owner == owner, jobs.c.state == "running")
        session.execute(update(jobs).where(is_mine).values(lease_until=until))


def release_all(session: Session) -> int:
    """At the start of the only process of a store: whoever held a lease is dead."""
    condition = update(jobs).where(jobs.c.state == "running").values(state="queued", lease_owner=None)
    return session.execute(condition).rowcount


def pause(session: Session, owner: str) -> None:
    """Have no node claim a job for as long as a lease lasts."""
    turns.take_turns(session)
    stay_paused(session, owner)


def stay_paused(session: Session, owner: str) -> None:
    """Have the pause of an owner last for another lease, also in a database that has become another one."""
    kv.put(session, _PAUSED, {"owner": owner, "until": _lease(session)})


def unpause(session: Session, owner: str) -> None:
    """Ends a pause of this owner's."""
    stored = kv.get(session, _PAUSED)
    if stored is not None and stored["owner"] == owner:
        kv.put(session, _PAUSED, {"owner": "", "until": 0})


def _is_paused(session: Session) -> bool:
    if session.dialect == "sqlite":  # the only process pauses itself
        return False
    stored = kv.get(session, _PAUSED)
    return stored is not None and session.ctx.clock.real() < stored["until"]


def running(session: Session) -> int:
    """How many jobs are in the hands of workers that have not gone silent, on all nodes."""
    alive_now = and_(jobs.c.state == "running", jobs.c.lease_until >= session.ctx.clock.real())
    row = session.first(select(func.count()).select_from(jobs).where(alive_now))
    return int(row[0]) if row else 0


def next_due(session: Session, until: int, after: int = -1) -> int | None:
    """The earliest due time of a queued job that is later than `after` and not later than `until`."""
    between = (jobs.c.state == "queued", jobs.c.due_at > after, jobs.c.due_at <= until)
    row = session.first(select(func.min(jobs.c.due_at)).where(*between))
    return row[0] if row else None


_PENDING = CompiledSelect(
    lambda: select(func.count()).select_from(jobs).where(or_(jobs.c.state == "running", turns.READY))
)


def pending(session: Session) -> int:
    """How many jobs run, or are due and not waiting for another try."""
    row = _PENDING.first(session, turns.moments(session))
    return int(row[0]) if row else 0


def alive(session: Session) -> list[Alive]:
    """Every job that waits, however long, or runs."""
    return [_alive(row) for row in session.all(select(*_ALIVE).where(jobs.c.state.in_(("queued", "running"))))]


def purge(session: Session, before: int) -> None:
    """Forgets jobs that ended well before a moment."""
    session.execute(delete(jobs).where(jobs.c.state == "done", jobs.c.created_at < before))


_wakers: list[Callable[[], None]] = []


def on_wake(callback: Callable[[], None]) -> Callable[[], None]:
    """Registers a worker to be woken when this process commits a job; the result unregisters it."""
    wakers = _wakers
    wakers.append(callback)
    return lambda: wakers.remove(callback)


def _wake_all() -> None:
    for wake in _wakers.copy():  # a worker of another thread may come or go meanwhile
        wake()
