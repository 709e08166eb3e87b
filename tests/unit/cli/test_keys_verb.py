"""`kunsthalle keys` against a served process: what it shows, and that a token from before goes on."""

from __future__ import annotations

import json
import urllib.request

from click.testing import CliRunner

from kunsthalle.cli.main import cli
from kunsthalle.testing import Served


def _keys(served: Served, *words: str) -> str:
    outcome = CliRunner().invoke(cli, ["keys", *words, "--data", str(served.data)])
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def _status(served: Served, token: str) -> int:
    request = urllib.request.Request(f"{served.url}/v2/resource_groups", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return int(answer.status)


def test_keys_are_listed_and_rotated(served: Served) -> None:
    key = served.env("publisher")["IBMCLOUD_API_KEY"]
    raw = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={key}".encode()
    with urllib.request.urlopen(f"{served.url}/identity/token", raw) as answer:
        token = json.loads(answer.read())["access_token"]
    (first,) = json.loads(_keys(served, "list", "--output", "json"))
    assert first["state"] == "signs"
    new, old = json.loads(_keys(served, "rotate", "--output", "json"))
    assert (new["state"], old["id"]) == ("waits", first["id"])
    assert old["ends_at"] > new["begins_at"]
    assert _status(served, token) == 200
    text = _keys(served, "list")
    assert text.split("\n")[0].split() == ["ID", "STATE", "SIGNS", "FROM", "VERIFIES", "UNTIL"]
    assert new["id"] in text
