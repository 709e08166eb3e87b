"""Signing in with a certified provider: in a browser, and with the command line by a one-time passcode."""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from fixtures.certified_provider import CertifiedProvider
from fixtures.forked_served import ForkedServed
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.needs_node_provider, pytest.mark.by_turns(5)]
PEOPLE = {
    "ada": {"email": "ada@example.com", "email_verified": True, "name": "Ada Example", "groups": ["builders"]},
    "eve": {"email": "ada@example.com", "email_verified": False, "name": "Eve"},
    "cid": {"email": "cid@example.com", "email_verified": True, "name": "Cid Example", "groups": ["builders"]},
    "bob": {"email": "bob@example.com", "email_verified": True, "name": "Bob Example"},
}


INVITED = [{"email": "ada@example.com"}, {"email": "cid@example.com"}]


@pytest.fixture(scope="module")
def provider() -> Iterator[CertifiedProvider]:
    with CertifiedProvider() as running:
        yield running


@pytest.fixture(scope="module")
def served(provider: CertifiedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose people sign in with the provider, and of whose publisher two of them are to become users."""
    folder = tmp_path_factory.mktemp("single-sign-on")
    options = ("--hypervisor", "simulated", "--oidc-providers", str(provider.table(folder)))
    with ForkedServed(folder / "kunsthalle-data", *options) as server:
        provider.configure(server.url, PEOPLE)
        token = _token(server)
        account = server.env("publisher")["IBMCLOUD_ACCOUNT_ID"]
        _call(server, token, "POST", f"/v2/accounts/{account}/users", {"users": INVITED})
        group = _call(server, token, "POST", "/v2/groups", {"name": "builders"})["id"]
        condition = {"claim": "groups", "operator": "CONTAINS", "value": '"builders"'}
        rule = {"expiration": 8, "realm_name": provider.issuer, "conditions": [condition]}
        _call(server, token, "POST", f"/v2/groups/{group}/rules", rule)
        _call(server, token, "POST", "/v2/policies", _viewer(group))
        yield server


def _viewer(group: str) -> dict[str, Any]:
    """The role Viewer on all services for a group."""
    return {
        "type": "access",
        "subject": {"attributes": [{"key": "access_group_id", "operator": "stringEquals", "value": group}]},
        "control": {"grant": {"roles": [{"role_id": "crn:v1:bluemix:public:iam::::role:Viewer"}]}},
        "resource": {"attributes": [{"key": "serviceType", "operator": "stringEquals", "value": "service"}]},
    }


def _call(server: Served, token: str, method: str, path: str, body: Any = None) -> Any:
    raw = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(server.url + path, raw, headers, method=method)) as answer:
        return json.loads(answer.read() or b"null")


def _token(server: Served) -> str:
    key = server.env("publisher")["IBMCLOUD_API_KEY"]
    raw = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={key}".encode()
    with urllib.request.urlopen(f"{server.url}/identity/token", raw) as answer:
        return str(json.loads(answer.read())["access_token"])


class Guest(Visitor):
    """Somebody who also goes to the provider. What the provider's pages load from elsewhere is not let out."""

    def __init__(self, browser: Any, url: str, issuer: str, *, scripts: bool = True) -> None:
        self.issuer = issuer
        super().__init__(browser, url, "", scripts=scripts)
        self._context.route(re.compile(f"^(?!{re.escape(url)}|{re.escape(issuer)})"), lambda route: route.abort())

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith(self.issuer) and self.page.url.startswith(self.url):
            super()._on_request(request)

    def _on_console(self, message: Any) -> None:
        if self.page.url.startswith(self.url):
            super()._on_console(message)

    def log_in(self, login: str) -> None:
        """By the provider's own pages: the login, and the consent."""
        self.page.get_by_role("link", name="Sign in with Example").click()
        self.page.locator('input[name="login"]').fill(login)
        self.page.locator('input[name="password"]').fill("any")
        self.page.get_by_role("button", name="Sign-in").click()
        self.page.get_by_role("button", name="Continue").click()


@pytest.fixture
def guest(served: Served, browser: Any, provider: CertifiedProvider) -> Iterator[Guest]:
    with Guest(browser, served.url, provider.issuer) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def user(served: Served, browser: Any, provider: CertifiedProvider) -> str:
    """The login of somebody who has accepted the invitation."""
    with Guest(browser, served.url, provider.issuer) as invited:
        invited.open("/sign-in").log_in("cid")
        invited.sees("publisher").press("Accept invitation")
        invited.page.get_by_role("link", name="publisher: switch account").wait_for()
    return "cid"


def test_an_address_that_the_provider_has_not_verified_opens_nothing(guest: Guest) -> None:
    guest.open("/sign-in").accessible().shoot("sign-in-with-a-provider")
    guest.log_in("eve")
    guest.sees("Sign-in failed", "has not verified that the address ada@example.com is yours").accessible()
    assert [cookie["name"] for cookie in guest.page.context.cookies(f"{guest.url}/console/")] == []


def test_somebody_unknown_is_told_so(guest: Guest) -> None:
    guest.open("/sign-in").log_in("bob")
    guest.sees("No account has a user bob@example.com")
    guest.page.get_by_label("API key").wait_for()


def test_who_was_invited_signs_in_accepts_and_signs_out_everywhere(guest: Guest, served: Served) -> None:
    guest.open("/catalogs?limit=10").log_in("ada")
    guest.sees("publisher").press("Accept invitation")
    guest.page.get_by_role("link", name="publisher: switch account").wait_for()
    guest.press("Sign out").press("Sign out")
    guest.page.wait_for_url(re.compile(f"^{re.escape(guest.issuer)}/session/end"))
    guest.page.get_by_role("button", name="Yes, sign me out").click()
    guest.page.wait_for_url(re.compile("/console/signed-out/example"))
    guest.sees("You are signed out", "Example has sent you back after you signed out there.").accessible()
    guest.press("Sign in").page.get_by_role("link", name="Sign in with Example").click()
    guest.page.locator('input[name="login"]').wait_for()  # the provider asks anew: its session has ended


def test_everything_works_without_a_script(
    served: Served, browser: Any, provider: CertifiedProvider, user: str
) -> None:
    with Guest(browser, served.url, provider.issuer, scripts=False) as guest:
        guest.open("/images/custom").log_in(user)
        guest.sees("Images of this account")
        assert guest.page.url.endswith("/console/images/custom"), "on to the page that was asked for"
        cookies = {cookie["name"]: cookie for cookie in guest.page.context.cookies(f"{served.url}/console/")}
        assert cookies["kunsthalle_session"]["sameSite"] == "Strict"
        guest.page.get_by_role("link", name="Sign out").click()
        guest.page.get_by_role("button", name="Sign out").click()
        guest.page.get_by_role("button", name="Yes, sign me out").click()
        guest.sees("Example has sent you back after you signed out there.")


def test_the_command_line_signs_in_with_a_passcode(guest: Guest, served: Served, user: str, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TERM": "dumb", "BROWSER": "true"}
    arguments = ["-m", "kunsthalle", "ibmcloud", "login", "--sso", "-a", served.url, "-r", "us-south"]
    terminal = pexpect.spawn(sys.executable, arguments, env=env, encoding="utf-8", timeout=60)
    terminal.expect(r"Get a one-time code from (http\S+/identity/passcode) to proceed\.")
    page = terminal.match.group(1)
    terminal.expect(r"Open the URL in the default browser\? \[Y/n\] > ")
    terminal.sendline("n")
    terminal.expect("One-time code > ")
    guest.page.goto(page)
    guest.log_in(user)
    guest.sees("A passcode signs the command line in as you").press("Create passcode").accessible()
    guest.shoot("passcode")
    passcode = guest.page.locator("#passcode").inner_text()
    assert re.fullmatch(r"[A-HJ-NP-Za-km-z2-9]{14}", passcode)
    terminal.sendline(passcode)
    terminal.expect("Authenticating...")
    terminal.expect("OK")
    terminal.expect(r"User:\s+cid@example.com")
    terminal.expect(r"Account:\s+publisher")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert _run(env, "is", "images").startswith("Listing images"), "what the group of the provider gives"
    again = _run(env, "login", "-a", served.url, "-u", "passcode", "-p", passcode, status=1)
    assert "Provided passcode is invalid, expired or used already. (BXNIM0411E)" in again
    guest.page.goto(f"{guest.issuer}/session/end")
    guest.page.get_by_role("button", name="Yes, sign me out").click()
    guest.page.get_by_text("Sign-out Success").first.wait_for()
    assert "Not logged in" in _run(env, "is", "images", status=1), "the provider has signed out the command line, too"


def _run(env: dict[str, str], *words: str, status: int = 0) -> str:
    output, code = pexpect.run(
        " ".join([sys.executable, "-m", "kunsthalle", "ibmcloud", *words]),
        env=env,  # type: ignore[arg-type]  # the stubs name os._Environ
        withexitstatus=True,
        timeout=60,
    )
    text = output.decode()
    assert code == status, text
    return text
