"""Recordings of calls: off unless asked for, for the operator alone, without secrets, bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fixtures.app import App
from fixtures.frozen_app import OPERATOR
from kunsthalle.core.recordings import MOST_BODY, MOST_RECORDINGS, Bounds, Event, Recordings

PATH = "/_kunsthalle/recordings"


@pytest.fixture
def recording(app: App) -> str:
    """The path of a recording that runs."""
    app.sign_in()
    made = app.call(OPERATOR, "POST", PATH)
    assert made.status == 200
    return f"{PATH}/{made.json['id']}"


def _fetch(app: App, recording: str, after: int = 0) -> list[dict[str, Any]]:
    answer = app.call(OPERATOR, "POST", f"{recording}/fetch", {"after": after})
    assert answer.status == 200, answer.body
    return list(answer.json["events"])


def test_nothing_is_kept_unless_asked_for(app: App) -> None:
    assert not app.server.store.recordings.active
    assert app.call(OPERATOR, "POST", f"{PATH}/none/fetch", {}).status == 404
    app.do("GET", "/v1/images")
    assert app.server.store.recordings._all == {}


def test_only_the_operator_may(app: App, recording: str) -> None:
    for method, path in (("POST", PATH), ("POST", f"{recording}/fetch"), ("DELETE", recording)):
        assert app.call("owner", method, path, {}).status == 401
        assert app.call("", method, path, {}).status == 401


def test_a_call_is_shown_with_what_was_sent_and_answered(app: App, recording: str) -> None:
    made = app.do("POST", "/v1/vpcs", {"name": "mine"})
    (call,) = _fetch(app, recording)
    assert (call["event"], call["method"], call["status"]) == ("call", "POST", 201)
    assert call["target"].startswith("/v1/vpcs?version=")
    assert call["caller"] == app.accounts["owner"]
    assert json.loads(call["request"]) == {"name": "mine"}
    assert json.loads(call["response"])["id"] == made["id"]
    assert call["milliseconds"] > 0


def test_no_body_keeps_a_recording_from_being_shown(app: App, recording: str) -> None:
    """Half a character is JSON, and nothing that UTF-8 can hold."""
    app.call("outsider", "POST", "/v1/vpcs", {"name": "\ud800"})
    (call,) = _fetch(app, recording)
    assert json.loads(call["request"]) == {"name": "\ud800"}


def test_what_was_fetched_is_forgotten(app: App, recording: str) -> None:
    app.do("GET", "/v1/images")
    app.do("GET", "/v1/vpcs")
    first, second = _fetch(app, recording)
    assert [one["number"] for one in _fetch(app, recording, first["number"])] == [second["number"]]
    assert _fetch(app, recording, second["number"]) == []
    left = app.call(OPERATOR, "DELETE", recording)
    assert left.json == {"events": [], "lost": 0}
    assert app.call(OPERATOR, "DELETE", recording).status == 404
    assert not app.server.store.recordings.active


def test_states_are_told_with_the_call_that_led_to_them(app: App, recording: str) -> None:
    image = app.image("golden")
    events = _fetch(app, recording)
    (made,) = (one for one in events if one["method"] == "POST" and "/images" in one["target"])
    states = [one for one in events if one["event"] == "state" and one["resource"] == image["id"]]
    assert [(one["resource_type"], one["state"]) for one in states] == [("image", "available")]
    assert states[0]["trace"] == made["trace"]
    app.do("POST", f"/v1/images/{image['id']}/deprecate")
    call, state = _fetch(app, recording, events[-1]["number"])
    assert (state["state"], state["trace"]) == ("deprecated", call["trace"])


def test_a_refused_change_tells_no_state(app: App, recording: str) -> None:
    image = app.image("golden")
    last = _fetch(app, recording)[-1]["number"]
    assert app.call("outsider", "POST", f"/v1/images/{image['id']}/deprecate").status == 404
    assert app.call("owner", "DELETE", f"/v1/images/{image['id']}").status < 300
    assert app.call("owner", "POST", f"/v1/images/{image['id']}/deprecate").status >= 400
    states = [one["state"] for one in _fetch(app, recording, last) if one["event"] == "state"]
    assert states == ["deleting"]


def test_faults_of_calls_and_of_jobs_are_told(app: App, recording: str) -> None:
    app.call(OPERATOR, "POST", "/_kunsthalle/faults", {"on": "call", "match": "GET /v1/vpcs", "effect": "cut"})
    app.call(OPERATOR, "POST", "/_kunsthalle/faults", {"on": "job", "match": "image.import", "effect": "fail"})
    app.call("owner", "GET", "/v1/vpcs")
    image = app.image("broken")
    events = _fetch(app, recording)
    assert [one["fault"].split()[0] for one in events if one["fault"]] == ["cut", "fail"]
    (job,) = (one for one in events if one["event"] == "job_fault")
    assert (job["job"], job["resource"]) == ("image.import", image["id"])
    assert {one["caller"] for one in events if one["target"].startswith("/_kunsthalle")} == {"operator"}


def test_no_secret_is_in_a_recording(app: App, recording: str) -> None:
    secret = "S3cret-of-mine" * 4
    iam_id = app.do("GET", f"/v1/apikeys?account_id={app.accounts['owner']}")["apikeys"][0]["iam_id"]
    key = app.do("POST", "/v1/apikeys", {"name": "mine", "iam_id": iam_id, "apikey": secret})
    assert key["apikey"] == secret
    form = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={secret}".encode()
    token = app.call("", "POST", "/identity/token", form, **{"content-type": "application/x-www-form-urlencoded"})
    assert token.status == 200, token.body
    text = json.dumps(_fetch(app, recording), ensure_ascii=False)
    assert "S3cret-of-mine" not in text
    assert token.json["access_token"] not in text
    assert token.json["refresh_token"] not in text
    assert "grant_type" in text


def test_a_long_body_is_not_kept(app: App, recording: str) -> None:
    answer = app.call("owner", "POST", "/v1/vpcs", {"name": "x" * (MOST_BODY + 1)})
    assert answer.status == 400
    (call,) = _fetch(app, recording)
    assert call["request"].endswith("bytes)")
    assert call["request"].startswith("(2")


def test_there_are_few_at_a_time(app: App) -> None:
    made = [app.call(OPERATOR, "POST", PATH) for _ in range(MOST_RECORDINGS + 1)]
    assert [one.status for one in made] == [200] * MOST_RECORDINGS + [400]
    assert "stop one" in made[-1].body.decode()


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _call(body: bytes = b"") -> Event:
    return Event(event="call", at=0, method="GET", target="/", complete=not body, response_size=len(body))


def test_what_nobody_fetches_is_dropped_and_counted() -> None:
    recordings = Recordings(Time())
    recordings.start("a", Bounds(events=3, size=10_000))
    for _ in range(5):
        recordings.add(_call())
    page = recordings.page("a", 0, 10)
    assert page is not None
    assert ([event.number for event in page.events], page.lost) == ([3, 4, 5], 2)
    again = recordings.page("a", 5, 10)
    assert again is not None
    assert (again.events, again.lost) == ([], 0)


def test_bytes_are_bounded_also_by_answers_that_come_late() -> None:
    recordings = Recordings(Time())
    recordings.start("a", Bounds(size=5_000))
    calls = [_call(b"x") for _ in range(4)]
    for call in calls:
        recordings.add(call)
    for call in reversed(calls):
        recordings.complete(call, request=b"", response=b"x" * 2_000)
    page = recordings.page("a", 0, 10)
    assert page is not None
    assert sum(event.size for event in page.events) <= 5_000
    assert len(page.events) + page.lost == 4
    assert page.lost >= 2


def test_a_call_that_is_not_answered_yet_keeps_later_ones_in_order() -> None:
    recordings = Recordings(Time())
    recordings.start("a")
    first, second = _call(b"x"), _call()
    recordings.add(first)
    recordings.add(second)
    waiting = recordings.page("a", 0, 10)
    assert waiting is not None
    assert waiting.events == []
    recordings.complete(first, request=b"", response=b"")
    page = recordings.page("a", 0, 10)
    assert page is not None
    assert page.events == [first, second]


def test_a_recording_that_nobody_fetches_from_ends() -> None:
    now = Time()
    recordings = Recordings(now)
    recordings.start("gone", Bounds(unfetched_seconds=60))
    recordings.start("kept", Bounds(unfetched_seconds=0))
    now.now = 61
    recordings.add(_call())
    assert recordings.page("gone", 0, 1) is None
    assert recordings.page("kept", 0, 1) is not None
    recordings.stop("kept")
    assert not recordings.active
