"""Requests write before jobs, and a job at the latest after a few of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from fixtures.threads import PATIENCE, until
from kunsthalle.db.writer_turns import MOST_PASSED, WriterTurns


class Writers:
    """Threads that write their name when it is their turn."""

    def __init__(self) -> None:
        self.turns = WriterTurns()
        self.wrote: list[str] = []
        self._threads: list[threading.Thread] = []
        self._inside = 0

    def begin(self, name: str, turn: Callable[[], AbstractContextManager[None]]) -> None:
        def write() -> None:
            with turn():
                self._inside += 1
                assert self._inside == 1, "two write at once"
                self.wrote.append(name)
                self._inside -= 1

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        self._threads.append(thread)

    def job(self) -> None:
        waiting = self.turns._jobs
        self.begin("job", self.turns.job)
        until(lambda: self.turns._jobs == waiting + 1)

    def request(self, name: str = "request") -> None:
        self.turns.announce()
        self.begin(name, self._requesting)

    def _requesting(self) -> AbstractContextManager[None]:
        return self.turns.request()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), self.wrote


@pytest.fixture
def writers() -> Writers:
    return Writers()


def test_an_announced_request_writes_before_a_job_that_waits(writers: Writers) -> None:
    with writers.turns.job():
        writers.job()
        writers.request()
    until(lambda: writers.wrote == ["request"])
    assert writers.turns._jobs == 1, "as long as the request is not withdrawn"
    writers.turns.withdraw()
    writers.join()
    assert writers.wrote == ["request", "job"]


def test_a_job_writes_when_the_announced_request_does_not(writers: Writers) -> None:
    writers.turns.announce()
    writers.job()
    assert writers.wrote == []
    writers.turns.withdraw()
    writers.join()
    assert writers.wrote == ["job"]


def test_a_job_writes_after_a_few_requests_however_many_there_are(writers: Writers) -> None:
    with writers.turns.job():
        writers.job()
        for _ in range(3 * MOST_PASSED):
            writers.request()
    writers.join()
    assert writers.wrote.index("job") == MOST_PASSED


def test_without_requests_jobs_write_one_after_another(writers: Writers) -> None:
    with writers.turns.job():
        for _ in range(3):
            writers.job()
    writers.join()
    assert writers.wrote == ["job"] * 3
