"""What a session is worth, and when it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from fixtures.clocks import real_time_passes
from fixtures.frozen_app import Answer, asgi_answer
from fixtures.seeded import add_viewer, seeded_copy
from kunsthalle.app import Server, build
from kunsthalle.console.browser_sessions import LONGEST, Sessions
from kunsthalle.console.page_frame import NO_ROLE
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.operator.scenarios import Credential
from kunsthalle.settings import Settings


class Browser:
    """Somebody's cookies, in front of a server that is asked without a socket."""

    def __init__(self, server: Server, api_key: str) -> None:
        self.server = server
        self.api_key = api_key
        self.cookies: dict[str, str] = {}

    def call(self, method: str, path: str, **fields: str) -> Answer:
        headers = {"host": "kunsthalle.test", "cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = urlencode(fields).encode()
        answer = asyncio.run(asgi_answer(self.server, method, f"/console{path}", headers, body))
        for name, value in answer.headers:
            if name == b"set-cookie":
                key, _, rest = value.decode().partition("=")
                self.cookies[key] = rest.split(";")[0]
        return answer

    def sign_in(self) -> Answer:
        return self.call("POST", "/sign-in", apikey=self.api_key)

    def send(self, path: str, **fields: str) -> Answer:
        """Opens a page with a form, and sends it."""
        token = re.search(r'name="form_token" value="([^"]+)"', self.call("GET", path).body.decode())
        assert token is not None
        return self.call("POST", path, form_token=token[1], **fields)

    @property
    def inside(self) -> bool:
        """Whether a page is shown, rather than the way to the sign-in."""
        status = self.call("GET", "/images/custom").status
        assert status in {200, 303}
        return status == 200


@pytest.fixture
def owners(tmp_path: Path) -> dict[str, Credential]:
    return {one.account: one for one in seeded_copy(tmp_path / "data").owners}


@pytest.fixture
def server(owners: dict[str, Credential], tmp_path: Path) -> Iterator[Server]:
    made = build(Settings(data=tmp_path / "data", hypervisor="simulated", clock="manual"), "operator")
    yield made
    made.store.close()


@pytest.fixture
def browser(server: Server, owners: dict[str, Credential]) -> Browser:
    return Browser(server, owners["publisher"].api_key)


def _api(browser: Browser, method: str, path: str, body: Any = None) -> Answer:
    form = urlencode({"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": browser.api_key}).encode()
    token = asyncio.run(asgi_answer(browser.server, "POST", "/identity/token", {"host": "localhost"}, form)).json[
        "access_token"
    ]
    headers = {"host": "localhost", "authorization": f"Bearer {token}"}
    return asyncio.run(asgi_answer(browser.server, method, path, headers, json.dumps(body).encode() if body else b""))


def _tokens(server: Server, browser: Browser) -> tuple[str, str]:
    """The access token and the refresh token that a browser's session has."""
    session = asyncio.run(Sessions(server.store, server.base).find(browser.cookies["kunsthalle_session"]))
    assert session is not None
    assert session.here is not None
    return session.here.access_token, session.here.refresh_token


def test_a_session_outlives_its_access_token_and_any_move_of_the_clock(server: Server, browser: Browser) -> None:
    assert not browser.inside
    assert (browser.sign_in().status, browser.inside) == (303, True)
    first = _tokens(server, browser)
    server.clock.set(server.clock.now() + 40 * DAY)
    assert browser.inside
    assert _tokens(server, browser) == first, "tokens live by real time"
    real_time_passes(server.clock, 3_700)
    assert browser.inside
    renewed = _tokens(server, browser)
    assert (renewed[0] != first[0], renewed[1] != first[1]) == (True, True)


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
    assert thief.inside
    assert browser.call("POST", "/sign-out", form_token="stolen").status == 403
    assert browser.send("/sign-out").status == 303
    assert (thief.inside, browser.inside) == (False, False)


def test_every_sign_in_has_a_secret_of_its_own(server: Server, browser: Browser) -> None:
    browser.sign_in()
    before = dict(browser.cookies)
    browser.send("/sign-in", apikey=browser.api_key)
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


def test_a_user_enters_the_accounts_he_is_a_member_of_and_no_other(
    server: Server, owners: dict[str, Credential]
) -> None:
    outsider = Browser(server, owners["outsider"].api_key)
    outsider.sign_in()
    contact = {"primary_contact_iam_id": owners["outsider"].iam_id}
    body = {"source_account_id": owners["outsider"].account_id, "name": "Young enterprise", **contact}
    founded = _api(outsider, "POST", "/v1/enterprises", body).json["enterprise_account_id"]
    refused = outsider.send("/account", account_id=owners["publisher"].account_id)
    absent = outsider.send("/account", account_id="f" * 32)
    assert refused.status == absent.status == 400
    assert b"publisher" not in refused.body
    assert outsider.send("/account", account_id=founded).status == 303
    assert b"Young enterprise" in outsider.call("GET", "/account").body
    assert outsider.send("/account", account=owners["outsider"].account_id).status == 303
    assert outsider.inside


def test_a_token_endpoint_that_fails_ends_no_session(server: Server, browser: Browser) -> None:
    browser.sign_in()
    real_time_passes(server.clock, 3_700)
    fault = {"on": "call", "match": "POST /identity/token", "effect": "refuse", "status": 503, "times": 1}
    headers = {"host": "localhost", "authorization": "Bearer operator"}
    body = json.dumps(fault).encode()
    assert asyncio.run(asgi_answer(server, "POST", "/_kunsthalle/faults", headers, body)).status == 200
    assert browser.call("GET", "/images/custom").status == 503
    assert browser.inside


def test_signing_in_and_being_turned_away_are_on_record_and_the_key_is_not(server: Server, browser: Browser) -> None:
    """A sign-in at the console is one of the API, and is audited as such."""

    def logins() -> list[tuple[str, int, str | None]]:
        with server.store.engine.connect() as connection:
            found = connection.execute(text("SELECT action, outcome, code FROM audit ORDER BY at, id")).all()
            whole = connection.execute(text("SELECT * FROM audit")).all()
        assert browser.api_key not in str(whole)
        return [(one[0], one[1], one[2]) for one in found if one[0].endswith(".login")]

    assert browser.call("POST", "/sign-in", apikey="a-key-that-nobody-has").status == 400
    assert logins() == []
    assert browser.sign_in().status == 303
    assert logins() == [("iam-identity.user-apikey.login", 200, None)]
    real_time_passes(server.clock, 3_600)
    server.clock.set(server.clock.now() + SECOND)
    assert browser.inside
    assert logins()[1:] == [("iam-identity.user-refreshtoken.login", 200, None)]
    key = _api(browser, "GET", "/v1/apikeys").json["apikeys"][0]["id"]
    assert _api(browser, "POST", f"/v1/apikeys/{key}/disable").status == 204
    server.clock.set(server.clock.now() + SECOND)
    assert Browser(server, browser.api_key).sign_in().status == 400
    assert logins()[-1] == ("iam-identity.user-apikey.login", 400, "BXNIM0438E")


@pytest.mark.parametrize("path", ["/passcode", "/images/buckets/new"])
def test_a_key_that_was_just_disabled_opens_no_form(browser: Browser, path: str) -> None:
    """These pages ask the API for nothing of their own."""
    browser.sign_in()
    assert browser.call("GET", path).status == 200
    key = _api(browser, "GET", "/v1/apikeys").json["apikeys"][0]["id"]
    assert _api(browser, "POST", f"/v1/apikeys/{key}/disable").status == 204
    assert browser.call("GET", path).status == 303


def _policy(iam_id: str, account: str, role: str) -> dict[str, Any]:
    """A policy on everything of VPC."""
    on = [{"name": "accountId", "value": account}, {"name": "serviceName", "value": "is"}]
    return {
        "type": "access",
        "subjects": [{"attributes": [{"name": "iam_id", "value": iam_id}]}],
        "roles": [{"role_id": f"crn:v1:bluemix:public:iam::::role:{role}"}],
        "resources": [{"attributes": on}],
    }


def test_a_role_that_is_given_or_withdrawn_shows_at_the_next_page(
    server: Server, owners: dict[str, Credential], browser: Browser
) -> None:
    account = owners["publisher"].account_id
    viewer, link = Browser(server, add_viewer(server, account)), b'href="/console/images/custom/import"'
    viewer.sign_in()

    def page() -> bytes:
        return bytes(viewer.call("GET", "/images/custom").body)

    assert link not in page()
    assert NO_ROLE.encode() in page()
    made = _api(browser, "POST", "/v1/policies", _policy("IBMid-VIEWER0001", account, "Editor"))
    assert made.status == 201
    assert link in page()
    assert NO_ROLE.encode() not in page()
    assert _api(browser, "DELETE", f"/v1/policies/{made.json['id']}").status == 204
    assert link not in page()
