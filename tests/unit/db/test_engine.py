"""Transactions: all or nothing, one result for the caller, whatever others do at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from fixtures.threads import PATIENCE, together
from fixtures.worlds import World
from kunsthalle.core.errors import Problem
from kunsthalle.db import deadlines, kv
from kunsthalle.db.column_types import MAX_DOCUMENT
from kunsthalle.db.deadlines import ReadTimeout
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.tables import tallies
from kunsthalle.images.tables import blob_refs

BUMP = text(
    "INSERT INTO tallies (account_id, kind, n) VALUES ('a', :kind, 1)"
    " ON CONFLICT (account_id, kind) DO UPDATE SET n = tallies.n + 1"
)


def bump(session: Session, kind: str = "k") -> None:
    session.execute(BUMP, {"kind": kind})


def counted(world: World, kind: str = "k") -> int:
    return world.read(world.base, _number, kind)


def _number(session: Session, kind: str) -> int:
    row = session.first(text("SELECT n FROM tallies WHERE kind = :kind"), {"kind": kind})
    return 0 if row is None else int(row[0])


def test_what_is_written_is_there_for_the_next_reader(both: World) -> None:
    assert both.write(both.base, lambda session: (kv.put(session, "greeting", {"a": 1}), "result")[1]) == "result"
    assert both.read(both.base, kv.get, "greeting") == {"a": 1}


@pytest.mark.parametrize("on_loop", [False, True])
def test_a_read_sees_one_moment_whatever_is_written_meanwhile(both: World, on_loop: bool) -> None:
    both.write(both.base, bump)

    def twice(session: Session) -> tuple[int, int]:
        first = _number(session, "k")
        writer = threading.Thread(target=both.write, args=(both.base, bump))
        writer.start()
        writer.join(PATIENCE)
        return first, _number(session, "k")

    def read() -> tuple[int, int]:
        return asyncio.run(both.store.read_async(both.base, twice)) if on_loop else both.store.read(both.base, twice)

    assert read() == (1, 1)
    assert read() == (2, 2)
    with pytest.raises(ZeroDivisionError):
        both.store.read(both.base, lambda _session: 1 // 0)
    assert counted(both) == 3


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_undoes_everything_and_runs_no_callback(both: World, error: type[BaseException]) -> None:
    told: list[str] = []

    def broken(session: Session) -> None:
        session.after_commit(lambda: told.append("committed"))
        bump(session)
        bump(session, "other")
        raise error

    with pytest.raises(error):
        both.store.write(both.base, broken)
    assert (counted(both), counted(both, "other"), told) == (0, 0, [])
    both.write(both.base, bump)
    assert counted(both) == 1


def test_callbacks_run_once_the_rows_can_be_read(both: World) -> None:
    seen: list[int] = []

    def write(session: Session) -> None:
        other = session.as_context(both.base.as_system("other"))
        other.after_commit(lambda: seen.append(counted(both)))
        assert other.ctx.account_id == "other"
        bump(other)

    both.store.write(both.base, write)
    assert seen == [1]


def _attempt(world: World, how: str) -> None:
    if how == "read":
        world.read(world.base, bump)
    else:
        asyncio.run(world.store.read_async(world.base, bump))


@pytest.mark.parametrize("how", ["read", "read_async"])
def test_a_read_cannot_write(both: World, how: str) -> None:
    both.write(both.base, bump)
    with pytest.raises(DBAPIError):
        _attempt(both, how)
    assert counted(both) == 1
    both.write(both.base, bump)
    assert counted(both) == 2


def test_a_row_must_refer_to_what_is_there(both: World) -> None:
    with pytest.raises(IntegrityError):
        both.write(
            both.base, lambda session: session.execute(insert(blob_refs).values(digest="d" * 64, holder="image:x"))
        )


def test_a_write_inside_a_write_is_an_error_and_not_a_standstill(both: World) -> None:
    with pytest.raises(RuntimeError, match="a write inside a write"):
        both.store.write(both.base, lambda _session: both.write(both.base, bump))
    both.write(both.base, bump)
    assert counted(both) == 1


def test_many_writers_lose_nothing(both: World) -> None:
    def many() -> None:
        for _ in range(25):
            both.write(both.base, bump)

    together(*[many] * 4)
    assert counted(both) == 100


def test_two_processes_on_one_database_wait_for_each_other(both: World, database_url: str) -> None:
    second = Store(database_url)
    try:

        def many(store: Store) -> Callable[[], None]:
            return lambda: [store.write(both.base, bump) for _ in range(25)] and None

        together(many(both.store), many(second))
    finally:
        second.close()
    assert counted(both) == 50


def test_many_that_open_a_new_file_at_once_all_get_in(tmp_path: Path) -> None:
    for turn in range(60):
        stores = [Store(f"sqlite:///{tmp_path / str(turn)}.sqlite") for _ in range(6)]
        try:
            assert together(*[_mode_of(one) for one in stores]) == ["wal"] * len(stores)
        finally:
            for one in stores:
                one.close()


def _mode_of(store: Store) -> Callable[[], str]:
    def asked() -> str:
        with store.engine.connect() as connection:
            return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())

    return asked


def test_from_the_event_loop(both: World) -> None:
    async def use() -> tuple[int, str]:
        await asyncio.gather(*(both.store.write_async(both.base, bump) for _ in range(10)))
        thread = await both.store.write_async(both.base, lambda _session: threading.current_thread().name)
        return await both.store.read_async(both.base, lambda session: _number(session, "k")), thread

    number, thread = asyncio.run(use())
    assert number == 10
    assert thread != threading.current_thread().name, "the event loop must never wait for a write"


def test_closing_ends_every_thread(both: World, database_url: str) -> None:
    before = set(threading.enumerate())
    store = Store(database_url)
    asyncio.run(store.write_async(both.base, bump))
    asyncio.run(store.read_async(both.base, lambda session: _number(session, "k")))
    store.close()
    assert set(threading.enumerate()) <= before


@pytest.mark.needs_postgres
class TestRetries:
    """What PostgreSQL asks to be run again is run again, the whole of it; nothing else is."""

    @pytest.fixture
    def world(self, postgres_url: str) -> Any:
        from fixtures.worlds import make_world

        made = make_world(postgres_url)
        yield made
        made.store.close()

    def test_deadlocked_transactions_both_end_well(self, world: World) -> None:
        for kind in ("one", "two"):
            world.write(world.base, bump, kind)
        meeting, runs = threading.Barrier(2), []

        def crossed(first: str, second: str) -> Callable[[], None]:
            def work(session: Session) -> None:
                runs.append(first)
                bump(session, first)
                if runs.count(first) == 1:
                    meeting.wait(PATIENCE)
                bump(session, second)

            return lambda: world.store.write(world.base, work)

        together(crossed("one", "two"), crossed("two", "one"))
        assert (counted(world, "one"), counted(world, "two")) == (3, 3)
        assert len(runs) > 2, "there was no deadlock"

    def _disturbed(self, world: World, times: int) -> int:
        """Runs a transaction whose row another one changes under its hands; how often it ran."""
        runs = 0

        def work(session: Session) -> None:
            nonlocal runs
            runs += 1
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            _number(session, "k")
            if runs <= times:
                together(lambda: world.write(world.base, bump))
            bump(session)

        try:
            world.store.write(world.base, work)
        except OperationalError:
            return -runs
        return runs

    def test_a_serialization_failure_is_tried_again(self, world: World) -> None:
        world.write(world.base, bump)
        assert self._disturbed(world, 2) == 3
        assert counted(world) == 4

    def test_it_is_not_tried_for_ever(self, world: World) -> None:
        world.write(world.base, bump)
        assert self._disturbed(world, 100) == -5
        assert counted(world) == 6

    def test_another_error_is_not_tried_again(self, world: World) -> None:
        runs = []

        def work(session: Session) -> None:
            runs.append(1)
            session.execute(insert(tallies).values(account_id="a", kind="k", n=1))
            session.execute(insert(tallies).values(account_id="a", kind="k", n=1))

        with pytest.raises(IntegrityError):
            world.store.write(world.base, work)
        assert len(runs) == 1


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(3600)",
}


def endless(session: Session) -> None:
    session.first(text(ENDLESS[session.dialect]))


def test_a_read_that_would_not_end_is_refused_and_the_next_one_answered(both: World) -> None:
    with pytest.raises(ReadTimeout) as refused:
        both.store.read(both.base, endless, 0.01)
    assert (refused.value.reason.value, "Ask for less" in refused.value.message) == (503, True)
    assert counted(both) == 0


def test_a_long_read_leaves_the_event_loop(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the loop it is stopped soon and run again elsewhere; the loop goes on meanwhile, and the read ends too."""
    monkeypatch.setattr(deadlines, "READ_SECONDS", 0.2)
    threads: list[threading.Thread] = []

    async def beside() -> list[str]:
        loop, moved = asyncio.get_running_loop(), asyncio.Event()

        def slow(session: Session) -> None:
            threads.append(threading.current_thread())
            if threads[-1] is not threading.main_thread():
                loop.call_soon_threadsafe(moved.set)
            endless(session)

        reading = asyncio.create_task(both.store.read_async(both.base, slow))
        await moved.wait()
        order = [str(await both.store.read_async(both.base, lambda session: _number(session, "k")))]
        with pytest.raises(ReadTimeout):
            await reading
        return [*order, "refused"]

    assert asyncio.run(beside()) == ["0", "refused"]
    assert len(threads) == (2 if both.store.embedded else 1)


