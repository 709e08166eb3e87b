"""Keys: made, given an alias, rotated, disabled, deleted and restored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from keyprotect import IbmKeyProtectApiV2

from fixtures.clients import Account
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]
READER = "crn:v1:bluemix:public:iam::::serviceRole:Reader"
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
    consumer.is_told_why_not("Rotate", "within the last hour")
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


def test_a_volume_is_encrypted_with_a_key_that_is_chosen(consumer: Visitor, consumer_account: Account) -> None:
    account = consumer_account
    group = account.groups.list_resource_groups().get_result()["resources"][0]["id"]
    kms = account.controller.create_resource_instance("volume-keys", "us-south", group, PLAN).get_result()["guid"]
    new = json.dumps({"resources": [{"name": "volume root", "extractable": False}]})
    keys = IbmKeyProtectApiV2(account.authenticator)
    keys.set_service_url(account.url)
    key = keys.create_key(kms, new).get_result()["resources"][0]
    consumer.sign_in().open("/volumes/new").accessible()
    assert consumer.page.get_by_role("option", name="volume root (volume-keys)").count() == 1
    consumer.open("/images/custom/import").accessible()
    assert consumer.page.get_by_role("option", name="volume root (volume-keys)").count() == 1
    consumer.open("/volumes/new")
    chosen = {"name": "sealed", "encryption_key.crn": key["crn"]}
    consumer.fill(**chosen).press("Create volume").page.locator("[aria-invalid=true]").wait_for()
    account.policies.create_policy(**_reads_keys(account))
    consumer.press("Create volume").sees(key["crn"]).accessible().shoot("sealed-volume")
    consumer.open(f"/keys/{kms}/{key['id']}").sees("Protected resources", "volume:").press("Delete")
    consumer.sees("The key protects resources").press("Delete").sees("see its registrations")


def _reads_keys(account: Account) -> dict[str, Any]:
    """The service `is` may read the keys of the account."""
    source = [{"name": "accountId", "value": account.id}, {"name": "serviceName", "value": "is"}]
    target = [{"name": "accountId", "value": account.id}, {"name": "serviceName", "value": "kms"}]
    return {
        "type": "authorization",
        "subjects": [{"attributes": source}],
        "roles": [{"role_id": READER}],
        "resources": [{"attributes": target}],
    }
