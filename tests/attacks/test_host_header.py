"""A `Host` of the attacker's choice gets into no answer and into no token."""

from __future__ import annotations

import pytest

from attacks.raw import Heard, Raw
from fixtures.clients import Account
from kunsthalle.testing import Served

EVIL = "evil.example"
Q = "?version=2025-06-30&generation=2"


def _ask(served: Served, method: str, path: str, *headers: str, host: str = EVIL, body: bytes = b"") -> Heard:
    with Raw(served) as attacker:
        attacker.host = host
        attacker.request(method, path, f"Content-Length: {len(body)}", *headers, body=body)
        return attacker.answer()


@pytest.mark.parametrize(
    "path", ["/v1/images", "/api/v1-beta/catalogs", "/v1/accounts", "/identity/keys", "/_kunsthalle/clock", "/nowhere"]
)
def test_an_unknown_host_is_refused_in_the_words_of_the_api(served: Served, attacker: Account, path: str) -> None:
    token = f"Authorization: Bearer {attacker.authenticator.token_manager.get_token()}"
    heard = _ask(served, "GET", path + Q, token)
    said = heard.json
    message = said["errors"][0]["message"] if "errors" in said else said["errorMessage"]
    assert (heard.status, "--allowed-hosts" in message) == (400, True)


def test_no_token_is_issued_in_another_name(served: Served, attacker: Account) -> None:
    key = attacker.env["IBMCLOUD_API_KEY"]
    form = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={key}".encode()
    refused = _ask(served, "POST", "/identity/token", body=form)
    assert (refused.status, "access_token" in refused.json) == (400, False)
    for host in ("localhost", "localhost:1", "127.0.0.1", "[::1]:8100"):
        assert _ask(served, "POST", "/identity/token", host=host, body=form).status == 200


def test_the_console_and_its_web_sockets_are_closed_to_it(served: Served) -> None:
    assert _ask(served, "GET", "/console/sign-in").status == 400
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="
    for host, code in ((EVIL, "invalid_host"), ("localhost", "not_authorized")):
        heard = _ask(served, "GET", "/v1/instances/x/console?access_token=y", *upgrade, key, host=host)
        assert heard.json["errors"][0]["code"] == code, heard.raw


def test_health_is_told_under_every_name(served: Served) -> None:
    for path in ("/healthz", "/readyz"):
        heard = _ask(served, "GET", path)
        assert (heard.status, EVIL in heard.raw.decode()) == (200, False)
