"""What a proxy says of its clients: believed of a trusted one, and only as far as a trusted one has said it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kunsthalle.cli.connections import Connections, Limits
from kunsthalle.cli.proxies import MOST_HOPS, BehindProxies, client_of
from kunsthalle.core.addresses import networks

TRUSTED = networks("127.0.0.1, 10.0.0.0/8, 2001:db8:a::/48")
PEER = "10.0.0.1"

FORWARDED: list[tuple[str, str, str]] = [
    ("nothing is said", "", PEER),
    ("one address", "203.0.113.9", "203.0.113.9"),
    ("blanks", "  203.0.113.9\t", "203.0.113.9"),
    ("a port", "203.0.113.9:4711", "203.0.113.9"),
    ("IPv6", "2001:db8:b::9", "2001:db8:b::9"),
    ("IPv6 in brackets", "[2001:db8:b::9]", "2001:db8:b::9"),
    ("IPv6 in brackets with a port", "[2001:db8:b::9]:443", "2001:db8:b::9"),
    ("IPv6 written at length", "2001:0DB8:000b:0:0:0:0:9", "2001:db8:b::9"),
    ("IPv4 as IPv6", "::ffff:203.0.113.9", "203.0.113.9"),
    ("a trusted IPv4 as IPv6", "203.0.113.9, ::ffff:10.9.9.9", "203.0.113.9"),
    ("what the client has sent comes first", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
    ("a client that calls itself trusted", "10.0.0.99, 203.0.113.9", "203.0.113.9"),
    ("a chain of proxies", "198.51.100.1, 203.0.113.9, 10.0.0.2, 2001:db8:a::1", "203.0.113.9"),
    ("proxies alone: the first of them has asked", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ("garbage before the client", "<script>, 203.0.113.9", "203.0.113.9"),
    ("garbage in the client's place", "203.0.113.9, unknown", PEER),
    ("garbage behind a proxy", "203.0.113.9, _hidden, 10.0.0.2", "10.0.0.2"),
    ("an empty entry", "203.0.113.9,", PEER),
    ("commas", ",,,,", PEER),
    ("no octet", "203.0.113.999", PEER),
    ("a name", "localhost", PEER),
    ("a number", "3405803785", PEER),
    ("octal", "0313.0.0161.011", PEER),
    ("a zone", "fe80::1%eth0", PEER),
    ("an open bracket", "[2001:db8:b::9", PEER),
    ("brackets around IPv4", "[203.0.113.9]", "203.0.113.9"),
    ("a port that is none", "203.0.113.9:port", PEER),
    ("a port that is too long", "203.0.113.9:1234567", PEER),
    ("quoted", '"203.0.113.9"', PEER),
    ("other digits", "\uff12\uff10\uff13.0.113.9", PEER),
    ("a line break", "203.0.113.9\r\nX-Admin: yes", PEER),
    ("NUL", "203.0.113.9\0", PEER),
    ("an entry of 64 KiB", "1" * 65_536, PEER),
    ("colons", ":" * 60, PEER),
    ("30,000 entries", "203.0.113.1," * 30_000 + "203.0.113.9", "203.0.113.9"),
    ("30,000 proxies", "203.0.113.9" + ",10.0.0.2" * 30_000, "10.0.0.2"),
    ("as many proxies as are looked at", "203.0.113.9" + ",10.0.0.2" * (MOST_HOPS - 1), "203.0.113.9"),
    ("one more", "203.0.113.9" + ",10.0.0.2" * MOST_HOPS, "10.0.0.2"),
]


@pytest.mark.parametrize(("story", "header", "client"), FORWARDED)
def test_the_rightmost_untrusted_address_counts(story: str, header: str, client: str) -> None:
    assert client_of(PEER, header, TRUSTED) == client, story


def passed(peer: str, headers: dict[str, str], kind: str = "http") -> dict[str, Any]:
    """The scope that the application gets of a request by this peer."""
    seen: list[Any] = []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scheme = {"http": "http", "websocket": "ws"}[kind]
    scope = {"type": kind, "client": (peer, 1), "scheme": scheme, "headers": [(b"host", b"inner:8100"), *raw]}
    proxied = BehindProxies(application, TRUSTED, Connections(Limits()))
    asyncio.run(proxied(scope, None, None))  # type: ignore[arg-type]  # nobody calls them
    return dict(seen[0])


SAID = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-forwarded-host": "catalog.example.org"}


def test_a_trusted_proxy_says_who_has_called_what() -> None:
    scope = passed(PEER, SAID)
    assert (scope["client"], scope["scheme"]) == (("203.0.113.9", 0), "https")
    assert [value for name, value in scope["headers"] if name == b"host"] == [b"catalog.example.org"]


@pytest.mark.parametrize("peer", ["203.0.113.1", "::ffff:203.0.113.1", "2001:db8:b::1", "11.0.0.1", ""])
def test_nobody_else_is_believed(peer: str) -> None:
    scope = passed(peer, SAID)
    assert (scope["client"], scope["scheme"]) == ((peer, 1), "http")
    assert [value for name, value in scope["headers"] if name == b"host"] == [b"inner:8100"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "::ffff:10.1.2.3", "2001:db8:a::7"])
def test_proxies_are_known_by_address_and_network(peer: str) -> None:
    assert passed(peer, SAID)["client"][0] == "203.0.113.9"


@pytest.mark.parametrize(
    ("kind", "said", "scheme"),
    [
        ("http", "https", "https"),
        ("http", "HTTPS", "https"),
        ("http", "http, https", "https"),
        ("http", "https, http", "http"),
        ("http", "gopher", "http"),
        ("http", "", "http"),
        ("websocket", "https", "wss"),
        ("websocket", "wss", "wss"),
        ("websocket", "http", "ws"),
    ],
)
def test_the_scheme_is_what_the_nearest_proxy_says(kind: str, said: str, scheme: str) -> None:
    assert passed(PEER, {"x-forwarded-proto": said}, kind)["scheme"] == scheme


def test_forwarded_of_rfc_7239_is_not_read() -> None:
    assert passed(PEER, {"forwarded": "for=203.0.113.9;proto=https;host=catalog.example.org"})["client"][0] == PEER


def test_each_client_of_a_proxy_has_so_many_requests_in_progress() -> None:
    """And the proxy itself as many connections as it likes."""

    async def story() -> None:
        register = Connections(Limits(connections_per_address=2, proxies=TRUSTED))
        may_end, answers = asyncio.Event(), list[dict[str, Any]]()

        async def application(_scope: Any, _receive: Any, _send: Any) -> None:
            await may_end.wait()

        async def send(message: Any) -> None:
            answers.append(message)

        def ask(client: str, kind: str = "http") -> asyncio.Task[None]:
            headers = [(b"x-forwarded-for", client.encode())]
            scope = {"type": kind, "client": (PEER, 1), "scheme": "http", "headers": headers}
            call = BehindProxies(application, TRUSTED, register)(scope, None, send)  # type: ignore[arg-type]  # unused
            return asyncio.ensure_future(call)

        held = [ask("203.0.113.9"), ask("203.0.113.9"), ask("203.0.113.10"), *(ask("10.0.0.2") for _ in range(9))]
        await asyncio.sleep(0)
        assert not register.full_for(PEER)
        await ask("203.0.113.9")
        await ask("203.0.113.9", "websocket")
        assert [answer.get("status") for answer in answers] == [429, None, 429, None]
        assert [answer["type"].rpartition(".")[0] for answer in answers[1::2]] == [
            "http.response",
            "websocket.http.response",
        ]
        told = json.loads(answers[1]["body"])
        assert told["errors"][0]["code"] == "too_many_connections"
        may_end.set()
        await asyncio.gather(*held)
        assert not register.full_for("203.0.113.9")
        await ask("203.0.113.9")
        assert len(answers) == 4, "who has come to an end counts no more"

    asyncio.run(story())
