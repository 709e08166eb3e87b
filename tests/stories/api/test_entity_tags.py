"""The sequences of the SDK's documentation: create, keep the header `ETag`, read, change with `If-Match`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_platform_services import IamAccessGroupsV2, IamIdentityV1, IamPolicyManagementV1
from ibm_platform_services.iam_access_groups_v2 import RuleConditions
from ibm_platform_services.iam_identity_v1 import (
    CreateProfileLinkRequestLink,
    ProfileClaimRuleConditions,
    ProfileIdentityRequest,
)
from ibm_platform_services.iam_policy_management_v1 import (
    Control,
    Grant,
    PolicyResource,
    PolicyRole,
    PolicySubject,
    ResourceAttribute,
    Roles,
    SubjectAttribute,
    V2PolicyResource,
    V2PolicyResourceAttribute,
    V2PolicySubject,
    V2PolicySubjectAttribute,
)

from fixtures.clients import Account

VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"
REALM = "https://login.example"


class Clients:
    """The three IAM services as one account's SDK clients, and a profile and a group for what belongs to one."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.identity = IamIdentityV1(authenticator=account.authenticator)
        self.policies = IamPolicyManagementV1(authenticator=account.authenticator)
        self.groups = IamAccessGroupsV2(authenticator=account.authenticator)
        for client in (self.identity, self.policies, self.groups):
            client.set_service_url(account.url)
        self.profile = self.identity.create_profile("tagged", account.id).get_result()["id"]
        self.group = self.groups.create_access_group(account.id, "tagged").get_result()["id"]

    def remove(self) -> None:
        self.identity.delete_profile(self.profile)
        self.groups.delete_access_group(self.group, force=True)


@pytest.fixture
def clients(publisher: Account) -> Any:
    made = Clients(publisher)
    yield made
    made.remove()


Steps = tuple[Callable[[], Any], Callable[[str], Any], Callable[[str, str], Any]]
"""Create; read by id; change by id and tag. What an account always has is read instead of created."""


def _key(c: Clients) -> Steps:
    i = c.identity
    return (
        lambda: i.create_api_key("tagged", c.account.iam_id),
        i.get_api_key,
        lambda id_, tag: i.update_api_key(id_, tag, description="changed"),
    )


def _service_id(c: Clients) -> Steps:
    i = c.identity
    return (
        lambda: i.create_service_id(c.account.id, "tagged"),
        i.get_service_id,
        lambda id_, tag: i.update_service_id(id_, tag, description="changed"),
    )


def _profile(c: Clients) -> Steps:
    i = c.identity
    return (
        lambda: i.create_profile("second", c.account.id),
        i.get_profile,
        lambda id_, tag: i.update_profile(id_, tag, description="changed"),
    )


def _claim_rule(c: Clients) -> Steps:
    i = c.identity
    conditions = [ProfileClaimRuleConditions("email", "EQUALS", '"a@b.example"')]
    rule = {"type": "Profile-SAML", "conditions": conditions, "realm_name": REALM, "expiration": 900}
    return (
        lambda: i.create_claim_rule(c.profile, **rule),
        lambda id_: i.get_claim_rule(c.profile, id_),
        lambda id_, tag: i.update_claim_rule(c.profile, id_, tag, **rule),
    )


def _identities(c: Clients) -> Steps:
    i, who = c.identity, [ProfileIdentityRequest(c.account.iam_id, "user")]
    return (
        lambda: i.get_profile_identities(c.profile),
        lambda _: i.get_profile_identities(c.profile),
        lambda _, tag: i.set_profile_identities(c.profile, tag, identities=who),
    )


def _settings(c: Clients) -> Steps:
    i, account = c.identity, c.account.id
    return (
        lambda: i.get_account_settings(account),
        lambda _: i.get_account_settings(account),
        lambda _, tag: i.update_account_settings(tag, account, session_expiration_in_seconds="7200"),
    )


def _policy(c: Clients) -> Steps:
    p = c.policies
    body = {
        "type": "access",
        "subjects": [PolicySubject([SubjectAttribute("iam_id", "IBMid-TAGGED0001")])],
        "roles": [PolicyRole(VIEWER)],
        "resources": [PolicyResource([ResourceAttribute("serviceName", "is")])],
    }
    return (
        lambda: p.create_policy(**body),
        p.get_policy,
        lambda id_, tag: p.replace_policy(id_, tag, description="changed", **body),
    )


