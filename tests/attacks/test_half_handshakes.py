"""TLS handshakes that are never done: counted as every connection is, and ended as soon as headers that never come."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from attacks.conftest import SHORT
from attacks.raw import PATIENCE, Raw
from attacks.test_half_open import IN_ALL, PER_ADDRESS
from fixtures.certificates import NAMES, issue
from fixtures.forked_served import ForkedServed
from kunsthalle.local import folder
from kunsthalle.testing import Served


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The options of a server with a certificate for loopback."""
    return issue(*NAMES).write(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[str, ...]) -> Iterator[Served]:
    """A server of https that waits for nobody longer than a second."""
    data = tmp_path_factory.mktemp("hasty") / "data"
    with ForkedServed(data, "--hypervisor", "simulated", *SHORT, *certificate, scenario="") as server:
        yield server


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[str, ...]) -> Iterator[Served]:
    """A server of https with few connections, which waits for long."""
    bounds = ("--connections", str(IN_ALL), "--connections-per-address", str(PER_ADDRESS), "--header-timeout", "600")
    data = tmp_path_factory.mktemp("crowded") / "data"
    with ForkedServed(data, "--hypervisor", "simulated", *bounds, *certificate, scenario="") as server:
        yield server


class Tls(Raw):
    """A connection whose handshake is done."""

    def __init__(self, served: Served) -> None:
        super().__init__(served)
        context = ssl.create_default_context(cafile=folder.ca_file(served.data))
        self._socket = context.wrap_socket(self._socket, server_hostname=self.host.partition(":")[0])


def client_hello() -> bytes:
    """The first message of a client."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


HALVES = {
    "nothing at all": b"",
    "a byte": client_hello()[:1],
    "half a message": client_hello()[:100],
    "a message, and nothing more": client_hello(),
}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", HALVES)
def test_a_handshake_that_is_never_done_ends_its_connection(hasty: Served, name: str) -> None:
    with Raw(hasty) as attacker:
        attacker.send(HALVES[name])
        assert b"HTTP" not in attacker.until_closed().raw


def test_a_handshake_that_comes_byte_by_byte_ends_as_soon(hasty: Served) -> None:
    with Raw(hasty) as attacker:
        attacker._socket.settimeout(0.1)
        sent = attacker.send(client_hello()[:10])
        for _ in range(600):  # a minute at most
            sent = attacker.send(b"\0")
            try:
                if not attacker._socket.recv(4_096):
                    return
            except TimeoutError:
                continue
            except ConnectionResetError:
                return
        pytest.fail(f"the connection is still open: {sent}")


NO_TLS = {
    "plain http": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "noise": bytes(range(256)) * 64,
    "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "a message that says it is long": b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", NO_TLS)
def test_what_is_no_handshake_ends_its_connection(crowded: Served, name: str) -> None:
    """More often than there are connections, so that one that was kept would be missed."""
    for _ in range(2 * IN_ALL):
        with Raw(crowded) as attacker:
            attacker.send(NO_TLS[name])
            assert b"HTTP" not in attacker.until_closed().raw
    assert served_over_tls(crowded)


def served_over_tls(served: Served) -> bool:
    """Whether a client of TLS is answered, and not turned away before its handshake."""
    try:
        with Tls(served) as client:
            client.request("GET", "/healthz")
            return client.answer().status == 200
    except (ssl.SSLError, ConnectionError):
        return False


def connected(served: Served, source: str) -> socket.socket:
    """A connection from another address of this host, which says nothing."""
    where = urlsplit(served.url)
    return socket.create_connection((where.hostname, where.port), PATIENCE, (source, 0))


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", HALVES)
def test_half_a_handshake_counts_for_its_address(crowded: Served, name: str) -> None:
    held = [Raw(crowded) for _ in range(PER_ADDRESS)]
    for one in held:
        one.send(HALVES[name])
    assert not served_over_tls(crowded)
    held.pop().close()
    assert became_free(crowded)
    for one in held:
        one.close()


def became_free(served: Served) -> bool:
    """Whether there is room, now or as soon as the server has heard that a client has left."""
    return any(served_over_tls(served) for _ in range(1_000))


def test_half_a_handshake_counts_for_the_whole_server(crowded: Served) -> None:
    held = [connected(crowded, f"127.0.0.{10 + number}") for number in range(IN_ALL)]
    assert not served_over_tls(crowded)
    held.pop().close()
    assert became_free(crowded)
    for one in held:
        one.close()


def all_of_one_address(served: Served) -> list[Tls]:
    """As many connections as one address may have, as soon as the server has heard that earlier ones have ended."""
    for _ in range(1_000):
        held: list[Tls] = []
        try:
            held.extend(Tls(served) for _ in range(PER_ADDRESS))
        except (ssl.SSLError, ConnectionError):
            for one in held:
                one.close()
            continue
        return held
    raise AssertionError("connections have ended, and count still")


def test_a_connection_whose_handshake_is_done_counts_once(crowded: Served) -> None:
    held = all_of_one_address(crowded)
    assert not served_over_tls(crowded)
    for one in held:  # those that are open are served
        one.request("GET", "/healthz")
        assert one.answer().status == 200
    held.pop().close()
    assert became_free(crowded)
    for one in held:
        one.close()


def test_deadlines_hold_behind_the_handshake(hasty: Served) -> None:
    with Tls(hasty) as attacker:
        attacker.send(b"GET /heal")
        assert attacker.until_closed().status == 408


def test_whoever_is_refused_reads_why(hasty: Served) -> None:
    with Tls(hasty) as attacker:
        attacker.request("GET", "/healthz", f"X-Long: {'x' * 70_000}")
        heard = attacker.until_closed()
    assert (heard.status, heard.json["errors"][0]["code"]) == (431, "headers_too_large")


def test_a_client_that_does_not_read_its_answers_is_let_go(hasty: Served) -> None:
    with Tls(hasty) as attacker:
        attacker._socket.settimeout(20)
        request = b"GET /openapi/vpc.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with pytest.raises((ConnectionError, ssl.SSLError)):
            while True:
                attacker._socket.sendall(request * 8)


def test_a_server_ends_without_waiting_for_handshakes(tmp_path: Path, certificate: tuple[str, ...]) -> None:
    options = ("--hypervisor", "simulated", "--header-timeout", "600", *certificate)
    server = ForkedServed(tmp_path / "data", *options, scenario="").start()
    with Raw(server), Raw(server) as half:
        half.send(client_hello())
        assert server.stop() == 0
