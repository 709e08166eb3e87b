"""Answers that are kept leave a served process in one piece: as those that are made anew look on the wire."""

from __future__ import annotations

import json
import re
import socket
from urllib.parse import urlsplit

import pytest

from fixtures.clients import Account
from fixtures.served import node_urls
from kunsthalle.testing import Served

ABSENT = "r006-00000000-0000-4000-8000-000000000000"
TRACE = "99999999-2222-4333-8444-555555555555"


class Wire:
    """A connection for bytes: to the server, of several nodes to one, for a balancer has words of its own."""

    def __init__(self, served: Served, account: Account) -> None:
        at = urlsplit(node_urls(served)[0])
        bearer = account.authenticator.token_manager.get_token()  # first: a connection on which nothing comes is closed
        self.socket = socket.create_connection((at.hostname, at.port), timeout=60)
        self.head = f"Host: {at.netloc}\r\nAuthorization: Bearer {bearer}\r\nX-Request-Id: {TRACE}\r\n"
        self._rest = b""

    def ask(self, *paths: str, more: str = "") -> None:
        heads = [f"GET {path}?version=2026-10-06&generation=2 HTTP/1.1\r\n{self.head}{more}\r\n" for path in paths]
        self.socket.sendall("".join(heads).encode())

    def answer(self) -> tuple[list[str], bytes]:
        """The lines of the head, without the date, and the body."""
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._received()
        head, _, rest = self._rest.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]  # every answer has one
        while len(rest) < length:
            rest += self._received()
        self._rest = rest[length:]
        return [line for line in head.decode().split("\r\n") if not line.startswith("date:")], rest[:length]

    def _received(self) -> bytes:
        data = self.socket.recv(65_536)
        assert data, "the connection ended"
        return data


@pytest.mark.parametrize("path", ["/v1/images", f"/v1/images/{ABSENT}"])
def test_an_answer_is_the_same_on_the_wire(served: Served, publisher: Account, path: str) -> None:
    wire = Wire(served, publisher)
    wire.ask(path)
    first = wire.answer()
    wire.ask(path)
    assert wire.answer() == first
    wire.ask(path, path, path)  # one behind the other, before any is answered
    assert [wire.answer() for _ in range(3)] == [first] * 3
    assert f"x-request-id: {TRACE}" in first[0]
    json.loads(first[1])


def test_the_connection_ends_when_its_client_says_so(served: Served, publisher: Account) -> None:
    for _ in range(2):
        wire = Wire(served, publisher)
        wire.ask("/v1/images", more="Connection: close\r\n")
        head, _ = wire.answer()
        assert "connection: close" in head
        assert wire.socket.recv(1) == b""
