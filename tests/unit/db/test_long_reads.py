"""Accounts take turns with long reads: however many one account asks for, another's waits for one of them at most."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from fixtures.threads import PATIENCE
from fixtures.worlds import World
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db import deadlines
from kunsthalle.db.deadlines import ReadTimeout
from kunsthalle.db.long_reads import LONG_READERS, MOST_WAITING, RETRY_AFTER, LongReads
from kunsthalle.db.session import Session

ALLOWED = MOST_WAITING + 1


class Slow:
    """A read that ends when it is released; `begun` are those that run or ran, in their order."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.released = threading.Event()
        self._changed = threading.Condition()

    def __call__(self, name: str) -> Callable[[float], str]:
        def read(_seconds: float) -> str:
            with self._changed:
                self.begun.append(name)
                self._changed.notify_all()
            assert self.released.wait(PATIENCE)
            return name

        return read

    async def until_begun(self, count: int) -> None:
        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: len(self.begun) >= count, PATIENCE)

        assert await asyncio.to_thread(wait), self.begun


@pytest.fixture
def long_reads() -> Iterator[LongReads]:
    reads = LongReads()
    yield reads
    reads.close()


@pytest.fixture
def slow() -> Iterator[Slow]:
    read = Slow()
    yield read
    read.released.set()


def quick(_seconds: float) -> str:
    return "quick"


def test_one_accounts_long_reads_leave_a_thread_for_another_account(long_reads: LongReads, slow: Slow) -> None:
    async def attack() -> list[str]:
        attacks = [asyncio.create_task(long_reads.run("attacker", slow(str(n)))) for n in range(ALLOWED)]
        await slow.until_begun(1)
        assert await long_reads.run("victim", quick) == "quick"
        assert slow.begun == ["0"], "one read of an account runs at a time"
        slow.released.set()
        return await asyncio.gather(*attacks)

    assert asyncio.run(attack()) == [str(n) for n in range(ALLOWED)]
    assert slow.begun == [str(n) for n in range(ALLOWED)], "reads of one account run in their order"


def test_one_too_many_is_refused_until_one_has_ended(long_reads: LongReads, slow: Slow) -> None:
    async def attack() -> Problem:
        attacks = [asyncio.create_task(long_reads.run("attacker", slow(str(n)))) for n in range(ALLOWED)]
        await slow.until_begun(1)
        with pytest.raises(Problem) as refused:
            await long_reads.run("attacker", quick)
        slow.released.set()
        await asyncio.gather(*attacks)
        assert await long_reads.run("attacker", quick) == "quick"
        return refused.value

    problem = asyncio.run(attack())
    assert (problem.reason, problem.code, problem.retry_after) == (
        Reason.TOO_MANY,
        "rate_limit_exceeded",
        RETRY_AFTER,
    )
    assert f"{ALLOWED} long reads" in problem.message


def test_accounts_take_turns_however_many_reads_one_has_waiting(long_reads: LongReads, slow: Slow) -> None:
    """Every thread is taken; the first that is free goes to the accounts in turn, not to the longest queue."""

    async def attack() -> None:
        taken = [asyncio.create_task(long_reads.run(f"other-{n}", slow("taken"))) for n in range(LONG_READERS)]
        await slow.until_begun(LONG_READERS)
        waiting = [asyncio.create_task(long_reads.run("attacker", slow("attacker"))) for _ in range(4)]
        waiting += [asyncio.create_task(long_reads.run(name, slow(name))) for name in ("one", "two")]
        await asyncio.sleep(0)
        slow.released.set()
        await asyncio.gather(*taken, *waiting)

    asyncio.run(attack())
    order = slow.begun[LONG_READERS:]
    assert sorted(order[:3]) == ["attacker", "one", "two"]
    assert order[3:] == ["attacker"] * 3


def test_waiting_counts_in_the_time_of_a_read(
    long_reads: LongReads, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "READ_SECONDS", 0.05)

    async def attack() -> list[str]:
        running = asyncio.create_task(long_reads.run("account", slow("first")))
        await slow.until_begun(1)
        with pytest.raises(ReadTimeout):
            await long_reads.run("account", slow("late"))
        slow.released.set()
        await running
        return slow.begun

    assert asyncio.run(attack()) == ["first"], "a read whose time is over never begins"


def test_a_read_is_given_the_time_that_is_left_of_its_wait(
    long_reads: LongReads, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "READ_SECONDS", 1_000.0)

    async def wait() -> float:
        running = asyncio.create_task(long_reads.run("account", slow("first")))
        await slow.until_begun(1)
        waiting = asyncio.create_task(long_reads.run("account", lambda seconds: seconds))
        slow.released.set()
        await running
        return await waiting

    assert 0 < asyncio.run(wait()) < 1_000


def test_a_read_that_fails_frees_its_thread(long_reads: LongReads) -> None:
    def broken(_seconds: float) -> None:
        raise LookupError

    async def use() -> str:
        for _ in range(ALLOWED + LONG_READERS):
            with pytest.raises(LookupError):
                await long_reads.run("account", broken)
        return await long_reads.run("account", quick)

    assert asyncio.run(use()) == "quick"


def test_a_caller_who_goes_away_leaves_the_queue(long_reads: LongReads, slow: Slow) -> None:
    async def use() -> str:
        attacks = [asyncio.create_task(long_reads.run("account", slow(str(n)))) for n in range(ALLOWED)]
        await slow.until_begun(1)
        for task in attacks[1:]:
            task.cancel()
        await asyncio.wait(attacks[1:])
        again = asyncio.create_task(long_reads.run("account", quick))
        await asyncio.sleep(0)
        slow.released.set()
        return await again

    assert asyncio.run(use()) == "quick"
    assert slow.begun == ["0"]


def test_the_store_asks_for_the_account_of_a_long_read(both: World) -> None:
    """A planted slow read of one account holds its next one, and not another account's."""
    begun, released, ended = threading.Event(), threading.Event(), list[str]()

    def plant(_session: Session) -> None:
        begun.set()
        assert released.wait(PATIENCE)
        ended.append("planted")

    def other(session: Session) -> None:
        ended.append(session.ctx.trace)

    async def use() -> None:
        store, base = both.store, both.base
        planted = asyncio.create_task(store.read_async(base, plant, long=True, account_id=lambda: "attacker"))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        second = asyncio.create_task(
            store.read_async(base.asked("second", ""), other, long=True, account_id=lambda: "attacker")
        )
        await store.read_async(base.asked("victim", ""), other, long=True, account_id=lambda: "victim")
        await store.read_async(base.asked("unknown", ""), other, long=True)
        released.set()
        await asyncio.gather(planted, second)

    asyncio.run(use())
    assert ended == ["victim", "unknown", "planted", "second"]
