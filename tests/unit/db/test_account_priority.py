"""Whoever has used little of the processor goes before who has used much. Time is moved by hand."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from fixtures.threads import PATIENCE, until
from kunsthalle.db import account_priority
from kunsthalle.db.account_priority import (
    ALONE_SECONDS,
    HALF_LIFE,
    HEAVY_SECONDS,
    LATELY_SECONDS,
    MOST_ACCOUNTS,
    MOST_REST_SECONDS,
    MOST_RESTS_SECONDS,
    MOST_SECONDS,
    PATIENCE_SECONDS,
    REST,
    SHORT_SECONDS,
    UNKNOWN,
)
from kunsthalle.db.account_priority import AccountPriority as Priority


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def priority(clock: Clock) -> Priority:
    return Priority(clock, clock.sleep)


def test_half_of_what_was_used_is_forgotten_every_half_life(priority: Priority, clock: Clock) -> None:
    priority.add("a", 4.0)
    clock.now += HALF_LIFE
    priority.add("a", 1.0)
    assert priority.used("a") == pytest.approx(3.0)
    clock.now += 2 * HALF_LIFE
    assert priority.used("a") == pytest.approx(0.75)
    assert priority.used("b") == 0


def test_what_a_thread_works_is_counted_for_the_account_that_becomes_known(priority: Priority) -> None:
    known: list[str] = []
    with pytest.raises(ValueError, match="refused"), priority.counted(lambda: known[0]):
        known.append("a")
        sum(range(10_000))
        raise ValueError("refused")
    assert priority.used("a") > 0


def test_only_so_many_accounts_are_remembered(priority: Priority) -> None:
    for number in range(MOST_ACCOUNTS + 1):
        priority.add("first" if number % 2 else f"account {number}", 1.0)
    for number in range(MOST_ACCOUNTS):
        priority.add(f"more {number}", 1.0)
    priority.add(UNKNOWN, 1.0)
    assert len(priority._used) == MOST_ACCOUNTS
    assert priority.used("first") == priority.used(UNKNOWN) == 0


async def _step(priority: Priority, account_id: str) -> None:
    """As the pipeline does before each step of a request."""
    if priority.must_queue(account_id):
        await priority.turn(account_id)


def test_who_is_not_recognised_yet_is_no_other_account(priority: Priority) -> None:
    """Each request begins as one of nobody's: an account that asks alone has no other beside it."""
    for account_id in (UNKNOWN, "one", UNKNOWN, "one"):
        priority.must_queue(account_id)
    assert priority.asking() == {"one"}
    priority.must_queue("other")
    assert priority.asking() == {"one", "other"}


def _order(priority: Priority, *asking: tuple[str, str], others: tuple[str, ...] = ("other",)) -> list[str]:
    """In which order requests go on that come in one turn of the loop: each an account and a name."""
    order: list[str] = []

    async def ask(account_id: str, name: str) -> None:
        await _step(priority, account_id)
        order.append(name)

    async def ask_all() -> None:
        for other in others:
            await _step(priority, other)
        await asyncio.gather(*(ask(*one) for one in asking))

    asyncio.run(ask_all())
    return order


def test_requests_of_light_accounts_pass_and_the_lightest_of_the_heavy_is_next(priority: Priority) -> None:
    for account_id, used in (("heavy", 3.0), ("heavier", 5.0), ("light", HEAVY_SECONDS / 2)):
        priority.add(account_id, used)
    asking = (("heavier", "1"), ("heavy", "2"), ("heavier", "3"), ("light", "4"), (UNKNOWN, "5"), ("heavy", "6"))
    assert _order(priority, *asking) == ["4", "5", "2", "6", "1", "3"]


def test_accounts_that_use_about_as_much_take_turns(priority: Priority) -> None:
    """Who has used least is asked at each turn: each request of the one does not wait for all of the other."""
    priority.add("one", 3.0)
    priority.add("two", 3.1)
    order: list[str] = []

    async def ask(account_id: str) -> None:
        await _step(priority, account_id)
        order.append(account_id)
        priority.add(account_id, 0.2)

    async def ask_all() -> None:
        await _step(priority, "other")
        await asyncio.gather(*(ask(account_id) for account_id in ("two", "two", "two", "one", "one", "one")))

    asyncio.run(ask_all())
    assert order == ["one", "two", "one", "two", "one", "two"]


