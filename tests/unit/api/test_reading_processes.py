"""Searches and patches of accounts that ask for much are worked out in another process, and answered as they are here.

The processes are real. What makes an account heavy is said to the account priority, not worked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.databases import IN_TURNS
from fixtures.frozen_app import OPERATOR, TRACE, Answer, asgi_answer
from fixtures.threads import PATIENCE
from kunsthalle.api import reading_processes
from kunsthalle.api.asgi import Headers, Query
from kunsthalle.api.reading_processes import ReadCall, ReadOutcome
from kunsthalle.core.clock import SECOND
from kunsthalle.core.helper_processes import HelperProcesses
from kunsthalle.db import account_priority, deadlines
from kunsthalle.db.deadlines import Deadline
from kunsthalle.iam import tokens
from kunsthalle.local import folder
from kunsthalle.reading_process import Reader, ReadingSetup

pytestmark = pytest.mark.by_turns(3)

CATALOGS = "/api/v1-beta/catalogs"
SEARCH = ("POST", "/v3/resources/search")
MUCH = 1_000.0
"""Seconds of the processor: so much that it is not forgotten while a test runs."""


@pytest.fixture(params=IN_TURNS)
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    """An application on each engine."""
    more = {} if request.param == "sqlite" else {"database": request.getfixturevalue("postgres_url")}
    made = open_app(tmp_path / "data", **more)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def long_lasting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has asked for anything still asks, however slow the machine is."""
    monkeypatch.setattr(account_priority, "ALONE_SECONDS", PATIENCE)


def make_heavy(app: App, who: str = "owner") -> None:
    """The account has used much of the processor, and another one asks as well."""
    for _ in range(2):  # it is recognised at the second time
        app.ok("outsider", "GET", "/v1/vpcs")
    app.server.store.priority.add(app.accounts[who], MUCH)


def offering_of(app: App, who: str = "owner") -> tuple[str, dict[str, Any]]:
    """The path of a new offering, and what is shown of it."""
    catalog = app.ok(who, "POST", CATALOGS, {"label": "catalog"})
    made = app.ok(who, "POST", f"{CATALOGS}/{catalog['id']}/offerings", {"name": "offering"})
    return f"{CATALOGS}/{catalog['id']}/offerings/{made['id']}", made


