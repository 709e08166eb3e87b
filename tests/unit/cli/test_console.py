"""`kunsthalle console`: a server's serial line for its account and for the operator, and for nobody else."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kunsthalle.cli import console_verb as console_module
from kunsthalle.cli.main import cli
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local.client import CallFailed, access_token, call
from kunsthalle.testing.served import Served

QUERY = "version=2025-06-30&generation=2"


def token(served: Served, account: str) -> str:
    return access_token(served.url, served.env(account)["IBMCLOUD_API_KEY"])


def until(served: Served, path: str, bearer: str, status: str) -> dict[str, Any]:
    while (found := call(served.url, "GET", path, bearer))["status"] != status:
        assert found["status"] != "failed", found
    return dict(found)


@pytest.fixture(scope="module")
def server(served: Served) -> dict[str, Any]:
    """The publisher's server, running."""
    bearer = token(served, "publisher")
    write_qcow2(served.bucket("publisher") / "disk.qcow2", 2**30, b"content")
    file, system = {"href": "cos://us-south/images/disk.qcow2"}, {"name": "debian-12-amd64"}
    image = call(served.url, "POST", f"/v1/images?{QUERY}", bearer, {"file": file, "operating_system": system})
    until(served, f"/v1/images/{image['id']}?{QUERY}", bearer, "available")
    subnet = call(served.url, "GET", f"/v1/subnets?{QUERY}", bearer)["subnets"][0]
    body = {
        "name": "talker",
        "image": {"id": image["id"]},
        "zone": subnet["zone"],
        "primary_network_interface": {"subnet": {"id": subnet["id"]}},
    }
    made = call(served.url, "POST", f"/v1/instances?{QUERY}", bearer, body)
    return until(served, f"/v1/instances/{made['id']}?{QUERY}", bearer, "running")


def run(served: Served, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ("console", "--data", str(served.data), *arguments))
    return result.exit_code, result.output


@pytest.mark.parametrize("account", [(), ("--account", "publisher")])
@pytest.mark.parametrize("by", ["name", "id"])
def test_owner_and_operator_read_it_by_name_and_id(
    served: Served, server: dict[str, Any], account: tuple[str, ...], by: str
) -> None:
    code, output = run(served, server[by], *account)
    assert code == 0
    assert "talker" in output
    assert "No guest ran" in output


def test_programs_are_given_an_object_a_line(served: Served, server: dict[str, Any]) -> None:
    code, output = run(served, "talker", "--output", "json")
    (line,) = output.splitlines()
    found = json.loads(line)
    assert (code, found["name"], found["start"], found["end"]) == (0, "talker", 0, len(found["text"]))


def test_a_stranger_is_told_what_he_is_told_of_a_server_that_never_was(served: Served, server: dict[str, Any]) -> None:
    strange = run(served, server["id"], "--account", "consumer-a")
    assert strange == run(served, "0717_00000000-0000-4000-8000-000000000000", "--account", "consumer-a")
    assert strange[0] == 1


def test_unknown_servers_and_accounts_are_said_in_one_line(served: Served, tmp_path: Path) -> None:
    for arguments, word in (
        (("nobody",), "does not exist"),
        (("x", "--account", "nobody"), "Unknown account: 'nobody'"),
    ):
        code, output = run(served, *arguments)
        assert (code, word in output, output.count("\n")) == (1, True, 1), output
    result = CliRunner().invoke(cli, ("console", "x", "--data", str(tmp_path)))
    assert (result.exit_code, "no scenario" in result.output) == (1, True)


def test_reading_on_gets_nothing_twice(served: Served, server: dict[str, Any]) -> None:
    bearer = token(served, "publisher")

    def read(query: str) -> dict[str, Any]:
        return dict(call(served.url, "GET", f"/_kunsthalle/servers/{server['id']}/console?{query}", bearer))

    whole = read("")
    assert (whole["start"], whole["end"], whole["name"]) == (0, len(whole["text"]), "talker")
    head = read("start=0&limit=10")
    assert head["text"] + read(f"start={head['end']}")["text"] == whole["text"]
    assert read(f"start={whole['end']}")["text"] == ""
    assert read("limit=5")["text"] == whole["text"][-5:]
    for bad in ("start=-1", "start=x", "limit=65537", "limit=", f"start={'9' * 5_000}", "start=%C2%B2"):
        with pytest.raises(CallFailed, match="must be an integer from 0 to"):
            read(bad)


def test_the_machine_says_what_the_server_runs_on(served: Served, server: dict[str, Any]) -> None:
    machine = call(served.url, "GET", f"/_kunsthalle/servers/{server['id']}", token(served, "publisher"))
    assert (machine["engine"], machine["accelerator"], machine["status"]) == ("simulated", "none", "running")
    assert machine["memory"] == machine["profile_memory"]
    operator = json.loads((served.data / "credentials.json").read_text())["operator_token"]
    assert call(served.url, "GET", "/_kunsthalle/machines", operator)["machines"] == [machine]
    assert call(served.url, "GET", "/_kunsthalle/machines?name=another", operator)["machines"] == []


def test_following_goes_on_where_it_was_and_control_characters_stay_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = iter([("boot\r\n\x1b[2J", 10), ("", 10), ("login:\x07 ", 18)])
    asked: list[str] = []
    done = threading.Event()

    def answer(_data: Path, _method: str, path: str) -> dict[str, Any]:
        asked.append(path)
        if "console" not in path:
            return {"machines": [{"id": "0717_a"}]}
        found = next(said, None)
        if found is None:
            raise KeyboardInterrupt
        return {"text": found[0], "start": 0, "end": found[1]}

    monkeypatch.setattr(console_module.common, "operate", answer)
    monkeypatch.setattr(console_module.time, "sleep", lambda _seconds: done.set())
    result = CliRunner().invoke(cli, ("console", "talker", "--follow", "--data", str(tmp_path)))
    assert (result.exit_code, result.output) == (0, "boot\n[2Jlogin: ")
    assert [path.partition("?")[2] for path in asked[1:]] == ["limit=65536", "start=10", "start=10", "start=18"]
    assert done.is_set()
