"""A provider that lies: whatever it sends, nobody is signed in, and the page says why."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from fixtures.app import App
from fixtures.identity_provider import CLIENT, IdentityProvider, Reply
from unit.oidc.conftest import Browser, words

Lie = Callable[[IdentityProvider], None]


def _claims(**changes: Any) -> Lie:
    return lambda provider: provider.claims.update(changes)


def _later(seconds: int, **more: int) -> Lie:
    """Tokens of a clock that is so far ahead."""

    def lie(provider: IdentityProvider) -> None:
        before = provider.now
        provider.now = lambda: before() + seconds
        provider.claims.update({name: int(before()) + seconds + value for name, value in more.items()})

    return lie


def _replaying(provider: IdentityProvider) -> None:
    """The nonce of another request."""
    provider.claims["nonce"] = "of-another-request"


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _joined(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token as no library makes it."""
    text = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{text}.{base64.urlsafe_b64encode(sign(text.encode())).decode().rstrip('=')}"


def _with_header(**header: Any) -> Lie:
    """The provider's own key and signature, under another header."""

    def lie(provider: IdentityProvider) -> None:
        key = provider.keys[0].private_key
        provider.sign = lambda claims: _joined(
            {"alg": "RS256", "kid": "first", **header}, claims, lambda text: key.sign(text, PKCS1v15(), SHA256())
        )

    return lie


def _unsigned(provider: IdentityProvider) -> None:
    provider.sign = lambda claims: f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."


def _signed_with_public_key(provider: IdentityProvider) -> None:
    """The bytes of the public key as a secret, which everybody knows."""
    secret = provider.keys[0].as_pem(private=False)
    provider.sign = lambda claims: _joined(
        {"alg": "HS256", "kid": "first"}, claims, lambda text: hmac.new(secret, text, hashlib.sha256).digest()
    )


def _signed_with_client_secret(provider: IdentityProvider) -> None:
    secret = OctKey.import_key(b"a secret of the client's")
    provider.sign = lambda claims: jwt.encode({"alg": "HS256"}, claims, secret, algorithms=["HS256"])


def _symmetric_key_published(provider: IdentityProvider) -> None:
    secret = OctKey.generate_key(256, {"kid": "first"})
    provider.replies["/jwks"] = lambda: Reply({"keys": [secret.as_dict(private=True)]})
    provider.sign = lambda claims: jwt.encode({"alg": "HS256", "kid": "first"}, claims, secret, algorithms=["HS256"])


def _stranger(**header: Any) -> Lie:
    """Another's key under the name of the provider's, or under one that nobody has."""

    def lie(provider: IdentityProvider) -> None:
        key = RSAKey.generate_key(2048, {"kid": "first"}, private=True)
        provider.sign = lambda claims: provider.signed(claims, key, **header)

    return lie


def _withdrawn(provider: IdentityProvider) -> None:
    """A key that the provider has taken back, and of which nobody had heard before."""
    old = RSAKey.generate_key(2048, {"kid": "old"}, private=True)
    provider.sign = lambda claims: provider.signed(claims, old)


def _of_another_kind(provider: IdentityProvider) -> None:
    """A token of an elliptic curve's key, under the name of an RSA key."""
    key = ECKey.generate_key("P-256", {"kid": "first"}, private=True)
    provider.sign = lambda claims: jwt.encode({"alg": "ES256", "kid": "first"}, claims, key, algorithms=["ES256"])


def _two_of_a_name(provider: IdentityProvider) -> None:
    provider.keys.append(RSAKey.generate_key(2048, {"kid": "first"}, private=True))


def _for_encryption(provider: IdentityProvider) -> None:
    (key,) = provider.keys
    provider.replies["/jwks"] = lambda: Reply({"keys": [{**key.as_dict(private=False), "use": "enc"}]})


def _other_algorithm(provider: IdentityProvider) -> None:
    """Signed with PS256, by a key that says RS256."""
    key = provider.keys[0]
    plain = RSAKey.import_key({**key.as_dict(private=True), "alg": "PS256"})
    provider.sign = lambda claims: jwt.encode({"alg": "PS256", "kid": "first"}, claims, plain, algorithms=["PS256"])


