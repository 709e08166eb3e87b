"""Faults on demand and saved scenarios, as an operator asks for them and a client meets them."""

from __future__ import annotations

import http.client
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from fixtures.app import VERSION, open_app
from fixtures.frozen_app import OPERATOR
from kunsthalle.cli.main import cli
from kunsthalle.local import folder
from kunsthalle.local.client import access_token
from kunsthalle.testing.served import Served

pytestmark = pytest.mark.served("--clock", "manual")

QUERY = f"?version={VERSION}&generation=2"


def run(served: Served, *arguments: str) -> Any:
    """What a verb answers for programs."""
    result = CliRunner().invoke(cli, [*arguments, "--data", str(served.data), "--output", "json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def refused(served: Served, *arguments: str) -> str:
    """What a verb says when it is refused."""
    result = CliRunner().invoke(cli, [*arguments, "--data", str(served.data)])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return result.output


class Client:
    """The publisher's owner."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.token = access_token(served.url, served.env("publisher")["IBMCLOUD_API_KEY"])

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection(urlsplit(self.served.url).netloc, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path + QUERY, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return (
                answer.status,
                json.loads(answer.read() or b"null"),
                {name.lower(): value for name, value in answer.headers.items()},
            )
        finally:
            connection.close()

    def names(self, kind: str = "vpcs") -> list[str]:
        return sorted(one["name"] for one in self.ask("GET", f"/v1/{kind}")[1][kind])


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    yield Client(served)
    run(served, "fault", "clear")


def test_a_call_is_refused_as_often_as_was_asked_for(served: Served, client: Client) -> None:
    run(served, "fault", "call", "GET /v1/vpcs", "--refuse", "503", "--times", "2", "--skip", "1")
    answers = [client.ask("GET", "/v1/vpcs") for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 503, 503, 200]
    _, body, headers = answers[1]
    assert (body["errors"][0]["code"], headers["retry-after"]) == ("service_unavailable", "1")
    assert run(served, "fault", "list") == []


def test_a_refused_change_did_not_happen_and_a_lost_one_did(served: Served, client: Client) -> None:
    before = client.names()
    run(served, "fault", "call", "POST /v1/vpcs", "--refuse", "500")
    assert client.ask("POST", "/v1/vpcs", {"name": "refused"})[0] == 500
    run(served, "fault", "call", "POST /v1/vpcs", "--lose", "504")
    assert client.ask("POST", "/v1/vpcs", {"name": "lost"})[0] == 504
    assert client.names() == sorted([*before, "lost"])


def test_an_answer_is_cut_in_its_middle(served: Served, client: Client) -> None:
    run(served, "fault", "call", "GET /v1/*", "--cut")
    with pytest.raises(http.client.IncompleteRead):
        client.ask("GET", "/v1/images")
    assert client.ask("GET", "/v1/images")[0] == 200


def test_a_delayed_call_is_answered_as_ever(served: Served, client: Client) -> None:
    (fault,) = run(served, "fault", "call", "GET /v1/keys", "--delay", "0.01", "--times", "0")
    assert [client.ask("GET", "/v1/keys")[0] for _ in range(2)] == [200, 200]
    (idle,) = run(served, "fault", "list")
    assert (idle["id"], idle["hits"], idle["times"]) == (fault["id"], 2, 0)


def test_the_operator_is_never_struck(served: Served, client: Client) -> None:
    run(served, "fault", "call", "*", "--refuse", "503", "--times", "0")
    assert client.ask("GET", "/v1/images")[0] == 503
    assert run(served, "status")["faults"] == 1
    assert run(served, "fault", "clear")["cleared"] == 1


def _import(served: Served, client: Client, name: str) -> str:
    from kunsthalle.disk_images.writers import write_qcow2

    write_qcow2(served.bucket("publisher") / f"{name}.qcow2", 2**30, name.encode())
    file, system = {"href": f"cos://us-south/images/{name}.qcow2"}, {"name": "debian-12-amd64"}
    status, made, _ = client.ask("POST", "/v1/images", {"name": name, "file": file, "operating_system": system})
    assert status == 201, made
    return str(made["id"])


def test_a_job_fails_and_its_image_says_so(served: Served, client: Client) -> None:
    run(served, "fault", "job", "image.import", "--fail")
    image = _import(served, client, "doomed")
    run(served, "clock", "advance", "1s")
    found = client.ask("GET", f"/v1/images/{image}")[1]
    assert (found["status"], found["status_reasons"][0]["code"]) == ("failed", "image_data_corrupted")


def test_a_held_job_is_done_when_the_clock_comes_to_it(served: Served, client: Client) -> None:
    run(served, "fault", "job", "image.*", "--hold", "10m")
    image = _import(served, client, "held")
    run(served, "clock", "advance", "1s")
    assert client.ask("GET", f"/v1/images/{image}")[1]["status"] == "pending"
    run(served, "clock", "advance", "10m")
    assert client.ask("GET", f"/v1/images/{image}")[1]["status"] == "available"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("call", "GET /v1/vpcs", "--refuse", "200"), "status"),
        (("call", "GET /v1/vpcs", "--delay", "-1"), "too small"),
        (("call", "GET /v1/vpcs", "--delay", "301"), "at most 300"),
        (("call", "GET /v1/vpcs"), "Give one of --cut, --delay, --expired"),
        (("call", "GET /v1/vpcs", "--cut", "--lose", "500"), "Give one of --cut, --delay, --expired"),
        (("job", "image.explode", "--fail"), "image.import"),
        (("job", "image.import", "--hold", "soon"), "not a duration"),
        (("clear", "nothing"), "does not exist"),
    ],
)
def test_what_could_never_strike_is_refused(served: Served, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(served, "fault", *arguments)


def test_everything_is_as_it_was_when_the_scenario_was_saved(served: Served, client: Client) -> None:
    image = _import(served, client, "kept")
    run(served, "clock", "advance", "1s")
    before = (client.names(), client.names("images"), run(served, "clock")["now"])
    (saved,) = run(served, "scenario", "save", "before")
    assert (saved["name"], saved["now"]) == ("before", before[2])

    client.ask("POST", "/v1/vpcs", {"name": "later"})
    client.ask("DELETE", f"/v1/images/{image}")
    blob = [one.name for one in (served.data / "blobs" / "sha256").glob("*/*")]
    run(served, "clock", "advance", "2d")
    (served.bucket("publisher") / "later.qcow2").write_bytes(b"later")

    run(served, "scenario", "load", "before")
    again = Client(served)
    assert (again.names(), again.names("images"), run(served, "clock")["now"]) == before
    assert sorted(one.name for one in (served.data / "blobs" / "sha256").glob("*/*")) == sorted(blob)
    assert not (served.bucket("publisher") / "later.qcow2").exists()

    served.stop()
    served.start()
    assert (Client(served).names(), run(served, "clock")["now"]) == (before[0], before[2])
    assert [one["name"] for one in run(served, "scenario", "list")] == ["before"]
    run(served, "scenario", "remove", "before")
    assert run(served, "scenario", "list") == []


def test_a_scenario_of_a_later_release_changes_nothing(served: Served, client: Client) -> None:
    run(served, "scenario", "save", "future")
    place = served.data / "scenarios" / "future"
    with closing(sqlite3.connect(place / "kunsthalle.sqlite")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    client.ask("POST", "/v1/vpcs", {"name": "stays"})
    assert "later release" in refused(served, "scenario", "load", "future")
    assert "There is no scenario 'futur'; saved are: future." in refused(served, "scenario", "load", "futur")
    assert "stays" in client.names()
    assert [one.name for one in place.parent.iterdir()] == ["future"]
    run(served, "scenario", "remove", "future")


@pytest.mark.parametrize("name", ["..", "../data", "A", "", "a/b", ".hidden", "x" * 64])
def test_names_stay_inside_their_folder(served: Served, name: str) -> None:
    before = sorted(one.name for one in served.data.parent.iterdir())
    assert "name" in refused(served, "scenario", "save", name).lower()
    assert refused(served, "scenario", "load", name)
    assert sorted(one.name for one in served.data.parent.iterdir()) == before


def test_a_taken_name_is_replaced_only_when_told(served: Served) -> None:
    run(served, "scenario", "save", "twice")
    assert "already" in refused(served, "scenario", "save", "twice")
    assert run(served, "scenario", "save", "twice", "--replace")[0]["name"] == "twice"
    run(served, "scenario", "remove", "twice")


def test_a_load_that_was_cut_off_is_done_before_the_folder_is_served_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app(tmp_path / "data")
    try:
        folder.write(tmp_path / "data", folder.CREDENTIALS, {"operator_token": OPERATOR})
        image = app.image("kept")["id"]
        saved = app.call(OPERATOR, "POST", "/_kunsthalle/scenarios", {"name": "before"})
        assert saved.status == 200, saved.body
        app.do("DELETE", f"/v1/images/{image}")
        app.settle()

        with monkeypatch.context() as patched:
            patched.setattr("kunsthalle.operator.saved_states._copy", lambda *_: 1 / 0)
            assert app.call(OPERATOR, "POST", "/_kunsthalle/scenarios/before/load").status == 500
        assert not (tmp_path / "data" / "buckets").exists()
        app.restart()
        assert app.do("GET", f"/v1/images/{image}")["status"] == "available"
        assert (tmp_path / "data" / "buckets").exists()
        assert not (tmp_path / "data" / folder.LOADING).exists()
    finally:
        app.close()


def test_secrets_of_a_saved_scenario_stay_with_their_owner(served: Served, tmp_path: Path) -> None:
    run(served, "scenario", "save", "private")
    place = served.data / "scenarios" / "private"
    assert {one.stat().st_mode & 0o077 for one in (place, place / "credentials.json", place / "kunsthalle.sqlite")} == {
        0
    }
    run(served, "scenario", "remove", "private")
