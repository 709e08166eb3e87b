"""Enterprise Management, users and resource groups through the official SDKs, and what a move does to a share."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from ibm_cloud_sdk_core import ApiException
from ibm_platform_services import EnterpriseManagementV1, UserManagementV1
from ibm_platform_services.enterprise_management_v1 import (
    AccountGroupsPager,
    AccountsPager,
    CreateAccountRequestOptions,
    CreateAccountRequestTraits,
    EnterprisesPager,
)
from ibm_platform_services.user_management_v1 import UserList, UserProfile, UserSettings, UsersPager

from fixtures.clients import Account, Product
from kunsthalle.cli.main import cli
from kunsthalle.testing import Served


def enterprise_of(account: Account) -> EnterpriseManagementV1:
    client = EnterpriseManagementV1(authenticator=account.authenticator)
    client.set_service_url(account.env["IBMCLOUD_ENTERPRISE_API_ENDPOINT"])
    return client


def users_of(account: Account) -> UserManagementV1:
    client = UserManagementV1(authenticator=account.authenticator)
    client.set_service_url(account.env["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"])
    return client


@pytest.fixture
def root(served: Served) -> Account:
    return Account(served, "enterprise")


def _tree(root: Account) -> tuple[EnterpriseManagementV1, dict[str, Any]]:
    client = enterprise_of(root)
    return client, client.list_enterprises().get_result()["resources"][0]


def _group(root: Account, parent: str, name: str) -> dict[str, Any]:
    client = enterprise_of(root)
    made = client.create_account_group(parent, name, root.iam_id).get_result()["account_group_id"]
    return dict(client.get_account_group(made).get_result())


def _may_boot(account: Account, product: Product) -> bool:
    crn = product.version["crn"]
    try:
        account.vpc.create_instance_template(
            {"name": "probe", **account.network(), "catalog_offering": {"version": {"crn": crn}}}
        )
    except ApiException as error:
        assert (error.status_code, error.message) == (
            404,
            "The requested resource does not exist, or cannot be accessed.",
        )
        return False
    found = account.vpc.list_instance_templates().get_result()["templates"]
    account.vpc.delete_instance_template(next(one["id"] for one in found if one["name"] == "probe"))
    return True


def test_moving_an_account_changes_at_once_what_it_may_boot(
    root: Account, publisher: Account, consumer: Account
) -> None:
    client, top = _tree(root)
    inside, outer = _group(root, top["crn"], "may boot"), _group(root, top["crn"], "may not")
    below = _group(root, inside["crn"], "may boot too")
    product = Product(publisher, publisher.import_image("for-a-group", b"moving"), "for-a-group")
    product.publish()
    publisher.raw("POST", f"{product.path}/access", [f"-entgrp-{inside['id']}"])
    publisher.raw("POST", f"{product.path}/share", {"ibm": False, "public": False, "enabled": True})

    def offered() -> bool:
        found = consumer.catalog.get_consumption_offerings(select="private", digest=True).get_result()
        return product.offering["id"] in {one["id"] for one in found["resources"]}

    assert not offered()
    try:
        for place, may in ((inside, True), (outer, False), (below, True)):
            assert client.update_account(consumer.id, place["crn"]).get_status_code() == 202
            product.accept_as(consumer) if may else None
            assert (offered(), _may_boot(consumer, product)) == (may, may), place["name"]
        client.update_account_group(below["id"], name="still may")
        assert _may_boot(consumer, product)
    finally:
        client.update_account(consumer.id, top["crn"])
    assert (offered(), _may_boot(consumer, product)) == (False, False)


def test_the_sdk_pages_through_accounts_groups_and_enterprises(root: Account) -> None:
    client, top = _tree(root)
    made = {_group(root, top["crn"], f"page {number}")["id"] for number in range(3)}
    groups = AccountGroupsPager(client=client, parent=top["crn"], limit=1).get_all()
    assert made <= {one["id"] for one in groups}
    assert len(AccountsPager(client=client, enterprise_id=top["id"], limit=1).get_all()) >= 4
    assert [one["id"] for one in EnterprisesPager(client=client, limit=1).get_all()] == [top["id"]]
    for one in made:
        assert client.delete_account_group(one).get_status_code() == 204


def test_an_account_is_made_with_its_service_id_used_and_cancelled(root: Account) -> None:
    client, top = _tree(root)
    made = client.create_account(
        top["crn"],
        "made here",
        root.iam_id,
        traits=CreateAccountRequestTraits(mfa="NONE", enterprise_iam_managed=False),
        options=CreateAccountRequestOptions(create_iam_service_id_with_apikey_and_owner_policies=True),
    )
    answer = made.get_result()
    assert made.get_status_code() == 202
    account = client.get_account(answer["account_id"]).get_result()
    assert (account["state"], account["owner_iam_id"], account["parent"]) == ("ACTIVE", root.iam_id, top["crn"])
    assert client.delete_account(account["id"]).get_status_code() == 204
    with pytest.raises(ApiException) as caught:
        client.get_account(account["id"])
    assert caught.value.status_code == 404


def test_users_are_invited_listed_changed_and_removed(publisher: Account) -> None:
    users = users_of(publisher)
    invited = users.invite_users(publisher.id, users=[{"email": "new@publisher.example", "account_role": "Member"}])
    assert invited.get_status_code() == 202
    iam_id = invited.get_result()["resources"][0]["id"]
    listed = UserList.from_dict(users.list_users(publisher.id).get_result())
    assert listed.total_results == len(listed.resources)
    assert UserProfile.from_dict(users.get_user_profile(publisher.id, iam_id).get_result()).state == "PENDING"
    assert len(UsersPager(client=users, account_id=publisher.id, limit=1).get_all()) == listed.total_results

    done = users.update_user_profile(publisher.id, iam_id, firstname="New", lastname="User", phonenumber="1")
    assert done.get_status_code() == 204
    profile = users.get_user_profile(publisher.id, iam_id).get_result()
    assert (profile["firstname"], profile["lastname"], profile["phonenumber"]) == ("New", "User", "1")
    assert users.update_user_settings(publisher.id, iam_id, language="de", self_manage=True).get_status_code() == 204
    settings = UserSettings.from_dict(users.get_user_settings(publisher.id, iam_id).get_result())
    assert (settings.language, settings.self_manage) == ("de", True)
    found = users.list_users(publisher.id, search="email:new@pub", include_settings=True).get_result()
    assert [one["settings"]["language"] for one in found["resources"]] == ["de"]

    assert users.remove_user(publisher.id, iam_id).get_status_code() == 204
    again = users.invite_users(publisher.id, users=[{"email": "new@publisher.example"}]).get_result()
    assert users.v3_remove_user(publisher.id, again["resources"][0]["id"]).get_status_code() == 204
    with pytest.raises(ApiException) as caught:
        users.remove_user(publisher.id, publisher.iam_id)
    assert caught.value.status_code == 409


def test_resource_groups_are_made_renamed_filled_emptied_and_deleted(publisher: Account) -> None:
    groups = publisher.groups
    made = groups.create_resource_group(account_id=publisher.id, name="Team A")
    assert (made.get_status_code(), set(made.get_result())) == (201, {"id", "crn"})
    id_ = made.get_result()["id"]
    assert groups.update_resource_group(id_, name="Team B", state="ACTIVE").get_result()["name"] == "Team B"
    vpc = publisher.vpc.create_vpc(name="in-team-b", resource_group={"id": id_}).get_result()
    assert vpc["resource_group"]["name"] == "Team B"

    with pytest.raises(ApiException) as caught:
        groups.delete_resource_group(id_)
    assert caught.value.status_code == 409
    publisher.vpc.delete_vpc(vpc["id"])
    assert groups.delete_resource_group(id_).get_status_code() == 204
    left = groups.list_resource_groups(account_id=publisher.id, default=True).get_result()["resources"]
    assert [one["name"] for one in left] == ["Default"]
    with pytest.raises(ApiException) as refused:
        groups.delete_resource_group(left[0]["id"])
    assert refused.value.status_code == 409
    every = groups.list_resource_groups(account_id=publisher.id, include_deleted=True).get_result()["resources"]
    assert {(one["name"], one["state"]) for one in every} >= {("Team B", "DELETED"), ("Default", "ACTIVE")}
    assert groups.create_resource_group(account_id=publisher.id, name="Team B").get_status_code() == 201


def test_the_quota_that_groups_name_is_there(publisher: Account) -> None:
    group = publisher.groups.list_resource_groups(account_id=publisher.id).get_result()["resources"][0]
    listed = publisher.groups.list_quota_definitions().get_result()["resources"]
    assert publisher.groups.get_quota_definition(group["quota_id"]).get_result() in listed


def test_the_samples_resource_group_means_the_default_one(publisher: Account, outsider: Account) -> None:
    for account in (publisher, outsider):
        sample = {"id": "fee82deba12e4c0fb69c3b09d1f12345"}
        made = account.vpc.create_vpc(name="from-a-sample", resource_group=sample).get_result()
        default = account.groups.list_resource_groups(account_id=account.id, default=True).get_result()["resources"][0]
        assert made["resource_group"]["id"] == default["id"]


def _audit(served: Served, *options: str) -> str:
    done = CliRunner().invoke(cli, ["audit", "--data", str(served.data), *options])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_audit_is_printed_for_people_and_for_programs(served: Served, outsider: Account) -> None:
    made = outsider.groups.create_resource_group(account_id=outsider.id, name="audited").get_result()
    with pytest.raises(ApiException):
        outsider.groups.create_resource_group(account_id=outsider.id, name="audited")
    entries = json.loads(_audit(served, "--account", "outsider", "--since", "1h", "--output", "json"))
    assert [one["outcome"] for one in entries[:2]] == [409, 201]
    assert (entries[1]["resource_crn"], entries[1]["actor"]) == (made["crn"], outsider.iam_id)
    assert {one["account_id"] for one in entries} == {outsider.id}

    head, newest, *_ = _audit(served, "--account", outsider.id, "--limit", "1").splitlines()
    assert head.split() == ["at", "outcome", "account", "actor", "action", "target"]
    assert newest.split()[1:5] == ["409", "conflict", "outsider", "owner@outsider.example"]
    assert outsider.env["IBMCLOUD_API_KEY"] not in _audit(served, "--output", "json", "--limit", "1000")
    failed = CliRunner().invoke(cli, ["audit", "--data", str(served.data), "--since", "yesterday"])
    assert (failed.exit_code, "RFC 3339" in failed.output) == (1, True)
