"""What a session is worth, and when it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from kunsthalle.app import Server, build
from kunsthalle.console.sessions import LONGEST, Sessions
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.settings import Settings
from support.realm import Answer, _asgi


class Browser:
    """Somebody's cookies, in front of a server that is asked without a socket."""

    def __init__(self, server: Server, api_key: str) -> None:
        self.server = server
        self.api_key = api_key
        self.cookies: dict[str, str] = {}

    def call(self, method: str, path: str, **fields: str) -> Answer:
        headers = {"host": "kunsthalle.test", "cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = urlencode(fields).encode()
        answer = asyncio.run(_asgi(self.server, method, f"/console{path}", headers, body))
        for name, value in answer.headers:
            if name == b"set-cookie":
                key, _, rest = value.decode().partition("=")
                self.cookies[key] = rest.split(";")[0]
        return answer

    def sign_in(self) -> Answer:
        return self.call("POST", "/sign-in", apikey=self.api_key)

    @property
    def inside(self) -> bool:
        """Whether a page is shown, rather than the way to the sign-in."""
        status = self.call("GET", "/images/custom").status
        assert status in {200, 303}
        return status == 200


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = build(Settings(data=tmp_path / "data", hypervisor="simulated", clock="manual"), "operator")
    yield made
    made.store.close()


@pytest.fixture
def browser(server: Server) -> Browser:
    keys = {one.account: one.api_key for one in server.seed("enterprise")}
    return Browser(server, keys["publisher"])


def _later(server: Server, seconds: int) -> None:
    server.clock.set(server.clock.now() + seconds * SECOND)


def _api(browser: Browser, method: str, path: str) -> Answer:
    form = urlencode({"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": browser.api_key}).encode()
    token = asyncio.run(_asgi(browser.server, "POST", "/identity/token", {"host": "t"}, form)).json["access_token"]
    headers = {"host": "t", "authorization": f"Bearer {token}"}
    return asyncio.run(_asgi(browser.server, method, path, headers, b""))


def test_a_session_outlives_its_access_token_and_not_its_refresh_token(server: Server, browser: Browser) -> None:
    assert not browser.inside
    assert (browser.sign_in().status, browser.inside) == (303, True)
    _later(server, 3_700)
    assert browser.inside, "the token is renewed"
    _later(server, 7 * 86_400)
    assert browser.inside
    _later(server, 31 * 86_400)
    assert not browser.inside


def test_a_session_ends_with_its_key(server: Server, browser: Browser) -> None:
    browser.sign_in()
    key = _api(browser, "GET", "/v1/apikeys").json["apikeys"][0]["id"]
    assert browser.inside
    assert _api(browser, "DELETE", f"/v1/apikeys/{key}").status == 204
    assert not browser.inside
    assert browser.sign_in().status == 400


def test_a_session_ends_after_a_day_of_real_time(server: Server, browser: Browser) -> None:
    class Tomorrow(type(server.clock)):  # type: ignore[misc]  # whichever clock it is
        def real(self) -> int:
            return super().real() + DAY + SECOND  # type: ignore[no-any-return]  # a clock's

    browser.sign_in()
    assert (browser.inside, LONGEST) == (True, DAY)
    server.clock.__class__ = Tomorrow
    assert not browser.inside


def test_signing_out_ends_the_session_for_whoever_has_its_cookie(server: Server, browser: Browser) -> None:
    browser.sign_in()
    thief = Browser(server, "")
    thief.cookies = dict(browser.cookies)
    page = browser.call("GET", "/sign-out").body.decode()
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert token is not None
    assert thief.inside
    assert browser.call("POST", "/sign-out", form_token="stolen").status == 403
    assert browser.call("POST", "/sign-out", form_token=token[1]).status == 303
    assert (thief.inside, browser.inside) == (False, False)


def test_every_sign_in_has_a_secret_of_its_own(server: Server, browser: Browser) -> None:
    browser.sign_in()
    before = dict(browser.cookies)
    page = browser.call("GET", "/sign-in").body.decode()
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert token is not None
    browser.call("POST", "/sign-in", apikey=browser.api_key, form_token=token[1])
    assert browser.cookies["kunsthalle_session"] != before["kunsthalle_session"]
    other = Browser(server, "")
    other.cookies = before
    assert (browser.inside, other.inside) == (True, False)


def test_whoever_reads_the_store_can_open_no_session(server: Server, browser: Browser) -> None:
    browser.sign_in()
    secret = browser.cookies["kunsthalle_session"]
    with server.store.engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(text("SELECT * FROM console_sessions"))]
    kept = json.dumps(rows)
    session = asyncio.run(Sessions(server.store, server.base).find(secret))
    assert session is not None
    assert session.here is not None
    for hidden in (secret, browser.api_key, session.here.access_token, session.here.refresh_token):
        assert hidden not in kept
    assert asyncio.run(Sessions(server.store, server.base).find(rows[0][0])) is None


@pytest.mark.parametrize(
    "there", ["//evil.example", "/consolation", "https://evil.example/console/", "/console//x", "/"]
)
def test_a_sign_in_leads_nowhere_else(server: Server, browser: Browser, there: str) -> None:
    answer = browser.call("POST", "/sign-in", apikey=browser.api_key, next=there)
    assert dict(answer.headers)[b"location"] == b"/console/"
