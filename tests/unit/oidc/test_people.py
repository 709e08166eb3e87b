"""Whom a provider means here: by a verified address that is somebody's login, and nobody otherwise."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App
from fixtures.frozen_app import asgi_answer
from fixtures.identity_provider import IdentityProvider
from kunsthalle.accounts.models import User
from kunsthalle.accounts.queries import memberships_of
from kunsthalle.db import audit
from kunsthalle.local.client import Response
from unit.ibmcloud.command_shell import ibmcloud
from unit.oidc.conftest import HOST, Browser, add_person, words

SOMEONE = "someone@example.com"


def _memberships(app: App, email: str = SOMEONE) -> list[User]:
    return app.server.store.read(app.server.base, lambda session: memberships_of(session, email))


def _entries(app: App, account: str = "owner") -> list[audit.Entry]:
    ctx = app.server.base.as_system(app.accounts[account])
    return list(app.server.store.read(ctx, lambda session: audit.page(session, limit=200)).items)


def test_somebody_unknown_is_refused_in_words(open_with: Callable[..., App], provider: IdentityProvider) -> None:
    answer = Browser(open_with(example=provider)).sign_in(provider)
    assert answer.status == 403
    assert f"No account has a user {SOMEONE}. An administrator has to invite you first" in words(answer)


def test_an_address_is_the_same_in_capitals(signing_in: App, provider: IdentityProvider) -> None:
    provider.claims["email"] = "SomeOne@Example.COM"
    assert Browser(signing_in).sign_in(provider).status == 200


def test_a_contact_address_means_nobody(open_with: Callable[..., App], provider: IdentityProvider) -> None:
    """Anybody may write any address into their own profile."""
    app = open_with(example=provider)
    iam_id = add_person(app, "other@example.com")
    path = f"/v2/accounts/{app.accounts['owner']}/users/{iam_id}"
    app.do("PATCH", path, {"email": SOMEONE})
    assert Browser(app).sign_in(provider).status == 403


def test_somebody_new_becomes_a_user_of_the_account_for_them(
    open_with: Callable[..., App], provider: IdentityProvider
) -> None:
    app = open_with({"example": {"provision_account": "publisher"}}, example=provider)
    provider.claims["name"] = "Some One"
    browser = Browser(app)
    assert browser.sign_in(provider).status == 200
    assert browser.get("/console/catalogs").status == 200
    (made,) = _memberships(app)
    assert (made.account_id, made.state, made.name) == (app.accounts["owner"], "ACTIVE", "Some One")
    (entry,) = [entry for entry in _entries(app) if entry.action == "user-management.user.create"]
    assert entry.target == "/identity/providers/example"
    assert Browser(app).sign_in(provider).status == 200
    assert len(_memberships(app)) == 1, "the second time they are known"
    assert app.do("GET", f"/v1/policies?account_id={app.accounts['owner']}&iam_id={made.iam_id}")["policies"] == []


def test_an_account_for_new_people_that_is_not_there(open_with: Callable[..., App], provider: IdentityProvider) -> None:
    app = open_with({"example": {"provision_account": "nowhere"}}, example=provider)
    answer = Browser(app).sign_in(provider)
    assert answer.status == 403
    assert "The account for new people of Example does not exist." in words(answer)


def test_who_was_invited_signs_in_and_accepts(open_with: Callable[..., App], provider: IdentityProvider) -> None:
    """Even where new people have an account of their own: who was invited is not new."""
    app = open_with({"example": {"provision_account": "outsider"}}, example=provider)
    owner = app.accounts["owner"]
    app.do("POST", f"/v2/accounts/{owner}/users", {"users": [{"email": SOMEONE, "account_role": "Member"}]})
    browser = Browser(app)
    assert browser.sign_in(provider).status == 200
    page = browser.get("/console/invitations")
    assert "publisher" in words(page)
    token = page.body.decode().partition('name="form_token" value="')[2].partition('"')[0]
    assert browser.get("/console/catalogs").status == 303, "nothing else is open yet"
    assert browser.post("/console/invitations", f"form_token={token}&account_id={owner}").status == 303
    assert browser.get("/console/catalogs").status == 200
    assert [(user.account_id, user.state) for user in _memberships(app)] == [(owner, "ACTIVE")]
    assert Browser(app).sign_in(provider).status == 200


def _state(app: App, iam_id: str, state: str) -> None:
    app.do("PATCH", f"/v2/accounts/{app.accounts['owner']}/users/{iam_id}", {"state": state})


def test_who_is_disabled_or_removed_loses_the_session_and_does_not_come_back(
    open_with: Callable[..., App], provider: IdentityProvider
) -> None:
    app = open_with({"example": {"provision_account": "publisher"}}, example=provider)
    iam_id = add_person(app, SOMEONE)
    browser = Browser(app)
    browser.sign_in(provider)
    assert browser.get("/console/catalogs").status == 200
    _state(app, iam_id, "DISABLED_CLASSIC_INFRASTRUCTURE")
    assert browser.get("/console/catalogs").status == 303
    answer = Browser(app).sign_in(provider)
    assert answer.status == 403
    assert "You are disabled in every account" in words(answer)
    (entry,) = [entry for entry in _entries(app) if entry.code == "disabled_user"]
    assert (entry.actor, entry.outcome, entry.target) == (iam_id, 403, "/identity/providers/example")
    _state(app, iam_id, "ACTIVE")
    browser = Browser(app)
    browser.sign_in(provider)
    app.do("DELETE", f"/v2/accounts/{app.accounts['owner']}/users/{iam_id}")
    assert browser.get("/console/catalogs").status == 303


def _commands(app: App, monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[..., tuple[int, str]]:
    """Command lines of `ibmcloud` against the application, without a socket: exit code, and what is said."""

    def exchanged(
        _url: str, method: str, target: str, body: bytes | None, headers: dict[str, str], **_more: Any
    ) -> Response:
        sent = {name.lower(): value for name, value in headers.items()}
        told = app.loop.run_until_complete(asgi_answer(app.server, method, target, {"host": HOST, **sent}, body or b""))
        got = Message()
        for name, value in told.headers:
            got[name.decode()] = value.decode()
        return Response(told.status, got, told.body)

    monkeypatch.setattr("kunsthalle.ibmcloud.http_client.exchange", exchanged)
    env = {"IBMCLOUD_HOME": str(home), "KUNSTHALLE_URL": f"http://{HOST}"}

    def run(*words: str, stdin: str = "") -> tuple[int, str]:
        said = ibmcloud(*words, env=env, stdin=stdin)
        return said.code, said.out + said.err

    return run


def _new_passcode(browser: Browser) -> str:
    page = browser.get("/console/passcode").body.decode()
    form_token = page.partition('name="form_token" value="')[2].partition('"')[0]
    page = browser.post("/console/passcode", f"form_token={form_token}").body.decode()
    return page.partition('<code id="passcode">')[2].partition("<")[0]


def test_who_is_disabled_gets_no_token_by_the_command_line_and_keeps_none(
    signing_in: App, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app, browser = signing_in, Browser(signing_in)
    run = _commands(app, monkeypatch, tmp_path)
    (user,) = _memberships(app)
    browser.sign_in(provider)
    code, said = run("login", "--sso", "-r", "us-south", stdin=f"n\n{_new_passcode(browser)}\n")
    assert code == 0, said
    assert f"{SOMEONE}" in said
    assert run("is", "images")[0] == 0
    unused = _new_passcode(browser)
    _state(app, user.iam_id, "DISABLED_CLASSIC_INFRASTRUCTURE")
    code, said = run("is", "images")
    assert code == 1, "neither the access token nor the refresh token counts"
    assert "Not logged in" in said
    code, said = run("login", "--sso", "-r", "us-south", stdin=f"n\n{unused}\n")
    assert code == 1
    assert "Unable to authenticate" in said
    assert _new_passcode(browser) == ""
    assert browser.get("/console/catalogs").status == 303, "the console's session has ended, too"
    assert Browser(app).sign_in(provider).status == 403


def test_who_is_disabled_in_one_account_enters_another(signing_in: App, provider: IdentityProvider) -> None:
    (user,) = _memberships(signing_in)

    def write(session: Any) -> None:
        from kunsthalle.accounts.service import add_user

        add_user(session, signing_in.accounts["consumer"], user.iam_id, SOMEONE, "Some One")

    signing_in.travel(1)  # the account that somebody entered first is the one they enter
    signing_in.server.store.write(signing_in.server.base.as_system(signing_in.accounts["consumer"]), write)
    browser = Browser(signing_in)
    browser.sign_in(provider)
    assert "publisher: switch account" in browser.get("/console/catalogs").body.decode()
    _state(signing_in, user.iam_id, "DISABLED_CLASSIC_INFRASTRUCTURE")
    browser = Browser(signing_in)
    browser.sign_in(provider)
    assert "consumer-a: switch account" in browser.get("/console/catalogs").body.decode()


def test_an_address_that_several_people_sign_in_as_means_none(signing_in: App, provider: IdentityProvider) -> None:
    add_person(signing_in, SOMEONE, "consumer")
    answer = Browser(signing_in).sign_in(provider)
    assert answer.status == 403
    assert f"Several people sign in as {SOMEONE}" in words(answer)


def test_the_audit_says_with_which_provider(signing_in: App, provider: IdentityProvider) -> None:
    Browser(signing_in).sign_in(provider)
    (entry,) = [entry for entry in _entries(signing_in) if entry.action == "iam-identity.user-passcode.login"]
    owner = signing_in.accounts["owner"]
    assert entry.thing_crn == f"crn:v1:bluemix:public:iam-identity::a/{owner}::identity-provider:example"
    assert entry.actor == _memberships(signing_in)[0].iam_id


@pytest.mark.parametrize("domains", [["*"], ["example.net", "example.com"]])
def test_a_provider_speaks_for_the_domains_that_it_is_given(
    domains: list[str], open_with: Callable[..., App], provider: IdentityProvider
) -> None:
    app = open_with({"example": {"email_domains": domains}}, example=provider)
    add_person(app, SOMEONE)
    assert Browser(app).sign_in(provider).status == 200


def test_claims_have_the_names_that_the_settings_give(
    open_with: Callable[..., App], provider: IdentityProvider, tmp_path: Any
) -> None:
    app = open_with(example=provider)
    path = tmp_path / "providers.toml"
    text = path.read_text() + '[providers.example.claims]\nemail = "mail"\nemail_verified = "mail_is_checked"\n'
    path.write_text(text)
    add_person(app, SOMEONE)
    app.restart()
    provider.claims = {"sub": "s", "mail": SOMEONE, "mail_is_checked": "true", "email": "x@example.com"}
    assert Browser(app).sign_in(provider).status == 200
