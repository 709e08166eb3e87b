"""Answers that are kept: sent again as they were, to the same caller alone, and never once something is another."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.app import ABSENT, VERSION, App
from fixtures.frozen_app import OPERATOR, TRACE, Answer, asgi_answer, http_scope
from kunsthalle.api import kept_answers
from kunsthalle.api.access_log import Exchange
from kunsthalle.api.kept_answers import KeptAnswers
from kunsthalle.cli.serve import _answered_at_once
from kunsthalle.db import deadlines
from kunsthalle.db.table_changes import TableChanges
from kunsthalle.iam.queries import expire_tokens

pytestmark = pytest.mark.usefixtures("believed_answers")
VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"
OTHER_TRACE = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(params=["in a task", "at once"])
def hits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were answered with what was kept."""
    found: list[str] = []
    in_a_task = KeptAnswers.answered

    async def answered(self: KeptAnswers, scope: Any, send: Any) -> bool:
        done = request.param == "at once" and await _at_once(self, scope, send)
        if done or await in_a_task(self, scope, send):
            found.append(scope["path"])
            return True
        return False

    monkeypatch.setattr(KeptAnswers, "answered", answered)
    return found


async def _at_once(kept: KeptAnswers, scope: Any, send: Any) -> bool:
    """As a connection does it, before it makes a task."""
    wholes: list[tuple[int, bytes]] = []

    def send_whole(status: int, rest: bytes) -> bool:
        wholes.append((status, rest))
        return True

    if not kept.answered_at_once(scope, send_whole):
        return False
    ((status, rest),) = wholes
    head, _, body = rest.partition(b"\r\n\r\n")
    headers = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return True


@pytest.fixture
def image(app: App, hits: list[str]) -> str:
    """The path of an image of the owner's; nothing is kept yet, and nothing runs beside any more."""
    path, kept = f"/v1/images/{app.image('kept')['id']}", app.server.pipeline._kept
    app.pause()
    app.sign_in()
    kept._callers.clear()
    kept.size = 0
    hits.clear()
    return path


def twice(app: App, path: str, who: str = "owner") -> Answer:
    app.call(who, "GET", path)
    return app.call(who, "GET", path)


def test_the_second_answer_is_the_first_one_with_its_own_trace(app: App, image: str, hits: list[str]) -> None:
    for path in (image, "/v1/images?limit=2", f"/v1/images/{ABSENT}"):
        first, second = app.call("owner", "GET", path), app.call("owner", "GET", path, **{"x-request-id": OTHER_TRACE})
        assert second.status == first.status
        assert second.body == first.body.replace(TRACE.encode(), OTHER_TRACE.encode())
        named = {name: value.replace(TRACE.encode(), OTHER_TRACE.encode()) for name, value in first.headers}
        assert dict(second.headers) == named
        assert (b"x-request-id", OTHER_TRACE.encode()) in second.headers
    assert hits == [image, "/v1/images", f"/v1/images/{ABSENT}"]


def test_a_trace_that_is_a_part_of_the_answer_is_left_in_it(app: App, image: str, hits: list[str]) -> None:
    id_ = image.rsplit("r006-", 1)[1]
    named = app.call("owner", "GET", image, **{"x-request-id": id_})
    assert named.json["id"] == f"r006-{id_}"
    again = app.call("owner", "GET", image)
    assert again.json == named.json
    assert (b"x-request-id", TRACE.encode()) in again.headers
    assert hits == [image]


@pytest.mark.parametrize("who", ["consumer", "outsider", "viewer", "no token"])
def test_nobody_else_is_answered_with_it(app: App, image: str, hits: list[str], who: str) -> None:
    told = {one: twice(app, image, one) for one in ("owner", who)}
    absent = twice(app, f"/v1/images/{ABSENT}", who)
    assert told["owner"].status == 200
    if who == "viewer":
        assert told[who].status == 200
    else:
        assert (told[who].status, told[who].body) == (absent.status, absent.body)
    assert len(hits) == (1 if who == "no token" else 3)


