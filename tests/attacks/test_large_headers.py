"""Heads without measure: refused at 64 KiB, before anything is made of them."""

from __future__ import annotations

import pytest

from attacks.raw import Raw
from kunsthalle.testing import Served

KIB = 1024
MIB = 1024 * KIB

HEADS = {
    "a header of 64 KiB": (b"GET /healthz HTTP/1.1\r\nX-A: " + b"x" * 64 * KIB + b"\r\n\r\n", 431),
    "a header of 6 MiB": (b"GET /healthz HTTP/1.1\r\nX-A: " + b"x" * 6 * MIB, 431),
    "a name of 6 MiB": (b"GET /healthz HTTP/1.1\r\n" + b"x" * 6 * MIB, 431),
    "many headers": (b"GET /healthz HTTP/1.1\r\n" + b"a:b\r\n" * 300 + b"\r\n", 431),
    "many headers and no end": (b"GET /healthz HTTP/1.1\r\n" + b"a:b\r\n" * 300, 431),
    "a path of 64 KiB": (b"GET /" + b"x" * 64 * KIB + b" HTTP/1.1\r\n\r\n", 414),
    "a query of 6 MiB": (b"GET /healthz?" + b"x" * 6 * MIB, 414),
    "empty lines without end": (b"\r\n" * 3 * MIB, 431),
    "trailers of 6 MiB": (
        b"POST /identity/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: " + b"x" * 6 * MIB,
        431,
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_without_measure_is_refused(served: Served, name: str) -> None:
    sent, status = HEADS[name]
    with Raw(served) as attacker:
        attacker.send(sent)
        heard = attacker.until_closed()
    assert heard.status == status
    assert heard.json["errors"][0]["message"]


def test_a_long_head_is_read_that_stays_below(served: Served) -> None:
    with Raw(served) as client:
        client.request("GET", "/healthz", "X-A: " + "x" * 60 * KIB)
        assert client.answer().status == 200
