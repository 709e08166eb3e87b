"""`kunsthalle account`: on a running server and on the folder of a stopped one, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from attacks.people import token
from fixtures.forked_served import ForkedServed
from kunsthalle.cli.main import cli
from kunsthalle.core.log import prepared_by
from kunsthalle.local import folder
from kunsthalle.testing import Served

ADA = "ada@example.com"
BAD = [
    (("create", "first", "--owner", ADA), "There is an account 'first' already"),
    (("create", "ab", "--owner", ADA), "3 to 60 characters; 'ab' is given"),
    (("create", "acme", "--owner", "nobody"), "Invalid e-mail address of the owner: 'nobody'"),
    (("create", "acme", "--owner", ADA, "--enterprise", "none"), "Unknown enterprise: 'none'. There is none."),
    (("create", "acme", "--owner", ADA, "--parent", "none"), "Unknown account group: 'none'. There is none."),
    (("key", "create", "fist", "--user", ADA), "Unknown account: 'fist'. Similar names are: first."),
    (("key", "create", "first", "--user", "ben@example.com"), "neither a user of the account 'first' nor invited"),
    (("key", "create", "first", "--user", ADA, "--name", ""), "A name has 1 to 255 characters"),
    (("key", "list", "none"), "Unknown account: 'none'"),
    (("key", "list", "first", "--user", "ben@example.com"), "neither a user"),
    (("key", "revoke", "ApiKey-none"), "does not exist"),
]


@pytest.fixture(autouse=True)
def _default_log() -> Iterator[None]:
    """What is done offline sets the log of this process up."""
    yield
    prepared_by(structlog.reset_defaults)
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that had no account when it started; its first is of Ada's."""
    with ForkedServed(tmp_path_factory.mktemp("first") / "data", "--hypervisor", "simulated", scenario="") as server:
        (line,) = [json.loads(one) for one in server.log.read_text().splitlines() if "no account yet" in one]
        assert line["create"] == f"kunsthalle account create NAME --owner MAIL --data {server.data}"
        run(server.data, "create", "first", "--owner", ADA)
        yield server


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stopped server that has the account `first`."""
    data = tmp_path_factory.mktemp("stopped") / "data"
    with ForkedServed(data, "--hypervisor", "simulated", scenario=""):
        pass
    run(data, "create", "first", "--owner", ADA, "--offline")
    return data


def invoke(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["account", *arguments, "--data", str(data)])


def run(data: Path, *arguments: str) -> str:
    result = invoke(data, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def made(data: Path, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(run(data, *arguments, "--output", "json")))


def test_a_key_is_printed_as_text_and_opens_the_account(served: Served) -> None:
    result = invoke(served.data, "key", "create", "first", "--user", ADA)
    lines = dict(line.split(maxsplit=1) for line in result.stdout.replace("API key", "API_key").splitlines())
    assert lines["User"].startswith(ADA)
    assert token(served.url, lines["API_key"]).status == 200
    assert "nothing shows it again" in result.stderr
    assert lines["API_key"] not in result.stderr
    assert lines["API_key"] not in served.log.read_text()


def test_verbs_for_programs(served: Served) -> None:
    key = made(served.data, "key", "create", "first", "--user", ADA, "--name", "for a program")
    assert token(served.url, key["api_key"]).status == 200
    listed = json.loads(run(served.data, "key", "list", "first", "--user", ADA, "--output", "json"))
    assert (listed[0]["id"], listed[0]["name"]) == (key["api_key_id"], "for a program")
    assert key["api_key_id"] in run(served.data, "key", "list", key["account_id"])
    assert run(served.data, "key", "revoke", key["api_key_id"]) == f"Revoked: {key['api_key_id']}\n"
    assert token(served.url, key["api_key"]).status == 400
    (account,) = json.loads(run(served.data, "list", "--name", "first", "--output", "json"))
    assert (account["id"], account["owner"]) == (key["account_id"], ADA)


def test_a_stopped_servers_folder_is_worked_on_as_well(stopped: Path) -> None:
    key = made(stopped, "key", "create", "first", "--user", ADA, "--offline")
    gone = made(stopped, "key", "create", "first", "--user", ADA, "--offline")
    assert "first" in run(stopped, "list", "--offline")
    assert key["api_key_id"] in run(stopped, "key", "list", "first", "--offline")
    run(stopped, "key", "revoke", gone["api_key_id"], "--offline")
    with ForkedServed(stopped, "--hypervisor", "simulated", scenario="") as server:
        assert "no account yet" not in server.log.read_text().rsplit("listening", 2)[-2]
        assert token(server.url, key["api_key"]).status == 200
        assert token(server.url, gone["api_key"]).status == 400
        actions = [one["action"] for one in server.operate("GET", "/_kunsthalle/audit")["entries"]]
        assert actions.count("kunsthalle.api-key.create") == 2
        assert {"kunsthalle.account.create", "kunsthalle.api-key.delete"} < set(actions)


@pytest.mark.parametrize(("arguments", "says"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
@pytest.mark.parametrize("offline", [False, True], ids=["served", "offline"])
def test_bad_input_is_one_line(
    served: Served, stopped: Path, arguments: tuple[str, ...], says: str, offline: bool
) -> None:
    result = invoke(stopped, *arguments, "--offline") if offline else invoke(served.data, *arguments)
    assert (result.exit_code, result.output.count("\n"), result.stdout) == (2, 1, ""), result.output
    assert says in result.output


def test_offline_leaves_a_folder_alone_that_a_server_uses(served: Served) -> None:
    result = invoke(served.data, "list", "--offline")
    assert (result.exit_code, "A server uses" in result.output) == (1, True)


@pytest.mark.parametrize("more", [(), ("--offline",)])
def test_a_folder_without_data_is_not_made(tmp_path: Path, more: tuple[str, ...]) -> None:
    data = tmp_path / "none"
    result = invoke(data, "create", "acme", "--owner", ADA, *more)
    assert result.exit_code == 1
    assert f"Start the server: kunsthalle serve --data {data}" in result.output
    assert not data.exists()


def test_without_an_answer_nothing_is_said_to_be_wrong_with_the_input(tmp_path: Path) -> None:
    folder.write(tmp_path, folder.CREDENTIALS, {"operator_token": "x"})
    folder.write(tmp_path, folder.SERVER, {"url": "http://127.0.0.1:9", "pid": 1})
    result = invoke(tmp_path, "list")
    assert (result.exit_code, f"No server runs on {tmp_path}" in result.output) == (1, True)


def test_help_has_examples() -> None:
    for words in (("account",), ("account", "key")):
        shown = CliRunner().invoke(cli, [*words, "--help"]).output
        assert f"kunsthalle {' '.join(words)} create" in shown


def test_the_audit_is_narrowed_by_every_filter_of_its_list(served: Served) -> None:
    def actions(*options: str) -> set[str]:
        told = CliRunner().invoke(cli, ["audit", "--data", str(served.data), "--output", "json", *options])
        assert told.exit_code == 0, told.output
        return {one["action"] for one in json.loads(told.stdout)}

    created = "kunsthalle.account.create"
    assert actions("--action", created) == {created}
    assert actions("--action", "no.such.action") == set()
    assert created in actions("--target", "/_kunsthalle/accounts")
    assert actions("--target", "/v1/images") == set()
    assert created in actions("--since", "1h")
    assert actions("--until", "1h") == set()
