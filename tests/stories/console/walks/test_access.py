"""Who is who and may do what: users, policies, authorizations, keys and the account tree, by hand."""

from __future__ import annotations

import re

import pytest

from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


def test_the_secret_of_a_key_is_shown_once(publisher: Visitor) -> None:
    publisher.sign_in().open("/api-keys").accessible().press("Create API key")
    publisher.fill(expires_at="2001-01-01T00:00", name="robot").press("Create API key")
    publisher.faulted("expires_at", "").fill(expires_at="").press("Create API key")
    publisher.sees("Copy the key now").accessible().shoot("api-key-made")
    secret = publisher.page.locator(".note code").inner_text()
    assert len(secret) > 30
    publisher.press("Return to API keys").sees("robot").misses(secret).shoot("api-keys").press("robot").misses(secret)
    publisher.press("Lock").press("Lock").sees("The key is locked", "Locked").accessible().shoot("api-key")
    assert publisher.page.get_by_role("link", name="Delete", exact=True).count() == 0
    publisher.press("Unlock").press("Unlock").sees("The key is unlocked").press("Delete").press("Delete")
    publisher.sees("The key is deleted").misses("robot")


def test_a_user_is_invited_given_a_role_and_removed(publisher: Visitor) -> None:
    publisher.sign_in().open("/users").press("Invite user").fill(email="guest@publisher.example").press("Invite user")
    publisher.sees("The user is invited", "guest@publisher.example").accessible().shoot("users")
    publisher.open("/policies/new").accessible()
    guest = publisher.page.locator('[name="iam_id"] option').filter(has_text=re.compile("guest@"))
    publisher.fill(iam_id=str(guest.get_attribute("value")), role="Viewer", service="is").press("Create policy")
    publisher.sees("The policy is in effect", "account publisher, service is", "Viewer").accessible().shoot("policy")
    publisher.press("Delete").press("Delete").sees("The policy is deleted").shoot("policies")
    publisher.open("/users").press("guest@publisher.example").press("Remove").press("Remove").sees(
        "The user is removed"
    )
    publisher.misses("guest@publisher.example")


def test_the_tree_is_what_each_account_sees_of_it(publisher: Visitor, outsider: Visitor, served: Served) -> None:
    publisher.sign_in().open("/accounts").sees("publisher", "this account").accessible().shoot("account-tree")
    outsider.sign_in().open("/accounts").sees("outsider").misses(served.env("publisher")["IBMCLOUD_ACCOUNT_ID"])
