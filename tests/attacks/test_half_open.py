"""Connections that are opened and never used to their end: each is closed, and there are only so many."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from attacks.raw import Raw
from fixtures.forked_served import ForkedServed
from kunsthalle.testing import Served

PER_ADDRESS, IN_ALL = 4, 6


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Served]:
    """A server with few connections."""
    bounds = ("--connections", str(IN_ALL), "--connections-per-address", str(PER_ADDRESS))
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", *bounds, scenario="") as server:
        yield server


HALVES = {
    "nothing at all": (b"", None),
    "empty lines": (b"\r\n\r\n", 408),
    "half a request line": (b"GET /heal", 408),
    "half of the headers": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A", 408),
    "a second request, half": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he", 200),  # words: allow
}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", HALVES)
def test_a_request_that_is_never_complete_ends_its_connection(hasty: Served, name: str) -> None:
    sent, status = HALVES[name]
    with Raw(hasty) as attacker:
        attacker.send(sent)
        assert attacker.until_closed().status == status


def test_headers_that_come_byte_by_byte_end_as_soon(hasty: Served) -> None:
    with Raw(hasty) as attacker:
        attacker.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        attacker._socket.settimeout(0.1)
        heard = b""
        for _ in range(600):  # a minute at most
            attacker.send(b"x")
            try:
                heard = attacker._socket.recv(4_096)
            except TimeoutError:
                continue
            break
        assert heard.startswith(b"HTTP/1.1 408 ")


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_is_never_complete_ends_its_connection(hasty: Served, framing: str) -> None:
    with Raw(hasty) as attacker:
        attacker.request("POST", "/identity/token", framing, body=b"5\r\ngrant")
        heard = attacker.until_closed()
    assert (heard.status, heard.json["errors"][0]["code"]) == (408, "request_timeout")


def test_whoever_is_late_with_the_body_of_a_refused_request_is_not_waited_for(hasty: Served) -> None:
    target = "/v1/images?version=2025-06-30&generation=2"
    httpx.post(hasty.url + target)  # the first call loads what answers it, which may take longer than a body may
    with Raw(hasty) as attacker:
        attacker.request("POST", target, "Content-Length: 100", body=b"{")
        assert attacker.until_closed().status == 401


def test_a_client_that_does_not_read_its_answers_is_let_go(hasty: Served) -> None:
    """Answers are asked for until no more can be: everything between the two is full then."""
    with Raw(hasty) as attacker:
        attacker._socket.settimeout(20)
        request = b"GET /identity/keys HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with pytest.raises(ConnectionError):
            while True:
                attacker._socket.sendall(request * 8)


def test_one_address_has_so_many_connections(crowded: Served) -> None:
    held = [Raw(crowded) for _ in range(PER_ADDRESS)]
    try:
        heard = Raw(crowded).until_closed()
        assert (heard.status, heard.json["errors"][0]["code"]) == (429, "too_many_connections")
    finally:
        held.pop().close()
    for one in held:  # those that are open are served, and so is whoever comes in the place of one that has left
        one.request("GET", "/healthz")
        assert one.answer().status == 200
        one.close()


def test_a_server_may_open_as_many_files_as_the_system_lets_it(served: Served) -> None:
    limits = Path(f"/proc/{served.pid}/limits").read_text()
    soft, hard = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    assert soft == hard == str(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def test_honest_clients_are_served_by_a_hasty_server(hasty: Served) -> None:
    env = hasty.env("publisher")
    with httpx.Client(base_url=hasty.url) as client:
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": env["IBMCLOUD_API_KEY"]}
        for _ in range(3):
            answer = client.post("/identity/token", data=form)
            assert answer.status_code == 200
            bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
            listed = client.get("/v1/images", params={"version": "2025-06-30", "generation": "2"}, headers=bearer)
            assert listed.status_code == 200
