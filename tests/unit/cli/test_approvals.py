"""`kunsthalle approvals`: the operator lets an offering out of its enterprise, and takes that back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from kunsthalle.cli.main import cli
from kunsthalle.local import folder
from kunsthalle.local.client import access_token, call
from kunsthalle.testing.served import Served

BASE = "/api/v1-beta"


class Caller:
    """The owner of an account."""

    def __init__(self, served: Served, account: str) -> None:
        known = folder.credentials(served.data)["accounts"][account]
        self.url, self.id = served.url, known["account_id"]
        self.token = access_token(served.url, known["api_key"])

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return call(self.url, method, path, self.token, body)


def _run(served: Served, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["approvals", *arguments, "--data", str(served.data)])
    return result.exit_code, result.output


def _json(served: Served, *arguments: str) -> Any:
    code, output = _run(served, *arguments, "--output", "json")
    assert code == 0, output
    return json.loads(output)


def test_nothing_leaves_the_enterprise_until_the_operator_says_so(served: Served) -> None:
    owner, outsider = Caller(served, "publisher"), Caller(served, "outsider")
    catalog = owner.call("POST", f"{BASE}/catalogs", {"label": "shop"})["id"]
    offering = owner.call("POST", f"{BASE}/catalogs/{catalog}/offerings", {"name": "debian"})
    path = f"{BASE}/catalogs/{catalog}/offerings/{offering['id']}"
    refused = owner.call("POST", f"{path}/access", [outsider.id])["errors"][outsider.id]
    assert "kunsthalle approvals grant" in refused
    assert _json(served, "list") == []

    owner.call("POST", f"{path}/publish/allow_request/true")
    (asked,) = _json(served, "list", "--state", "requested")
    assert (asked["offering"], asked["name"], asked["account"]) == (offering["id"], "debian", owner.id)
    code, table = _run(served, "list")
    assert code == 0
    assert table.splitlines()[0].split() == ["OFFERING", "NAME", "ACCOUNT", "STATE", "ASKED", "BY", "SINCE"]
    assert table.splitlines()[1].split()[:4] == [offering["id"], "debian", "publisher", "requested"]

    assert _json(served, "grant", offering["crn"])["state"] == "granted"
    assert "errors" not in owner.call("POST", f"{path}/access", [outsider.id])
    code, said = _run(served, "grant", offering["id"])
    assert (code, said) == (1, "Error: The approval is granted already.\n")

    assert _json(served, "refuse", offering["id"])["state"] == "refused"
    assert _json(served, "list", "--state", "granted") == []
    assert "kunsthalle approvals grant" in owner.call("POST", f"{path}/access", [outsider.id])["errors"][outsider.id]


def test_what_is_not_there_or_was_not_asked_for_cannot_be_refused(served: Served) -> None:
    owner = Caller(served, "publisher")
    catalog = owner.call("POST", f"{BASE}/catalogs", {"label": "quiet"})["id"]
    quiet = owner.call("POST", f"{BASE}/catalogs/{catalog}/offerings", {"name": "quiet"})["id"]
    code, said = _run(served, "refuse", quiet)
    assert (code, "There is no request to publish this offering" in said) == (1, True)
    code, said = _run(served, "grant", "00000000-0000-4000-8000-000000000000")
    assert (code, "does not exist" in said) == (1, True)


@pytest.mark.parametrize("verb", ["list", "grant", "refuse"])
def test_help_shows_how_it_is_called(verb: str) -> None:
    output = CliRunner().invoke(cli, ["approvals", verb, "--help"]).output
    assert f"kunsthalle approvals {verb}" in output