def test_hosts_schemes_and_addresses_have_answers_of_their_own(app: App, image: str, hits: list[str]) -> None:
    headers = {"host": "kunsthalle.test", "authorization": f"Bearer {app.tokens['owner']}"}
    path = f"{image}?version=2026-10-06&generation=2"

    def href(scheme: str, host: str, client: str) -> str:
        sent = {**headers, "host": host}
        answer = app.loop.run_until_complete(
            asgi_answer(app.server, "GET", path, sent, b"", scheme, client=(client, 1))
        )
        return str(answer.json["href"])

    for host in ("kunsthalle.test", "localhost", "127.0.0.1:9"):
        for scheme in ("http", "https"):
            for client in ("192.0.2.1", "192.0.2.2"):
                assert href(scheme, host, client).startswith(f"{scheme}://{host}/")
    assert hits == []


def rename(app: App, image: str) -> None:
    app.do("PATCH", image, {"name": "renamed"})


def hide(app: App, _image: str) -> None:
    """The viewer's policies go."""
    for policy in app.do("GET", f"/v1/policies?account_id={app.accounts['owner']}&type=access")["policies"]:
        if any(role["role_id"].endswith("Viewer") for role in policy["roles"]):
            app.do("DELETE", f"/v1/policies/{policy['id']}")


def end_tokens(app: App, _image: str) -> None:
    app.server.store.write(app.server.base, expire_tokens)


def delete(app: App, image: str) -> None:
    app.do("DELETE", image)
    app.server.worker.settle()