def test_the_loop_takes_one_request_of_heavy_accounts_in_a_turn(priority: Priority) -> None:
    """So that a request of somebody else that comes meanwhile waits for one of them, not for all."""
    priority.add("heavy", 3.0)
    order: list[str] = []
    one_went_on = asyncio.Event()

    async def ask(account_id: str) -> None:
        await _step(priority, account_id)
        order.append(account_id)
        one_went_on.set()

    async def ask_all() -> None:
        await _step(priority, "other")
        heavy = [asyncio.create_task(ask("heavy")) for _ in range(5)]
        await one_went_on.wait()
        await ask("light")
        await asyncio.gather(*heavy)

    asyncio.run(ask_all())
    assert order.index("light") <= 2, order


def test_an_account_that_is_alone_does_not_queue(priority: Priority, clock: Clock) -> None:
    priority.add("heavy", 100.0)
    asking = (("heavy", "1"), ("heavy", "2"))
    assert _first_step(_step(priority, "heavy")), "nobody else has asked yet"
    assert _order(priority, *asking) == ["1", "2"]
    assert not _first_step(_step(priority, "heavy")), "another one has asked"
    clock.now += ALONE_SECONDS + 0.1
    assert _first_step(_step(priority, "heavy"))


def _first_step(turn: Coroutine[Any, Any, None]) -> bool:
    """Whether it returns without waiting for the loop."""

    async def ask() -> bool:
        task = asyncio.ensure_future(turn)
        await asyncio.sleep(0)
        done = task.done()
        await task
        return done

    return asyncio.run(ask())


