"""Keys: made, given an alias, rotated, disabled, deleted and restored."""

from __future__ import annotations

import pytest

from fixtures.clients import Account
from stories.console.walks.visitor import Visitor

pytestmark = pytest.mark.needs_chromium
PLAN = "eedd3585-90c6-4c8f-be3d-062069e99fc3"


def test_a_root_key_lives_and_comes_back(consumer: Visitor, consumer_account: Account) -> None:
    consumer.sign_in().open("/keys").sees("This account has no instance of Key Protect").accessible()
    group = consumer_account.groups.list_resource_groups().get_result()["resources"][0]["id"]
    consumer_account.controller.create_resource_instance("walked-keys", "us-south", group, PLAN)
    consumer.open("/keys").press("Create key ring").fill(id="walked").press("Create key ring")
    consumer.sees("The key ring has been created").press("Create key").sees("Instance of Key Protect").accessible()
    consumer.fill(name="x").press("Create key").sees("The request was refused")
    consumer.fill(name="golden root", alias="golden").press("Create key").sees("The key has been created", "Root key")
    consumer.sees("The key protects nothing").accessible().shoot("key")
    consumer.press("Rotate").press("Rotate").sees("The key is rotated")
    consumer.press("Rotate").press("Rotate").sees("within the last hour").press("Cancel")
    consumer.press("Add alias").fill(alias="more").press("Add alias").sees("golden, more")
    consumer.press("Move to key ring").fill(keyRingID="walked").press("Move to key ring").sees(
        "The key is in the key ring"
    )
    consumer.press("Disable").press("Disable").sees("The key is disabled", "Suspended").press("Enable").press("Enable")
    consumer.sees("The key is enabled", "Active").press("Delete").press("Delete").sees(
        "It can be restored", "Destroyed"
    )
    consumer.open("/keys").sees("golden root", "Destroyed").accessible().shoot("keys").press("golden root")
    consumer.press("Restore").press("Restore").sees("The key is restored", "Active")
