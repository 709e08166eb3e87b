"""The threads that work jobs off, and travel in time that waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from kunsthalle.core.clock import SECOND, MovableClock
from kunsthalle.core.context import Context
from kunsthalle.store import facts, jobs
from kunsthalle.store.engine import Store

log = structlog.get_logger("jobs")
_TICK_SECONDS = 0.5
_HEARTBEAT = 10 * SECOND
_KEEP_DONE = 86_400 * SECOND


class Worker:
    """A few threads of one process. `owner` names the process among the nodes of a store."""

    def __init__(self, store: Store, ctx: Context, handlers: Iterable[jobs.Handler], threads: int = 2) -> None:
        self._store = store
        self._ctx = ctx
        self._handlers = {handler.kind: handler for handler in handlers}
        self._owner = ctx.ids.uuid()
        self._count = threads
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._work = threading.Condition()
        self._signalled = 0
        self._beaten = 0
        self._unregister: Callable[[], None] = lambda: None

    def start(self) -> None:
        if self._store.embedded:
            self._store.write(self._ctx, jobs.release_all)
        self._unregister = jobs.on_wake(self._wake)
        for number in range(self._count):
            thread = threading.Thread(target=self._loop, args=(number,), name=f"jobs-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._unregister()
        self._stopping.set()
        self._wake()
        for thread in self._threads:
            thread.join(timeout=30)

    def _wake(self) -> None:
        with self._work:
            self._signalled += 1
            self._work.notify_all()

    def _loop(self, number: int) -> None:
        owner = f"{self._owner}.{number}"
        while not self._stopping.is_set():
            seen = self._signalled
            try:
                if number == 0:
                    self._beat()
                if self._store.read(self._ctx, jobs.pending) and self._one(owner):
                    continue
            except Exception:
                log.exception("job loop", worker=owner)
            with self._work:
                if seen == self._signalled and not self._stopping.is_set():
                    self._work.wait(_TICK_SECONDS)

    def _beat(self) -> None:
        real = self._ctx.clock.real()
        if real - self._beaten < _HEARTBEAT:
            return
        self._beaten = real
        self._store.write(self._ctx, lambda unit: jobs.extend(unit, self._owner))
        self._store.write(self._ctx, lambda unit: jobs.purge(unit, self._ctx.now() - _KEEP_DONE))

    def _one(self, owner: str) -> bool:
        job = self._store.write(self._ctx, lambda unit: jobs.claim(unit, owner))
        if job is None:
            return False
        ctx = self._ctx.as_system(job.account_id)
        run = jobs.Run(job, ctx, self._store.read, self._store.write, owner)
        try:
            self._handlers[job.kind].run(run)
            if not run.finished:
                run.finish()
        except jobs.LeaseLost:
            log.warning("lease lost", job=job.kind, subject=job.subject)
        except Exception as error:
            log.exception("job failed", job=job.kind, subject=job.subject, attempt=job.attempts)
            self._failed(job, ctx, owner, f"{type(error).__name__}: {error}")
        finally:
            self._wake()
        return True

    def _failed(self, job: jobs.Claimed, ctx: Context, owner: str, error: str) -> None:
        def settle(unit: Any) -> None:
            if job.attempts < jobs.MOST_ATTEMPTS:
                jobs.retry(unit, job, owner, error)
                return
            jobs.end(unit, job, owner, "failed", error)
            self._handlers[job.kind].give_up(unit, job, error)

        self._store.write(ctx, settle)

    def settle(self, seconds: float = 60.0) -> bool:
        """Waits until nothing runs and nothing is due; False when that takes too long."""
        with self._work:
            return self._work.wait_for(lambda: self._store.read(self._ctx, jobs.pending) == 0, seconds)

    def travel(self, clock: MovableClock, to: int) -> None:
        """Moves the clock from one due time to the next, and returns after everything that became due has run."""
        while (due := self._store.read(self._ctx, lambda unit: jobs.next_due(unit, to))) is not None:
            if due > clock.now():
                self._move(clock, due)
            self._wake()
            if not self.settle():
                break
            if due <= clock.now() and self._store.read(self._ctx, jobs.pending) == 0 and self._waiting(due):
                break  # what is left waits for another try in real time
        self._move(clock, to)
        self._wake()
        self.settle()

    def _waiting(self, due: int) -> bool:
        return self._store.read(self._ctx, lambda unit: jobs.next_due(unit, due)) is not None

    def _move(self, clock: MovableClock, moment: int) -> None:
        self._store.write(self._ctx, lambda unit: facts.put(unit, "clock", {"now": moment, "real": clock.real()}))
        clock.set(moment)
