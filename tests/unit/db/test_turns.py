"""Turns between accounts: nobody's many jobs hold up somebody else's one, and transfers hold up no short job."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest
from sqlalchemy import select

from fixtures.threads import PATIENCE, together
from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.core.errors import Problem
from kunsthalle.core.sizes import GIB
from kunsthalle.db.bounds import JobBounds
from kunsthalle.db.tables import job_turns
from kunsthalle.db.tables import jobs as table
from kunsthalle.jobs import queue, turns
from kunsthalle.jobs.worker import Worker


@pytest.fixture
def greedy(both: World) -> Context:
    return both.account("greedy")


@pytest.fixture
def modest(both: World) -> Context:
    return both.account("modest")


def enqueue(world: World, ctx: Context, subject: str, **more: Any) -> str:
    world.clock.moment += 1  # one after the other
    return world.write(ctx, queue.enqueue, "kind", subject, **more)


def claim(world: World, **more: Any) -> queue.Claimed | None:
    return world.write(world.base, queue.claim, "a", **more)


def subject(job: queue.Claimed | None) -> str | None:
    return job.subject if job else None


def end(world: World, job: queue.Claimed | None) -> None:
    assert job is not None
    world.write(world.base, queue.end, job, "a", "done")


def test_an_account_with_one_job_waits_for_one_job_of_another_account(
    both: World, greedy: Context, modest: Context
) -> None:
    for number in range(20):
        enqueue(both, greedy, f"greedy {number}")
    first = claim(both)
    enqueue(both, modest, "modest")
    end(both, first)
    assert [subject(first), subject(claim(both)), subject(claim(both))] == ["greedy 0", "modest", "greedy 1"]


def test_an_accounts_own_transfers_do_not_hold_up_its_short_jobs(both: World, greedy: Context) -> None:
    for number in range(2):
        enqueue(both, greedy, f"transfer {number}", transfer_bytes=GIB)
    taken = [subject(claim(both, most_running=2)) for _ in range(2)]
    enqueue(both, greedy, "stop a server")
    assert taken == ["transfer 0", "transfer 1"]
    assert subject(claim(both, most_running=2)) is None
    assert subject(claim(both, transfers=False, most_running=2)) == "stop a server"


def test_the_account_with_the_fewest_running_jobs_comes_first(both: World, greedy: Context, modest: Context) -> None:
    for number in range(5):
        enqueue(both, greedy, f"greedy {number}")
        enqueue(both, modest, f"modest {number}")
    taken = [claim(both) for _ in range(4)]
    assert sorted(str(subject(job)) for job in taken) == ["greedy 0", "greedy 1", "modest 0", "modest 1"]
    mine = next(job for job in taken if job is not None and job.account_id == modest.account_id)
    end(both, mine)  # modest now runs one, greedy two
    assert subject(claim(both)) == "modest 2"


def test_accounts_take_turns_one_job_each(both: World, greedy: Context, modest: Context) -> None:
    third = both.account("third")
    for name, ctx, count in (("greedy", greedy, 6), ("modest", modest, 2), ("third", third, 2)):
        for number in range(count):
            enqueue(both, ctx, f"{name} {number}")
    order = []
    for _ in range(10):
        job = claim(both)
        order.append(str(subject(job)).split()[0])
        end(both, job)
    for accounts in (order[:3], order[3:6]):
        assert sorted(accounts) == ["greedy", "modest", "third"]
    assert order[6:] == ["greedy"] * 4


def test_an_account_runs_no_more_jobs_than_it_may(both: World, greedy: Context, modest: Context) -> None:
    for number in range(4):
        enqueue(both, greedy, f"greedy {number}")
    enqueue(both, modest, "modest")
    taken = [claim(both, most_running=2) for _ in range(4)]
    assert sorted(str(subject(job)) for job in taken if job) == ["greedy 0", "greedy 1", "modest"]
    end(both, next(job for job in taken if job and job.account_id == greedy.account_id))
    assert subject(claim(both, most_running=2)) == "greedy 2"


def test_a_worker_of_short_jobs_takes_no_transfer_not_even_a_lost_one(both: World, greedy: Context) -> None:
    enqueue(both, greedy, "import", transfer_bytes=0)
    assert claim(both, transfers=False) is None
    assert subject(claim(both)) == "import"
    both.clock.actual += queue.LEASE + 1
    enqueue(both, greedy, "short")
    assert subject(claim(both, transfers=False)) == "short"
    assert subject(claim(both)) == "import"


def test_claims_at_the_same_moment_keep_to_the_bound(both: World, greedy: Context) -> None:
    for number in range(12):
        enqueue(both, greedy, f"s{number}")
    taken = together(*[lambda: [claim(both, most_running=3) for _ in range(3)] for _ in range(4)])
    assert len([job for found in taken for job in found if job]) == 3


def test_transfers_of_many_accounts_leave_a_worker_to_short_jobs(both: World, modest: Context) -> None:
    """Every transfer waits for the short job, which another account asked for last."""
    done = threading.Event()

    def run(job: queue.Run) -> None:
        if job.job.subject == "short":
            job.finish()
            done.set()
        assert done.wait(PATIENCE)

    for number in range(6):
        enqueue(both, both.account(f"importer {number}"), "import", transfer_bytes=0)
    one = Worker(both.store, both.base, [queue.Handler("kind", run, lambda _session, _job, _error: None)], threads=3)
    one.start()
    try:
        enqueue(both, modest, "short")
        assert done.wait(PATIENCE)
        assert one.settle(PATIENCE)
    finally:
        done.set()
        one.stop()


BOUNDS = JobBounds(waiting=4, transfers=2, transfer_bytes=10 * GIB)
REFUSED = [
    ("jobs", [None] * 4, None, 429, "4 jobs that wait or run; at most 4"),
    ("transfers", [0, 0], 0, 429, "2 imports, exports and copies that wait or run; at most 2"),
    ("bytes", [6 * GIB], 5 * GIB, 429, "may write 10 GiB together"),
    ("one alone", [], 11 * GIB, 400, "may write 11 GiB; an account may have 10 GiB"),
]
ADMITTED = [([None] * 3, None), ([0], 0), ([0, 0], None), ([6 * GIB], 4 * GIB)]


@pytest.mark.parametrize(
    ("before", "new", "status", "text"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_what_an_account_has_too_much_of_is_refused_at_the_post(
    both: World, greedy: Context, before: list[int | None], new: int | None, status: int, text: str
) -> None:
    both.store.bounds = BOUNDS
    for number, size in enumerate(before):
        enqueue(both, greedy, f"s{number}", transfer_bytes=size)
    with pytest.raises(Problem, match=text) as refused:
        enqueue(both, greedy, "one more", transfer_bytes=new)
    problem = refused.value
    code = "rate_limit_exceeded" if status == 429 else "over_quota"
    assert (problem.reason.value, problem.code, problem.retry_after is not None) == (status, code, status == 429)
    system = greedy.as_system(greedy.account_id)
    enqueue(both, system, "by the server itself", transfer_bytes=new)
    enqueue(both, greedy, "later", due_at=both.clock.now() + 1)


@pytest.mark.parametrize(("before", "new"), ADMITTED)
def test_up_to_the_bound_jobs_are_taken(
    both: World, greedy: Context, modest: Context, before: list[int | None], new: int | None
) -> None:
    both.store.bounds = BOUNDS
    for number, size in enumerate(before):
        enqueue(both, greedy, f"s{number}", transfer_bytes=size)
        enqueue(both, modest, f"s{number}", transfer_bytes=size)
    enqueue(both, greedy, "one more", transfer_bytes=new)


def test_what_has_ended_counts_no_more(both: World, greedy: Context) -> None:
    both.store.bounds = BOUNDS
    for number in range(2):
        enqueue(both, greedy, f"s{number}", transfer_bytes=5 * GIB)
    end(both, claim(both))
    enqueue(both, greedy, "s3", transfer_bytes=5 * GIB)


def test_an_account_that_was_never_served_comes_before_all_others(both: World, greedy: Context) -> None:
    for number in range(3):
        enqueue(both, greedy, f"greedy {number}")
        end(both, claim(both))
    enqueue(both, greedy, "greedy 3")
    new = both.account("new")
    both.clock.moment += SECOND
    enqueue(both, new, "new")
    assert subject(claim(both)) == "new"
    found = both.read(both.base, lambda session: session.all(select(job_turns.c.account_id, job_turns.c.turn)))
    assert dict(found) == {greedy.account_id: 3, new.account_id: 4}


class TestClockThatGoesBack:
    """The clock of the host was a day ahead, and was put right."""

    def test_a_job_that_waits_for_no_moment_runs_at_once(self, both: World, greedy: Context) -> None:
        enqueue(both, greedy, "now")
        self._back(both)
        assert both.read(both.base, queue.pending) == 1
        assert subject(claim(both)) == "now"

    def test_a_job_that_is_tried_again_waits_no_day(self, both: World, greedy: Context) -> None:
        enqueue(both, greedy, "again")
        job = claim(both)
        assert job is not None
        both.write(greedy, queue.retry, job, "a", ValueError("not yet"))
        assert claim(both) is None
        self._back(both)
        assert both.read(both.base, queue.pending) == 1
        assert subject(claim(both)) == "again"

    def test_the_longest_pause_is_kept(self, both: World, greedy: Context) -> None:
        enqueue(both, greedy, "again")
        job = claim(both)
        assert job is not None
        paused = {"not_before": both.clock.real() + turns.LONGEST_PAUSE, "state": "queued"}
        both.write(greedy, lambda session: session.execute(table.update().values(**paused)))
        assert claim(both) is None

    def test_a_moment_that_somebody_has_set_is_waited_for(self, both: World, greedy: Context) -> None:
        enqueue(both, greedy, "due", due_at=both.clock.now() + SECOND)
        self._back(both)
        assert claim(both) is None
        both.clock.moment += DAY + SECOND
        assert subject(claim(both)) == "due"

    def _back(self, world: World) -> None:
        world.clock.moment -= DAY
        world.clock.actual -= DAY


def test_a_claim_costs_no_more_for_jobs_that_have_ended(both: World, greedy: Context) -> None:
    """Every table that a claim reads is read through an index."""
    if both.store.embedded:
        enqueue(both, greedy, "s")
        lines: list[str] = []

        def explain(session: Any) -> None:
            seen: list[tuple[str, Any]] = []
            session.driver.set_trace_callback(lambda statement: seen.append((statement, None)))
            queue.claim(session, "a", most_running=2)
            session.driver.set_trace_callback(None)
            for statement, _ in seen:
                lines.extend(str(row[3]) for row in session.driver.execute(f"EXPLAIN QUERY PLAN {statement}"))

        both.write(both.base, explain)
        assert [line for line in lines if line.startswith("SCAN jobs")] == []


def test_contexts_of_callers_are_bounded_and_those_of_jobs_are_not(both: World, greedy: Context) -> None:
    both.store.bounds = JobBounds(waiting=0)
    with pytest.raises(Problem):
        enqueue(both, greedy, "s")
    with pytest.raises(Problem):
        enqueue(both, dataclasses.replace(greedy, initiator="somebody"), "s")
    enqueue(both, greedy.working("kind", greedy.account_id, "somebody", ""), "s")
