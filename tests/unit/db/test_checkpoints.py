"""No write takes SQLite's log back into its file: a thread does it beside them, and never twice without one between."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.exc import OperationalError

from fixtures.worlds import World, make_world
from kunsthalle.db import checkpoints, kv
from kunsthalle.db.checkpoints import Checkpoints

WHOLE = (0, 10, 10)
"""What SQLite says when it has taken back ten pages of ten."""


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    made = make_world(sqlite_url)
    yield made
    made.store.close()


def _put(world: World, key: str, value: str = "") -> None:
    world.write(world.base, kv.put, key=key, value=value)


def _keys_without_log(file: Path) -> set[str]:
    """What the file holds by itself."""
    copy = file.with_suffix(".copy")
    shutil.copyfile(file, copy)
    with closing(sqlite3.connect(copy)) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM facts")}


def test_a_write_waits_for_no_disk(world: World, file: Path) -> None:
    """SQLite's own way would be to take it back at the end of the write after which it has 1,000 pages."""
    keys = {f"key {number}" for number in range(20)}
    for key in sorted(keys):
        _put(world, key, "x" * 60 * 4_096)
    assert not _keys_without_log(file) & keys


def test_after_so_many_writes_the_log_is_taken_back(world: World, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look, after five, only notes what there is."""
    monkeypatch.setattr(checkpoints, "COMMITS", 5)
    keys = {f"key {number}" for number in range(10)}
    for key in sorted(keys):
        assert not _keys_without_log(file) & keys
        _put(world, key)
        _ended(world)
    assert keys <= _keys_without_log(file)
    log = file.with_name(f"{file.name}-wal")
    size = log.stat().st_size
    _put(world, "another")
    assert log.stat().st_size == size, "the log is begun anew"


def test_it_is_not_looked_at_again_where_nothing_was_written(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That may lose a commit in SQLite before 3.51.3. A value that is put once more changes no page."""
    monkeypatch.setattr(checkpoints, "COMMITS", 5)
    asked: list[int] = []
    taken_back = Checkpoints._taken_back

    def counted(self: Checkpoints, driver: sqlite3.Connection) -> int:
        asked.append(0)
        return taken_back(self, driver)

    monkeypatch.setattr(Checkpoints, "_taken_back", counted)
    for number in range(10):
        _put(world, f"key {number}")
        _ended(world)
    assert len(asked) == 1
    for _ in range(20):
        world.write(world.base, lambda _session: None)
        _put(world, "key 9")
        _ended(world)
    assert len(asked) == 1
    _put(world, "new")
    for _ in range(5):
        world.write(world.base, lambda _session: None)
        _ended(world)
    assert len(asked) == 2
    assert "new" in _keys_without_log(file)


def _ended(world: World) -> None:
    thread = world.store._checkpoints._thread
    if thread is not None:
        thread.join()


class Driver:
    """A connection that notes how it is asked to take the log back, and says in turn what it was told to."""

    def __init__(self, *said: tuple[int, int, int] | Exception) -> None:
        self.said = list(said)
        self.asked: list[str] = []
        self.version = 1

    def execute(self, statement: str) -> Driver:
        if statement != "PRAGMA data_version":
            self.asked.append(statement)
        return self

    def fetchall(self) -> list[tuple[int]]:
        return [(self.version,)]

    def fetchone(self) -> tuple[int, int, int]:
        answer = self.said.pop(0) if self.said else WHOLE
        if isinstance(answer, Exception):
            raise answer
        return answer


PASSIVE, TRUNCATE = "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)"


class Bench:
    """Checkpoints over such a driver, which have looked once. `alone_at` is what had been asked when nobody wrote."""

    def __init__(self, *said: tuple[int, int, int] | Exception) -> None:
        self.driver = Driver(*said)
        self.alone_at: list[int] = []
        self.checkpoints = Checkpoints(self.connected, self.alone)
        self.commit(checkpoints.COMMITS)
        assert self.ended() == []

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        yield cast("sqlite3.Connection", self.driver)

    @contextmanager
    def alone(self) -> Iterator[None]:
        self.alone_at.append(len(self.driver.asked))
        yield

    def commit(self, times: int) -> None:
        for _ in range(times):
            self.driver.version += 1
            self.checkpoints.committed()

    def ended(self) -> list[str]:
        """What was asked, once nothing more is."""
        thread = self.checkpoints._thread
        if thread is not None:
            thread.join()
        return self.driver.asked


def _once(bench: Bench) -> None:
    bench.commit(5)


def _too_few(bench: Bench) -> None:
    bench.commit(4)


def _twice(bench: Bench) -> None:
    bench.commit(5)
    bench.ended()
    bench.commit(5)


def _not_again_at_once(bench: Bench) -> None:
    bench.commit(5)
    bench.ended()
    bench.commit(4)


def _emptied_just_before(bench: Bench) -> None:
    """A second look right after a first that found all of it is what may lose a commit."""
    bench.checkpoints.empty(cast("sqlite3.Connection", bench.driver))
    bench.commit(5)


def _emptied_long_before(bench: Bench) -> None:
    _emptied_just_before(bench)
    bench.ended()
    bench.commit(5)


@pytest.mark.parametrize(
    ("story", "asked"),
    [
        pytest.param(_too_few, [], id="too few were written"),
        pytest.param(_once, [PASSIVE], id="enough were written"),
        pytest.param(_twice, [PASSIVE, PASSIVE], id="as many again"),
        pytest.param(_not_again_at_once, [PASSIVE], id="too few after it"),
        pytest.param(_emptied_just_before, [TRUNCATE], id="it was emptied just before"),
        pytest.param(_emptied_long_before, [TRUNCATE, PASSIVE], id="it was emptied long before"),
    ],
)
def test_when_it_is_taken_back(
    story: Callable[[Bench], None], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "COMMITS", 5)
    bench = Bench()
    story(bench)
    assert bench.ended() == asked


@pytest.mark.parametrize(
    ("said", "alone_at"),
    [
        pytest.param((0, 100, 100), [], id="all of a log"),
        pytest.param((0, 100, 90), [], id="not all of a short one"),
        pytest.param((0, 101, 90), [1], id="not all of a long one"),
        pytest.param((1, -1, -1), [], id="somebody else takes it back"),
    ],
)
def test_writes_wait_for_it_where_it_only_grows(
    said: tuple[int, int, int], alone_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "COMMITS", 1)
    monkeypatch.setattr(checkpoints, "MOST_PAGES", 100)
    bench = Bench(said)
    bench.commit(1)
    assert bench.ended() == [PASSIVE] * (1 + len(alone_at))
    assert bench.alone_at == alone_at


def test_a_failure_is_logged_and_it_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, str]] = []
    monkeypatch.setattr(checkpoints, "COMMITS", 5)
    monkeypatch.setattr(checkpoints.log, "warning", lambda _what, **more: lines.append(more))
    bench = Bench(sqlite3.OperationalError("disk I/O error"))
    bench.commit(5)
    bench.ended()
    bench.commit(4)
    assert bench.ended() == [PASSIVE]
    bench.commit(1)
    assert bench.ended() == [PASSIVE] * 2
    assert lines == [{"error": "disk I/O error"}]


def test_where_no_connection_can_be_opened_that_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, str]] = []
    monkeypatch.setattr(checkpoints, "COMMITS", 5)
    monkeypatch.setattr(checkpoints.log, "warning", lambda _what, **more: lines.append(more))

    def connected() -> AbstractContextManager[sqlite3.Connection]:
        raise OperationalError("", {}, sqlite3.OperationalError("unable to open database file"))

    bench = Bench()
    bench.checkpoints = Checkpoints(connected, bench.alone)
    bench.commit(5)
    assert bench.ended() == []
    assert ["unable to open database file" in line["error"] for line in lines] == [True]


def test_nothing_is_lost_between_writes_and_a_log_that_is_taken_back_all_the_time(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "COMMITS", 2)
    for number in range(400):
        _put(world, f"key {number}")
    world.store.close()
    assert {f"key {number}" for number in range(400)} <= _keys_without_log(file)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
