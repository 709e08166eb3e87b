"""The threads that work jobs off, and travel in time that waits for them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND, MovableClock
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.disk_space import is_out_of_space
from kunsthalle.core.faults import Fault, Faults, Subject
from kunsthalle.core.lazy import Lazy
from kunsthalle.core.log import get_logger
from kunsthalle.core.outages import Outage
from kunsthalle.core.trace_parents import InSpan
from kunsthalle.db import audit, kv, nodes
from kunsthalle.db.account_priority import MOST_SECONDS, REST
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.jobs import leases, queue

log = get_logger("jobs")
_TICK_SECONDS = 0.5
_HEARTBEAT_SECONDS = 10.0
_LOOK_SECONDS = 0.05
"""Between two looks whether the jobs of other nodes have ended."""
_KEEP_DONE = 86_400 * SECOND
_SHARED = max(1, len(os.sched_getaffinity(0)) // 2 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 2) // 2)
"""Jobs of one account that run at once while other accounts ask: an import keeps a processor busy."""


class Busy(Exception):
    """Jobs that run did not end in time."""


class TooOften(Exception):
    """A job that no worker has survived."""


class InjectedFailure(Exception):
    """A failure that an injected fault has asked for. `reason`: the code that its subject shows, where it has one."""

    def __init__(self, reason: str = "") -> None:
        super().__init__("This failure was asked for with a fault.")
        self.reason = reason


class _Steps:
    """The transactions of one job. Its account is charged with the processor time of this thread, and waits for the
    requests of accounts that have used less: in all for a multiple of what the job has used itself, so that one of many
    short steps does not wait before each.
    """

    def __init__(self, store: Store, account_id: str) -> None:
        self._store, self._account_id = store, account_id
        self._since = time.thread_time()
        self._patience = MOST_SECONDS
        """Seconds that it still waits."""

    def read(self, ctx: Context, function: Callable[[Session], Any]) -> Any:
        self.give_way()
        return self._store.read(ctx, function)

    def write(self, ctx: Context, function: Callable[[Session], Any]) -> Any:
        self.give_way()
        return self._store.write(ctx, function)

    def count(self) -> None:
        """Charge what has been used since the last time."""
        now = time.thread_time()
        self._store.priority.add(self._account_id, now - self._since)
        self._patience += (now - self._since) * REST
        self._since = now

    def give_way(self) -> None:
        self.count()
        if self._patience > 0:
            begun = time.monotonic()
            self._store.priority.wait_in_job(self._account_id, min(self._patience, MOST_SECONDS))
            self._patience -= time.monotonic() - begun
        self._store.priority.rest_in_job(self._account_id)


class Worker:
    """A few threads of one process. `owner` names the process among the nodes of a store.

    Of two threads or more the first takes short jobs only, so that transfers never keep those waiting.
    """

    def __init__(
        self,
        store: Store,
        ctx: Context,
        handlers: Iterable[queue.Handler],
        threads: int = 2,
        faults: Faults | None = None,
    ) -> None:
        self.on_ended: Callable[[queue.Claimed, float, Exception | None], None] = lambda _job, _seconds, _error: None
        """Told of each run of a job: its seconds, and what it failed with."""
        self._store = store
        self._faults = faults or Faults()
        self._ctx = ctx
        self._handlers = Lazy(lambda: {handler.kind: handler for handler in handlers})
        self._owner = ctx.ids.uuid()
        self._count = threads
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._work = threading.Condition()
        self._claiming = threading.Lock()
        self._signalled = 0
        self._paused = False
        self._pausing = ""
        self._busy = 0
        self._held: dict[str, str] = {}
        self._running: dict[str, str] = {}
        """The account of each job that is carried out."""
        self._travelling = threading.Lock()
        self._unregister: Callable[[], None] = lambda: None

    def start(self) -> None:
        if self._store.embedded:
            self._store.write(self._ctx, queue.release_all)
            self._store.write(self._ctx, leases.release_all)
        self._unregister = queue.on_wake(self._wake)
        self._spawn("jobs-heartbeat", self._beats)
        for number in range(self._count):
            transfers = number > 0 or self._count == 1
            self._spawn(f"jobs-{number}", partial(self._loop, f"{self._owner}.{number}", transfers=transfers))

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        self._unregister()
        self._unregister = lambda: None
        self._stopping.set()
        self._wake()
        for thread in self._threads:
            thread.join(timeout=30)

    def _wake(self) -> None:
        with self._work:
            self._signalled += 1
            self._work.notify_all()

    def _loop(self, owner: str, *, transfers: bool) -> None:
        while not self._stopping.is_set():
            seen = self._signalled
            try:
                if self._one(owner, transfers=transfers):
                    continue
            except Exception:
                log.exception("job loop", worker=owner)
            with self._work:
                self._work.wait_for(lambda: seen != self._signalled or self._stopping.is_set(), _TICK_SECONDS)  # noqa: B023  called here

    def _beats(self) -> None:
        """In a thread of its own: a job may take longer than a lease, and so may all of them at once."""
        lease = self._store.bounds.lease / SECOND
        while not self._stopping.wait(min(_HEARTBEAT_SECONDS, lease / 3)):
            try:
                self._store.write(self._ctx, self._extend)
                self._store.write(self._ctx, lambda session: queue.purge(session, self._ctx.now() - _KEEP_DONE))
            except Exception:
                log.exception("heartbeat", worker=self._owner)

    def _extend(self, session: Session) -> None:
        queue.extend(session, dict(self._held))
        self.stay_paused(session)

    @contextmanager
    def paused(self, seconds: float = 60.0) -> Iterator[None]:
        """No job runs meanwhile, on no node. Busy when those that run do not end in time."""
        deadline = time.monotonic() + seconds
        with self._travelling, self._others_paused(deadline):
            try:
                with self._work:
                    self._paused = True
                    while self._busy:
                        left = deadline - time.monotonic()
                        if left <= 0:
                            raise Busy("Jobs are running that did not end in time; try again.")
                        self._work.wait(left)
                yield
            finally:
                with self._work:
                    self._paused = False
                self._wake()

    def stay_paused(self, session: Session) -> None:
        """Where this process has all nodes pause, they go on to."""
        if self._pausing:
            queue.stay_paused(session, owner=self._pausing)

    @contextmanager
    def _others_paused(self, deadline: float) -> Iterator[None]:
        """Other nodes take no job up meanwhile, and have ended what they had. It lasts as long as a lease, and is
        renewed with them: nobody waits long for a node that was killed.
        """
        if self._store.embedded:
            yield
            return
        me = self._ctx.ids.uuid()
        self._store.write(self._ctx, partial(queue.pause, owner=me))
        self._pausing = me
        try:
            while self._store.read(self._ctx, queue.running):
                if time.monotonic() > deadline:
                    raise Busy("Jobs are running that did not end in time; try again.")
                self._stopping.wait(_LOOK_SECONDS)
            yield
        finally:
            self._pausing = ""
            self._store.write(self._ctx, partial(queue.unpause, owner=me))

    def _one(self, owner: str, *, transfers: bool = True) -> bool:
        with self._work:
            if self._paused:
                return False
            self._busy += 1
        try:
            return self._take(owner, transfers=transfers)
        finally:
            with self._work:
                self._busy -= 1
                self._work.notify_all()

    def _take(self, owner: str, *, transfers: bool) -> bool:
        job = self._claim(owner, transfers=transfers)
        if job is None:
            return False
        self._held[job.id] = owner
        self._running[job.id] = job.account_id
        self._store.priority.enter(job.account_id)
        try:
            with InSpan(self._store.tracer, job.trace or ""):
                self._do(job, owner)
        except queue.LeaseLost:
            log.warning("lease lost", job=job.kind, subject=job.subject)
        finally:
            self._held.pop(job.id, None)
            self._running.pop(job.id, None)
            self._store.priority.leave(job.account_id)
            self._store.refusals.forget(job.account_id)
            self._wake()
        return True

    def _claim(self, owner: str, *, transfers: bool) -> queue.Claimed | None:
        """The threads look one after another, so that of all that a job has woken only one tries to claim it."""
        with self._claiming:
            most = self._most_running()
            if not self._store.read(self._ctx, lambda session: queue.claimable(session, transfers=transfers)):
                return None
            return self._store.write(
                self._ctx, lambda session: queue.claim(session, owner, transfers=transfers, most_running=most)
            )

    def _most_running(self) -> int:
        """How many jobs of one account may run: fewer while others ask, whose requests need a processor as well."""
        most = self._store.bounds.running
        accounts = set(self._running.copy().values())
        shared = bool(accounts) and len(accounts | self._store.priority.asking()) > 1
        return min(most, _SHARED) if shared else most

    def _do(self, job: queue.Claimed, owner: str) -> None:
        ctx = self._ctx.working(job.kind, job.account_id, job.initiator or "", job.trace or "")
        about = Subject(job.kind, ctx.now(), job.account_id, job.initiator or "", job.subject)
        fault = self._faults.of_job(about)
        if fault is not None:
            self._store.recordings.job_fault(ctx.now(), ctx.trace, job.kind, job.subject, fault.label)
            self._struck(job, ctx, owner, fault)
            return
        steps, begun = _Steps(self._store, job.account_id), time.monotonic()
        failure: Exception | None = None
        run = queue.Run(job, ctx, steps.read, steps.write, owner, steps.give_way)
        try:
            if job.attempts > queue.MOST_CLAIMS:
                raise TooOften(f"taken up {job.attempts - 1} times without an end")
            self._handlers()[job.kind].run(run)
            if not run.finished:
                run.finish()
        except queue.LeaseLost:
            raise
        except Outage as error:
            failure = error
            log.warning("job waits", job=job.kind, subject=job.subject, attempt=job.attempts, error=str(error))
            self._failed(job, ctx, owner, error)
        except Exception as error:
            failure = error
            log.exception("job failed", job=job.kind, subject=job.subject, attempt=job.attempts)
            self._failed(job, ctx, owner, error, patient=is_out_of_space(error))
        finally:
            steps.count()
            self.on_ended(job, time.monotonic() - begun, failure)

    @property
    def running(self) -> int:
        """How many jobs are being carried out in this process."""
        return len(self._held)

    def kinds(self) -> list[str]:
        """The kinds of jobs there are."""
        return sorted(self._handlers())

    def _struck(self, job: queue.Claimed, ctx: Context, owner: str, fault: Fault) -> None:
        match fault.effect:
            case "hold":
                due = ctx.now() + int(fault.seconds * SECOND)
                self._store.write(ctx, lambda session: queue.postpone(session, job, owner, due))
            case "fail" | "retry":
                self._failed(job, ctx, owner, InjectedFailure(fault.reason), for_good=fault.effect == "fail")
            case effect:
                raise UnknownMember("effect of a fault on jobs", effect)

    def _failed(
        self,
        job: queue.Claimed,
        ctx: Context,
        owner: str,
        error: Exception,
        *,
        for_good: bool = False,
        patient: bool = False,
    ) -> None:
        """Has the job tried again, or ends it. `patient`: it waits for room on a disk, which takes people a while."""
        most = queue.MOST_CLAIMS if patient else queue.MOST_ATTEMPTS
        handler = self._handlers().get(job.kind)

        def settle(session: Session) -> None:
            if isinstance(error, Outage):
                queue.wait(session, job, owner, error)
                return
            if job.attempts < most and not for_good:
                queue.retry(session, job, owner, error, patient=patient)
                return
            queue.end(session, job, owner, "failed", error)
            audit.gave_up(session, job.subject)
            if handler is not None:  # else a later release enqueued it; there is nobody to ask
                handler.give_up(session, job, error)

        self._store.write(ctx, settle)

    def settle(self, seconds: float = 60.0) -> bool:
        """Waits until nothing runs and nothing is due; False when that takes too long."""
        deadline = time.monotonic() + seconds
        with self._work:
            while self._store.read(self._ctx, queue.pending):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._work.wait(min(left, _TICK_SECONDS))  # another node's jobs end without a word to this one
        return True

    def travel(self, clock: MovableClock, to: int) -> None:
        """Moves the clock from one due time to the next, and returns after everything that became due has run.

        A job that failed and waits for another try waits in real time; it is not waited for here. One traveller at a
        time, and never backwards.
        """
        with self._travelling:
            while self._ripen():
                due = self._next_due(clock.now(), to)
                if due is None:
                    break
                self._move(clock, due)
            if to > clock.now():
                self._move(clock, to)
            self._ripen()

    def _ripen(self) -> bool:
        self._wake()
        return self.settle()

    def _next_due(self, after: int, until: int) -> int | None:
        return self._store.read(self._ctx, lambda session: queue.next_due(session, until, after))

    def _move(self, clock: MovableClock, moment: int) -> None:
        clock.adopt(**self._store.write(self._ctx, partial(_moved, clock=clock, moment=moment)))


def _moved(session: Session, clock: MovableClock, moment: int) -> dict[str, int]:
    """Where the clock stands now: another node may have moved it further meanwhile."""
    stored: dict[str, int] | None = kv.locked(session, "clock")
    if stored is not None and clock.placed(**stored) >= moment:
        return stored
    position = {"now": moment, "real": clock.real()}
    kv.put(session, "clock", position)
    nodes.changed(session)
    return position
