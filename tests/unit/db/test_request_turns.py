"""How requests, jobs and the event loop share a store: whose write is next, who gives way, who is charged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import bindparam, select

from fixtures.threads import PATIENCE, until
from fixtures.worlds import World
from kunsthalle.core.loop_turns import LOOP_TURNS
from kunsthalle.db import kv
from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.session import Session
from kunsthalle.db.tables import facts


def test_writes_of_accounts_take_turns(world: World) -> None:
    """However many writes one account has sent, another one's waits for the one that has begun."""
    wrote: list[str] = []
    begun, released = threading.Event(), threading.Event()

    def write(account_id: str) -> Callable[[Session], None]:
        def function(session: Session) -> None:
            begun.set()
            assert released.wait(PATIENCE)
            kv.put(session, "last", account_id)
            wrote.append(account_id)

        return function

    async def write_all() -> None:
        store = world.store
        many = [
            asyncio.ensure_future(store.write_async(world.base, write("many"), account_id="many")) for _ in range(5)
        ]
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        one = asyncio.ensure_future(store.write_async(world.base, write("one"), account_id="one"))
        await asyncio.sleep(0)
        released.set()
        await asyncio.gather(*many, one)

    asyncio.run(write_all())
    assert wrote == ["many", "one", "many", "many", "many", "many"]


def test_a_job_writes_after_the_requests_that_wait(world: World) -> None:
    wrote: list[str] = []
    begun, released = threading.Event(), threading.Event()

    def first(_session: Session) -> None:
        begun.set()
        assert released.wait(PATIENCE)

    def noting(name: str) -> Callable[[Session], None]:
        return lambda _session: wrote.append(name)

    async def write_all() -> None:
        store = world.store
        requests = [asyncio.ensure_future(store.write_async(world.base, first))]
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        job = threading.Thread(target=store.write, args=(world.base, noting("job")))
        job.start()
        await asyncio.to_thread(until, lambda: store._writer._jobs == 1)
        requests.append(asyncio.ensure_future(store.write_async(world.base, noting("request"))))
        await asyncio.sleep(0)
        released.set()
        await asyncio.gather(*requests)
        await asyncio.to_thread(job.join, PATIENCE)

    asyncio.run(write_all())
    assert wrote == ["request", "job"]


@pytest.mark.parametrize("how", ["statement", "compiled"])
def test_statements_of_threads_give_way_to_reads_of_the_loop(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(LOOP_TURNS, "most_seconds", PATIENCE)
    world.write(world.base, kv.put, "key", "value")
    get = kv.get if how == "statement" else _get
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(world.read(world.base, get, "key")))
    with LOOP_TURNS.reading:
        thread.start()
        until(lambda: LOOP_TURNS._waiting == 1)
        assert found == []
        assert world.read(world.base, get, "key") == "value", "the loop itself goes on"
    thread.join(PATIENCE)
    assert found == ["value"]


_VALUE = CompiledSelect(lambda: select(facts.c.value).where(facts.c.key == bindparam("key")))


def _get(session: Session, key: str) -> object:
    row = _VALUE.first(session, {"key": key})
    return row[0] if row else None


def test_a_read_of_the_loop_and_a_write_of_a_request_go_before_others(world: World) -> None:
    seen: list[tuple[bool, bool]] = []

    def look(_session: Session) -> None:
        other = threading.Thread(
            target=lambda: seen.append((LOOP_TURNS.reading.thread != 0, LOOP_TURNS.writing.thread != 0))
        )
        other.start()
        other.join(PATIENCE)

    asyncio.run(world.store.read_async(world.base, look))
    asyncio.run(world.store.write_async(world.base, look))
    world.store.write(world.base, look)
    world.store.read(world.base, look)
    assert seen == [(True, False), (False, True), (False, False), (False, False)]


def test_processor_time_of_reads_and_writes_is_charged_to_the_account(both: World) -> None:
    def work(_session: Session) -> None:
        sum(range(50_000))

    async def work_all() -> None:
        await both.store.read_async(both.base, work, account_id=lambda: "reader")
        await both.store.read_async(both.base, work, long=True, account_id=lambda: "searcher")
        await both.store.write_async(both.base, work, account_id="writer")
        await both.store.write_async(both.base, work)

    asyncio.run(work_all())
    assert {*both.store.priority._used} == {"reader", "searcher", "writer"}
    assert all(both.store.priority.used(name) > 0 for name in ("reader", "searcher", "writer"))
