"""Bodies of strangers: nobody's body is read who has not shown a valid token first."""

from __future__ import annotations

import pytest

from attacks.raw import Raw
from fixtures.clients import Account
from kunsthalle.local import folder
from kunsthalle.testing import Served

Q = "?version=2025-06-30&generation=2"
ROUTES = (
    ("POST", f"/v1/images{Q}"),
    ("PATCH", f"/v1/images/r006-00000000-0000-4000-8000-000000000000{Q}"),
    ("DELETE", f"/v1/images/r006-00000000-0000-4000-8000-000000000000{Q}"),
    ("POST", "/api/v1-beta/catalogs"),
    ("POST", "/v1/apikeys"),
    ("POST", "/v2/policies"),
    ("POST", "/v1/accounts"),
    ("POST", "/_kunsthalle/clock"),
    ("POST", "/_kunsthalle/faults"),
)
_UNSENT = "Content-Length: 1000000"
"""A body that is announced and never sent: who reads it first, waits for it."""


@pytest.mark.parametrize("token", ["", "Authorization: Bearer x.y.z", "Authorization: Basic eDp5"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_stranger_is_refused_before_the_body(served: Served, method: str, path: str, token: str) -> None:
    with Raw(served) as attacker:
        attacker.request(method, path, _UNSENT, *([token] if token else []))
        assert attacker.answer().status == 401


def test_a_tenant_is_no_operator(served: Served, attacker: Account) -> None:
    token = attacker.authenticator.token_manager.get_token()
    with Raw(served) as connection:
        connection.request("POST", "/_kunsthalle/clock", _UNSENT, f"Authorization: Bearer {token}")
        assert connection.answer().status == 401


def test_whoever_expects_to_be_told_is_told_before_sending(served: Served, attacker: Account) -> None:
    """`Expect: 100-continue`: a stranger gets the refusal in its place, whoever has a token is asked to go on."""
    expect = "Expect: 100-continue"
    with Raw(served) as connection:
        connection.request("POST", f"/v1/images{Q}", _UNSENT, expect)
        heard = connection.until_closed()
        assert heard.status == 401
        assert "connection: close" in heard.head
    token = f"Authorization: Bearer {attacker.authenticator.token_manager.get_token()}"
    with Raw(served) as connection:
        connection.request("POST", f"/v1/images{Q}", "Content-Length: 2", expect, token)
        assert connection.answer().status == 100
        connection.send(b"{}")
        assert connection.answer().status == 400


def test_the_token_endpoint_takes_little(served: Served) -> None:
    for announced in (_UNSENT, "Content-Length: " + "9" * 4_000):
        with Raw(served) as attacker:
            attacker.request("POST", "/identity/token", announced)
            assert attacker.answer().status in {400, 413}
    with Raw(served) as attacker:
        attacker.request("POST", "/identity/token", "Transfer-Encoding: chunked", body=b"20000\r\n" + b"x" * 0x20000)
        assert attacker.answer().status == 413


def test_a_caller_has_a_megabyte_and_no_more(served: Served, attacker: Account) -> None:
    token = f"Authorization: Bearer {attacker.authenticator.token_manager.get_token()}"
    body = b'{"name": "' + b"x" * 1_000_000 + b'"}'
    for size, status in ((len(body), 400), (1024 * 1024 + 1, 413)):
        with Raw(served) as connection:
            connection.request("POST", f"/v1/images{Q}", token, f"Content-Length: {size}", body=body[:size])
            assert connection.answer().status == status


def test_the_connection_goes_on_behind_a_small_body_that_was_refused(served: Served) -> None:
    with Raw(served) as client:
        client.request("POST", f"/v1/images{Q}", "Content-Length: 2", body=b"{}")
        assert client.answer().status == 401
        client.request("GET", "/healthz")
        assert client.answer().status == 200


def test_a_refused_body_without_end_ends_its_connection(served: Served) -> None:
    with Raw(served) as attacker:
        attacker.request("POST", f"/v1/images{Q}", "Transfer-Encoding: chunked")
        assert attacker.answer().status == 401
        for _ in range(40):  # MiB, of which the server takes 8
            attacker.send(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
        assert attacker.until_closed().raw == b""


def test_the_console_asks_for_the_session_before_the_form(served: Served) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    with Raw(served) as attacker:
        attacker.request("POST", "/console/images/custom/import", _UNSENT, form)
        heard = attacker.answer()
        assert (heard.status, "/console/sign-in" in heard.head) == (303, True)
    with Raw(served) as attacker:  # whoever signs in sends a key, and nothing of that size
        attacker.request("POST", "/console/sign-in", _UNSENT, form)
        assert attacker.answer().status == 413


def test_the_operator_is_served(served: Served) -> None:
    token = folder.credentials(served.data)["operator_token"]
    with Raw(served) as client:
        body = b'{"advance": "1s"}'
        client.request(
            "POST", "/_kunsthalle/clock", f"Authorization: Bearer {token}", f"Content-Length: {len(body)}", body=body
        )
        assert client.answer().status == 200