def _v2_policy(c: Clients) -> Steps:
    p = c.policies
    body = {
        "type": "access",
        "control": Control(Grant([Roles(VIEWER)])),
        "subject": V2PolicySubject([V2PolicySubjectAttribute("iam_id", "stringEquals", "IBMid-TAGGED0002")]),
        "resource": V2PolicyResource([V2PolicyResourceAttribute("serviceName", "stringEquals", "enterprise")]),
    }
    return (
        lambda: p.create_v2_policy(**body),
        p.get_v2_policy,
        lambda id_, tag: p.replace_v2_policy(id_, tag, description="changed", **body),
    )


def _role(c: Clients) -> Steps:
    p, actions = c.policies, ["is.image.image.read"]
    return (
        lambda: p.create_role("Tagged", actions, "Tagged", c.account.id, "is"),
        p.get_role,
        lambda id_, tag: p.replace_role(id_, tag, "Changed", actions),
    )


def _group(c: Clients) -> Steps:
    g = c.groups
    return (
        lambda: g.create_access_group(c.account.id, "second"),
        g.get_access_group,
        lambda id_, tag: g.update_access_group(id_, tag, description="changed"),
    )


def _group_rule(c: Clients) -> Steps:
    g = c.groups
    rule = (8, REALM, [RuleConditions("email", "EQUALS", '"a@b.example"')])
    return (
        lambda: g.add_access_group_rule(c.group, *rule),
        lambda id_: g.get_access_group_rule(c.group, id_),
        lambda id_, tag: g.replace_access_group_rule(c.group, id_, tag, *rule),
    )


RESOURCES = {
    "API key": _key,
    "service ID": _service_id,
    "profile": _profile,
    "claim rule": _claim_rule,
    "identities of a profile": _identities,
    "account settings": _settings,
    "policy": _policy,
    "policy, version 2": _v2_policy,
    "custom role": _role,
    "access group": _group,
    "access group rule": _group_rule,
}


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_header_of_each_answer_allows_the_next_change(clients: Clients, resource: str) -> None:
    create, read, change = RESOURCES[resource](clients)
    created = create()
    first, body = created.get_headers()["Etag"], created.get_result()
    assert first
    assert body.get("entity_tag", first.strip('"')) == first.strip('"')
    id_ = body.get("id", "")
    assert read(id_).get_headers()["Etag"] == first
    changed = change(id_, first)
    second = changed.get_headers()["Etag"]
    assert second != first
    assert read(id_).get_headers()["Etag"] == second
    with pytest.raises(ApiException) as stale:
        change(id_, first)
    assert stale.value.status_code in {409, 412}
    assert change(id_, f"W/{second}").get_status_code() == 200


def test_a_link_has_a_tag_though_it_is_never_changed(clients: Clients) -> None:
    link = CreateProfileLinkRequestLink(crn="crn:v1:bluemix:public:is:us-south:a/1::instance:2")
    made = clients.identity.create_link(clients.profile, "VSI", link)
    read = clients.identity.get_link(clients.profile, made.get_result()["id"])
    assert made.get_headers()["Etag"] == read.get_headers()["Etag"] == f'"{made.get_result()["entity_tag"]}"'


def test_an_access_group_without_a_description_has_an_empty_one(clients: Clients) -> None:
    read = clients.groups.get_access_group(clients.group).get_result()
    listed = clients.groups.list_access_groups(clients.account.id).get_result()["groups"]
    assert read["description"] == ""
    assert all("description" in group for group in listed)


def test_the_roles_of_account_management_are_asked_for_by_their_service_group(clients: Clients) -> None:
    found = clients.policies.list_roles(account_id=clients.account.id, service_group_id="IAM").get_result()
    platform = ["Viewer", "Operator", "Editor", "Administrator"]
    assert [role["crn"] for role in found["system_roles"]] == [f"{VIEWER.rsplit(':', 1)[0]}:{one}" for one in platform]
    assert {role["display_name"] for role in found["service_roles"]} == {"ServiceIdCreator", "UserApiKeyCreator"}
    with pytest.raises(ApiException) as unknown:
        clients.policies.list_roles(account_id=clients.account.id, service_group_id="NOBODY")
    assert unknown.value.status_code == 400
    assert "IAM" in unknown.value.message
