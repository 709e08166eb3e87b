"""The operator's word about hosts: over the API, by the command, and what status and metrics say of hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from kunsthalle.cli import common, host_verb, status_verb
from kunsthalle.hypervisor.protocol import NoAnswer
from kunsthalle.hypervisor.simulated.simulated_hosts import SimulatedHosts
from kunsthalle.operator.host_metrics import HostNumbers

HOSTS = "/_kunsthalle/hosts"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    opened = open_app(tmp_path, simulated_hosts=2)
    yield opened
    opened.close()


def say(app: App, name: str, word: str, body: Any = None) -> tuple[int, Any]:
    answer = app.call(OPERATOR, "POST", f"{HOSTS}/{name}/{word}", body)
    return answer.status, answer.json.get("state")


def words(app: App) -> list[tuple[str, str, int]]:
    """The words about hosts in the audit."""
    entries = app.ok(OPERATOR, "GET", "/_kunsthalle/audit?limit=50")["entries"]
    hosts = [entry for entry in entries if entry["action"].startswith("kunsthalle.host.")]
    return [(entry["action"].rsplit(".", 1)[1], entry["actor"], entry["outcome"]) for entry in hosts]


def test_a_word_is_heard_repeated_refused_and_written_down(app: App) -> None:
    told = app.ok(OPERATOR, "GET", HOSTS)["hosts"]
    assert [(host["name"], host["state"]) for host in told] == [("host-1", "up"), ("host-2", "up")]
    assert say(app, "host-1", "lost") == (409, None)
    assert say(app, "host-9", "lost") == (404, None)
    assert say(app, "host-1", "power", {"on": False}) == (200, "silent")
    assert [say(app, "host-1", "lost") for _ in range(2)] == [(200, "lost")] * 2
    assert app.ok(OPERATOR, "GET", "/_kunsthalle/status")["hosts"] == {"up": 1, "silent": 0, "lost": 1}
    assert say(app, "host-1", "power", {"on": True}) == (200, "lost"), "until somebody says so"
    assert [say(app, "host-1", "back") for _ in range(2)] == [(200, "up")] * 2
    outcomes = [("back", 200)] * 2 + [("power", 200)] + [("lost", 200)] * 2
    outcomes += [("power", 200), ("lost", 404), ("lost", 409)]
    assert sorted(words(app)) == sorted((word, "kunsthalle-operator", outcome) for word, outcome in outcomes)


def test_a_host_says_whom_it_has(app: App) -> None:
    image = app.image("boots")
    instance = app.server_of(image["id"])
    hosts = app.ok(OPERATOR, "GET", HOSTS)["hosts"]
    (full,) = [host["name"] for host in hosts if host["instances"]]
    details = app.ok(OPERATOR, "GET", f"{HOSTS}/{full}")
    assert [one["id"] for one in details["instances"]] == [instance["id"]]
    assert app.call(OPERATOR, "GET", f"{HOSTS}/host-9").status == 404


def test_an_engine_that_does_not_answer_is_said_to_be_away(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_any: object) -> None:
        raise NoAnswer("nobody is there")

    for name in ("inventory", "states", "take_back"):
        monkeypatch.setattr(SimulatedHosts, name, away)
    for method, path in (("GET", HOSTS), ("GET", f"{HOSTS}/host-1"), ("POST", f"{HOSTS}/host-1/back")):
        answer = app.call(OPERATOR, method, path)
        assert (answer.status, dict(answer.headers)[b"retry-after"]) == (503, b"10")
        assert "does not answer as it should" in answer.json["errors"][0]["message"]
    assert "hosts" not in app.ok(OPERATOR, "GET", "/_kunsthalle/status")
    (up,) = HostNumbers(lambda: app.server.drivers.hypervisor).families()
    assert (up.name, up.samples[0].value) == ("kunsthalle_engine_up", 0)


def test_metrics_count_hosts_and_ask_now_and_then(app: App) -> None:
    now = [0.0]
    numbers = HostNumbers(lambda: app.server.drivers.hypervisor, seconds=15, monotonic=lambda: now[0])

    def counted() -> dict[str, float]:
        up, hosts = numbers.families()
        assert up.samples[0].value == 1
        return {sample.labels["state"]: sample.value for sample in hosts.samples}

    assert counted() == {"up": 2, "silent": 0, "lost": 0}
    say(app, "host-2", "power", {"on": False})
    assert counted() == {"up": 2, "silent": 0, "lost": 0}
    now[0] += 15
    assert counted() == {"up": 1, "silent": 1, "lost": 0}


HOST = {"name": "host-1", "zone": "", "state": "lost", "used_vcpus": 2, "vcpus": 64, "used_memory": 8192,
        "memory": 262144, "instances": 1}  # fmt: skip


@pytest.mark.parametrize(("words_", "answer", "asked"), [
    (["list"], "", [("GET", HOSTS, None)]),
    (["lost", "host-1"], "n\n", []),
    (["lost", "host-1"], "y\n", [("POST", f"{HOSTS}/host-1/lost", None)]),
    (["lost", "a b", "--powered-off"], "", [("POST", f"{HOSTS}/a%20b/lost", None)]),
    (["back", "host-1"], "", [("POST", f"{HOSTS}/host-1/back", None)]),
    (["power", "host-1", "off"], "", [("POST", f"{HOSTS}/host-1/power", {"on": False})]),
])  # fmt: skip
def test_the_command_asks_before_it_says_that_a_host_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words_: list[str], answer: str, asked: list[Any]
) -> None:
    calls: list[Any] = []

    def operate(_data: Path, method: str, path: str, body: Any = None) -> Any:
        calls.append((method, path, body))
        return {"hosts": [HOST]} if method == "GET" else HOST

    monkeypatch.setattr(common, "operate", operate)
    result = CliRunner().invoke(host_verb.host, [*words_, "--data", str(tmp_path)], input=answer)
    assert calls == asked
    assert (result.exit_code == 0) is bool(asked)
    if asked:
        assert "host-1" in result.output
        assert "2 of 64" in result.output


@pytest.mark.parametrize(("counts", "told"), [
    (None, "unknown: the engine does not answer"),
    ({"up": 1, "silent": 0, "lost": 0}, "best effort: there is one host, and instances of a group share it"),
    ({"up": 0, "silent": 1, "lost": 0}, "best effort: there is one host, and instances of a group share it"),
    ({"up": 3, "silent": 0, "lost": 0}, "instances of a group run on different hosts, at most 3 of them now"),
    ({"up": 1, "silent": 1, "lost": 1}, "instances of a group run on different hosts, at most 1 of them now"),
])  # fmt: skip
def test_the_status_says_what_placement_groups_are_worth(counts: dict[str, int] | None, told: str) -> None:
    assert status_verb._placement({"hosts": counts} if counts else {}) == told
