"""An account of an enterprise is moved to another account group, and deleted after a look at what it holds."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.local import folder
from kunsthalle.local.client import access_token, call
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


@pytest.fixture
def department(served: Served) -> str:
    """The key of the owner of an account of the first of two account groups, which holds a volume."""
    env = served.env("enterprise")
    token = access_token(served.url, env["IBMCLOUD_API_KEY"])
    (enterprise,) = call(served.url, "GET", "/v1/enterprises", token)["resources"]
    for name in ("First unit", "Second unit"):
        body = {"parent": enterprise["crn"], "name": name, "primary_contact_iam_id": env["KUNSTHALLE_IAM_ID"]}
        call(served.url, "POST", "/v1/account-groups", token, body)
    account = {"name": "department", "owner": "head@department.example", "enterprise": "enterprise"}
    made = served.operate("POST", "/_kunsthalle/accounts", {**account, "parent": "First unit"})
    own = access_token(served.url, made["api_key"])
    volume = {"profile": {"name": "general-purpose"}, "zone": {"name": "us-south-1"}, "capacity": 10}
    call(served.url, "POST", "/v1/volumes?version=2025-06-30&generation=2", own, volume)
    return str(made["api_key"])


def _place(visitor: Visitor) -> str:
    """What the tree shows right above the account."""
    item = visitor.page.locator("li").filter(has=visitor.page.locator("> .pair", has_text="department"))
    return str(item.locator("xpath=../../span/b").inner_text())


def test_an_account_is_moved_by_name_and_deleted(served: Served, browser: Any, department: str) -> None:
    with Visitor(browser, served.url, served.env("enterprise")["IBMCLOUD_API_KEY"]) as visitor:
        visitor.sign_in().menu("Operate this server")
        visitor.fill(operator_token=folder.credentials(served.data)["operator_token"]).press("Enter operator mode")
        visitor.menu("Account tree").sees("First unit", "Second unit", "department").accessible().fits()
        assert _place(visitor) == "First unit"
        visitor.page.get_by_label("Actions for department").click()
        visitor.press("Move").accessible().pick("parent", "Second unit (account group)").press("Move")
        visitor.sees("The account is moved")
        assert _place(visitor) == "Second unit"
        visitor.menu("Audit").sees("enterprise.account.move").accessible()

        visitor.menu("Account tree").page.get_by_label("Actions for department").click()
        visitor.press("Delete").sees("All of this ends with the account").accessible()
        held = visitor.page.locator("dialog dl.facts").inner_text().split("\n")
        assert {"Volume", "User", "Resource group"} <= set(held)
        visitor.portray("delete_account").fill(confirm="departments").press("Delete")
        visitor.faulted("confirm", "Type the name of the account exactly.")
        visitor.fill(confirm="department").press("Delete").sees("The account department is deleted.")
        assert visitor.page.get_by_label("Actions for department").count() == 0
        visitor.menu("Audit").sees("enterprise.account.cancel")
    with Visitor(browser, served.url, department) as owner:
        owner.open("/sign-in").fill(apikey=department).press("Sign in").sees("Sign-in failed")
