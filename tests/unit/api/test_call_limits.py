"""Rate limits of accounts and addresses, pauses before refusals, and requests that wait for too long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from fixtures.app import App
from fixtures.frozen_app import OPERATOR, Answer, asgi_answer
from fixtures.threads import PATIENCE, until
from fixtures.worlds import World
from kunsthalle.api import call_limits
from kunsthalle.api.call_limits import FREE_REFUSALS, CallLimits, CallRates, Limited
from kunsthalle.core.errors import Problem, invalid, not_found, too_many
from kunsthalle.db import overload
from kunsthalle.db.account_priority import HEAVY_SECONDS, AccountPriority
from kunsthalle.db.overload import OVERLOADS, Overloaded, refusal_of
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit
from kunsthalle.db.unscoped import number_of
from kunsthalle.iam.queries import expire_tokens

T = TypeVar("T")
ADDRESS = "192.0.2.7"


class Clock:
    """Seconds that a test sets, and sleeps that end when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> CallLimits:
    made = CallLimits(AccountPriority(clock), clock, clock.sleep)
    made.set(60, 60, 1000, behind_proxy=False)
    return made


def calls(rates: CallRates, caller: str, number: int) -> int:
    """How many of so many calls at once are let in."""
    let_in = 0
    for _ in range(number):
        if not rates.wait(caller):
            rates.spend(caller)
            let_in += 1
    return let_in


@pytest.mark.parametrize(
    ("per_minute", "at_once", "in_a_minute"), [(60, 10, 60), (600, 100, 600), (3, 1, 3), (0, 99, 0)]
)
def test_calls_are_let_in_at_once_up_to_ten_seconds_worth_and_then_as_they_are_regained(
    clock: Clock, per_minute: int, at_once: int, in_a_minute: int
) -> None:
    rates = CallRates(clock)
    rates.per_minute = per_minute
    assert calls(rates, "a", 99 if not per_minute else at_once + 5) == at_once
    later = 0
    for _ in range(600 if per_minute else 0):
        clock.seconds += 0.1
        later += calls(rates, "a", 5)
    assert abs(later - in_a_minute) <= 1
    assert calls(rates, "b", 1) == 1, "others are counted apart"


def test_a_refusal_says_after_how_many_seconds_a_call_is_let_in(limits: CallLimits, clock: Clock) -> None:
    for _ in range(10):
        limits.check("a", ADDRESS)
        limits.count("a", ADDRESS)
    with pytest.raises(Limited) as refused:
        limits.check("a", ADDRESS)
    assert (refused.value.reason.value, refused.value.code) == (429, "rate_limit_exceeded")
    clock.seconds += refused.value.retry_after or 0
    limits.check("a", ADDRESS)


def test_what_was_let_in_too_much_is_counted_but_for_a_minute_at_most(limits: CallLimits, clock: Clock) -> None:
    for _ in range(1_000):
        limits.count("a", ADDRESS)
    clock.seconds = 49.9
    with pytest.raises(Limited):
        limits.check("a", ADDRESS)
    clock.seconds = 51
    limits.check("a", ADDRESS)


def test_a_64_network_of_ipv6_is_one_address_and_a_proxy_of_this_host_is_none(limits: CallLimits) -> None:
    for number in range(10):
        limits.count("", f"2001:db8:1:2::{number}")
        limits.count("", "127.0.0.1")
    with pytest.raises(Limited, match="One address may send 60 requests"):
        limits.check("", "2001:db8:1:2:ffff::1")
    with pytest.raises(Limited):
        limits.check("", "127.0.0.1")
    limits.set(60, 60, 1000, behind_proxy=True)
    limits.check("", "127.0.0.1")


def test_what_is_remembered_is_bounded(limits: CallLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_limits, "MOST_CALLERS", 4)
    for number in range(9):
        limits.count(f"a{number}", "")
        limits.count("", f"192.0.2.{number}")
        limits.pause_after(invalid("x", "X."), f"a{number}", "")
    held = (limits.accounts._until, limits.addresses._until, limits.pauses._refused)
    assert [len(table) for table in held] == [4, 4, 4]


def _others_ask(limits: CallLimits) -> None:
    limits._priority.must_queue("other")


