"""Jobs as rows: who gets one, when, and what becomes of it. Time is moved by hand."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from fixtures.threads import together
from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND
from kunsthalle.db import kv
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs as table
from kunsthalle.jobs import queue


@pytest.fixture
def ctx(both: World) -> Context:
    return both.account()


def enqueue(world: World, ctx: Context, subject: str = "s", **more: Any) -> str:
    return world.write(ctx, queue.enqueue, "kind", subject, **more)


def claim(world: World, owner: str = "a") -> queue.Claimed | None:
    return world.write(world.base, queue.claim, owner)


def claimed(world: World, owner: str = "a") -> queue.Claimed:
    job = claim(world, owner)
    assert job is not None
    return job


def row(world: World, id_: str) -> Any:
    return world.read(world.base, lambda session: session.first(select(table).where(table.c.id == id_)))


def run(world: World, ctx: Context, job: queue.Claimed, owner: str = "a") -> queue.Run:
    return queue.Run(job, ctx, world.store.read, world.store.write, owner)


def test_a_job_is_claimed_once_with_what_it_was_given(both: World, ctx: Context) -> None:
    id_ = enqueue(both, ctx, "image:1", digest="d", list=[1, None])
    job = claimed(both)
    expected = (id_, ctx.account_id, "kind", "image:1", {"digest": "d", "list": [1, None]}, 1)
    assert (job.id, job.account_id, job.kind, job.subject, job.payload, job.attempts) == expected
    assert claim(both) is None
    assert claim(both, "b") is None


def test_a_rolled_back_enqueue_leaves_no_job_and_wakes_nobody(both: World, ctx: Context) -> None:
    woken: list[int] = []
    forget = queue.on_wake(lambda: woken.append(1))

    def broken(session: Session) -> None:
        queue.enqueue(session, "kind", "s")
        raise KeyError

    try:
        with pytest.raises(KeyError):
            both.store.write(ctx, broken)
        assert (claim(both), woken) == (None, [])
        enqueue(both, ctx)
        assert woken == [1]
    finally:
        forget()
    enqueue(both, ctx)
    assert woken == [1]


def test_the_job_due_longest_comes_first_and_none_before_its_time(both: World, ctx: Context) -> None:
    later = enqueue(both, ctx, due_at=both.clock.now() + 60 * SECOND)
    second = enqueue(both, ctx, due_at=both.clock.now() - 1)
    first = enqueue(both, ctx, due_at=both.clock.now() - 2)
    assert [claimed(both).id, claimed(both).id] == [first, second]
    assert claim(both) is None
    assert both.read(both.base, queue.next_due, both.clock.now()) is None
    assert both.read(both.base, queue.next_due, both.clock.now() + 60 * SECOND) == both.clock.now() + 60 * SECOND
    assert both.read(both.base, queue.next_due, both.clock.now() + 90 * SECOND, both.clock.now() + 60 * SECOND) is None
    both.clock.moment += 60 * SECOND
    assert claimed(both).id == later


def test_a_lease_runs_out_in_real_time_only(both: World, ctx: Context) -> None:
    id_ = enqueue(both, ctx)
    claimed(both, "a")
    both.clock.moment += 365 * 86_400 * SECOND
    both.clock.actual += queue.LEASE
    assert claim(both, "b") is None
    both.clock.actual += 1
    taken = claimed(both, "b")
    assert (taken.id, taken.attempts) == (id_, 2)


def test_the_heartbeat_keeps_what_is_in_the_workers_hands(both: World, ctx: Context) -> None:
    held, dropped = enqueue(both, ctx, "held"), enqueue(both, ctx, "dropped")
    assert {claimed(both).id, claimed(both).id} == {held, dropped}
    both.clock.actual += queue.LEASE
    both.write(both.base, queue.extend, {held: "a", "unknown": "a"})
    both.clock.actual += 1
    assert claimed(both, "b").id == dropped
    assert claim(both, "b") is None
    both.clock.actual += 1
    both.write(both.base, queue.extend, {dropped: "a"})  # no longer its own
    both.clock.actual += queue.LEASE
    assert {claimed(both, "c").id, claimed(both, "c").id} == {held, dropped}


def test_who_lost_the_lease_commits_nothing(both: World, ctx: Context) -> None:
    enqueue(both, ctx)
    slow = run(both, ctx, claimed(both, "a"), "a")
    both.clock.actual += queue.LEASE + 1
    quick = run(both, ctx, claimed(both, "b"), "b")
    for step in (slow.write, slow.finish):
        with pytest.raises(queue.LeaseLost):
            step(lambda session: kv.put(session, "effect", "slow"))
    with pytest.raises(queue.LeaseLost):
        both.write(ctx, queue.retry, slow.job, "a", ValueError("too late"))
    assert not slow.finished
    assert both.read(ctx, kv.get, "effect") is None
    assert quick.finish(lambda session: (kv.put(session, "effect", "quick"), 42)[1]) == 42
    assert both.read(ctx, kv.get, "effect") == "quick"
    with pytest.raises(queue.LeaseLost):
        quick.finish()


def test_a_step_lengthens_the_lease_and_lasts_by_itself(both: World, ctx: Context) -> None:
    enqueue(both, ctx)
    one = run(both, ctx, claimed(both))
    both.clock.actual += queue.LEASE
    one.write(lambda session: kv.put(session, "step", 1))
    both.clock.actual += queue.LEASE
    assert claim(both, "b") is None
    assert one.read(lambda session: kv.get(session, "step")) == 1


def test_the_end_of_a_job_and_its_effect_are_one_transaction(both: World, ctx: Context) -> None:
    id_ = enqueue(both, ctx)
    one = run(both, ctx, claimed(both))

    def broken(session: Session) -> None:
        kv.put(session, "effect", 1)
        raise KeyError

    with pytest.raises(KeyError):
        one.finish(broken)
    assert (one.finished, both.read(ctx, kv.get, "effect"), row(both, id_).state) == (False, None, "running")
    one.finish(lambda session: kv.put(session, "effect", 1))
    assert (one.finished, both.read(ctx, kv.get, "effect"), row(both, id_).state) == (True, 1, "done")


def test_a_failed_job_comes_back_after_a_pause_that_doubles(both: World, ctx: Context) -> None:
    enqueue(both, ctx)
    pauses = []
    for attempt in range(1, 9):
        job = claimed(both)
        assert job.attempts == attempt
        both.write(ctx, queue.retry, job, "a", ValueError(f"error {attempt}"))
        before = both.clock.actual
        both.clock.moment += 86_400 * SECOND  # travelling does not shorten a pause
        assert (claim(both), both.read(both.base, queue.pending)) == (None, 0)
        while claim(both, "probe") is None:
            both.clock.actual += SECOND // 4
        pauses.append((both.clock.actual - before) / SECOND)
        back = row(both, job.id)
        assert (back.last_error, back.attempts) == (f"ValueError: error {attempt}", attempt + 1)
        both.write(
            ctx, lambda session: session.execute(table.update().values(state="queued", attempts=table.c.attempts - 1))
        )
    assert pauses == [0.5, 1, 2, 4, 8, 16, 16, 16]


def test_an_error_of_hostile_bytes_is_kept_all_the_same(both: World, ctx: Context) -> None:
    for text in ("nul \0 byte", "lone \udce9 surrogate", "long " * 10_000):
        enqueue(both, ctx)
        job = claimed(both)
        both.write(ctx, queue.end, job, "a", "failed", ValueError(text))
        kept = row(both, job.id)
        assert kept.state == "failed"
        assert kept.last_error.startswith(f"ValueError: {text[:4]}")
        assert len(kept.last_error) <= 2_000


def test_cancelling_takes_what_has_not_begun(both: World, ctx: Context) -> None:
    enqueue(both, ctx, "begun")
    claimed(both)
    enqueue(both, ctx, "begun", due_at=both.clock.now() + 1)
    waiting, other = enqueue(both, ctx, "waiting"), enqueue(both, ctx, "other")
    assert both.write(ctx, queue.cancel, "kind", "waiting") == 1
    assert both.write(ctx, queue.cancel, "another kind", "other") == 0
    assert both.write(ctx, queue.cancel, "kind", "begun") == 1
    assert row(both, waiting) is None
    assert claimed(both).id == other


def test_after_a_crash_the_only_process_starts_over(both: World, ctx: Context) -> None:
    id_ = enqueue(both, ctx)
    claimed(both)
    assert both.write(both.base, queue.release_all) == 1
    assert claimed(both, "next process").id == id_


def test_pending_counts_what_runs_or_is_ready(both: World, ctx: Context) -> None:
    def pending() -> int:
        return both.read(both.base, queue.pending)

    enqueue(both, ctx, due_at=both.clock.now() + 1)
    assert pending() == 0
    both.clock.moment += 1
    assert pending() == 1
    job = claimed(both)
    assert pending() == 1
    run(both, ctx, job).finish()
    assert pending() == 0


def test_a_job_is_claimable_while_a_claim_finds_it(both: World, ctx: Context) -> None:
    """For each lane: what is ready or whose worker went silent, and nothing else."""

    def claimable() -> tuple[bool, bool]:
        both_lanes = (both.read(both.base, queue.claimable, transfers=transfers) for transfers in (False, True))
        short, all_ = both_lanes
        return short, all_

    assert claimable() == (False, False)
    enqueue(both, ctx, due_at=both.clock.now() + 1)
    assert claimable() == (False, False)
    both.clock.moment += 1
    assert claimable() == (True, True)
    claimed(both)
    assert claimable() == (False, False)
    both.clock.actual += queue.LEASE + 1
    assert claimable() == (True, True)
    run(both, ctx, claimed(both)).finish()
    enqueue(both, ctx, transfer_bytes=1)
    assert claimable() == (False, True)
    job = claimed(both)
    both.write(ctx, queue.retry, job, "a", ValueError("not yet"))
    assert claimable() == (False, False)
    both.clock.actual += 5 * SECOND
    assert claimable() == (False, True)


def test_what_ended_well_is_forgotten_after_a_while(both: World, ctx: Context) -> None:
    done, failed, new = enqueue(both, ctx), enqueue(both, ctx), None
    for _ in range(2):
        job = claimed(both)
        both.write(ctx, queue.end, job, "a", "done" if job.id == done else "failed")
    both.clock.moment += 10
    new = enqueue(both, ctx)
    both.write(both.base, queue.purge, both.clock.now())
    assert [row(both, id_) is None for id_ in (done, failed, new)] == [True, False, False]


def test_claimants_at_the_same_moment_never_share_a_job(both: World, ctx: Context) -> None:
    wanted = {enqueue(both, ctx, f"s{number}") for number in range(40)}

    def take(owner: str) -> list[str]:
        found, misses = [], 0
        while misses < 20:  # a claimant may find the row it chose taken, and look again
            job = claim(both, owner)
            if job is None:
                misses += 1
            else:
                found.append(job.id)
        return found

    taken = together(*[lambda owner=owner: take(owner) for owner in "abcd"])
    assert sorted(id_ for ids in taken for id_ in ids) == sorted(wanted)