CHANGES: dict[str, tuple[str, Callable[[App, str], None]]] = {
    "another name": ("owner", rename),
    "no policy": ("viewer", hide),
    "deleted": ("owner", delete),
    "expired tokens": ("owner", end_tokens),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_has_changed_is_answered_anew(app: App, image: str, hits: list[str], what: str) -> None:
    who, change = CHANGES[what]
    app.call(who, "GET", "/v1/vpcs")  # who calls is remembered, so that the tables of policies are not read again
    before = twice(app, image, who)
    assert (before.status, len(hits)) == (200, 1)
    change(app, image)
    after = app.call(who, "GET", image)
    assert (after.status, after.body) != (before.status, before.body)
    assert len(hits) == 1


def test_a_change_that_is_not_noted_would_be_missed(
    app: App, image: str, hits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault that the test before would find, planted: it is the notes alone that keep answers right."""
    before = twice(app, image)
    monkeypatch.setattr(TableChanges, "note", lambda *_: None)
    rename(app, image)
    assert app.call("owner", "GET", image).body == before.body
    assert len(hits) == 2


def test_a_change_of_another_table_leaves_it(app: App, image: str, hits: list[str]) -> None:
    twice(app, image)
    app.do("POST", "/v1/vpcs", {"name": "beside"})
    app.call("owner", "GET", image)
    assert hits == [image] * 2


def test_what_an_account_changes_leaves_what_is_kept_for_others(app: App, hits: list[str]) -> None:
    """Its own image and list, one that it cannot see, and one that never was: all alike."""
    own, foreign = (f"/v1/images/{app.image(who, who=who)['id']}" for who in ("owner", "outsider"))
    paths = [own, "/v1/images", foreign, f"/v1/images/{ABSENT}"]
    told = [twice(app, path) for path in paths]
    assert [answer.status for answer in told] == [200, 200, 404, 404]
    for path in (f"/v1/images/{app.image('another', who='outsider')['id']}", foreign):
        app.ok("outsider", "PATCH", path, {"name": f"renamed-{path[-4:]}"})
        app.ok("outsider", "DELETE", path)
    app.settle()
    hits.clear()
    assert [app.call("owner", "GET", path).body for path in paths] == [answer.body for answer in told]
    assert hits == paths
    app.image("one-more")
    hits.clear()
    anew = [app.call("owner", "GET", path).body != answer.body for path, answer in zip(paths, told, strict=True)]
    assert (anew, hits) == ([False, True, False, False], [])


def test_it_ends_with_its_token_and_its_key(app: App, image: str, hits: list[str]) -> None:
    twice(app, image)
    app.server.clock.set(app.server.clock.now() + 10**15)
    app.call("owner", "GET", image)
    assert hits == [image] * 2  # a token lives by real time
    (pipeline,) = [app.server.pipeline]
    for caller in pipeline._kept._callers.values():
        for kept in caller.answers.values():
            kept.basis.real_until = pipeline._kept._clock.real()
    app.call("owner", "GET", image)
    assert hits == [image] * 2


def test_what_follows_from_the_time_of_day_is_not_kept(app: App, image: str, hits: list[str]) -> None:
    rule = {"key": "{{environment.attributes.current_date}}", "operator": "dateLessThan", "value": "2999-01-01Z"}
    owner = app.do("GET", "/v1/apikeys")["apikeys"][0]["iam_id"]
    viewer = next(
        user["iam_id"]
        for user in app.do("GET", f"/v2/accounts/{app.accounts['owner']}/users")["resources"]
        if user["iam_id"] != owner
    )
    policy = {
        "type": "access",
        "subject": {"attributes": [{"key": "iam_id", "operator": "stringEquals", "value": viewer}]},
        "control": {"grant": {"roles": [{"role_id": VIEWER}]}},
        "resource": {
            "attributes": [
                {"key": "accountId", "operator": "stringEquals", "value": app.accounts["owner"]},
                {"key": "serviceName", "operator": "stringEquals", "value": "is"},
            ]
        },
        "rule": rule,
        "pattern": "time-based-conditions:once",
    }
    app.do("POST", "/v2/policies", policy)
    twice(app, image, "viewer")
    assert hits == []
    twice(app, image)
    assert hits == [image]


def test_a_version_that_the_time_allows_is_asked_for_again(app: App, image: str, hits: list[str]) -> None:
    app.server.clock.set(app.server.clock.now() + 10**14)
    headers = {"host": "kunsthalle.test", "authorization": f"Bearer {app.tokens['owner']}"}
    for _ in range(2):
        path = f"{image}?version=2026-10-08&generation=2"
        assert app.loop.run_until_complete(asgi_answer(app.server, "GET", path, headers, b"")).status == 200
    assert hits == []


def test_faults_and_recordings_see_every_call(app: App, image: str, hits: list[str]) -> None:
    twice(app, image)
    fault = {"on": "call", "effect": "refuse"}
    made = app.call(OPERATOR, "POST", "/_kunsthalle/faults", fault)
    assert made.status < 300, made.body
    assert app.call("owner", "GET", image).status >= 500
    app.call(OPERATOR, "DELETE", "/_kunsthalle/faults")
    started = app.call(OPERATOR, "POST", "/_kunsthalle/recordings", {})
    assert started.status < 300, started.body
    app.call("owner", "GET", image)
    assert hits == [image]


def test_rates_logs_and_priorities_count_it(app: App, image: str, hits: list[str]) -> None:
    class Lines:
        lines: list[tuple[str, str, int, str, str]] = []  # noqa: RUF012  one test's own

        def record(self, exchange: Exchange, _now: float, trace: str) -> None:
            self.lines.append((exchange.surface, exchange.route, exchange.status, exchange.account_id, trace))

    observer, account = Lines(), app.accounts["owner"]
    app.server.pipeline._observers.exchange(None, observer)
    twice(app, image)
    assert observer.lines == [("vpc", "/v1/images/{id}", 200, account, TRACE)] * 2
    used = app.server.store.priority.used(account)
    app.call("owner", "GET", image)
    assert app.server.store.priority.used(account) > used
    app.server.pipeline.limits.set(1, 0, 0, behind_proxy=False)
    statuses = Counter(app.call("owner", "GET", image).status for _ in range(12))
    assert statuses[429] == 11
    assert len(hits) == 3


def test_what_is_not_answered_at_once(app: App, image: str) -> None:
    """A client that does not read has its answer in parts, as there is room; a heavy account waits for its turn while
    it is in somebody's way; and who calls by a name that the server does not have any more is refused.
    """
    headers = {"host": "other.test", "authorization": f"Bearer {app.tokens['owner']}"}
    path = f"{image}?version={VERSION}&generation=2"
    scope = http_scope("GET", path, headers)
    app.server.hosts.change(("other.test",))
    for _ in range(2):
        app.loop.run_until_complete(asgi_answer(app.server, "GET", path, headers, b""))
    priority, account = app.server.store.priority, app.accounts["owner"]

    def answered(*, reads: bool = True) -> bool:
        return _answered_at_once(app.server, scope, lambda _status, _rest: reads)

    used = priority.used(account)
    assert not answered(reads=False)
    assert priority.used(account) <= used, "nothing is counted twice"
    assert answered()
    assert priority.used(account) > used
    app.server.hosts.change(())
    assert not answered()
    app.server.hosts.change(("other.test",))
    assert answered()
    priority.add(account, 10.0)
    priority.must_queue("another")
    assert answered(), "another one has nothing to do now"
    priority.enter("another")
    assert not answered()
    priority.add("another", 9.0)
    priority._met.clear()
    assert answered(), "another one has used as much"


def test_a_heavy_account_waits_for_its_turn(
    app: App, image: str, hits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    twice(app, image)
    priority, account = app.server.store.priority, app.accounts["owner"]
    priority.add(account, 10.0)
    priority.must_queue("another")
    priority.enter("another")
    assert not priority.passes(account)
    used, moment = priority.used(account), priority._now()
    monkeypatch.setattr(priority, "_now", lambda: moment)  # what is used is not forgotten meanwhile
    assert app.call("owner", "GET", image).status == 200
    assert priority.used(account) > used
    assert len(hits) == 2


def test_reads_of_a_heavy_account_do_not_rest_and_its_writes_do(
    app: App, image: str, hits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read keeps nobody waiting for long, whether its answer is kept or made anew."""
    twice(app, image)
    priority, account = app.server.store.priority, app.accounts["owner"]
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        priority._resting.clear()

    def tire() -> None:
        priority.add(account, 10.0)
        for who in ("another", account):
            priority.must_queue(who)
            priority.enter(who)
        for who in ("another", account):
            priority.leave(who)
        priority.add(account, 0.01)
        assert priority.rest(account) > 0

    monkeypatch.setattr(priority, "_sleep", rest)
    for path, method, rested in ((image, "GET", False), (f"{image}?n=1", "GET", False), (image, "PATCH", True)):
        tire()
        assert app.call("owner", method, path, {"name": "renamed"} if method == "PATCH" else None).status == 200
        assert bool(rests) is rested, path
    assert len(hits) == 2


def test_what_is_kept_has_a_bound(app: App, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = app.server.pipeline._kept
    monkeypatch.setattr(kept_answers, "MOST_OF_CALLER", 20_000)
    for number in range(50):
        app.call("owner", "GET", f"{image}?n={number}")
    (caller,) = [one for one in kept._callers.values() if one.answers]
    assert 1 < len(caller.answers) < 20
    assert caller.size <= 20_000
    monkeypatch.setattr(kept_answers, "MOST_BYTES", 40_000)
    for number in range(50):
        app.call("owner", "GET", image, user_agent=f"agent {number}")
    assert kept.size <= 40_000
    assert kept.size == sum(one.size for one in kept._callers.values())
    monkeypatch.setattr(kept_answers, "MOST_OF_ANSWER", 10)
    before = kept.size
    app.call("owner", "GET", image, user_agent="large")
    assert kept.size == before


def test_nothing_is_kept_of_a_reading_beside_a_commit(app: App, image: str, hits: list[str]) -> None:
    with app.server.store.changes.of(frozenset({"vpcs"})):
        twice(app, image)
    assert hits == []


def work(app: App, path: str, who: str) -> int:
    """The calls of functions that an answer takes."""
    calls = 0

    def called(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    async def counted() -> None:
        sys.setprofile(called)
        try:
            await asgi_answer(app.server, "GET", path, headers, b"")
        finally:
            sys.setprofile(None)

    headers = {"host": "kunsthalle.test", "authorization": f"Bearer {app.tokens[who]}"}
    app.server.store.priority._used.clear()  # on a busy machine an account may be heavy by now, and would queue
    gc.disable()  # whose callbacks would be counted
    try:
        app.loop.run_until_complete(asyncio.wait_for(counted(), 60))
    finally:
        gc.enable()
    return calls


def test_masked_and_absent_are_the_same_work_kept_or_not(
    app: App, image: str, hits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "INLINE_SECONDS", 60.0)  # on a busy machine one may be read again in a thread
    query = "?version=2026-10-06&generation=2"
    work(app, f"/v1/images/{ABSENT[:-1]}1{query}", "consumer")  # what is remembered of the caller is there
    made = [work(app, f"{path}{query}", "consumer") for path in (image, f"/v1/images/{ABSENT}")]
    kept = [work(app, f"{path}{query}", "consumer") for path in (image, f"/v1/images/{ABSENT}")]
    assert abs(made[0] - made[1]) <= 2, made
    assert kept[0] == kept[1] < made[0] / 2, (kept, made)
    assert len(hits) == 2