def _pauses(limits: CallLimits, problem: Problem, number: int, account: str = "a") -> list[float]:
    return [limits.pause_after(problem, account, ADDRESS) for _ in range(number)]


def test_a_heavy_account_that_is_refused_at_once_again_and_again_waits_longer_each_time(
    limits: CallLimits, clock: Clock
) -> None:
    limits._priority.add("a", 2 * HEAVY_SECONDS)
    _others_ask(limits)
    assert _pauses(limits, invalid("x", "X."), FREE_REFUSALS) == [0.0] * FREE_REFUSALS
    assert _pauses(limits, invalid("x", "X."), 9) == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 1.0]
    clock.seconds = 3
    assert _pauses(limits, invalid("x", "X."), 1) == [0.0], "who has waited is answered at once again"


@pytest.mark.parametrize(
    ("problem", "account", "used", "others", "waits"),
    [
        (invalid("x", "X."), "a", HEAVY_SECONDS, True, True),
        (invalid("x", "X."), "a", 0.0, True, False),
        (invalid("x", "X."), "a", HEAVY_SECONDS, False, False),
        (not_found(), "a", HEAVY_SECONDS, True, False),
        (too_many("X.", 1), "a", 0.0, True, True),
        (invalid("x", "X."), "", 0.0, True, True),
        (invalid("x", "X."), "", 0.0, False, False),
    ],
)
def test_who_waits(
    limits: CallLimits, problem: Problem, account: str, used: float, *, others: bool, waits: bool
) -> None:
    limits._priority.add("a", used)
    if others:
        _others_ask(limits)
    assert any(_pauses(limits, problem, FREE_REFUSALS + 5, account)) is waits


def test_a_call_that_is_not_refused_takes_one_refusal_back(limits: CallLimits) -> None:
    limits._priority.add("a", 2 * HEAVY_SECONDS)
    _others_ask(limits)
    for _ in range(50):
        assert limits.pause_after(invalid("x", "X."), "a", "") == 0.0
        limits.succeeded("a", "")


def test_as_many_answers_wait_as_are_allowed(limits: CallLimits, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_limits, "MOST_PAUSED", 2)
    limits._paused = 1
    asyncio.run(limits.pause(0.5))
    limits._paused = 2
    asyncio.run(limits.pause(0.5))
    assert (clock.slept, limits._paused) == ([0.5], 2)


def ask(app: App, persona: str, method: str, path: str, body: bytes = b"", client: str = ADDRESS) -> Answer:
    headers = {"host": "kunsthalle.test", "authorization": f"Bearer {app.tokens.get(persona, persona)}"}
    return app.loop.run_until_complete(asgi_answer(app.server, method, path, headers, body, client=(client, 1)))


@pytest.fixture
def limited(app: App, clock: Clock) -> App:
    """An account may send sixty requests a minute, an address twelve; the clock of the limits stands."""
    app.sign_in()
    made = CallLimits(AccountPriority(clock), clock, clock.sleep)
    made.set(60, 12, 1000, behind_proxy=False)
    app.server.pipeline.limits = made
    return app


SURFACES = [
    ("GET", "/v1/vpcs?version=2025-06-30&generation=2", ("errors", 0, "code"), "rate_limit_exceeded"),
    ("GET", "/api/v1-beta/catalogs", ("errors", 0, "code"), "too_many_requests"),
    ("GET", "/v1/apikeys", ("errors", 0, "code"), "too_many_requests"),
    ("POST", "/identity/token", ("errorCode",), "BXNIM0106E"),
    ("POST", "/v3/resources/search", ("errors", 0, "code"), "too_many_requests"),
    ("GET", "/api/v2/keys", ("resources", 0, "reasons", 0, "code"), "TOO_MANY_REQUESTS_ERR"),
]


def test_each_surface_refuses_in_its_own_form(limited: App) -> None:
    for _ in range(10):
        limited.server.pipeline.limits.count(limited.accounts["owner"], "")
        limited.server.pipeline.limits.count("", ADDRESS)
    limited.server.pipeline._callers.learn(hash(f"Bearer {limited.tokens['owner']}"), limited.accounts["owner"])
    for method, path, place, code in SURFACES:
        answer = ask(limited, "no token" if path == "/identity/token" else "owner", method, path)
        assert answer.status == 429, answer.body
        assert int(dict(answer.headers)[b"retry-after"]) >= 1
        told = answer.json
        for step in place:
            told = told[step]
        assert told == code, answer.body


