"""Workers: threads that do the jobs, give up on them, keep their leases, and travel in time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.threads import PATIENCE, together, until
from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.db import account_priority, kv
from kunsthalle.db.account_priority import MOST_SECONDS, REST
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs as table
from kunsthalle.jobs import leases, queue, worker
from kunsthalle.jobs.worker import Worker


class Hands:
    """A handler that tells what it does, in a world where real time moves only when it is told to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ctx = world.account()
        self.seen: list[str] = []
        self.given_up: list[tuple[str, str]] = []
        self.work: Callable[[queue.Run], None] = lambda _run: None
        self._workers: list[tuple[Worker, Store | None]] = []

    def run(self, run: queue.Run) -> None:
        self.seen.append(run.job.subject)
        self.work(run)

    def give_up(self, session: Session, job: queue.Claimed, error: Exception) -> None:
        self.given_up.append((job.subject, queue.text_of(error)))
        kv.put(session, "given up", job.subject)

    def worker(self, *, start: bool = True, threads: int = 2, store: Store | None = None) -> Worker:
        handler = queue.Handler("kind", self.run, self.give_up)
        made = Worker(store or self.world.store, self.world.base, [handler], threads)
        if start:
            made.start()
        self._workers.append((made, store))
        return made

    def enqueue(self, subject: str, *, kind: str = "kind", **more: Any) -> str:
        return self.world.write(self.ctx, queue.enqueue, kind, subject, **more)

    def rows(self) -> dict[str, Any]:
        found = self.world.read(self.ctx, lambda session: session.all(table.select()))
        return {row.subject: row for row in found}

    def through_pauses(self, one: Worker, until: Callable[[], bool]) -> None:
        """Lets real time run until a job has had all its tries."""
        for _ in range(40):
            assert one.settle(PATIENCE)
            if until():
                return
            self.world.clock.actual += 5 * SECOND
            one._wake()
        raise AssertionError(self.rows())

    def close(self) -> None:
        for made, store in self._workers:
            made.stop()
            if store is not None:
                store.close()


@pytest.fixture
def hands(both: World) -> Iterator[Hands]:
    made = Hands(both)
    yield made
    made.close()


def test_a_job_runs_in_its_account_as_the_products_own_hand(hands: Hands) -> None:
    contexts: list[Context] = []
    hands.work = lambda run: contexts.append(run.ctx)
    one = hands.worker()
    hands.enqueue("job")
    assert one.settle(PATIENCE)
    assert hands.seen == ["job"]
    assert (contexts[0].account_id, contexts[0].actor.kind) == (hands.ctx.account_id, "System")
    assert hands.rows()["job"].state == "done", "a handler that does not finish its run has it finished"
    assert hands.world.store.priority.used(hands.ctx.account_id) > 0, "its account is charged"


def test_many_workers_do_every_job_once(hands: Hands, both: World, database_url: str) -> None:
    """Two processes' worth of threads; on SQLite one process is all there may be, with two workers in it."""
    for _ in range(2):
        hands.worker(store=None if both.store.embedded else Store(database_url), threads=3)
    together(*[lambda n=n: [hands.enqueue(f"{n}-{m}") for m in range(15)] for n in range(4)])
    assert hands._workers[0][0].settle(PATIENCE)
    assert sorted(hands.seen) == sorted(f"{n}-{m}" for n in range(4) for m in range(15))
    assert {row.attempts for row in hands.rows().values()} == {1}