def test_who_has_gone_is_left_out(priority: Priority) -> None:
    priority.add("heavy", 3.0)

    async def ask() -> list[bool]:
        await _step(priority, "other")
        tasks = [asyncio.create_task(_step(priority, "heavy")) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return [isinstance(result, asyncio.CancelledError) for result in results]

    assert asyncio.run(ask()) == [False, True, False]
    assert priority._queues == {}


def test_a_job_waits_while_a_lighter_account_is_worked_for(priority: Priority) -> None:
    priority.add("heavy", 3.0)
    request = priority.begin("light")
    job = threading.Thread(target=priority.wait_in_job, args=("heavy", PATIENCE), daemon=True)
    job.start()
    until(lambda: priority._waiting_jobs == 1)
    assert job.is_alive()
    priority.end(request)
    job.join(PATIENCE)
    assert not job.is_alive()


def test_a_job_waits_for_nobody_else(priority: Priority, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_priority, "MOST_SECONDS", 0.02)
    priority.add("heavy", 3.0)
    priority.add("heavier", 5.0)
    assert not priority.is_behind("heavy"), "nobody is worked for"
    requests = [priority.begin("heavier"), priority.begin("heavy")]
    assert not priority.is_behind("heavy")
    assert priority.is_behind("heavier")
    assert not priority.is_behind("light")
    requests.append(priority.begin("light"))
    assert priority.is_behind("heavy")
    clock.now += 0.03
    assert not priority.is_behind("heavy"), "what takes long is not waited for"
    for request in requests:
        priority.end(request)
    assert priority._active == {}


def test_a_read_waits_for_lighter_accounts_until_its_patience_ends(
    priority: Priority, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def wait_in_job(account_id: str, seconds: float) -> None:
        assert account_id == "heavy"
        waited.append(seconds)
        clock.now += seconds

    monkeypatch.setattr(priority, "wait_in_job", wait_in_job)
    priority.add("heavy", 3.0)
    wait = priority.patience(lambda: "heavy")
    wait()
    assert waited == [], "nobody is worked for"
    for _ in range(20):
        request = priority.begin("light")
        wait()
        priority.end(request)
    assert (sum(waited), max(waited)) == (pytest.approx(PATIENCE_SECONDS), MOST_SECONDS)


def test_who_has_asked_lately_is_known(priority: Priority, clock: Clock) -> None:
    assert priority.asking() == set()
    for account in ("a", "b", "b", "c", "c"):
        priority.must_queue(account)
    assert priority.asking() == {"a", "b", "c"}
    clock.now += ALONE_SECONDS + 0.1
    priority.must_queue("c")
    assert priority.asking() == {"c"}


def _meet(priority: Priority, *accounts: str) -> None:
    """They have something to do at the same moment."""
    for account_id in accounts:
        priority.enter(account_id)
    for account_id in accounts:
        priority.leave(account_id)


def test_a_heavy_account_rests_while_it_is_in_the_way_of_a_lighter_one(priority: Priority, clock: Clock) -> None:
    """It gets one second of the processor in so many, whatever it asks for."""
    priority.add("heavy", 10.0)
    began, used = clock.now, 0.0

    async def ask() -> None:
        nonlocal used
        while clock.now < began + 5:
            priority.must_queue("light")
            _meet(priority, "light", "heavy")
            await _step(priority, "heavy")
            used += 0.01
            clock.now += 0.01
            priority.add("heavy", 0.01)

    asyncio.run(ask())
    assert used / (clock.now - began) == pytest.approx(1 / (1 + REST), rel=0.2)


@pytest.mark.parametrize(
    ("used", "met", "used_by_other", "since", "part"),
    [
        pytest.param(3.0, ("light", "heavy"), 0.0, 0.0, 1.0, id="a lighter one has something to do"),
        pytest.param(3.0, ("heavy", "light"), 0.0, 0.0, 1.0, id="one comes while it has"),
        pytest.param(3.0, ("heavy", UNKNOWN), 0.0, 0.0, 1.0, id="someone comes who is not recognised"),
        pytest.param(HEAVY_SECONDS / 2, ("heavy", "light"), 0.0, 0.0, 0.0, id="it is light itself"),
        pytest.param(3.0, ("heavy", "heavy"), 0.0, 0.0, 0.0, id="it is in its own way alone"),
        pytest.param(3.0, ("heavy", "light"), 2.9, 0.0, 0.0, id="the other has used as much"),
        pytest.param(3.25, ("heavy", "light"), 2.0, 0.0, 0.5, id="the other has used nearly as much"),
        pytest.param(4.0, ("heavy", "light"), 2.0, 0.0, 1.0, id="the other has used half as much"),
        pytest.param(3.0, ("heavy", "light"), 0.0, LATELY_SECONDS + 0.1, 0.0, id="that is over"),
    ],
)
def test_who_rests(
    priority: Priority,
    clock: Clock,
    used: float,
    met: tuple[str, str],
    used_by_other: float,
    since: float,
    part: float,
) -> None:
    priority.add("heavy", used)
    priority.add("light", used_by_other)
    _meet(priority, *met)
    clock.now += since
    priority.add("heavy", 0.02)
    assert priority.rest("heavy") == pytest.approx(0.02 * REST * part, abs=0.002)


@pytest.mark.parametrize(
    ("waiting", "seconds", "rests"),
    [
        pytest.param(0, SHORT_SECONDS, False, id="a short step, and nothing else to do"),
        pytest.param(0, SHORT_SECONDS + 0.001, True, id="a longer one"),
        pytest.param(1, SHORT_SECONDS, True, id="a short one, and the next one waits"),
    ],
)
def test_an_account_that_leaves_a_gap_need_not_rest(
    priority: Priority, waiting: int, seconds: float, rests: bool
) -> None:
    priority.add("heavy", 3.0)
    _meet(priority, "heavy", "light")
    for _ in range(1 + waiting):
        priority.enter("heavy")
    priority.add("heavy", seconds)
    assert (priority.rest("heavy") > 0) is rests


def test_a_step_that_keeps_nobody_waiting_does_not_rest(priority: Priority, clock: Clock) -> None:
    priority.add("heavy", 3.0)
    _meet(priority, "heavy", "light")
    priority.add("heavy", 0.05)
    began = clock.now
    asyncio.run(priority.turn("heavy", rests=False))
    assert clock.now == began
    asyncio.run(priority.turn("heavy"))
    assert clock.now - began == pytest.approx(0.05 * REST)


def test_who_asks_in_turn_for_two_accounts_does_not_wait(priority: Priority, clock: Clock) -> None:
    """As a program does that publishes with one account and looks with another."""
    priority.add("heavy", 3.0)

    async def ask() -> None:
        for _ in range(20):
            for account_id in ("light", "heavy"):
                priority.enter(account_id)
                await _step(priority, account_id)
                priority.add(account_id, 0.01)
                priority.leave(account_id)

    began = clock.now
    asyncio.run(ask())
    assert clock.now == began
    assert priority._present == {}


def test_nobody_rests_for_longer_than_is_of_use(priority: Priority, clock: Clock) -> None:
    priority.add("heavy", 3.0)
    _meet(priority, "heavy", "light")
    priority.add("heavy", 100.0)
    assert priority.rest("heavy") == MOST_REST_SECONDS
    began = clock.now

    async def ask() -> None:
        """Other steps go on to use what it rests for."""
        while clock.now < began + 10:
            priority.must_queue("light")
            _meet(priority, "heavy", "light")
            asked = clock.now
            await _step(priority, "heavy")
            assert clock.now - asked <= MOST_RESTS_SECONDS
            priority.add("heavy", 100.0)
            clock.now += 0.2

    asyncio.run(ask())


def test_a_job_rests(priority: Priority, clock: Clock) -> None:
    priority.add("heavy", 3.0)
    _meet(priority, "heavy", "light")
    priority.add("heavy", 1.0)
    began = time.monotonic()
    priority.rest_in_job("heavy")
    assert time.monotonic() - began >= MOST_REST_SECONDS * 0.9
    clock.now += LATELY_SECONDS + 0.1
    assert priority.rest("heavy") == 0