def test_calls_are_counted_for_the_account_of_the_token_and_others_for_the_address(limited: App) -> None:
    path = "/v1/vpcs?version=2025-06-30&generation=2"
    statuses = [ask(limited, "owner", "GET", path).status for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert ask(limited, "consumer", "GET", path).status == 200, "another account"
    statuses = [ask(limited, "x.y.z", "GET", path).status for _ in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert ask(limited, "x.y.z", "GET", path, client="192.0.2.8").status == 401, "another address"
    assert ask(limited, "consumer", "GET", path).status == 200, "a token that was accepted is not the address's"
    assert [ask(limited, "", "GET", "/healthz").status for _ in range(20)] == [200] * 20
    assert [ask(limited, OPERATOR, "GET", "/_kunsthalle/clock").status for _ in range(20)] == [200] * 20
    assert ask(limited, "wrong", "GET", "/_kunsthalle/clock").status == 429


def test_sign_ins_of_an_address_are_limited(limited: App) -> None:
    form = b"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey=" + b"x" * 44
    assert [ask(limited, "", "POST", "/identity/token", form).status for _ in range(3)] == [400, 400, 429]


def test_a_token_that_is_no_longer_good_uses_up_nothing_of_its_account(limited: App) -> None:
    path, account = "/v1/vpcs?version=2025-06-30&generation=2", limited.accounts["owner"]
    token = limited.tokens["owner"]
    assert ask(limited, token, "GET", path).status == 200
    limited.server.store.write(limited.server.base, expire_tokens)
    before = limited.server.pipeline.limits.accounts._until[account]
    assert ask(limited, token, "GET", path).status == 401
    assert limited.server.pipeline.limits.accounts._until[account] == before
    assert limited.server.pipeline.limits.addresses._until[ADDRESS]


def test_a_refusal_by_rate_is_not_audited_and_reads_no_body(limited: App) -> None:
    def audited(session: Session) -> int:
        return number_of(session, audit, audit.c.outcome == 429)

    for _ in range(12):
        ask(limited, "owner", "POST", "/v1/vpcs?version=2025-06-30&generation=2", b"{}")
    assert limited.server.store.read(limited.server.base, audited) == 0


def test_a_refusal_that_repeats_waits_before_it_is_answered(limited: App, clock: Clock) -> None:
    limited.server.pipeline.limits.set(0, 0, 1000, behind_proxy=False)
    limited.server.pipeline.limits._priority.add(limited.accounts["owner"], 2 * HEAVY_SECONDS)
    _others_ask(limited.server.pipeline.limits)
    path = "/v1/vpcs?version=2025-06-30&generation=2"
    for _ in range(FREE_REFUSALS + 2):
        assert ask(limited, "owner", "POST", path, b'{"name": "A B"}').status == 400
    assert clock.slept == [0.01, 0.02]


class Slow:
    """A database whose threads all wait until they are let go."""

    def __init__(self, world: World) -> None:
        self.world, self.released, self.begun = world, threading.Event(), 0

    def wait(self, _session: Session) -> None:
        self.begun += 1
        assert self.released.wait(PATIENCE)

    async def fill(self, threads: int) -> list[asyncio.Future[None]]:
        """Have so many writes of accounts of their own wait in their transactions."""
        store = self.world.store
        busy = [asyncio.ensure_future(store.write_async(self.world.base, self.wait)) for _ in range(threads)]
        await asyncio.to_thread(until, lambda: self.begun == (1 if store.embedded else threads))
        return busy


def run(story: Callable[[], Awaitable[T]]) -> T:
    async def whole() -> T:
        return await asyncio.wait_for(story(), PATIENCE)

    return asyncio.run(whole())


@pytest.fixture
def slow(both: World) -> Iterator[Slow]:
    made = Slow(both)
    yield made
    made.released.set()


def test_one_request_too_many_is_refused_at_once_and_those_that_wait_are_worked_on(slow: Slow) -> None:
    async def story() -> None:
        store, ran = slow.world.store, []
        store.queue.bound(2, 3_600)
        busy = await slow.fill(1 if store.embedded else 8)
        waiting = [asyncio.ensure_future(store.write_async(slow.world.base, lambda _: ran.append(1))) for _ in range(2)]
        await asyncio.sleep(0)
        before = OVERLOADS.values().get(("number",), 0)
        with pytest.raises(Overloaded) as refused:
            await store.write_async(slow.world.base, lambda _: ran.append(2))
        assert (refused.value.reason.value, refused.value.retry_after) == (503, overload.RETRY_AFTER)
        assert store.queue.is_overloaded
        assert store.queue.waiting == 2
        assert OVERLOADS.values()["number",] == before + 1
        slow.released.set()
        await asyncio.gather(*busy, *waiting)
        assert ran == [1, 1]
        await store.write_async(slow.world.base, lambda _: ran.append(3))
        assert ran == [1, 1, 3]

    run(story)


def test_a_request_that_has_waited_for_too_long_is_refused_and_never_worked_on(slow: Slow) -> None:
    async def story() -> None:
        store, ran = slow.world.store, []
        store.queue.bound(100, 0.02)
        busy = await slow.fill(1 if store.embedded else 8)
        with pytest.raises(Overloaded):
            await store.write_async(slow.world.base, lambda _: ran.append(1))
        slow.released.set()
        await asyncio.gather(*busy)
        await store.write_async(slow.world.base, lambda _: ran.append(2))
        assert ran == [2]

    run(story)


def test_an_overloaded_server_says_so_to_the_client_to_the_balancer_and_audits_nothing(app: App) -> None:
    app.sign_in()
    store, released, held = app.server.store, threading.Event(), threading.Event()
    store.queue.bound(100, 0.02)

    def hold() -> None:
        with store.still():
            held.set()
            assert released.wait(PATIENCE)

    async def story() -> tuple[Answer, Answer, Answer]:
        other = threading.Thread(target=hold)
        other.start()
        assert await asyncio.to_thread(held.wait, PATIENCE)
        first = asyncio.ensure_future(store.write_async(app.server.base, lambda _: None))
        await asyncio.sleep(0)
        await asyncio.to_thread(until, lambda: store._turns._running)
        headers = {"host": "kunsthalle.test", "authorization": f"Bearer {app.tokens['owner']}"}
        path = "/v1/vpcs?version=2025-06-30&generation=2"
        refused = await asgi_answer(app.server, "POST", path, headers, b'{"name": "one"}')
        unready = await asgi_answer(app.server, "GET", "/readyz", {"host": "kunsthalle.test"}, b"")
        released.set()
        await first
        await asyncio.to_thread(other.join, PATIENCE)
        return refused, unready, await asgi_answer(app.server, "POST", path, headers, b'{"name": "one"}')

    refused, unready, later = app.loop.run_until_complete(story())
    assert (refused.status, refused.json["errors"][0]["code"]) == (503, "service_unavailable")
    assert dict(refused.headers)[b"retry-after"] == b"2"
    assert (unready.status, b"too many wait" in unready.body) == (503, True)
    assert later.status == 201, later.body
    assert store.read(app.server.base, lambda session: number_of(session, audit, audit.c.outcome == 503)) == 0
    store.queue._refused_at = float("-inf")
    assert app.call("", "GET", "/readyz").status == 200


class _Failed(Exception):
    def __init__(self, state: str | None) -> None:
        super().__init__("the server closed the connection")
        self.sqlstate = state


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoConnection("QueuePool limit"), 503),
        (OperationalError("SELECT 1", None, _Failed(None)), 503),
        (OperationalError("SELECT 1", None, _Failed("08006")), 503),
        (OperationalError("SELECT 1", None, _Failed("57P01")), 503),
        (OperationalError("SELECT 1", None, _Failed("40001")), None),
        (OperationalError("SELECT 1", None, Exception("of SQLite")), None),
        (ValueError("of nobody"), None),
    ],
)
def test_a_database_that_does_not_answer_is_told_apart_from_other_errors(error: Exception, status: int | None) -> None:
    problem = refusal_of(error)
    assert (None if problem is None else problem.reason.value) == status
    assert problem is None or "closed" not in problem.message