def _reply(path: str, reply: Reply) -> Lie:
    return lambda provider: provider.replies.update({path: lambda: reply})


def _slow(path: str) -> Lie:
    """Headers at once, and the rest never."""
    forever = threading.Event()
    return _reply(path, Reply({}, pause=lambda: forever.wait(30)))


_HUGE = b'{"keys": [' + b'"' + b"x" * 600_000 + b'"' + b"]}"
_ELSEWHERE = Reply({}, 302, {"location": "http://127.0.0.1:1/"})
CONFIGURATION = "/.well-known/openid-configuration"
_AUDIENCES = [CLIENT, "another client"]

TABLE: dict[str, tuple[Lie, str, int]] = {
    "a token of another issuer": (_claims(iss="https://login.example.net"), "wrong_issuer", 502),
    "a token without an issuer": (_claims(iss=None), "wrong_issuer", 502),
    "a token for another client": (_claims(aud="another client"), "wrong_audience", 502),
    "a token for nobody": (_claims(aud=None), "wrong_audience", 502),
    "an audience that holds the client's name as a part": (_claims(aud=f"{CLIENT}-2"), "wrong_audience", 502),
    "several audiences, and nobody asked": (_claims(aud=_AUDIENCES), "no_authorized_party", 502),
    "several audiences, and another asked": (_claims(aud=_AUDIENCES, azp="another client"), "wrong_audience", 502),
    "no nonce": (_claims(nonce=None), "wrong_nonce", 502),
    "a nonce that is no text": (_claims(nonce=["x"]), "wrong_nonce", 502),
    "the nonce of another request": (_replaying, "wrong_nonce", 502),
    "no subject": (_claims(sub=None), "no_subject", 502),
    "alg none": (_unsigned, "bad_algorithm", 502),
    "HS256 with the public key": (_signed_with_public_key, "bad_algorithm", 502),
    "HS256 with the client's secret": (_signed_with_client_secret, "bad_algorithm", 502),
    "HS256 with a secret that is published": (_symmetric_key_published, "bad_algorithm", 502),
    "another's key under the provider's name for its own": (_stranger(), "bad_signature", 502),
    "another's key under a name nobody has": (_stranger(kid="x"), "unknown_key", 502),
    "a key of the provider that it took back": (_withdrawn, "unknown_key", 502),
    "a name that is no text": (_with_header(kid=7), "bad_token", 502),
    "a key of another kind under a known name": (_of_another_kind, "unknown_key", 502),
    "two keys of one name": (_two_of_a_name, "unknown_key", 502),
    "a key for encryption": (_for_encryption, "unknown_key", 502),
    "an algorithm that the key is not for": (_other_algorithm, "bad_algorithm", 502),
    "extensions that must be understood": (_with_header(crit=["exp"], exp=1), "bad_token", 502),
    "a token that has ended": (_later(-400), "expired", 502),
    "a token without an end": (_claims(exp=None), "expired", 502),
    "a token that was issued in the future": (_later(120), "issued_later", 502),
    "a token that is not good yet": (_later(0, nbf=120), "issued_later", 502),
    "an end that is no number": (_claims(exp="9999999999"), "bad_token", 502),
    "an end that is true": (_claims(exp=True), "bad_token", 502),
    "an end beyond all time": (_claims(exp=1e300), "bad_token", 502),
    "a token that is none": (lambda provider: setattr(provider, "sign", lambda _claims: "a.b"), "bad_token", 502),
    "a huge token": (lambda provider: setattr(provider, "sign", lambda _claims: "a." * 200_000), "bad_token", 502),
    "a huge list of keys": (_reply("/jwks", Reply(content=_HUGE)), "huge_answer", 502),
    "a list of keys without an end": (_slow("/jwks"), "slow_provider", 503),
    "a token endpoint that never ends": (_slow("/token"), "slow_provider", 503),
    "a token endpoint that sends us elsewhere": (_reply("/token", _ELSEWHERE), "redirected", 502),
    "keys that are elsewhere": (_reply("/jwks", _ELSEWHERE), "redirected", 502),
    "a userinfo that is elsewhere": (_reply("/userinfo", _ELSEWHERE), "redirected", 502),
    "a packed answer": (_reply("/jwks", Reply({}, headers={"content-encoding": "gzip"})), "packed_answer", 502),
    "no ID token": (_reply("/token", Reply({"access_token": "x"})), "no_id_token", 502),
    "a page instead of JSON": (_reply("/token", Reply({}, headers={"content-type": "text/html"})), "not_json", 502),
    "a list instead of an object": (_reply("/token", Reply([])), "not_json", 502),
    "brackets without an end": (_reply("/token", Reply(content=b"[" * 100_000)), "not_json", 502),
    "a failure": (_reply("/token", Reply({}, 500)), "failed_provider", 503),
    "userinfo of somebody else": (lambda provider: provider.profile.update(sub="subject-2"), "wrong_subject", 502),
    "userinfo of nobody": (lambda provider: provider.profile.update(sub=None), "wrong_subject", 502),
    "an address that is not verified": (_claims(email_verified=False), "unverified_email", 403),
    "an address of which it says nothing": (_claims(email_verified=None), "unverified_email", 403),
    "an address that is verified with a number": (_claims(email_verified=1), "unverified_email", 403),
    "an address that is verified in words": (_claims(email_verified="yes"), "unverified_email", 403),
    "no address": (_claims(email=None, email_verified=True), "no_email", 403),
    "an address that is no text": (_claims(email=["someone@example.com"]), "no_email", 403),
    "an address of a domain that is not its own": (_claims(email="someone@example.net"), "wrong_domain", 403),
    "a domain that only ends like its own": (_claims(email="someone@notexample.com"), "wrong_domain", 403),
    "two addresses in one": (_claims(email="a@example.net,someone@example.com"), "bad_email", 403),
    "two signs": (_claims(email="a@example.net@example.com"), "bad_email", 403),
    "letters that become others": (_claims(email="\u017fomeone@example.com"), "bad_email", 403),
    "more claims than anybody has": (_claims(groups=["g" * 100] * 700), "too_many_claims", 502),
}


