"""Signing out at the provider: where the browser goes, what it takes along, and that it comes back."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest

from fixtures.app import App
from fixtures.frozen_app import Answer
from fixtures.identity_provider import CLIENT, IdentityProvider
from kunsthalle.oidc.code_flow import MAX_HINT
from unit.oidc.conftest import Browser, add_person, header, words

BACK = "http://kunsthalle.localhost/console/signed-out/example"


def _tokens(provider: IdentityProvider) -> list[str]:
    """The ID tokens that the provider signs from here on."""
    signed: list[str] = []
    provider.sign = lambda claims: (signed.append(provider.signed(claims)), signed[-1])[1]
    return signed


def _sign_out(browser: Browser, **headers: str) -> Answer:
    page = browser.get("/console/sign-out").body.decode()
    form_token = page.partition('name="form_token" value="')[2].partition('"')[0]
    return browser.post("/console/sign-out", f"form_token={form_token}", **headers)


def _address(answer: Answer) -> str:
    """Where a page goes on by itself."""
    page = answer.body.decode()
    url = html.unescape(page.partition('http-equiv="refresh" content="0;url=')[2].partition('"')[0])
    assert f'href="{html.escape(url)}"' in page, "a link, for browsers that do not go on by themselves"
    return url


def _asked(url: str, provider: IdentityProvider) -> dict[str, str]:
    assert url.startswith(f"{provider.issuer}/logout?"), url
    return dict(parse_qsl(urlsplit(url).query))


def test_signing_out_leads_to_the_provider_with_the_id_token_and_back(
    signing_in: App, provider: IdentityProvider
) -> None:
    signed = _tokens(provider)
    browser, thief = Browser(signing_in), Browser(signing_in)
    browser.sign_in(provider)
    thief.cookies = dict(browser.cookies)
    answer = _sign_out(browser)
    assert answer.status == 200
    asked = _asked(_address(answer), provider)
    state = asked.pop("state")
    assert asked == {"client_id": CLIENT, "id_token_hint": signed[0], "post_logout_redirect_uri": BACK}
    assert len(state) >= 32
    assert thief.get("/console/catalogs").status == 303, "the session has ended before the browser leaves"
    assert list(browser.cookies) == ["kunsthalle_leaving"]
    answer = browser.get(f"/console/signed-out/example?state={state}")
    assert "You are signed out Example has sent you back after you signed out there." in words(answer)
    assert browser.cookies == {}


def test_the_script_of_a_dialog_is_told_where_to_go(signing_in: App, provider: IdentityProvider) -> None:
    signed = _tokens(provider)
    browser = Browser(signing_in)
    browser.sign_in(provider)
    answer = _sign_out(browser, **{"x-dialog": "yes"})
    assert answer.status == 204
    asked = _asked(header(answer, "x-location"), provider)
    assert (asked["id_token_hint"], asked["state"]) == (signed[0], browser.cookies["kunsthalle_leaving"])


@pytest.mark.parametrize(
    "query", ["", "?state=", "?state=of-somebody-else", "?state={state}&state={state}", "?state=é"]
)
def test_only_who_went_to_the_provider_is_told_that_they_are_back(
    query: str, signing_in: App, provider: IdentityProvider
) -> None:
    browser = Browser(signing_in)
    browser.sign_in(provider)
    _sign_out(browser)
    state = browser.cookies["kunsthalle_leaving"]
    path = f"/console/signed-out/example{query.format(state=state)}"
    for visitor in (browser, Browser(signing_in)):
        told = words(visitor.get(path))
        assert "You may still be signed in with Example: sign out there, too" in told
        assert "sent you back" not in told
    assert "sent you back" in words(browser.get(f"/console/signed-out/example?state={state}"))


def test_a_provider_without_such_a_page_is_not_gone_to(
    open_with: Callable[..., App], provider: IdentityProvider
) -> None:
    provider.metadata["end_session_endpoint"] = None
    app = open_with(example=provider)
    add_person(app, "someone@example.com")
    browser = Browser(app)
    browser.sign_in(provider)
    answer = _sign_out(browser)
    assert (answer.status, header(answer, "location")) == (303, "/console/signed-out/example")
    assert browser.cookies == {}
    assert "You may still be signed in with Example" in words(browser.get("/console/signed-out/example"))


def test_a_provider_that_is_gone_keeps_nobody_signed_in(signing_in: App, provider: IdentityProvider) -> None:
    browser = Browser(signing_in)
    browser.sign_in(provider)
    for client in signing_in.server.console()._single_sign_on._clients.values():
        client._metadata._endpoints = None  # as after an hour
    provider.close()
    answer = _sign_out(browser)
    assert (answer.status, header(answer, "location")) == (303, "/console/signed-out/example")
    assert browser.get("/console/catalogs").status == 303


@pytest.mark.parametrize(("sid", "hint"), [("session-1", "session-1"), (None, "someone@example.com")])
def test_a_token_too_long_for_an_address_is_not_kept(
    sid: str | None, hint: str, signing_in: App, provider: IdentityProvider
) -> None:
    provider.claims |= {"sid": sid, "groups": ["g" * 100] * (MAX_HINT // 100)}
    browser = Browser(signing_in)
    browser.sign_in(provider)
    asked = _asked(_address(_sign_out(browser)), provider)
    del asked["state"]
    assert asked == {"client_id": CLIENT, "logout_hint": hint, "post_logout_redirect_uri": BACK}


def test_another_account_is_left_with_the_same_sign_in(signing_in: App, provider: IdentityProvider) -> None:
    """Also from an account that was switched to."""
    from kunsthalle.accounts.queries import memberships_of
    from kunsthalle.accounts.service import add_user

    signed, consumer = _tokens(provider), signing_in.accounts["consumer"]
    store, base = signing_in.server.store, signing_in.server.base
    (user,) = store.read(base, lambda session: memberships_of(session, "someone@example.com"))
    signing_in.travel(1)
    store.write(
        base.as_system(consumer), lambda session: add_user(session, consumer, user.iam_id, user.user_id, "Some One")
    )
    browser = Browser(signing_in)
    browser.sign_in(provider)
    page = browser.get("/console/account").body.decode()
    form_token = page.partition('name="form_token" value="')[2].partition('"')[0]
    assert browser.post("/console/account", f"form_token={form_token}&account_id={consumer}").status == 303
    found = signing_in.server.console()._sessions.find(browser.cookies["kunsthalle_session"])
    session = signing_in.loop.run_until_complete(found)
    assert session is not None
    assert [(one.provider, one.id_token) for one in session.sign_ins] == [("example", signed[0])] * 2
    assert _asked(_address(_sign_out(browser)), provider)["id_token_hint"] == signed[0]


def test_the_id_token_is_in_no_log_and_readable_nowhere(
    signing_in: App, provider: IdentityProvider, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    signed = _tokens(provider)
    browser = Browser(signing_in)
    browser.sign_in(provider)
    kept = b"".join(
        path.read_bytes()
        for path in signing_in.server.settings.data.rglob("*")
        if path.is_file() and path.stat().st_size
    )
    _sign_out(browser)
    payload = signed[0].split(".")[1]
    assert payload.encode() not in kept
    said = capsys.readouterr()
    assert payload not in caplog.text + said.out + said.err
