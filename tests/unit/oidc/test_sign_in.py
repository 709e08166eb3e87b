"""Signing in with a provider, end to end, in the process: the session, the clocks, the keys, signing out."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from fixtures.app import App
from fixtures.clocks import real_time_passes
from fixtures.frozen_app import OPERATOR, Answer
from fixtures.identity_provider import CLIENT, IdentityProvider
from unit.oidc.conftest import Browser, header, words

_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


def _is_in(browser: Browser) -> bool:
    return browser.get("/console/catalogs").status == 200


def test_somebody_signs_in_with_a_provider_and_is_where_they_wanted_to_go(
    signing_in: App, provider: IdentityProvider
) -> None:
    browser = Browser(signing_in)
    page = browser.get("/console/sign-in?next=%2Fconsole%2Fcatalogs").body.decode()
    assert 'href="/console/sign-in/example?next=/console/catalogs"' in page
    assert "Sign in with Example" in page
    answer = browser.sign_in(provider, following="/console/catalogs")
    assert answer.status == 200, words(answer)
    assert b'content="0;url=/console/catalogs"' in answer.body
    assert _is_in(browser)


@pytest.mark.parametrize(
    "wanted",
    ["https://example.net/", "//example.net/", "/console//example.net", "/console/%0d%0aX", "/\\example.net", "/v1/x"],
)
def test_nobody_is_led_to_another_site(wanted: str, signing_in: App, provider: IdentityProvider) -> None:
    answer = Browser(signing_in).sign_in(provider, following=wanted)
    assert answer.status == 200
    assert b'content="0;url=/console/"' in answer.body
    assert b"example.net" not in answer.body


def test_what_is_asked_of_the_provider(signing_in: App, provider: IdentityProvider) -> None:
    asked: list[dict[str, str]] = []
    provider.on_begin = asked.append
    first, second = Browser(signing_in), Browser(signing_in)
    first.sign_in(provider)
    second.sign_in(provider)
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name], "each once"
    assert asked[0] | {"state": "", "nonce": "", "code_challenge": ""} == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": "http://kunsthalle.localhost/console/sign-in/example/callback",
        "scope": "openid email profile",
        "code_challenge_method": "S256",
        "state": "",
        "nonce": "",
        "code_challenge": "",
    }


def test_a_session_begins_under_a_new_secret(signing_in: App, provider: IdentityProvider) -> None:
    browser = Browser(signing_in, {"kunsthalle_session": "chosen-by-somebody-else"})
    answer = browser.sign_in(provider)
    cookies = [value.decode() for name, value in answer.headers if name == b"set-cookie"]
    (session,) = [cookie for cookie in cookies if cookie.startswith("kunsthalle_session=")]
    assert "SameSite=strict" in session
    assert "HttpOnly" in session
    assert browser.cookies["kunsthalle_session"] != "chosen-by-somebody-else"
    assert list(browser.cookies) == ["kunsthalle_session"], "what was kept for the way is forgotten"


def test_the_cookie_for_the_way_comes_back_from_another_site(signing_in: App) -> None:
    answer = Browser(signing_in).get("/console/sign-in/example")
    cookie = header(answer, "set-cookie")
    assert cookie.partition("=")[2].strip('"').startswith("kh1.")
    assert "SameSite=lax" in cookie
    assert "HttpOnly" in cookie
    assert "Max-Age=600" in cookie


LEEWAY = 30
"""Seconds, of the provider in these tests."""


@pytest.mark.parametrize(
    ("claim", "seconds", "counts"),
    [
        ("iat", LEEWAY, True),
        ("iat", LEEWAY + 1, False),
        ("nbf", LEEWAY, True),
        ("nbf", LEEWAY + 1, False),
        ("auth_time", LEEWAY, True),
        ("auth_time", LEEWAY + 1, False),
        ("auth_time", -86_400, True),
        ("exp", 1 - LEEWAY, True),
        ("exp", -LEEWAY, False),
    ],
)
def test_a_token_counts_up_to_the_leeway_and_not_a_second_longer(
    claim: str, seconds: int, counts: bool, signing_in: App, provider: IdentityProvider
) -> None:
    """Moments of the token, so many seconds from that at which the server looks at it."""
    stopped = signing_in.server.clock.real() // 1_000_000
    for client in signing_in.server.console()._single_sign_on._clients.values():
        client._tokens._clock = SimpleNamespace(real=lambda: stopped * 1_000_000)
    provider.now = lambda: stopped
    provider.claims[claim] = stopped + seconds
    answer = Browser(signing_in).sign_in(provider)
    assert answer.status == (200 if counts else 502), words(answer)
    assert counts or "Its clock and the clock of this server may differ." in words(answer)


def test_ten_minutes_at_the_provider_are_too_long(signing_in: App, provider: IdentityProvider) -> None:
    browser = Browser(signing_in)
    query = provider.authorize(browser.begin())
    real_time_passes(signing_in.server.clock, 601)
    answer = browser.finish(query)
    assert answer.status == 403
    assert "took longer than 10 minutes" in words(answer)


def test_a_provider_changes_its_keys(signing_in: App, provider: IdentityProvider) -> None:
    assert Browser(signing_in).sign_in(provider).status == 200
    provider.keys = [ECKey.generate_key("P-256", {"use": "sig", "kid": "second"}, private=True)]
    real_time_passes(signing_in.server.clock, 6)
    assert Browser(signing_in).sign_in(provider).status == 200, "the key is looked for anew"
    assert provider.asked.count("/jwks") == 2
    provider.keys = [RSAKey.generate_key(2048, {"use": "sig", "kid": "third"}, private=True)]
    for _ in range(5):
        assert Browser(signing_in).sign_in(provider).status == 502
    assert provider.asked.count("/jwks") == 2, "not more often than every few seconds"
    real_time_passes(signing_in.server.clock, 6)
    assert Browser(signing_in).sign_in(provider).status == 200


def test_a_key_without_a_name_is_the_only_one(signing_in: App, provider: IdentityProvider) -> None:
    provider.keys = [RSAKey.generate_key(2048, {"use": "sig"}, private=True)]
    assert Browser(signing_in).sign_in(provider).status == 200


def test_what_userinfo_says_of_another_address_verifies_nothing(signing_in: App, provider: IdentityProvider) -> None:
    provider.claims["email_verified"] = None
    provider.profile = {"email": "other@example.com", "email_verified": True}
    answer = Browser(signing_in).sign_in(provider)
    assert "has not verified that the address someone@example.com" in words(answer)
    provider.claims["email"] = None
    provider.profile["email"] = "someone@example.com"
    assert Browser(signing_in).sign_in(provider).status == 200, "of its own address it may say so"


@pytest.mark.parametrize("by", ["sub", "sid"])
def test_a_provider_signs_somebody_out(by: str, signing_in: App, provider: IdentityProvider) -> None:
    provider.claims["sid"] = "session-1"
    browser = Browser(signing_in)
    browser.sign_in(provider)
    assert _is_in(browser)
    answer = _logout(signing_in, provider, **{by: {"sub": "subject-1", "sid": "session-1"}[by]})
    assert answer.status == 200, answer.body
    assert not _is_in(browser)


def _logout(app: App, provider: IdentityProvider, **claims: Any) -> Answer:
    now = int(app.server.clock.real() / 1e6)
    told = {"iss": provider.issuer, "aud": CLIENT, "iat": now, "jti": "j", "events": {_LOGOUT: {}}, **claims}
    token = provider.signed({name: value for name, value in told.items() if value is not None}, typ="logout+jwt")
    return Browser(app).post("/console/sign-in/example/back-channel-logout", f"logout_token={token}")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": None}, b"no_subject"),
        ({"events": {}}, b"no_logout"),
        ({"events": {_LOGOUT: "x"}}, b"no_logout"),
        ({"nonce": "x"}, b"no_logout"),
        ({"aud": "another"}, b"wrong_audience"),
        ({"iss": "https://login.example.net"}, b"wrong_issuer"),
        ({"iat": 1}, b"expired"),
    ],
)
def test_nobody_else_signs_somebody_out(
    claims: dict[str, Any], code: bytes, signing_in: App, provider: IdentityProvider
) -> None:
    browser = Browser(signing_in)
    browser.sign_in(provider)
    answer = _logout(signing_in, provider, **{"sub": "subject-1", **claims})
    assert (answer.status, answer.body.strip()) == (400, code)
    assert _is_in(browser)


def test_an_id_token_signs_nobody_out(signing_in: App, provider: IdentityProvider) -> None:
    browser = Browser(signing_in)
    browser.sign_in(provider)
    now = int(provider.now())
    token = provider.signed({"iss": provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 9, "sub": "subject-1"})
    answer = Browser(signing_in).post("/console/sign-in/example/back-channel-logout", f"logout_token={token}")
    assert (answer.status, answer.body.strip()) == (400, b"no_logout")
    assert _is_in(browser)


def test_a_sign_in_lasts_a_day_of_real_time_whatever_the_product_clock_says(
    signing_in: App, provider: IdentityProvider
) -> None:
    browser = Browser(signing_in)
    browser.sign_in(provider)
    assert signing_in.call(OPERATOR, "POST", "/_kunsthalle/clock", {"advance": "30d"}).status == 200
    assert _is_in(browser)
    real_time_passes(signing_in.server.clock, 20 * 3_600)
    assert _is_in(browser), "tokens are renewed meanwhile"
    real_time_passes(signing_in.server.clock, 4 * 3_600 + 1)
    assert not _is_in(browser)


def test_an_account_says_how_long_a_sign_in_lasts(signing_in: App, provider: IdentityProvider) -> None:
    owner = signing_in.accounts["owner"]
    path = f"/v1/accounts/{owner}/settings/identity"
    signing_in.do("PUT", path, {"session_expiration_in_seconds": "900"}, **{"if-match": "*"})
    browser = Browser(signing_in)
    browser.sign_in(provider)
    real_time_passes(signing_in.server.clock, 901)
    assert not _is_in(browser)


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