@pytest.mark.by_turns(4)
@pytest.mark.parametrize("name", TABLE)
def test_nobody_is_signed_in_by_a_lie(
    name: str, signing_in: App, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie, code, status = TABLE[name]
    codes: list[str] = []
    monkeypatch.setattr(
        "kunsthalle.iam.single_sign_on.log.warning", lambda _event, **values: codes.append(values["code"])
    )
    browser = Browser(signing_in)
    url = browser.begin()
    lie(provider)
    for client in _clients(signing_in):
        client._answers._seconds = 1.0
    answer = browser.finish(provider.authorize(url))
    assert (codes, answer.status) == ([code], status), words(answer)
    assert "kunsthalle_session" not in browser.cookies
    assert "Sign-in failed" in words(answer)
    assert "API key" in words(answer), "the other way in is still there"


def _clients(app: App) -> list[Any]:
    return list(app.server.console()._single_sign_on._clients.values())


DISCOVERY: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://login.example.net"}, "calls itself by another name"),
    "no issuer": ({"issuer": None}, "calls itself by another name"),
    "no token endpoint": ({"token_endpoint": None}, "token_endpoint is no address"),
    "keys without TLS elsewhere": ({"jwks_uri": "http://login.example.net/jwks"}, "jwks_uri is no address"),
    "keys in a file": ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri is no address"),
    "an address of a script": ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint is no"),
    "an endpoint with a password": ({"token_endpoint": "https://a:b@login.example.net/"}, "token_endpoint is no"),
    "an endpoint that is a list": ({"userinfo_endpoint": ["x"]}, "userinfo_endpoint is no address"),
}


@pytest.mark.by_turns(4)
@pytest.mark.parametrize("name", DISCOVERY)
def test_a_provider_that_calls_itself_otherwise_is_not_gone_to(
    name: str, signing_in: App, provider: IdentityProvider
) -> None:
    provider.metadata, text = DISCOVERY[name]
    answer = Browser(signing_in).get("/console/sign-in/example")
    assert answer.status == 502
    assert text in words(answer)


