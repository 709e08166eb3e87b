"""Nothing that is sent holds the writer for long: every route is sent the largest bodies that it takes.

Work is counted (`fixtures/counted_work.py`): a thousand units take half a millisecond of a processor, so that the
bound stands for 60 ms of the 100 that a write may take (docs/decisions/0021-bounded-work.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.bodies import many, swollen
from fixtures.counted_work import CountingStore, Work
from fixtures.frozen_app import Answer, FrozenApp, make_frozen_app
from kunsthalle.api.request_bodies import MAX_BODY
from kunsthalle.api.router import Route, Router
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs
from kunsthalle.db.unscoped import number_of
from matrix.largest_bodies import LARGEST, size
from matrix.largest_items import BASES, COUNTS, ITEMS, address_of, at, current, furnish_more, persona_of
from matrix.largest_refused import REFUSED
from matrix.rows import BODIES, furnish

pytestmark = pytest.mark.by_turns(3)

MOST = 120_000
"""Units of work of one write."""


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrozenApp]:
    def all_of_it(app: FrozenApp) -> None:
        furnish(app)
        furnish_more(app)

    made = make_frozen_app(tmp_path_factory.mktemp("largest") / "data", all_of_it)
    made.server.store.__class__ = CountingStore
    yield made
    made.loop.close()


def _sent(frozen: FrozenApp, route: Route, body: Any) -> tuple[Work, Answer]:
    store = frozen.server.store
    assert isinstance(store, CountingStore)
    headers, body = current(frozen, route, body)
    store.begin()
    answer = frozen.call(persona_of(route), route.method, address_of(frozen, route), body, **headers)
    return store.most(), answer


def _bodies(frozen: FrozenApp, route: Route) -> Iterator[tuple[str, Any]]:
    """What a route is sent: what the matrix sends it, and that with each list in turn as long as it may be."""
    usual = BODIES[route.name](frozen) if route.name in BODIES else None
    yield "", usual
    if route.body is not None and not isinstance(usual, bytes):
        for one in many(route.body):
            place = ".".join(map(str, one.path))
            base, item = at(BASES, route, place), at(ITEMS, route, place)
            body = ({} if usual is None else usual) if base is None else base(frozen)
            made = None if item is None else partial(item, frozen)
            yield place, swollen(body, route.body, one, MAX_BODY - 1_000, made, at(COUNTS, route, place))


def _writing(frozen: FrozenApp) -> list[Route]:
    return [route for route in frozen.server.pipeline.router if route.writes]


def test_no_list_makes_a_write_long(frozen: FrozenApp, record_property: Callable[[str, object], None]) -> None:
    """All are accepted but those that are refused by nature, which measure nothing."""
    sent, refused = 0, set[str]()
    long: dict[tuple[str, str], float] = {}
    for route in _writing(frozen):
        for name, body in _bodies(frozen, route):
            work, answer = _sent(frozen, route, body)
            sent += 1
            if answer.status >= 300:
                refused.add(f"{route.name} | {name}")
            if work.units() > MOST:
                long[route.name, name] = work.units()
    assert long == {}
    record_property("accepted", f"{sent - len(refused)} of {sent}")
    assert sent > 500
    assert refused == {one for places in REFUSED.values() for one in places}


@pytest.mark.parametrize(("name", "body"), LARGEST, ids=[f"{at}-{name}" for at, (name, _) in enumerate(LARGEST)])
def test_the_largest_bodies_make_no_write_long(frozen: FrozenApp, name: str, body: Any) -> None:
    route = next(one for one in frozen.server.pipeline.router if one.name == name)
    made = body(frozen)
    assert size(made) <= MAX_BODY
    work, answer = _sent(frozen, route, made)
    assert answer.status < 300 or "Unknown" in answer.body.decode(), answer.body
    assert work.units() <= MOST


def test_a_write_that_is_planted_long_is_found(frozen: FrozenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    route = next(one for one in frozen.server.pipeline.router if one.name == "POST /v1/keys")
    body = BODIES[route.name](frozen)
    before, answer = _sent(frozen, route, body)
    assert (answer.status, before.units() <= MOST) == (201, True)
    call = route.call
    assert call is not None

    def long(session: Session, request: Any) -> Any:
        for _ in range(5_000):
            number_of(session, jobs)
        return call(session, request)

    router = Router(replace(one, call=long) if one is route else one for one in frozen.server.pipeline.router)
    monkeypatch.setattr(frozen.server.pipeline, "router", router)
    work, answer = _sent(frozen, route, body)
    assert answer.status == 201
    assert work.units() > MOST