def test_a_read_that_is_said_to_be_long_never_runs_on_the_event_loop(both: World) -> None:
    def where(_session: Session) -> threading.Thread:
        return threading.current_thread()

    async def read() -> threading.Thread:
        return await both.store.read_async(both.base, where, long=True)

    assert asyncio.run(read()) is not threading.main_thread()


def test_a_write_that_holds_the_writer_is_told_by_name(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(deadlines.log, "warning", lambda event, **values: told.append({"event": event, **values}))
    held = threading.Event()
    both.store.write(both.base, bump, "PUT /v1/quick")
    both.store.write(both.base, lambda _session: held.wait(2 * deadlines.SLOW_WRITE_SECONDS), "PUT /v1/slow")
    assert both.store.writes.slow["PUT /v1/slow"] == 1
    assert both.store.writes.longest >= deadlines.SLOW_WRITE_SECONDS
    assert [(one["event"], one["of"]) for one in told if one["of"] != "PUT /v1/quick"] == [
        ("slow write", "PUT /v1/slow")
    ]


def test_a_document_that_is_too_large_is_refused_with_its_bound(both: World) -> None:
    both.write(both.base, kv.put, "document", "x" * (MAX_DOCUMENT - 2))
    with pytest.raises(Problem) as refused:
        both.write(both.base, kv.put, "document", "x" * (MAX_DOCUMENT - 1))
    assert (refused.value.reason.value, str(MAX_DOCUMENT) in refused.value.message) == (413, True)
    assert both.read(both.base, kv.get, "document") == "x" * (MAX_DOCUMENT - 2)
