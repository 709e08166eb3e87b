"""The verbs find the running server of this user when there is exactly one, and say what they looked at when not."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fixtures.forked_served import ForkedServed
from kunsthalle.cli.main import cli
from kunsthalle.local import folder, running
from kunsthalle.testing.served import Served
from unit.ibmcloud.command_shell import ibmcloud

pytestmark = pytest.mark.by_turns(3)


class ListedServer(ForkedServed):
    """A server that is among those of this user, as one that was started by hand."""

    def environment(self) -> dict[str, str]:
        return dict(os.environ)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without data, of a user who runs no server."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def server(elsewhere: Path, tmp_path: Path) -> Iterator[Served]:
    with ListedServer(tmp_path / "one", "--hypervisor", "simulated") as running_server:
        yield running_server


def verb(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def values(output: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in output.splitlines())


def test_the_only_server_is_found(server: Served) -> None:
    result = verb("env", "--account", "publisher")
    assert values(result.stdout)["KUNSTHALLE_URL"] == server.url
    assert f"this is your server on {server.data}." in result.stderr
    assert server.url in verb("status").stdout
    assert verb("clock", "advance", "1h").exit_code == 0


def test_ibmcloud_signs_in_to_the_only_server(server: Served, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}
    words = ("login", "--apikey", server.env("publisher")["IBMCLOUD_API_KEY"], "-r", "us-south")
    said = ibmcloud(*words, env=env)
    assert said.code == 0, said.err
    assert f"API endpoint: {server.url}\n" in said.out
    usual = ibmcloud("api", env={**env, "XDG_STATE_HOME": str(tmp_path / "nobodys"), "HOME": str(tmp_path / "new")})
    assert "http://127.0.0.1:8100" in usual.out
    with ListedServer(tmp_path / "two", "--hypervisor", "simulated"):
        several = ibmcloud("api", env={**env, "HOME": str(tmp_path / "new")})
    assert "http://127.0.0.1:8100" in several.out, "none is chosen among several"


def test_a_server_in_the_working_directory_comes_before_others(server: Served, elsewhere: Path) -> None:
    with ForkedServed(elsewhere / "kunsthalle-data", "--hypervisor", "simulated", fresh=True) as nearer:
        assert values(verb("env", "--account", "publisher").stdout)["KUNSTHALLE_URL"] == nearer.url != server.url


def test_two_servers_are_named_and_the_choice_is_asked_for(server: Served, tmp_path: Path) -> None:
    with ListedServer(tmp_path / "two", "--hypervisor", "simulated", scenario="") as other:
        result = verb("status")
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"2 servers of yours run: {server.data}, {other.data}. Choose one: --data FOLDER." in result.stderr
        assert server.url in verb("status", "--data", str(server.data)).stdout
    assert server.url in verb("status").stdout


def test_without_a_server_it_is_said_what_was_looked_at(elsewhere: Path) -> None:
    for words in (("status",), ("clock",), ("env", "--account", "publisher")):
        result = verb(*words)
        assert (result.exit_code, result.stdout) == (2, ""), words
        assert f"{elsewhere / 'kunsthalle-data'} holds no data" in result.stderr
        assert "--data FOLDER" in result.stderr


def test_the_address_of_a_server_that_ended_is_recognised(server: Served) -> None:
    server.kill()
    data = ("--data", str(server.data))
    stale = verb("env", "--account", "publisher", *data)
    assert stale.exit_code == 0
    assert f"Warning: no server runs on {server.data}" in stale.stderr
    assert values(stale.stdout)["KUNSTHALLE_URL"] == server.url
    result = verb("status", *data)
    assert (result.exit_code, f"No server runs on {server.data}. Start it" in result.stderr) == (1, True)
    assert running.folders() == []


def test_env_waits_for_a_server_that_is_starting(elsewhere: Path, tmp_path: Path) -> None:
    server = ListedServer(tmp_path / "late", "--hypervisor", "simulated", fresh=True)
    starting = threading.Timer(0.3, server.start)
    starting.start()
    try:
        result = verb("env", "--account", "publisher", "--wait", "60", "--data", str(server.data))
        assert (result.exit_code, result.stderr) == (0, "")
        assert values(result.stdout)["KUNSTHALLE_URL"] == server.url
    finally:
        starting.join()
        server.stop()


def test_env_waits_for_the_server_of_the_working_directory(server: Served, elsewhere: Path) -> None:
    """Not for one that runs already: its keys would be taken for those of the server that was just started here."""
    nearer = ForkedServed(elsewhere / "kunsthalle-data", "--hypervisor", "simulated", fresh=True)
    starting = threading.Timer(0.3, nearer.start)
    starting.start()
    try:
        result = verb("env", "--account", "publisher", "--wait", "60")
        assert (result.exit_code, result.stderr) == (0, "")
        assert values(result.stdout)["KUNSTHALLE_URL"] == nearer.url != server.url
    finally:
        starting.join()
        nearer.stop()
    in_vain = verb("env", "--account", "publisher", "--wait", "0.2")
    assert (in_vain.exit_code, in_vain.stdout) == (2, "")
    assert f"Servers of yours run elsewhere: {server.data}; choose one: --data FOLDER." in in_vain.stderr


def test_env_waits_for_the_only_server_where_there_is_no_data_here(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kunsthalle.cli.env_verb._UNTIL_ELSEWHERE", 0.2)
    result = verb("env", "--account", "publisher", "--wait", "30")
    assert values(result.stdout)["KUNSTHALLE_URL"] == server.url
    assert f"this is your server on {server.data}." in result.stderr


def test_waiting_in_vain_says_for_what(elsewhere: Path, tmp_path: Path) -> None:
    result = verb("env", "--account", "publisher", "--wait", "0.2", "--data", str(tmp_path / "none"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Nothing answered within 0.2 seconds: no server runs on {tmp_path / 'none'}" in result.stderr


def test_a_failing_env_leaves_a_message_beside_the_empty_file(elsewhere: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m kunsthalle env --account publisher > credentials.env"
    shell = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert shell.returncode == 2
    assert (elsewhere / "credentials.env").read_text() == ""
    assert shell.stderr.startswith("Error: No server of yours runs")


def test_each_format_is_what_its_reader_takes(server: Served) -> None:
    def formatted(form: str) -> str:
        return verb("env", "--account", "consumer-a", "--format", form).stdout

    plain = values(formatted("dotenv"))
    assert values(formatted("github")) == plain
    for form, left_out in (("shell", set()), ("direnv", set()), ("terraform", {"IBMCLOUD_ACCOUNT_ID"})):
        exported = dict(shlex.split(line)[1].split("=", 1) for line in formatted(form).splitlines())
        assert exported == {name: value for name, value in plain.items() if name not in left_out}


def test_looking_does_not_keep_a_server_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    data = tmp_path / "data"
    folder.lock(data)
    assert not running.is_running(data)
    running.register(data)
    assert running.is_running(data)
    assert running.folders() == [data]


@pytest.mark.parametrize("state", ["relative", "/proc/kunsthalle"])
def test_a_home_that_cannot_be_written_to_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("HOME", "/proc/kunsthalle")
    folder.lock(tmp_path / "data")
    running.register(tmp_path / "data")
    assert running.is_running(tmp_path / "data")
    assert running.folders() == []
    assert not Path(state).is_dir()


def test_a_list_that_others_may_write_to_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder.lock(tmp_path / "data")
    running.register(tmp_path / "data")
    registry: Any = tmp_path / "state" / "kunsthalle" / "servers"
    registry.chmod(0o777)
    assert running.folders() == []
