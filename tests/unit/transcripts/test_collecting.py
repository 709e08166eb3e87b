"""What a recording becomes: names instead of ids, moments by the clock, loops that wait written once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kunsthalle.core.clock import DAY, SECOND, moment, rfc3339
from kunsthalle.transcripts.collecting import Collector
from kunsthalle.transcripts.models import Call, ClockMove, JobFault, StateChange, Transcript
from kunsthalle.transcripts.moments import Moments
from kunsthalle.transcripts.parsing import parse
from kunsthalle.transcripts.writing import text_of

BEGAN = moment("2026-11-29T08:00:00.123Z")
ACCOUNT, OTHER = "a" * 32, "b" * 32
IMAGE = "r006-00000000-0000-4000-8000-00000000000{}"
URL = "http://127.0.0.1:8123"


class Recording:
    """Events as the operator's API shows them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.now = BEGAN

    def call(self, method: str, target: str, response: Any = None, *, request: Any = None, **more: Any) -> None:
        self.now += SECOND // 10
        shown = {
            "caller": ACCOUNT,
            "status": 200,
            "milliseconds": 1.5,
            "fault": "",
            "trace": f"trace {len(self.events)}",
            **more,
        }
        bodies = {"request": _text(request), "response": _text(response)}
        self.events.append(
            {"event": "call", "at": rfc3339(self.now), "method": method, "target": target, **bodies, **shown}
        )

    def state(self, resource: str, state: str, *, of: int, kind: str = "image", at: int | None = None) -> None:
        self.events.append(
            {
                "event": "state",
                "at": rfc3339(at or self.now),
                "trace": f"trace {of}",
                "resource": resource,
                "resource_type": kind,
                "state": state,
                "job": "",
            }
        )

    def travel(self, days: int) -> None:
        self.now += days * DAY
        body = {"advance": f"{days}d"}
        at = rfc3339(self.now - days * DAY)
        self.call("POST", "/_kunsthalle/clock", {"now": rfc3339(self.now)}, request=body, caller="operator", at=at)

    def transcript(self, **options: Any) -> Transcript:
        collector = Collector(rfc3339(BEGAN), URL, {ACCOUNT: "publisher"}, **options)
        for event in self.events:
            collector.add(event)
        made = collector.transcript()
        assert text_of(parse(text_of(made))) == text_of(made)
        return made


def _text(document: Any) -> str:
    return "" if document is None else json.dumps(document)


def calls(recording: Recording, **options: Any) -> list[Call]:
    return list(recording.transcript(**options).calls)


def test_ids_are_named_in_their_order_everywhere() -> None:
    recording = Recording()
    first, second = IMAGE.format(1), IMAGE.format(2)
    crn = f"crn:v1:bluemix:public:is:us-south:a/{ACCOUNT}::image:{second}"
    recording.call("POST", "/v1/images", {"id": second, "crn": crn, "href": f"{URL}/v1/images/{second}"})
    recording.call("GET", f"/v1/images/{first}", {"errors": [{"message": f"no {second} but {first}"}]}, status=404)
    made, looked = calls(recording)
    assert made.response_document == {
        "id": "image-1",
        "crn": "crn:v1:bluemix:public:is:us-south:a/account-1::image:image-1",
        "href": "http://server/v1/images/image-1",
    }
    assert looked.target == "/v1/images/image-2"
    assert looked.response_document["errors"][0]["message"] == "no image-1 but image-2"
    assert [(one.name, one.label) for one in recording.transcript().accounts] == [("account-1", "publisher")]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"vpc": {"id": IMAGE.format(3)}}, {"vpc": {"id": "vpc-1"}}),
        ({"keys": [{"id": IMAGE.format(3)}]}, {"keys": [{"id": "key-1"}]}),
        ({"policies": [{"id": IMAGE.format(3)}]}, {"policies": [{"id": "policy-1"}]}),
        ({"account_id": OTHER}, {"account_id": "account-1"}),
        ({"created_by": f"IBMid-{'0' * 10}"}, {"created_by": "id-1"}),
        ({"sha256": "c" * 64}, {"sha256": "c" * 64}),
        ({"mac_address": "02:11:22:33:44:55"}, {"mac_address": "mac-1"}),
        ({"name": "amber-basin-birch-bright"}, {"name": "name-1"}),
        ({"name": "amber-basin-of-mine"}, {"name": "amber-basin-of-mine"}),
        ({"name": "mine-boot-0123abcd"}, {"name": "mine-boot-suffix-1"}),
        ({"address": "198.19.2.3"}, {"address": "address-1"}),
        ({"address": "10.240.0.4"}, {"address": "10.240.0.4"}),
        ({IMAGE.format(3): True}, {"id-1": True}),
    ],
)
def test_what_an_id_is_of_is_told_by_what_is_around_it(document: Any, named: Any) -> None:
    recording = Recording()
    recording.call("GET", "/v1/whatever", document, caller="")
    (call,) = calls(recording)
    assert call.response_document == named


