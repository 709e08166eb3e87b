"""Somebody new, with a first key by the operator: the console says who invites, and lets them in once they accept."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.local.client import access_token, call
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]
READ_IMAGES = {
    "type": "access",
    "roles": [{"role_id": "crn:v1:bluemix:public:iam::::role:Viewer"}],
    "resources": [{"attributes": [{"name": "serviceName", "value": "is"}]}],
}


def invited(served: Served, login: str, *accounts: str) -> str:
    """The first key of somebody whom these accounts have invited."""
    for name in accounts:
        env = served.env(name)
        token = access_token(served.url, env["IBMCLOUD_API_KEY"])
        body = {"users": [{"email": login}], "iam_policy": [READ_IMAGES]}
        call(served.url, "POST", f"/v2/accounts/{env['IBMCLOUD_ACCOUNT_ID']}/users", token, body)
    made = served.operate("POST", "/_kunsthalle/api_keys", {"account": accounts[0], "user": login})
    return str(made["api_key"])


def test_an_invited_person_accepts_in_the_console(served: Served, browser: Any) -> None:
    key = invited(served, "ben@example.com", "publisher", "consumer-a")
    with Visitor(browser, served.url, key) as ben:
        ben.sign_in().sees("Invitations", "You are in no account yet", "publisher", "invites you").accessible()
        ben.sees("Its owner is owner@publisher.example").shoot("invitations")
        for path in ("/images/custom", "/", "/users", "/api-keys/new"):
            ben.open(path)
            assert ben.page.url.endswith("/console/invitations"), path
        assert ben.page.get_by_role("navigation").count() == 0, "there is nowhere else to go"
        form = ben.page.get_by_role("form", name="Invitation to publisher")
        form.get_by_role("button", name="Accept invitation").click()
        ben.sees("You have accepted the invitation", "publisher").open("/images/custom").sees("Images of this account")
        ben.press("publisher: switch account", "Invitations").sees("consumer-a").misses("You are in no account yet")
        ben.press("Accept invitation").sees("You have accepted the invitation")
        ben.page.get_by_role("link", name="consumer-a: switch account").wait_for()


def test_who_does_not_want_to_leaves_and_stays_invited(served: Served, browser: Any) -> None:
    key = invited(served, "cy@example.com", "publisher")
    with Visitor(browser, served.url, key, scripts=False) as cy:
        cy.sign_in().sees("invites you").press("Leave and sign out", "Sign out").sees("API key")
        cy.open("/images/custom").sees("API key")
        env = served.env("publisher")
        path = f"/v2/accounts/{env['IBMCLOUD_ACCOUNT_ID']}/users?user_id=cy@example.com"
        (user,) = call(served.url, "GET", path, access_token(served.url, env["IBMCLOUD_API_KEY"]))["resources"]
        assert user["state"] == "PENDING"


def test_an_invitation_that_was_taken_back_is_gone(served: Served, browser: Any) -> None:
    key = invited(served, "di@example.com", "publisher")
    env = served.env("publisher")
    token = access_token(served.url, env["IBMCLOUD_API_KEY"])
    users = f"/v2/accounts/{env['IBMCLOUD_ACCOUNT_ID']}/users"
    with Visitor(browser, served.url, key) as di:
        di.sign_in().sees("invites you")
        (user,) = call(served.url, "GET", f"{users}?user_id=di@example.com", token)["resources"]
        call(served.url, "DELETE", f"{users}/{user['iam_id']}", token)
        di.press("Accept invitation").sees("API key")
        di.fill(apikey=key).press("Sign in").sees("Sign-in failed")