def test_a_provider_that_is_down_leaves_the_other_way_in(signing_in: App, provider: IdentityProvider) -> None:
    provider.close()
    browser = Browser(signing_in)
    answer = browser.get("/console/sign-in/example")
    assert answer.status == 503
    assert "Example does not answer. Try again later, or sign in with an API key." in words(answer)
    key = signing_in.keys["owner"]
    assert browser.post("/console/sign-in", f"apikey={key}").status == 303
    assert browser.get("/console/").status == 200


def test_a_code_is_good_once(signing_in: App, provider: IdentityProvider) -> None:
    browser = Browser(signing_in)
    query = provider.authorize(browser.begin())
    kept = dict(browser.cookies)
    assert browser.finish(query).status == 200
    browser.cookies = kept  # as if the browser had kept what it was told to forget
    answer = browser.finish(query)
    assert answer.status == 403
    assert "did not take the code: invalid_grant" in words(answer)


def test_the_answer_to_another_browser_is_refused(signing_in: App, provider: IdentityProvider) -> None:
    """A stranger cannot sign somebody in as themselves."""
    stranger, somebody = Browser(signing_in), Browser(signing_in)
    query = provider.authorize(stranger.begin())
    for begun in (False, True):
        if begun:
            somebody.begin()
        answer = somebody.finish(query)
        assert answer.status == 403
        assert "not begun in this browser" in words(answer)
        assert "kunsthalle_session" not in somebody.cookies
    assert "/token" not in provider.asked, "the code is not even looked at"


def test_what_the_browser_kept_cannot_be_made_up(signing_in: App, provider: IdentityProvider) -> None:
    browser = Browser(signing_in)
    query = provider.authorize(browser.begin())
    (name,) = browser.cookies
    for value in ("", "x", "kh1.x.y", browser.cookies[name][:-4] + "AAAA"):
        browser.cookies[name] = value
        assert browser.finish(query).status == 403, value


def test_two_providers_are_not_taken_for_each_other(
    open_with: Callable[..., App], provider: IdentityProvider, other_provider: IdentityProvider
) -> None:
    app = open_with(example=provider, another=other_provider)
    browser = Browser(app)
    query = other_provider.authorize(browser.begin("another"))
    assert browser.finish(query, "example").status == 403, "the answer goes to the provider that was asked"
    query = other_provider.authorize(browser.begin("another"))
    answer = browser.finish(f"{query}&iss={provider.issuer}", "another")
    assert answer.status == 502
    assert "it comes from another provider" in words(answer)
    other_provider.metadata["authorization_response_iss_parameter_supported"] = True
    for client in _clients(app):
        client._metadata._endpoints = None
    query = other_provider.authorize(browser.begin("another"))
    assert browser.finish(query, "another").status == 502, "it said that it would say who it is"


def test_a_refusal_of_the_provider_is_told_by_its_code_alone(signing_in: App, provider: IdentityProvider) -> None:
    browser = Browser(signing_in)
    state = provider.authorize(browser.begin()).partition("state=")[2]
    answer = browser.finish(f"error=access_denied&error_description=call+us+at+555&state={state}")
    assert answer.status == 403
    assert "Example did not sign you in: access_denied." in words(answer)
    assert "555" not in words(answer)
    state = provider.authorize(browser.begin()).partition("state=")[2]
    answer = browser.finish(f"error=%3Cscript%3E&state={state}")
    assert "Example did not sign you in: error." in words(answer)


@pytest.mark.by_turns(4)
@pytest.mark.parametrize("query", ["", "code=x", "state=x", "code=a&code=b&state=x", "x=" + "y" * 20_000])
def test_an_answer_that_is_none_is_refused(query: str, signing_in: App, provider: IdentityProvider) -> None:
    browser = Browser(signing_in)
    browser.begin()
    assert browser.finish(query).status == 403
    assert "/token" not in provider.asked