def test_a_loop_that_waits_is_written_once_with_its_last_answer() -> None:
    def waited(turns: int) -> str:
        recording = Recording()
        recording.call("POST", "/v1/images", {"id": IMAGE.format(1), "status": "pending"})
        for turn in range(turns):
            if turn == turns // 2:
                recording.state(IMAGE.format(1), "available", of=0)
            status = "available" if turn + 1 == turns else "pending"
            recording.call("GET", f"/v1/images/{IMAGE.format(1)}", {"status": status})
        recording.call("DELETE", f"/v1/images/{IMAGE.format(1)}", status=202)
        return text_of(recording.transcript())

    once = waited(1)
    assert waited(2) == waited(7) == once
    assert '"available"' in once
    assert "* state image-1 available" in once.partition("GET")[0]


def test_so_is_a_loop_of_several_calls() -> None:
    def waited(turns: int) -> list[str]:
        recording = Recording()
        for _ in range(turns):
            recording.call("POST", "/identity/token", caller="")
            recording.call("GET", "/v1/a", {})
            recording.call("GET", "/v1/b", {})
        return [call.target for call in calls(recording)]

    assert waited(1) == waited(2) == waited(5) == ["/identity/token", "/v1/a", "/v1/b"]


def test_what_differs_is_no_repetition() -> None:
    recording = Recording()
    recording.call("GET", "/v1/images", {})
    recording.call("GET", "/v1/images", {}, caller=OTHER)
    recording.call("GET", "/v1/images", {}, status=503)
    recording.call("GET", "/v1/images", {}, status=503, fault="refuse x")
    recording.call("GET", "/v1/images", {}, status=503, fault="refuse x")
    recording.call("POST", "/v1/images", {})
    recording.call("POST", "/v1/images", {})
    recording.call("POST", "/identity/token", {}, caller="")
    recording.call("POST", "/identity/token", {}, caller="")
    assert len(calls(recording)) == 9
    repeated = Recording()
    for _ in range(3):
        repeated.call("GET", "/v1/images", {})
    assert len(calls(repeated)) == 1
    assert len(calls(repeated, every_call=True)) == 3


def test_states_are_with_the_call_that_led_to_them_or_with_the_clock() -> None:
    recording = Recording()
    recording.call("POST", "/v1/images", {"id": IMAGE.format(1)})
    recording.call("GET", "/v1/vpcs", {})
    recording.state(IMAGE.format(1), "available", of=0)
    recording.state(IMAGE.format(9), "available", of=0)
    recording.travel(7)
    recording.state(IMAGE.format(1), "deprecated", of=0, at=recording.now - 2 * DAY)
    made, _, moved = recording.transcript().events
    assert isinstance(made, Call)
    assert isinstance(moved, ClockMove)
    assert made.states == (StateChange("image-1", "available"),), "and nothing of what no call shows"
    assert (moved.start, moved.end) == ("T", "T+7d")
    assert moved.states == (StateChange("image-1", "deprecated"),)


