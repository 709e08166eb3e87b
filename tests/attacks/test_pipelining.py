"""Requests that do not wait for their answers: answered in their order, however the row of them ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attacks.raw import Heard, Raw
from kunsthalle.testing import Served

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAITING = 32
"""Requests that may wait behind the one that is answered."""


@pytest.fixture
def quiet(served: Served) -> Iterator[Served]:
    """The server, which must log nothing that looks like a failure meanwhile."""
    before = len(served.log.read_bytes())
    yield served
    logged = served.log.read_bytes()[before:].decode()
    assert "Traceback" not in logged
    assert "Exception" not in logged


def _send(served: Served, data: bytes) -> Heard:
    with Raw(served) as attacker:
        attacker.send(data)
        return attacker.until_closed()


def test_a_few_requests_in_a_row_are_all_answered(quiet: Served) -> None:
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert _send(quiet, GET * 9 + last).statuses == [200] * 10


@pytest.mark.parametrize("requests", [60, 1_000])
def test_a_flood_is_refused_behind_the_answers_to_what_came_before(quiet: Served, requests: int) -> None:
    assert _send(quiet, GET * requests).statuses == [200] * (WAITING + 1) + [429]


REFUSED_IN_A_ROW = {
    "no request": (b"\x00\x01\r\n\r\n", 400),
    "a header of 200 KiB": (b"GET /healthz HTTP/1.1\r\nX-A: " + b"x" * 200 * 1024, 431),
    "300 headers": (b"GET /healthz HTTP/1.1\r\n" + b"a:b\r\n" * 300 + b"\r\n", 431),
    "a broken body": (
        b"POST /identity/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ngrant\r\nZ\r\n",
        400,
    ),
}


@pytest.mark.parametrize("name", REFUSED_IN_A_ROW)
@pytest.mark.parametrize("earlier", [1, 5])
def test_what_is_refused_is_refused_after_the_answers_to_what_came_before(
    quiet: Served, earlier: int, name: str
) -> None:
    sent, status = REFUSED_IN_A_ROW[name]
    assert _send(quiet, GET * earlier + sent).statuses == [200] * earlier + [status]


def test_a_body_that_never_comes_is_refused_after_the_answers_to_what_came_before(hasty: Served) -> None:
    late = b"POST /identity/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ngrant"
    assert _send(hasty, GET * 3 + late).statuses == [200] * 3 + [408]
