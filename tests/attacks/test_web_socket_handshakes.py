"""Handshakes of web sockets that never become one: each is refused with a reason, and its connection ends."""

from __future__ import annotations

import pytest

from attacks.raw import Raw
from kunsthalle.testing import Served

KIB = 1024
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
)
CONSOLE = "/v1/instances/x/console"

HANDSHAKES: dict[str, tuple[str, str, tuple[str, ...], bytes, int]] = {
    "a body": ("GET", CONSOLE, ("Content-Length: 1",), b"a", 400),
    "a body that is announced": ("GET", CONSOLE, ("Content-Length: 1",), b"", 400),
    "a body in chunks": ("GET", CONSOLE, ("Transfer-Encoding: chunked",), b"1\r\na\r\n0\r\n\r\n", 400),
    "a body in chunks that never come": ("GET", CONSOLE, ("Transfer-Encoding: chunked",), b"", 400),
    "POST": ("POST", CONSOLE, (), b"", 400),
    "POST with a body": ("POST", CONSOLE, ("Content-Length: 4",), b"abcd", 400),
    "a header of 30 KiB": ("GET", CONSOLE, ("X-A: " + "x" * 30 * KIB,), b"", 431),
    "200 headers": ("GET", CONSOLE, tuple(f"X-{number}: a" for number in range(200)), b"", 431),
    "a query of 30 KiB": ("GET", f"{CONSOLE}?access_token={'x' * 30 * KIB}", (), b"", 414),
    "a path that is not ASCII": ("GET", "/v1/instances/\xe9/console", (), b"", 400),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_handshake_that_cannot_be_completed_is_refused(hasty: Served, name: str) -> None:
    method, path, headers, body, status = HANDSHAKES[name]
    with Raw(hasty) as attacker:
        attacker.request(method, path, *UPGRADE, *headers, body=body)
        heard = attacker.until_closed()
    assert heard.status == status, heard.raw
    assert heard.json["errors"][0]["message"]
    assert "x-content-type-options: nosniff" in heard.head
    assert "cache-control: no-store" in heard.head


def test_a_handshake_behind_an_open_request_is_refused_after_its_answer(hasty: Served) -> None:
    with Raw(hasty) as attacker:
        handshake = "\r\n".join((f"GET {CONSOLE} HTTP/1.1", "Host: localhost", *UPGRADE, "", ""))
        attacker.request("GET", "/healthz", body=handshake.encode())  # in one packet
        heard = attacker.until_closed()
    assert heard.statuses == [200, 400]


@pytest.mark.parametrize("header", ["Content-Length: 0", "Expect: 100-continue", "X-None: 0"])
def test_an_honest_handshake_reaches_the_console(hasty: Served, header: str) -> None:
    """It is refused there, for its token."""
    with Raw(hasty) as client:
        client.request("GET", f"{CONSOLE}?access_token=y", *UPGRADE, header)
        heard = client.until_closed()
    assert (heard.status, heard.json["errors"][0]["code"]) == (401, "not_authorized")
