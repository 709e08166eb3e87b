"""Threads give way to the event loop while it reads, and to the request that writes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from fixtures.threads import PATIENCE, until
from kunsthalle.core.loop_turns import LoopTurns, waiting


class Other:
    """Another thread that calls one function; `ended` says whether it has returned."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=function, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(PATIENCE)
        assert self.ended


@pytest.fixture
def turns() -> LoopTurns:
    return LoopTurns(most_seconds=PATIENCE)


@pytest.mark.parametrize("working", ["reading", "writing"])
def test_a_thread_waits_until_the_one_that_goes_before_has_ended(turns: LoopTurns, working: str) -> None:
    with getattr(turns, working):
        other = Other(turns.give_way)
        until(lambda: turns._waiting == 1)
        assert not other.ended
    other.join()
    assert turns._waiting == 0


def test_nobody_waits_while_nobody_works(turns: LoopTurns) -> None:
    with turns.reading, turns.writing:
        pass
    Other(turns.give_way).join()


def test_the_loop_waits_for_nobody(turns: LoopTurns) -> None:
    writing, ending = threading.Event(), threading.Event()

    def write() -> None:
        with turns.writing:
            writing.set()
            assert ending.wait(PATIENCE)

    writer = Other(write)
    assert writing.wait(PATIENCE)
    with turns.reading:
        turns.give_way()
    ending.set()
    writer.join()


def test_the_writer_waits_for_the_loop_alone(turns: LoopTurns) -> None:
    begun, read = threading.Event(), threading.Event()

    def write() -> None:
        with turns.writing:
            turns.give_way()  # nobody reads yet
            begun.set()
            assert read.wait(PATIENCE)
            turns.give_way()

    writer = Other(write)
    assert begun.wait(PATIENCE)
    with turns.reading:
        read.set()
        until(lambda: turns._waiting == 1)
        assert not writer.ended
    writer.join()


def test_a_thread_waits_no_longer_than_it_must() -> None:
    turns = LoopTurns(most_seconds=0.001)
    with turns.reading:
        Other(turns.give_way).join()


def test_a_thread_may_wait_for_others_too_where_it_gives_way(turns: LoopTurns) -> None:
    waits: list[int] = []
    with waiting(lambda: waits.append(1)):
        turns.give_way()
        Other(turns.give_way).join()
    turns.give_way()
    assert waits == [1]
