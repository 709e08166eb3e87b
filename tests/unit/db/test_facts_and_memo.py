"""Single values of a store, and what one process remembers of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from fixtures.threads import PATIENCE, together
from fixtures.worlds import World
from kunsthalle.db import kv
from kunsthalle.db.cache import Cache
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session


def test_a_fact_is_put_over_and_over(both: World) -> None:
    for value in ({"a": [1, None]}, "text", 0, False):
        both.write(both.base, kv.put, "key", value)
        assert both.read(both.base, kv.get, "key") == value
    assert both.read(both.base, kv.get, "other") is None


def test_putting_the_same_fact_at_once(both: World) -> None:
    for number in range(10):
        together(*[lambda n=number: both.write(both.base, kv.put, "key", n)] * 4)
    assert both.read(both.base, kv.get, "key") == 9


def test_once_makes_a_value_once_for_all_nodes(both: World, database_url: str) -> None:
    nodes = [Store(database_url) for _ in range(3)]
    made: list[int] = []

    def asking(number: int, store: Store) -> Callable[[], int]:
        def make() -> int:
            made.append(number)
            return number

        return lambda: store.write(both.base, lambda session: kv.once(session, "key", make))

    try:
        answers = together(*(asking(number, store) for number, store in enumerate(nodes, 1)))
    finally:
        for store in nodes:
            store.close()
    assert len(made) == 1
    assert answers == made * 3
    assert both.write(both.base, lambda session: kv.once(session, "key", lambda: 99)) == made[0]


def test_a_maker_that_fails_leaves_the_making_to_the_next(both: World) -> None:
    with pytest.raises(ZeroDivisionError):
        both.write(both.base, lambda session: kv.once(session, "key", lambda: 1 // 0))
    assert both.write(both.base, lambda session: kv.once(session, "key", lambda: "made")) == "made"


class TestMemo:
    def test_is_asked_once_until_it_is_told(self) -> None:
        memo, loads = Cache(enabled=True), []

        def load() -> int:
            loads.append(1)
            return len(loads)

        assert [memo.get("t", "k", load), memo.get("t", "k", load)] == [1, 1]
        memo.forget("other")
        assert memo.get("t", "k", load) == 1
        memo.forget("t")
        assert memo.get("t", "k", load) == 2
        assert memo.get("t", "other key", load) == 3

    def test_never_where_other_nodes_write(self) -> None:
        memo, loads = Cache(enabled=False), iter([1, 2])
        assert [memo.get("t", "k", lambda: next(loads)) for _ in range(2)] == [1, 2]

    def test_what_was_loaded_before_a_change_is_not_kept_after_it(self) -> None:
        memo = Cache(enabled=True)

        def stale() -> str:
            memo.forget("t")  # a commit lands while the reader is on its way back
            return "old"

        assert memo.get("t", "k", stale) == "old"
        assert memo.get("t", "k", lambda: "new") == "new"

    def test_no_change_comes_between_the_last_look_and_the_keeping(self) -> None:
        memo = Cache(enabled=True)
        writer = threading.Thread(target=memo.forget, args=("t",))

        class Watched(dict[str, int]):
            looks = 0

            def get(self, key: str, default: int = 0) -> int:
                found = dict.get(self, key, default)
                Watched.looks += 1
                if Watched.looks == 2:  # the reader has seen that nothing changed, and has not kept its value yet
                    writer.start()
                    writer.join(0.2)  # held off by the lock; without one it would be through by now
                return found

        memo._generation = Watched()
        assert memo.get("t", "k", lambda: "old") == "old"
        writer.join(PATIENCE)
        assert memo.get("t", "k", lambda: "new") == "new"

    def test_is_bounded(self) -> None:
        memo = Cache(enabled=True)
        for number in range(25_000):
            memo.get("t", number, lambda: "value")
        assert len(memo._kept) <= 10_000


def test_a_reader_that_loaded_before_the_commit_does_not_leave_its_answer_behind(both: World) -> None:
    """The reader has its rows, the writer commits and forgets, and only then the reader hands its answer in."""
    loaded, committed = threading.Event(), threading.Event()
    both.write(both.base, kv.put, "key", "old")

    def slow(session: Session) -> str:
        def load() -> str:
            value: str = kv.get(session, "key")
            loaded.set()
            assert committed.wait(PATIENCE)
            return value

        return session.cached("topic", "k", load)

    def change() -> str:
        assert loaded.wait(PATIENCE)

        def put(session: Session) -> None:
            kv.put(session, "key", "new")
            session.invalidate("topic")

        both.store.write(both.base, put)
        committed.set()
        return "changed"

    assert together(lambda: both.store.read(both.base, slow), change) == ["old", "changed"]
    fresh = both.store.read(both.base, lambda session: session.cached("topic", "k", lambda: kv.get(session, "key")))
    assert fresh == "new"


def test_a_transaction_sees_its_own_change_and_leaves_nothing_when_undone(both: World) -> None:
    both.write(both.base, kv.put, "key", "old")

    def ask(session: Session) -> str:
        return session.cached("topic", "k", lambda: kv.get(session, "key"))

    def change(session: Session) -> None:
        assert ask(session) == "old"
        kv.put(session, "key", "new")
        session.invalidate("topic")
        assert ask(session) == ask(session.as_context(session.ctx)) == "new"
        raise KeyError

    with pytest.raises(KeyError):
        both.store.write(both.base, change)
    assert both.store.read(both.base, ask) == "old"