def test_threads_without_a_job_look_once_a_signal_and_write_nothing(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look is a read. A claim is a write, for which all other writes wait: a running job must not cause any."""
    monkeypatch.setattr(worker, "_TICK_SECONDS", 10 * PATIENCE)
    monkeypatch.setattr(queue, "_wakers", [])  # servers of other tests in this process wake all that they know
    calls = {"claimable": 0, "claim": 0}
    for name in calls:
        _count(monkeypatch, name, calls)
    running, ending = threading.Event(), threading.Event()

    def work(_run: queue.Run) -> None:
        running.set()
        assert ending.wait(PATIENCE)

    hands.work = work
    one = hands.worker(threads=3)
    until(lambda: calls["claimable"] >= 3)
    hands.enqueue("job")
    assert running.wait(PATIENCE)
    until(lambda: calls["claimable"] >= 6)
    for signal in range(1, 4):
        one._wake()
        until(lambda signal=signal: calls["claimable"] >= 6 + 2 * signal)
    assert calls == {"claimable": 12, "claim": 1}
    ending.set()
    assert one.settle(PATIENCE)


def _count(monkeypatch: pytest.MonkeyPatch, name: str, calls: dict[str, int]) -> None:
    """Have the calls of a function of the queue counted."""
    function, lock = getattr(queue, name), threading.Lock()

    def counted(*given: Any, **named: Any) -> Any:
        result = function(*given, **named)
        with lock:
            calls[name] += 1
        return result

    monkeypatch.setattr(queue, name, counted)


def test_an_error_is_tried_again_until_it_works(hands: Hands) -> None:
    def work(run: queue.Run) -> None:
        run.write(lambda session: kv.put(session, "steps", len(hands.seen)))
        if len(hands.seen) < 3:
            raise ValueError("not yet")
        run.finish(lambda session: kv.put(session, "effect", "done"))

    hands.work = work
    one = hands.worker()
    hands.enqueue("job")
    hands.through_pauses(one, lambda: hands.rows()["job"].state == "done")
    assert (hands.seen, hands.given_up) == (["job"] * 3, [])
    assert hands.world.read(hands.ctx, kv.get, "effect") == "done"


def test_after_the_last_try_it_gives_up_in_the_transaction_that_ends_the_job(hands: Hands) -> None:
    def work(_run: queue.Run) -> None:
        raise ValueError("never \0 well")

    hands.work = work
    one = hands.worker()
    hands.enqueue("job")
    hands.through_pauses(one, lambda: hands.rows()["job"].state == "failed")
    assert len(hands.seen) == queue.MOST_ATTEMPTS
    assert hands.given_up == [("job", "ValueError: never \0 well")]
    assert hands.rows()["job"].last_error == "ValueError: never ? well"
    assert hands.world.read(hands.ctx, kv.get, "given up") == "job"


def test_an_account_runs_fewer_jobs_at_once_while_others_ask(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_SHARED", 1)
    one = hands.worker(start=False)
    for subject in ("first", "second"):
        hands.enqueue(subject)
    first = one._claim("thread 1", transfers=True)
    assert first is not None
    one._running[first.id] = first.account_id
    hands.world.store.priority.must_queue("another account")
    assert one._claim("thread 2", transfers=True) is None
    monkeypatch.setattr(account_priority, "ALONE_SECONDS", -1.0)  # it is long ago that others asked
    assert one._claim("thread 2", transfers=True) is not None


def test_a_job_of_many_short_steps_does_not_wait_before_each(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that it would wait for somebody's request as long as it may; and in all for what it has used, times
    what a heavy account rests.
    """
    real, used, waited = 0.0, 0.0, []

    def wait_in_job(_account_id: str, seconds: float) -> None:
        nonlocal real
        waited.append(seconds)
        real += seconds

    monkeypatch.setattr(world.store.priority, "wait_in_job", wait_in_job)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: real, thread_time=lambda: used))
    steps = worker._Steps(world.store, "somebody")
    for _ in range(20):
        used += 0.001
        steps.read(world.base, lambda _session: None)
    assert max(waited) == MOST_SECONDS
    assert sum(waited) == pytest.approx(MOST_SECONDS + 20 * 0.001 * REST)
    used += 1.0
    for _ in range(2):
        steps.write(world.base, lambda _session: None)
    assert waited[-2:] == [MOST_SECONDS] * 2, "a long step is one that others wait for"


def test_a_job_of_a_kind_that_nobody_knows_ends(hands: Hands) -> None:
    one = hands.worker()
    hands.enqueue("stranger", kind="of a later release")
    hands.through_pauses(one, lambda: hands.rows()["stranger"].state == "failed")
    hands.enqueue("job")
    assert one.settle(PATIENCE)
    assert hands.seen == ["job"]


def test_a_giving_up_that_fails_is_repeated_when_the_lease_is_over(hands: Hands) -> None:
    broken = [True]

    def give_up(session: Session, job: queue.Claimed, _error: Exception) -> None:
        kv.put(session, "given up", "half")
        if broken:
            raise KeyError
        kv.put(session, "given up", job.subject)

    def work(_run: queue.Run) -> None:
        raise ValueError

    hands.work = work
    one = Worker(hands.world.store, hands.world.base, [queue.Handler("kind", hands.run, give_up)])
    hands._workers.append((one, None))
    hands.enqueue("job")
    hands.world.write(
        hands.ctx, lambda session: session.execute(table.update().values(attempts=queue.MOST_ATTEMPTS - 1))
    )
    one.start()
    until(lambda: hands.seen and not one._held)
    assert hands.rows()["job"].state == "running"
    assert hands.world.read(hands.ctx, kv.get, "given up") is None, "half an effect stayed"
    broken.clear()
    hands.world.clock.actual += queue.LEASE + 1
    assert one.settle(PATIENCE)
    assert hands.rows()["job"].state == "failed"
    assert hands.world.read(hands.ctx, kv.get, "given up") == "job"


def test_a_job_that_kills_every_worker_comes_to_an_end(hands: Hands) -> None:
    hands.enqueue("deadly")
    for number in range(queue.MOST_CLAIMS):
        assert hands.world.write(hands.world.base, queue.claim, f"process {number}") is not None
        hands.world.clock.actual += queue.LEASE + 1
    one = hands.worker()
    assert one.settle(PATIENCE)
    assert (hands.seen, len(hands.given_up)) == ([], 1)
    assert hands.rows()["deadly"].state == "failed"


