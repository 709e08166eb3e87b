"""Faults that are about some calls only, and how each effect meets a client over the socket."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from fixtures.clients import eventually
from fixtures.forked_served import ForkedServed
from kunsthalle.cli.main import cli
from kunsthalle.core.fault_sets import SETS, WORDS, fault_set
from kunsthalle.core.faults import HEADER, IMPORT_REASONS, Fault
from kunsthalle.local.client import CallFailed
from kunsthalle.testing import World, WorldServer
from kunsthalle.testing.persona import Persona

pytestmark = pytest.mark.by_turns(3)

QUERY = "?version=2025-06-30&generation=2"
VPCS = f"/v1/vpcs{QUERY}"
FOR_EVER = {"times": 0}


@pytest.fixture(scope="module")
def server() -> Iterator[WorldServer]:
    with WorldServer("--clock", "manual") as running:
        yield running


@pytest.fixture
def store(server: WorldServer) -> Iterator[World]:
    """A clean world."""
    with server.world() as made:
        yield made


class Caller:
    """Plain HTTP as one account, so that nothing is tried again."""

    def __init__(self, persona: Persona, url: str) -> None:
        self.url, self.token = url, persona.token

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, Mapping[str, str]]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            read = json.loads(answer.read() or b"null")
            return answer.status, read, answer.headers
        finally:
            connection.close()

    def statuses(self, count: int, path: str = VPCS) -> list[int]:
        return [self.ask("GET", path)[0] for _ in range(count)]


@pytest.fixture
def publisher(store: World) -> Caller:
    return Caller(store.publisher, store.url)


@pytest.fixture
def consumer(store: World) -> Caller:
    return Caller(store.consumer_a, store.url)


@pytest.mark.parametrize("named", ["name", "id"])
def test_of_one_account(store: World, publisher: Caller, consumer: Caller, named: str) -> None:
    account = "consumer-a" if named == "name" else store.consumer_a.account_id
    store.faults.call("GET /v1/vpcs", "refuse", account=account, **FOR_EVER)
    assert consumer.ask("GET", VPCS)[0] == 503
    assert publisher.ask("GET", VPCS)[0] == 200
    publisher.token = "no token"
    assert publisher.ask("GET", VPCS)[0] == 401


def test_of_one_user(store: World, publisher: Caller, consumer: Caller) -> None:
    fault = store.faults.call("GET /v1/vpcs", "refuse", user="Owner@Publisher.example", **FOR_EVER)
    assert (fault["iam_id"], fault["account_id"]) == (store.publisher.iam_id, "")
    assert (publisher.ask("GET", VPCS)[0], consumer.ask("GET", VPCS)[0]) == (503, 200)


def test_of_a_job_of_one_account(store: World) -> None:
    store.faults.job("image.import", "fail", account="consumer-a")
    made = {persona.name: _image(persona) for persona in (store.publisher, store.consumer_a)}
    store.clock.advance("1s")
    found = {persona.name: persona.vpc.get_image(made[persona.name]).get_result() for persona in _both(store)}
    assert {name: one["status"] for name, one in found.items()} == {"publisher": "available", "consumer-a": "failed"}
    assert re.search(rf"^fail [0-9a-f-]{{36}}: image\.import {made['consumer-a']}$", "\n".join(store.faults.applied()))


def _both(store: World) -> tuple[Persona, Persona]:
    return store.publisher, store.consumer_a


def _image(persona: Persona, name: str = "golden") -> str:
    file, system = {"href": persona.bucket.put_image(f"{name}.qcow2")}, {"name": "debian-12-amd64"}
    made = persona.vpc.create_image({"name": name, "file": file, "operating_system": system}).get_result()
    return str(made["id"])


def test_in_its_time_only(store: World, publisher: Caller) -> None:
    store.faults.call("GET /v1/vpcs", "refuse", starts_at="10m", ends_at="1h", **FOR_EVER)
    assert publisher.ask("GET", VPCS)[0] == 200
    store.clock.advance("10m")
    assert publisher.ask("GET", VPCS)[0] == 503
    store.clock.advance("50m")
    assert publisher.ask("GET", VPCS)[0] == 200


def test_a_percentage_is_the_same_again_with_the_same_seed(store: World, publisher: Caller) -> None:
    def drawn(seed: int) -> list[int]:
        store.faults.clear()
        store.faults.call("GET /v1/vpcs", "refuse", percent=40, seed=seed, **FOR_EVER)
        return publisher.statuses(40)

    first = drawn(1)
    assert 5 < first.count(503) < 35
    assert drawn(1) == first
    assert drawn(2) != first


def test_the_count_is_of_those_that_the_percentage_left(store: World, publisher: Caller) -> None:
    store.faults.call("GET /v1/vpcs", "refuse", percent=50, seed=3, skip=1, times=2)
    assert publisher.statuses(40).count(503) == 2
    assert store.faults.list() == []


def test_too_many_calls_are_told_when_to_come_back(store: World, publisher: Caller) -> None:
    store.faults.call("GET /v1/vpcs", "refuse", status=429, retry_after=17)
    status, body, headers = publisher.ask("GET", VPCS)
    assert (status, headers["Retry-After"], body["errors"][0]["code"]) == (429, "17", "too_many_requests")


def test_the_sdk_waits_as_it_is_told_and_goes_on(store: World) -> None:
    store.faults.call("GET /v1/vpcs", "refuse", status=429, retry_after=0, times=2)
    store.publisher.vpc.enable_retries(max_retries=3, retry_interval=0.01)
    assert store.publisher.vpc.list_vpcs().get_result()["vpcs"]
    assert [call["status"] for call in store.calls() if "/vpcs" in call["path"]] == [429, 429, 200]


def test_the_sdk_waits_as_long_as_it_is_told(store: World) -> None:
    store.faults.call("GET /v1/vpcs", "refuse", status=429, retry_after=1)
    store.publisher.vpc.enable_retries(max_retries=1, retry_interval=0.001)
    store.publisher.vpc.list_vpcs()
    begun = time.monotonic()
    store.faults.call("GET /v1/vpcs", "refuse", status=429, retry_after=1)
    store.publisher.vpc.list_vpcs()
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_of_the_server_is_in_the_envelope_of_its_api(store: World, publisher: Caller, status: int) -> None:
    store.faults.call("GET /v1/vpcs", "refuse", status=status)
    answered, body, headers = publisher.ask("GET", VPCS)
    assert (answered, headers["Retry-After"]) == (status, "1" if status == 503 else None)
    assert body["errors"][0]["code"]
    assert publisher.ask("GET", VPCS)[0] == 200


def test_a_delay_takes_its_time(store: World, publisher: Caller) -> None:
    store.faults.call("GET /v1/vpcs", "delay", seconds=0.2)
    begun = time.monotonic()
    status, _, headers = publisher.ask("GET", VPCS)
    assert status == 200
    assert time.monotonic() - begun >= 0.2
    assert headers[HEADER].startswith("delay ")


def test_a_delay_spreads_by_its_seed() -> None:
    def pauses(seed: int) -> list[float]:
        fault = Fault(id="1", on="call", match="*", effect="delay", seconds=0.1, spread=0.4, seed=seed)
        return [fault.pause() for _ in range(50)]

    first = pauses(1)
    assert first == pauses(1) != pauses(2)
    assert all(0.1 <= pause < 0.5 for pause in first)
    assert max(first) - min(first) > 0.2


def test_a_job_is_tried_again(store: World) -> None:
    store.faults.job("image.import", "retry")
    image = _image(store.publisher)
    store.clock.advance("1s")
    assert store.publisher.vpc.get_image(image).get_result()["status"] == "pending"
    assert [one.partition(" ")[0] for one in store.faults.applied()] == ["retry"]
    available = lambda: store.publisher.vpc.get_image(image).get_result()["status"] == "available"  # noqa: E731  a check
    eventually(available, "the next try")
    assert len(list((store.data / "blobs" / "sha256").glob("*/*"))) == 1


def test_nothing_is_struck_unless_asked_for(store: World, publisher: Caller) -> None:
    answers = [publisher.ask("GET", path) for path in (VPCS, f"/v1/images{QUERY}", f"/v1/vpcs/none{QUERY}", "/nowhere")]
    assert [headers.get(HEADER) for _, _, headers in answers] == [None] * 4
    assert (store.faults.list(), store.faults.applied()) == ([], [])


def test_faults_end_with_the_process(tmp_path: Path) -> None:
    with ForkedServed(tmp_path / "data") as served:
        added = CliRunner().invoke(cli, ["fault", "set", "bad-day", "--data", str(served.data)])
        assert added.exit_code == 0, added.output
        served.stop()
        served.start()
        left = CliRunner().invoke(cli, ["fault", "list", "--output", "json", "--data", str(served.data)])
        assert json.loads(left.output) == []


def test_faults_of_a_scenario_are_there_whenever_it_is_applied(store: World, tmp_path: Path) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text("description: Slow\nfaults: [{set: flaky-network, seed: 3}]\n")
    for _ in range(2):
        store.apply(str(file))
        assert {one["name"] for one in store.faults.list()} == {"flaky-network"}
        assert len(store.faults.list()) == len(SETS["flaky-network"])
        store.faults.clear()


def test_a_token_that_expires_now_is_refused_as_any_other(store: World, publisher: Caller) -> None:
    store.faults.call("POST /v1/vpcs", "expired", name="night shift")
    status, body, headers = publisher.ask("POST", VPCS, {"name": "never-made"})
    again = publisher.token
    publisher.token = "expired"
    assert publisher.ask("POST", VPCS, {"name": "never-made"})[1]["errors"] == body["errors"]
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="IAM"')  # words: allow
    assert re.fullmatch(r"night shift: expired [0-9a-f-]{36}", headers[HEADER])
    publisher.token = again
    assert [one["name"] for one in publisher.ask("GET", VPCS)[1]["vpcs"]] == ["default"]


@pytest.mark.parametrize(("count", "came"), [(0, 0), (7, 7), (10**6, None)])
def test_an_answer_is_cut_after_so_many_bytes(store: World, publisher: Caller, count: int, came: int | None) -> None:
    whole = len(json.dumps(publisher.ask("GET", f"/v1/keys{QUERY}")[1], separators=(",", ":")))
    store.faults.call("GET /v1/keys", "cut", cut_after=count)
    with pytest.raises(http.client.IncompleteRead) as cut:
        publisher.ask("GET", f"/v1/keys{QUERY}")
    read = len(cut.value.partial)
    assert read == came if came is not None else 0 < read <= whole
    assert cut.value.expected == 1 if came is None else cut.value.expected > 1


def test_what_is_lost_was_done(store: World, publisher: Caller) -> None:
    store.faults.call("POST /v1/vpcs", "lose", status=504)
    status, _, headers = publisher.ask("POST", VPCS, {"name": "lost"})
    assert (status, headers[HEADER].split()[0]) == (504, "lose")
    assert sorted(one["name"] for one in publisher.ask("GET", VPCS)[1]["vpcs"]) == ["default", "lost"]


def test_what_was_just_created_is_not_found_yet(store: World, publisher: Caller) -> None:
    old = publisher.ask("GET", VPCS)[1]["vpcs"][0]["id"]
    absent = publisher.ask("GET", f"/v1/vpcs/r006-00000000-0000-4000-8000-000000000000{QUERY}")[1]
    fault = store.faults.call("* /v1/vpcs/*", "late", seconds=3_600, **FOR_EVER)
    made = publisher.ask("POST", VPCS, {"name": "new"})[1]
    status, body, headers = publisher.ask("GET", f"/v1/vpcs/{made['id']}{QUERY}")
    assert (status, body["errors"]) == (404, absent["errors"])
    assert fault["id"] in headers[HEADER]
    assert publisher.ask("DELETE", f"/v1/vpcs/{made['id']}{QUERY}")[0] == 404
    assert publisher.ask("GET", f"/v1/vpcs/{old}{QUERY}")[0] == 200
    store.faults.clear()
    assert publisher.ask("GET", f"/v1/vpcs/{made['id']}{QUERY}")[0] == 200


def test_what_is_late_comes(store: World, publisher: Caller) -> None:
    store.faults.call("* /v1/vpcs/*", "late", seconds=0.000_001, **FOR_EVER)
    made = publisher.ask("POST", VPCS, {"name": "new"})[1]
    assert publisher.ask("GET", f"/v1/vpcs/{made['id']}{QUERY}")[0] == 200


@pytest.mark.parametrize("reason", IMPORT_REASONS)
def test_an_import_fails_with_each_documented_reason(store: World, reason: str) -> None:
    store.faults.job("image.import", "fail", reason=reason)
    image = _image(store.publisher)
    store.clock.advance("1s")
    found = store.publisher.vpc.get_image(image).get_result()
    assert (found["status"], [one["code"] for one in found["status_reasons"]]) == ("failed", [reason])
    assert not list((store.data / "blobs" / "sha256").glob("*/*"))


def test_an_import_stalls(store: World) -> None:
    store.faults.job("image.import", "hold", seconds=3_600)
    image = _image(store.publisher)
    store.clock.advance("59m")
    assert store.publisher.vpc.get_image(image).get_result()["status"] == "pending"
    store.clock.advance("2m")
    assert store.publisher.vpc.get_image(image).get_result()["status"] == "available"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"on": "call", "effect": "refuse", "percent": 0}, "too small"),
        ({"on": "call", "effect": "late"}, "more than 0 seconds"),
        ({"on": "call", "effect": "delay", "seconds": 1, "spread": 301}, "at most 300"),
        ({"on": "call", "effect": "refuse", "account": "nobody"}, "Unknown account: 'nobody'"),
        ({"on": "call", "effect": "refuse", "user": "nobody@example.com"}, "Nobody signs in as 'nobody@example.com'"),
        ({"on": "call", "effect": "refuse", "starts_at": "tomorrow"}, "give a moment such as 2030"),
        ({"on": "call", "effect": "refuse", "name": "line\n"}, "does not have the form"),
        ({"on": "job", "effect": "fail", "match": "image.import", "reason": "tired"}, "use one of: encrypted_data"),
        ({"on": "job", "effect": "fail", "match": "*", "reason": "image_data_corrupted"}, "match 'image.import'"),
    ],
)
def test_what_could_never_apply_is_refused(store: World, fault: dict[str, Any], said: str) -> None:
    with pytest.raises(CallFailed, match=re.escape(said)):
        store.faults.add(**fault)
    assert store.faults.list() == []


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_taken_as_it_ships(store: World, name: str) -> None:
    store.faults.use_set(name, seed=7)
    there = store.faults.list()
    assert [one["effect"] for one in there] == [one["effect"] for one in SETS[name]]
    assert {one["name"] for one in there} == {name}
    assert len({one["seed"] for one in there}) == len(there)
    assert WORDS.keys() == SETS.keys()


def test_a_set_on_the_command_line(store: World) -> None:
    words = ["fault", "set", "throttled", "--seed", "7", "--account", "consumer-a", "--output", "json"]
    made = CliRunner().invoke(cli, [*words, "--data", str(store.data)])
    assert made.exit_code == 0, made.output
    said = json.loads(made.output)
    assert [one["seed"] for one in said] == [one["seed"] for one in fault_set("throttled", 7)]
    assert {one["account_id"] for one in said} == {store.consumer_a.account_id}


def test_the_options_of_a_call_arrive(store: World) -> None:
    options = (
        "--cut --after 9 --account consumer-a --percent 5 --seed 3 --from 10m --until 2h --name mine --times 4 --skip 2"
    )
    words = ["fault", "call", "GET /v1/*", *options.split(), "--output", "json", "--data", str(store.data)]
    made = CliRunner().invoke(cli, words)
    assert made.exit_code == 0, made.output
    [one] = store.faults.list()
    assert [one[name] for name in ("cut_after", "percent", "seed", "name", "times", "skip")] == [9, 5, 3, "mine", 4, 2]
    assert one["starts_at"] < one["ends_at"]


def test_loading_a_saved_state_clears_faults_and_says_so(store: World) -> None:
    store.operate("POST", "/_kunsthalle/scenarios", {"name": "before"})
    store.faults.use_set("throttled")
    done = CliRunner().invoke(cli, ["scenario", "load", "before", "--data", str(store.data)])
    assert done.exit_code == 0, done.output
    assert done.output.endswith("Faults cleared: 3\n")
    assert store.faults.list() == []
