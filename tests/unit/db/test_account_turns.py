"""Of accounts that share threads, none waits for more than one call of each other one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future

import pytest

from fixtures.threads import PATIENCE, until
from kunsthalle.db.account_turns import AccountTurns, Crowded


class Calls:
    """Calls of a pool that end when they are released; `begun` is their order."""

    def __init__(self, threads: int, most_running: int, most_waiting: int | None = None) -> None:
        self.turns = AccountTurns(threads, "calls", most_running, most_waiting)
        self.released = threading.Event()
        self.begun: list[str] = []

    def call(self, account: str) -> Future[str]:
        def function() -> str:
            self.begun.append(account)
            assert self.released.wait(PATIENCE)
            return account

        return self.turns.submit(account, function)


Make = Callable[..., Calls]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Calls] = []

    def calls(*given: int) -> Calls:
        made.append(Calls(*given))
        return made[-1]

    yield calls
    for one in made:
        one.released.set()
        one.turns.close()


def test_another_account_is_next_however_many_calls_wait(make: Make) -> None:
    """It waits for the end of the call that runs, and for no more of an account that was served meanwhile."""
    calls = make(1, 1)
    futures = [calls.call("many") for _ in range(5)]
    until(lambda: calls.begun)
    futures.append(calls.call("one"))
    calls.released.set()
    assert [future.result(PATIENCE) for future in futures] == ["many"] * 5 + ["one"]
    assert calls.begun == ["many", "one", "many", "many", "many", "many"]


def test_one_account_leaves_threads_to_others(make: Make) -> None:
    calls = make(3, 2)
    for _ in range(4):
        calls.call("many")
    until(lambda: len(calls.begun) == 2)
    calls.call("one")
    until(lambda: len(calls.begun) == 3)
    assert calls.begun == ["many", "many", "one"]


def test_only_so_many_calls_of_an_account_wait(make: Make) -> None:
    calls = make(1, 1, 2)
    for _ in range(3):
        calls.call("many")
    with pytest.raises(Crowded):
        calls.call("many")
    calls.call("one")


def test_a_cancelled_call_never_runs_and_an_error_comes_out(make: Make) -> None:
    calls = make(1, 1)
    calls.call("one")
    gone = calls.call("gone")
    assert gone.cancel()
    failing = calls.turns.submit("failing", lambda: 1 // 0)
    calls.released.set()
    with pytest.raises(ZeroDivisionError):
        failing.result(PATIENCE)
    with pytest.raises(CancelledError):
        gone.result(PATIENCE)
    assert calls.begun == ["one"]
    calls.turns.close()
    assert (calls.turns._waiting, calls.turns._running) == ({}, {}), "nothing is kept of who has nothing to do"