def test_a_long_job_keeps_its_lease(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread is busy for many leases; nobody takes over, and nobody loses its job."""
    monkeypatch.setattr(worker, "_HEARTBEAT_SECONDS", 0.02)
    begun, done = threading.Semaphore(0), threading.Event()

    def work(_run: queue.Run) -> None:
        begun.release()
        assert done.wait(PATIENCE)

    hands.work = work
    one = hands.worker(threads=2)
    for subject in ("a", "b"):
        hands.enqueue(subject)
    assert begun.acquire(timeout=PATIENCE)
    assert begun.acquire(timeout=PATIENCE)
    for _ in range(4):
        hands.world.clock.actual += 20 * SECOND
        wanted = hands.world.clock.actual + queue.LEASE
        until(lambda lease=wanted: {row.lease_until for row in hands.rows().values()} == {lease})
        assert hands.world.write(hands.world.base, queue.claim, "somebody else") is None
    done.set()
    assert one.settle(PATIENCE)
    assert sorted(hands.seen) == ["a", "b"]
    assert {row.state for row in hands.rows().values()} == {"done"}


def test_who_lost_a_job_leaves_it_to_its_new_owner(hands: Hands) -> None:
    def work(run: queue.Run) -> None:
        hands.world.clock.actual += queue.LEASE + 1
        assert hands.world.write(hands.world.base, queue.claim, "new owner") is not None
        run.finish(lambda session: kv.put(session, "effect", "of the old owner"))

    hands.work = work
    one = hands.worker(threads=1)
    hands.enqueue("job")
    assert not one.settle(0.3), "the job is still running elsewhere"
    assert (hands.rows()["job"].lease_owner, hands.given_up) == ("new owner", [])
    assert hands.world.read(hands.ctx, kv.get, "effect") is None


def test_what_a_dead_process_held_is_done_by_the_next(hands: Hands) -> None:
    hands.enqueue("job")
    assert hands.world.write(hands.world.base, queue.claim, "dead") is not None
    if not hands.world.store.embedded:  # other nodes may live: only the end of the lease tells
        hands.world.clock.actual += queue.LEASE + 1
    assert hands.worker().settle(PATIENCE)
    assert hands.seen == ["job"]


def test_locks_of_a_dead_process_keep_nobody_from_work_who_is_the_only_one(hands: Hands) -> None:
    def taken(owner: str) -> bool:
        return bool(hands.world.write(hands.world.base, partial(leases.take, name="a", owner=owner, microseconds=DAY)))

    assert taken("dead")
    hands.worker()
    assert taken("next") is hands.world.store.embedded, "of several nodes one may live"


def test_stopping_waits_for_the_job_in_hand(hands: Hands) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(run: queue.Run) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        run.finish(lambda session: kv.put(session, "effect", "done"))

    hands.work = work
    one = hands.worker()
    hands.enqueue("job")
    assert begun.wait(PATIENCE)
    together(one.stop, go_on.set)
    assert hands.world.read(hands.ctx, kv.get, "effect") == "done"
    assert not [thread for thread in one._threads if thread.is_alive()]


class TestTravel:
    def test_every_job_runs_at_its_own_moment(self, hands: Hands) -> None:
        start, moments = hands.world.clock.now(), {}

        def work(run: queue.Run) -> None:
            moments[run.job.subject] = run.ctx.now() - start
            if run.job.subject == "two days":
                run.finish(lambda session: queue.enqueue(session, "kind", "follows", due_at=session.ctx.now() + DAY))

        hands.work = work
        for subject, days in (("six days", 6), ("two days", 2), ("beyond", 8)):
            hands.enqueue(subject, due_at=start + days * DAY)
        one = hands.worker()
        one.travel(hands.world.clock, start + 7 * DAY)
        assert moments == {"two days": 2 * DAY, "follows": 3 * DAY, "six days": 6 * DAY}
        assert hands.world.clock.now() == start + 7 * DAY
        kept = hands.world.read(hands.ctx, kv.get, "clock")
        assert kept["now"] == start + 7 * DAY
        one.travel(hands.world.clock, start + 8 * DAY)
        assert moments["beyond"] == 8 * DAY

    def test_one_that_waits_for_another_try_does_not_hold_up_the_others(self, hands: Hands) -> None:
        start, moments = hands.world.clock.now(), {}

        def work(run: queue.Run) -> None:
            if run.job.subject == "broken":
                raise ValueError
            moments[run.job.subject] = run.ctx.now() - start

        hands.work = work
        for subject, days in (("broken", 1), ("two", 2), ("three", 3)):
            hands.enqueue(subject, due_at=start + days * DAY)
        hands.worker().travel(hands.world.clock, start + 7 * DAY)
        assert moments == {"two": 2 * DAY, "three": 3 * DAY}
        assert hands.world.clock.now() == start + 7 * DAY

    def test_never_backwards_even_with_two_travellers(self, hands: Hands) -> None:
        start, one = hands.world.clock.now(), hands.worker()
        moved: list[int] = []
        set_ = hands.world.clock.set
        hands.world.clock.set = lambda moment: (moved.append(moment), set_(moment))[1]
        for day in range(1, 6):
            hands.enqueue(f"day {day}", due_at=start + day * DAY)
        together(*[lambda d=d: one.travel(hands.world.clock, start + d * DAY) for d in (5, 2, 3)])
        assert moved == sorted(moved)
        assert hands.world.clock.now() == start + 5 * DAY
        assert sorted(hands.seen) == [f"day {day}" for day in range(1, 6)]
