"""The console's cookies: over https none of them ever travels in the clear."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from fixtures.frozen_app import Answer, asgi_answer
from fixtures.seeded import seeded_copy
from kunsthalle.app import build
from kunsthalle.cli.connections import Connections, Limits
from kunsthalle.cli.proxies import BehindProxies
from kunsthalle.core.addresses import networks
from kunsthalle.settings import Settings

PEER = "192.0.2.1"
HTTPS, PLAIN = "https://images.example", "http://images.example"


@pytest.mark.parametrize(
    ("public_url", "scheme", "secure"),
    [("", "http", False), (PLAIN, "http", False), (HTTPS, "http", True), ("", "https", True), (HTTPS, "https", True)],
)
def test_cookies_are_secure_where_the_address_is(tmp_path: Path, public_url: str, scheme: str, secure: bool) -> None:
    """Signing in, choosing a theme and signing out: every cookie that is set or taken away on the way."""
    owners = seeded_copy(tmp_path / "data").owners
    server = build(Settings(data=tmp_path / "data", hypervisor="simulated", public_url=public_url), "operator")
    try:
        key = next(one.api_key for one in owners if one.account == "publisher")
        name = "__Host-kunsthalle_session" if secure else "kunsthalle_session"
        jar: dict[str, str] = {}
        told: list[tuple[str, str]] = []

        def call(method: str, path: str, form: str = "") -> Answer:
            headers = {"host": "kunsthalle.test", "cookie": "; ".join(f"{k}={v}" for k, v in jar.items())}
            answer = asyncio.run(asgi_answer(server, method, f"/console{path}", headers, form.encode(), scheme))
            for _, value in [one for one in answer.headers if one[0] == b"set-cookie"]:
                key, _, rest = value.decode().partition("=")
                jar[key] = rest.split(";")[0]
                told.append((key, rest))
            return answer

        assert call("POST", "/sign-in", f"apikey={key}").status == 303
        assert call("GET", "/images/custom").status == 200
        token = re.search(r'name="form_token" value="([^"]+)"', call("GET", "/sign-out").body.decode())
        assert token is not None
        assert call("POST", "/theme", f"theme=dark&form_token={token[1]}").status == 303
        assert call("POST", "/sign-out", f"form_token={token[1]}").status == 303
        assert call("GET", "/images/custom").status == 303
        assert {one for one, _ in told} == {name, "kunsthalle_theme", "kunsthalle_said"}
        for cookie, attributes in told:
            assert ("; secure" in attributes.lower()) is secure, (cookie, attributes)
            assert "; httponly" in attributes.lower(), (cookie, attributes)
            assert "; samesite=strict" in attributes.lower(), (cookie, attributes)
            path = "/" if cookie.startswith("__Host-") else "/console"
            assert re.search(f"; path={path}(;|$)", attributes, re.IGNORECASE), (cookie, attributes)
            assert "domain" not in attributes.lower()
    finally:
        server.store.close()


@pytest.mark.parametrize(
    ("public_url", "scheme", "headers", "told"),
    [
        (HTTPS, "http", {"host": "127.0.0.1:8100"}, True),
        (HTTPS, "http", {"host": "images.example:8100"}, True),
        (HTTPS, "http", {"host": "images.example", "x-forwarded-proto": "http"}, True),
        (HTTPS, "http", {"host": "images.example"}, False),
        (HTTPS, "http", {"host": "Images.Example"}, False),
        (HTTPS, "http", {"host": "127.0.0.1:8100", "x-forwarded-proto": "https"}, False),
        (HTTPS, "https", {"host": "127.0.0.1:8100"}, False),
        (PLAIN, "http", {"host": "127.0.0.1:8100"}, False),
        ("", "http", {"host": "127.0.0.1:8100"}, False),
    ],
)
def test_whoever_signs_in_over_plain_http_is_told_the_https_address(
    tmp_path: Path, public_url: str, scheme: str, headers: dict[str, str], told: bool
) -> None:
    """Browsers drop the session's cookie there; a proxy that ends TLS calls under the public name."""
    page = sign_in_page(tmp_path, public_url, scheme, headers)
    assert (f"{HTTPS}/console/" in page.body.decode()) is told


def sign_in_page(tmp_path: Path, public_url: str, scheme: str, headers: dict[str, str], proxy: str = PEER) -> Answer:
    """What somebody sees through a proxy at PEER, of a server that trusts the one at `proxy`."""
    seeded_copy(tmp_path / "data")
    server = build(Settings(data=tmp_path / "data", hypervisor="simulated", public_url=public_url), "operator")
    try:
        proxied = BehindProxies(server, networks(proxy), Connections(Limits()))
        page = asyncio.run(asgi_answer(proxied, "GET", "/console/sign-in", headers, b"", scheme, (PEER, 1)))
        assert page.status == 200
        return page
    finally:
        server.store.close()


def test_an_untrusted_proxy_says_nothing_of_https(tmp_path: Path) -> None:
    said = {"host": "127.0.0.1:8100", "x-forwarded-proto": "https"}
    assert f"{HTTPS}/console/" in sign_in_page(tmp_path, HTTPS, "http", said, "192.0.2.9").body.decode()


@pytest.mark.parametrize(
    ("public_url", "scheme", "host", "alone"),
    [
        (HTTPS, "https", "images.example", True),
        (HTTPS, "https", "Images.example", True),
        (HTTPS, "http", "images.example", False),
        (HTTPS, "https", "127.0.0.1:8100", False),
        ("https://images.example:8443", "https", "images.example:8443", False),
        ("https://127.0.0.1", "https", "127.0.0.1", False),
        ("https://localhost", "https", "localhost", False),
        ("https://images.localhost", "https", "images.localhost", False),
        (PLAIN, "https", "images.example", False),
        ("", "https", "127.0.0.1:8100", False),
    ],
)
def test_browsers_are_held_to_https_where_the_name_is_the_servers_own(
    tmp_path: Path, public_url: str, scheme: str, host: str, alone: bool
) -> None:
    page = sign_in_page(tmp_path, public_url, scheme, {"host": host})
    held = [value for name, value in page.headers if name == b"strict-transport-security"]
    assert held == ([b"max-age=31536000"] if alone else [])
