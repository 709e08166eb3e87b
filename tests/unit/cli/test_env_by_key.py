"""`kunsthalle env` for accounts that no scenario has made: their keys were shown once, and are given back to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fixtures.forked_served import ForkedServed
from kunsthalle.cli.main import cli
from kunsthalle.local.client import access_token, call
from kunsthalle.testing import Served

ADA = "ada@example.com"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("keys") / "data"
    with ForkedServed(data, "--hypervisor", "simulated", scenario="") as server:
        yield server


def run(served: Served, *words: str, given: str | None = None, key: str = "") -> Result:
    """A verb on the server, with text on stdin and a key in the environment."""
    where = ["--data", str(served.data)]
    return CliRunner().invoke(cli, [*words, *where], input=given, env={"IBMCLOUD_API_KEY": key or None})


@pytest.fixture(scope="module")
def acme(served: Served) -> dict[str, Any]:
    """What `account create` answers."""
    return dict(json.loads(run(served, "account", "create", "acme", "--owner", ADA, "--output", "json").output))


def variables(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    return dict(line.split("=", 1) for line in result.stdout.splitlines())


def test_the_answer_of_account_create_is_a_file_with_a_key(
    served: Served, acme: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "acme.json").write_text(json.dumps(acme))
    file = ("--key-file", str(tmp_path / "acme.json"))
    for words in (file, ("--account", "acme", *file), ("--account", acme["account_id"], *file)):
        found = variables(run(served, "env", *words))
        assert (found["IBMCLOUD_API_KEY"], found["IBMCLOUD_ACCOUNT_ID"]) == (acme["api_key"], acme["account_id"])
        assert found["KUNSTHALLE_IAM_ID"] == acme["iam_id"]
    access_token(found["KUNSTHALLE_URL"], found["IC_API_KEY"])
    sdk = variables(run(served, "env", *file, "--format", "sdk"))
    assert sdk["VPC_APIKEY"] == acme["api_key"]


@pytest.mark.parametrize("form", ["{0}\n", '{{"apikey": "{0}"}}', '"{0}"'])
def test_a_key_comes_by_stdin_in_any_form(served: Served, acme: dict[str, Any], form: str) -> None:
    given = form.format(acme["api_key"])
    assert variables(run(served, "env", "--key-file", "-", given=given))["IC_API_KEY"] == acme["api_key"]


def test_a_key_is_taken_from_the_environment(served: Served, acme: dict[str, Any]) -> None:
    found = variables(run(served, "env", "--account", "acme", key=acme["api_key"]))
    assert found["IBMCLOUD_ACCOUNT_ID"] == acme["account_id"]


def test_without_a_key_it_says_where_keys_are_and_how_to_make_another(served: Served, acme: dict[str, Any]) -> None:
    told = run(served, "env", "--account", "acme")
    assert told.exit_code == 1
    assert "was shown once, when it was made: give it with --key-file FILE or IBMCLOUD_API_KEY" in told.output
    assert "kunsthalle account key create acme --user MAIL" in told.output
    assert acme["api_key"] not in told.output


def test_a_key_of_another_account_is_no_key_of_this_one(served: Served, acme: dict[str, Any]) -> None:
    told = run(served, "env", "--account", "other", key=acme["api_key"])
    text = f" IBMCLOUD_API_KEY: the key is of the account acme ({acme['account_id']}), not of 'other'.\n"
    assert told.exit_code == 1
    assert told.output.startswith("Error: Unknown account: 'other'. The key of any other account was shown once")
    assert told.output.endswith(text)


@pytest.mark.parametrize("content", ["", "\n", "two words", "[]", '{"name": "acme"}', '{"api_key": 7}', "schlüssel"])
def test_a_file_without_a_key_is_refused_in_one_line(served: Served, content: str) -> None:
    told = run(served, "env", "--key-file", "-", given=content)
    text = "Error: --key-file: no API key; give a file with a key, or with the JSON that has one as api_key.\n"
    assert (told.exit_code, told.output) == (2, text)


def test_a_key_that_is_none_is_refused_by_the_server(served: Served) -> None:
    told = run(served, "env", "--key-file", "-", given="nobodys")
    assert (told.exit_code, told.output) == (1, "Error: --key-file: Provided API key could not be found.\n")


def test_a_key_of_somebody_who_has_not_accepted_says_so(served: Served, acme: dict[str, Any]) -> None:
    path = f"/v2/accounts/{acme['account_id']}/users"
    call(served.url, "POST", path, access_token(served.url, acme["api_key"]), {"users": [{"email": "ben@example.com"}]})
    made = run(served, "account", "key", "create", "acme", "--user", "ben@example.com", "--output", "json")
    told = run(served, "env", "--key-file", "-", given=made.stdout)
    assert (told.exit_code, "has not accepted their invitation yet" in told.output) == (1, True)