def calls_of(app: App, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The routes of calls that leave, from now on."""
    left: list[str] = []
    call = HelperProcesses.call

    def counted(pool: HelperProcesses, function: str, argument: ReadCall, *more: Any) -> Any:
        left.append(f"{argument.method} {argument.route}")
        return call(pool, function, argument, *more)

    assert app
    monkeypatch.setattr(HelperProcesses, "call", counted)
    return left


def told(answer: Answer) -> tuple[int, Any, dict[bytes, bytes]]:
    """Status, body and headers, their trace apart."""
    body = json.loads(answer.body) if answer.body else None
    if isinstance(body, dict):
        body.pop("trace", None)
    headers = {name: value for name, value in answer.headers if b"request-id" not in name and b"trace" not in name}
    return answer.status, body, headers


QUERIES: dict[str, dict[str, Any]] = {
    "everything": {"query": "*", "fields": ["*"]},
    "alternatives": {"query": " OR ".join(f"name:*{letter}*" for letter in "abcdefghij")},
    "a page": {"query": "*", "limit": 2},
    "no such field": {"query": "shape:round"},
    "too many terms": {"query": " OR ".join(f"name:a{number}" for number in range(250))},
    "no query": {"query": "(((("},
    "no date": {"query": "creation_date:tomorrow"},
    "wrong type": {"query": 7},
    "a false cursor": {"search_cursor": "AAAA"},
}


def test_a_search_is_answered_alike_here_and_there(either: App, monkeypatch: pytest.MonkeyPatch) -> None:
    here = {name: told(either.call("owner", *SEARCH, body)) for name, body in QUERIES.items()}
    assert not either.server.reading.running
    make_heavy(either)
    left = calls_of(either, monkeypatch)
    there = {name: told(either.call("owner", *SEARCH, body)) for name, body in QUERIES.items()}
    assert there == here
    assert len(left) == len(QUERIES)
    assert {status for status, _, _ in there.values()} == {200, 400}


def test_what_was_written_last_is_found(either: App) -> None:
    """And what is forbidden since then is not: the process remembers nothing."""
    make_heavy(either)
    for name in ("first", "second"):
        either.ok("owner", "POST", "/v1/vpcs", {"name": name})
        found = either.ok("owner", *SEARCH, {"query": f"name:{name}"})["items"]
        assert [item["name"] for item in found] == [name]
    assert either.server.reading.running


def test_a_patch_is_worked_out_there_and_written_here(either: App, monkeypatch: pytest.MonkeyPatch) -> None:
    path, offering = offering_of(either)
    make_heavy(either)
    left = calls_of(either, monkeypatch)
    patch = [{"op": "replace", "path": "/short_description", "value": f"{number}" * 200} for number in range(10)] * 20
    changed = either.ok("owner", "PATCH", path, patch, if_match=offering["_rev"])
    assert changed["short_description"] == "9" * 200
    assert either.ok("owner", "GET", path)["short_description"] == "9" * 200
    assert left == ["PATCH /api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}"]


REFUSED: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "another revision": ("owner", [], "7-x"),
    "no such operation": ("owner", [{"op": "grow", "path": "/name"}], ""),
    "no such member": ("owner", [{"op": "remove", "path": "/a/b/c"}], ""),
    "no role": ("viewer", [], ""),
    "another account": ("consumer", [], ""),
}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", REFUSED)
def test_a_patch_is_refused_alike_here_and_there(app: App, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path, offering = offering_of(app)
    who, patch, rev = REFUSED[name]
    headers = {"if_match": rev or offering["_rev"]}
    here = told(app.call(who, "PATCH", path, patch, **headers))
    left = calls_of(app, monkeypatch)
    for account in ("owner", "consumer"):
        make_heavy(app, account)
    assert told(app.call(who, "PATCH", path, patch, **headers)) == here
    assert (len(left), here[0] >= 400) == (1, True)


def test_a_refusal_there_is_audited_as_one_here(app: App) -> None:
    path, offering = offering_of(app)
    body, headers = [{"op": "remove", "path": "/a/b"}], {"if_match": offering["_rev"]}
    app.refused("PATCH", path, body, **headers)
    make_heavy(app)
    app.refused("PATCH", path, body, **headers)
    assert app.server.reading.running
    events = app.server.store.read(app.server.base, refusals)
    assert len(events) == 2
    assert events[0] == events[1]
    assert offering["crn"] in events[0]


def refusals(session: Any) -> list[tuple[Any, ...]]:
    from kunsthalle.db.tables import audit
    from kunsthalle.db.unscoped import rows_of

    rows = rows_of(session, audit, audit.c.outcome == 400)
    return [(row.action, row.target, row.actor, row.outcome, row.code, row.thing_crn) for row in rows]


def test_tags_are_attached_to_what_a_search_there_finds(app: App) -> None:
    app.ok("owner", "POST", "/v1/vpcs", {"name": "tagged"})
    make_heavy(app)
    app.ok("owner", "POST", "/v3/tags/attach", {"query": {"query_string": "name:tagged"}, "tag_names": ["env:test"]})
    assert app.server.reading.running
    (item,) = app.ok("owner", *SEARCH, {"query": "tags:env\\:test"})["items"]
    assert item["name"] == "tagged"


def test_a_light_account_and_one_that_is_alone_start_no_process(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.ok("outsider", "GET", "/v1/vpcs")
    app.ok("owner", *SEARCH, QUERIES["alternatives"])
    monkeypatch.setattr(account_priority, "ALONE_SECONDS", -1.0)
    app.server.store.priority.add(app.accounts["owner"], MUCH)
    app.ok("owner", *SEARCH, QUERIES["alternatives"])
    assert app.server.reading.pids == []


def test_where_a_process_runs_what_is_small_stays_and_what_is_large_leaves(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_heavy(app)
    app.ok("owner", *SEARCH, {"query": "*"})
    monkeypatch.setattr(reading_processes, "LIGHT_SECONDS", MUCH)
    left = calls_of(app, monkeypatch)
    app.ok("consumer", *SEARCH, {"query": "name:x"})
    assert left == []
    app.ok("consumer", *SEARCH, {"query": " OR ".join(f"name:*{number}*" for number in range(60))})
    assert len(left) == 1


def test_the_work_there_is_the_accounts(app: App) -> None:
    make_heavy(app, "consumer")
    app.ok("consumer", *SEARCH, {"query": "*"})
    before = app.server.store.priority.used(app.accounts["enterprise"])
    app.ok("enterprise", *SEARCH, {"query": " OR ".join(f"name:*{number}*" for number in range(60))})
    assert app.server.store.priority.used(app.accounts["enterprise"]) > before + 0.001


def stopped_process(app: App) -> int:
    """A process that works on no call any more, though it runs."""
    app.ok("owner", *SEARCH, {"query": "*"})
    (pid,) = app.server.reading.pids
    os.kill(pid, signal.SIGSTOP)
    return pid


def asked(app: App, method: str, path: str, body: Any, act: Callable[[], None], **headers: str) -> Answer:
    """A call during which something is done, once it has left."""
    call, begun = HelperProcesses.call, asyncio.Event()

    def noted(pool: HelperProcesses, *arguments: Any) -> Any:
        app.loop.call_soon_threadsafe(begun.set)
        return call(pool, *arguments)

    async def both() -> Answer:
        sent = {
            "host": "kunsthalle.test",
            "x-request-id": TRACE,
            "authorization": f"Bearer {app.tokens['owner']}",
            **headers,
        }
        answering = asyncio.ensure_future(asgi_answer(app.server, method, path, sent, json.dumps(body).encode()))
        await begun.wait()
        act()
        return await answering

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HelperProcesses, "call", noted)
        return app.loop.run_until_complete(both())


def test_a_search_whose_process_is_killed_is_refused_in_the_form_of_its_api(app: App) -> None:
    make_heavy(app)
    pid = stopped_process(app)
    answer = asked(app, *SEARCH, {"query": "*"}, lambda: os.kill(pid, signal.SIGKILL))
    assert answer.status == 503, answer.body
    assert (answer.json["errors"][0]["code"], answer.json["status_code"]) == ("unavailable", 503)
    assert dict(answer.headers)[b"retry-after"] == b"1"
    assert app.ok("owner", *SEARCH, {"query": "*"})["items"]


def test_a_patch_whose_process_is_killed_changes_nothing(app: App) -> None:
    path, offering = offering_of(app)
    make_heavy(app)
    pid = stopped_process(app)
    patch, headers = [{"op": "replace", "path": "/short_description", "value": "new"}], {"if_match": offering["_rev"]}
    answer = asked(app, "PATCH", path, patch, lambda: os.kill(pid, signal.SIGKILL), **headers)
    assert answer.status == 503, answer.body
    assert app.ok("owner", "GET", path)["_rev"] == offering["_rev"]
    assert app.ok("owner", "PATCH", path, patch, **headers)["short_description"] == "new"


def test_a_search_that_takes_too_long_there_is_refused_and_its_process_ends(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_heavy(app)
    pid = stopped_process(app)
    pidfd = os.pidfd_open(pid)
    monkeypatch.setattr(reading_processes, "LATE_SECONDS", 0.05 - deadlines.READ_SECONDS)
    answer = app.call("owner", *SEARCH, {"query": "*"})
    assert answer.status == 503
    assert "reads more than the server reads" in answer.json["errors"][0]["message"]
    os.close(pidfd)
    assert pid not in app.server.reading.pids


def test_where_no_process_can_be_started_it_is_searched_here(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    make_heavy(app)
    assert app.ok("owner", *SEARCH, {"query": "*"})["items"]
    assert app.server.reading.pids == []


def test_a_restored_state_is_what_is_searched(app: App) -> None:
    """The file was another one under the same process."""
    app.ok("owner", "POST", "/v1/vpcs", {"name": "before"})
    known = folder.read(app.server.settings.data, folder.CREDENTIALS)
    folder.write(app.server.settings.data, folder.CREDENTIALS, {**known, "operator_token": OPERATOR})
    saved = app.call(OPERATOR, "POST", "/_kunsthalle/scenarios", {"name": "kept"})
    assert saved.status < 300, saved.body
    app.ok("owner", "POST", "/v1/vpcs", {"name": "after"})
    make_heavy(app)
    assert len(app.ok("owner", *SEARCH, {"query": "name:after"})["items"]) == 1
    (pid,) = app.server.reading.pids
    loaded = app.call(OPERATOR, "POST", "/_kunsthalle/scenarios/kept/load")
    assert loaded.status < 300, loaded.body
    app.log_in()
    make_heavy(app)
    assert app.ok("owner", *SEARCH, {"query": "name:after"})["items"] == []
    assert pid not in app.server.reading.pids


def test_no_process_is_left_when_the_server_stops(tmp_path: Path) -> None:
    app = open_app(tmp_path / "data")
    make_heavy(app)
    app.ok("owner", *SEARCH, {"query": "*"})
    (pid,) = app.server.reading.pids
    app.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


class Work:
    """Steps of SQLite and calls of Python functions."""

    def __init__(self) -> None:
        self.steps = self.calls = 0

    def step(self) -> bool:
        self.steps += 1
        return False

    def called(self, _frame: Any, event: str, _argument: Any) -> None:
        self.calls += event == "call"


def test_masked_and_absent_are_the_same_work_there(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader of such a process, in this one, where its work can be counted."""
    path, offering = offering_of(app)
    settings, work, cipher = app.server.settings, Work(), app.server.store.cipher
    monkeypatch.setattr(deadlines, "_STEPS", 1)
    monkeypatch.setattr(Deadline, "_passed", work.step)
    monkeypatch.setattr(tokens, "LOOK", 3_600 * SECOND)  # whether keys were rotated is asked once a second of real time
    reader = Reader(
        ReadingSetup(settings.database_url, cipher.path, cipher.keys, settings.region, 7 * 86_400 * 1_000_000)
    )
    bearer = f"Bearer {app.tokens['consumer']}".encode()
    headers = Headers([(b"authorization", bearer), (b"if-match", offering["_rev"].encode())])

    def outcome(method: str, route: str, params: dict[str, str], raw: bytes) -> tuple[ReadOutcome, int, int]:
        prepares = method == "PATCH"
        sent = (method, route, path, params, Query(b""), headers, raw)
        call = ReadCall(*sent, "trace", "http://x", "", app.server.clock.now(), PATIENCE, prepares=prepares)
        for _ in range(2):  # what is loaded at the first call, and what is looked up at the second
            reader.read(call, [], print)
        work.steps = work.calls = 0
        sys.setprofile(work.called)
        try:
            answered = reader.read(call, [], print)
        finally:
            sys.setprofile(None)
        return answered, work.steps, work.calls

    catalog_id, offering_id = path.split("/")[-3], path.split("/")[-1]
    absent = "0" * 8 + offering_id[8:]
    route = "/api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}"
    patches = [
        outcome("PATCH", route, {"catalog_id": catalog_id, "offering_id": id_}, b"[]") for id_ in (offering_id, absent)
    ]
    searches = [
        outcome("POST", SEARCH[1], {}, json.dumps({"query": f"resource_id:{id_}"}).encode())
        for id_ in (offering_id, absent)
    ]
    for masked, never in (patches, searches):
        assert masked[0].refusal is None or masked[0].refusal[2]["reason"].value == 404
        assert masked[0].answer == never[0].answer
        assert abs(masked[1] - never[1]) <= 12, (masked[1:], never[1:])
        assert abs(masked[2] - never[2]) <= 40, (masked[1:], never[1:])
        assert masked[1] > 100