def test_a_fault_of_a_job_follows_the_call_that_led_to_it() -> None:
    recording = Recording()
    recording.call("POST", "/v1/images", {"id": IMAGE.format(1)})
    recording.call("GET", "/v1/vpcs", {})
    fault = {"fault": f"bad day: fail {IMAGE.format(5)[5:]}", "job": "image.import", "resource_type": ""}
    about = {"event": "job_fault", "at": rfc3339(recording.now), "trace": "trace 0", "resource": IMAGE.format(1)}
    recording.events.append({**about, **fault})
    _, job, _ = recording.transcript().events
    assert job == JobFault("image.import", "image-1", "T", "bad day: fail fault-1")


def test_durations_are_written_on_request() -> None:
    recording = Recording()
    recording.call("GET", "/v1/images", {})
    assert "ms" not in text_of(recording.transcript())
    assert "call account-1 T 1.5ms" in text_of(recording.transcript(durations=True))


def test_what_was_lost_is_told_where_it_is_missing() -> None:
    collector = Collector(rfc3339(BEGAN), URL, {})
    recording = Recording()
    recording.call("GET", "/v1/images", {})
    recording.call("GET", "/v1/images", {})
    collector.add(recording.events[0])
    collector.lose(3)
    collector.add(recording.events[1])
    assert [type(event).__name__ for event in collector.transcript().events] == ["Call", "Lost", "Call"]


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        (0, "T"),
        (3 * SECOND, "T"),
        (7 * DAY + 2 * SECOND, "T+7d"),
        (3_600 * SECOND + SECOND // 2, "T+1h"),
        (30 * DAY + 3_600 * SECOND + SECOND, "T+30d1h"),
        (-5 * DAY, "earlier"),
        (-SECOND // 1_000, "earlier"),
    ],
)
def test_a_moment_is_told_by_its_distance(after: int, shown: str) -> None:
    moments = Moments(BEGAN)
    moments.now(BEGAN + 4 * SECOND)
    assert moments.shown(rfc3339(BEGAN + after)) == shown


def test_a_moment_without_fractions_may_look_as_if_it_was_before() -> None:
    moments = Moments(BEGAN)
    assert moments.shown("2026-11-29T08:00:00Z") == "2026-11-29T08:00:00Z", "a whole minute"
    later = Moments(BEGAN + SECOND)
    assert later.shown("2026-11-29T08:00:01Z") == "T"
    assert later.shown("2026-11-29T08:00:01.000Z") == "earlier"


def test_a_moment_after_moves_of_the_clock() -> None:
    moments = Moments(BEGAN)
    moments.now(BEGAN + SECOND)
    assert moments.move(BEGAN + 7 * DAY + SECOND, "7d", None) == "T+7d"
    assert moments.now(BEGAN + 7 * DAY + 2 * SECOND) == "T+7d"
    assert moments.shown(rfc3339(BEGAN + SECOND)) == "T"
    assert moments.shown(rfc3339(BEGAN + 14 * DAY + 2 * SECOND)) == "T+14d"
    assert moments.shown(rfc3339(BEGAN + 3 * DAY + SECOND)) == "T+3d"
    to = "2030-01-01T00:00:00Z"
    assert moments.move(moment(to), None, to) == to
    assert moments.shown(rfc3339(moment(to) + DAY + SECOND)) == f"{to}+1d"


@pytest.mark.parametrize(
    "text", ["2031-05-06T07:08:00Z", "2031-05-06T07:08:00+02:00", "2025-06-30", "no date", "2031-99-01T00:00:00Z"]
)
def test_what_was_given_as_a_whole_minute_and_what_is_no_moment_stay(text: str) -> None:
    assert Moments(BEGAN).replaced(text) == text


def test_numbers_of_seconds_are_moments_in_fields_that_say_so() -> None:
    recording = Recording()
    seconds = BEGAN // SECOND
    recording.call("POST", "/identity/token", {"expires_in": 3600, "expiration": seconds + 3600, "count": seconds})
    (call,) = calls(recording)
    assert call.response_document == {"expires_in": 3600, "expiration": "T+1h", "count": seconds}
