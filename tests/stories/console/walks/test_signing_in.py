"""Signing in and out, switching, and what no other site can do."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


def test_a_key_opens_its_account_and_signing_out_closes_it(publisher: Visitor, served: Served) -> None:
    publisher.open("/images/custom").sees("API key").shoot("sign-in")
    publisher.page.get_by_label("API key").fill("not a key at all")
    publisher.press("Sign in").sees("Sign-in failed")
    publisher.fill(apikey=publisher.api_key).press("Sign in").sees("Images of this account")
    assert publisher.page.url.endswith("/console/images/custom"), "on to the page that was asked for"
    cookies = {one["name"]: one for one in publisher.page.context.cookies()}
    session = cookies["kunsthalle_session"]
    assert (session["httpOnly"], session["sameSite"], session["path"]) == (True, "Strict", "/console")
    assert publisher.api_key not in str(cookies)
    publisher.press("Sign out").press("Sign out").sees("Sign in")
    publisher.page.context.add_cookies([session])  # a thief who had copied it
    publisher.open("/images/custom").sees("API key")


def test_a_user_of_two_accounts_switches_between_them(publisher: Visitor, served: Served) -> None:
    publisher.sign_in().press("publisher: switch account").press("Sign in to another account")
    publisher.fill(apikey=served.env("consumer-a")["IBMCLOUD_API_KEY"]).press("Sign in").sees("consumer-a")
    publisher.press("consumer-a: switch account")
    publisher.page.get_by_role("dialog").get_by_role("button", name="publisher").click()
    publisher.page.get_by_role("link", name="publisher: switch account").wait_for()


def test_everything_works_without_a_script(served: Served, browser: Any) -> None:
    with Visitor(browser, served.url, served.env("publisher")["IBMCLOUD_API_KEY"], scripts=False) as visitor:
        visitor.sign_in().page.get_by_role("link", name="Theme").click()
        visitor.press("Dark")
        assert visitor.page.locator("html").get_attribute("data-theme") == "dark"
        visitor.open("/catalogs").press("Create catalog").fill(label=" ").press("Create catalog")
        visitor.faulted("label", "")
        visitor.fill(label="Without a script").press("Create catalog").sees("The catalog has been created")
        visitor.page.get_by_role("link", name="Sign out").click()
        visitor.press("Sign out").sees("API key")
