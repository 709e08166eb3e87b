"""A call of every IAM operation that is served, in an order in which each finds what it needs; the SDK is the judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ibm_platform_services import IamAccessGroupsV2, IamIdentityV1, IamPolicyManagementV1, iam_identity_v1
from ibm_platform_services import iam_access_groups_v2 as groups_models
from ibm_platform_services import iam_policy_management_v1 as policy_models
from ibm_platform_services.iam_access_groups_v2 import AddGroupMembersRequestMembersItem, RuleConditions
from ibm_platform_services.iam_identity_v1 import (
    ApiKeyInsideCreateServiceIdRequest,
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
SOMEBODY = "IBMid-SOMEBODY77"
Step = tuple[str, Callable[[], Any], Any]
"""An operation's name, the call, and the model that its answer must fit (None for no body)."""


def identity_steps(client: IamIdentityV1, account: Account) -> Iterator[Step]:
    """API keys, service IDs, profiles, settings."""
    m, kept = iam_identity_v1, {}

    def keep(name: str, answer: Any) -> Any:
        kept[name] = answer.get_result()
        return answer

    mine = {"account_id": account.id}
    yield "create_api_key", lambda: keep("key", client.create_api_key("walk", account.iam_id)), m.ApiKey
    key = kept["key"]["id"]
    yield "list_api_keys", lambda: client.list_api_keys(scope="account", pagesize=1, **mine), m.ApiKeyList
    secret = kept["key"]["apikey"]
    yield "get_api_keys_details", lambda: client.get_api_keys_details(iam_api_key=secret), m.ApiKey
    yield "get_api_key", lambda: client.get_api_key(key, include_history=True), m.ApiKey
    yield "update_api_key", lambda: client.update_api_key(key, kept["key"]["entity_tag"], name="walked"), m.ApiKey
    for name in ("lock_api_key", "unlock_api_key", "disable_api_key", "enable_api_key", "delete_api_key"):
        yield name, lambda name=name: getattr(client, name)(key), None
    inner = ApiKeyInsideCreateServiceIdRequest("inner")
    made = lambda: keep("sid", client.create_service_id(account.id, "walk", apikey=inner))  # noqa: E731  a step
    yield "create_service_id", made, m.ServiceId
    sid = kept["sid"]["id"]
    yield "list_service_ids", lambda: client.list_service_ids(**mine), m.ServiceIdList
    yield "get_service_id", lambda: client.get_service_id(sid, include_history=True), m.ServiceId
    yield "update_service_id", lambda: client.update_service_id(sid, "*", name="walked"), m.ServiceId
    for name in ("lock_service_id", "unlock_service_id"):
        yield name, lambda name=name: getattr(client, name)(sid), None
    yield "create_profile", lambda: keep("profile", client.create_profile("walk", account.id)), m.TrustedProfile
    profile = kept["profile"]["id"]
    yield "list_profiles", lambda: client.list_profiles(account.id, include_history=True), m.TrustedProfilesList
    yield "get_profile", lambda: client.get_profile(profile), m.TrustedProfile
    yield "update_profile", lambda: client.update_profile(profile, "*", description="walked"), m.TrustedProfile
    yield from _profile_steps(client, account, profile, kept, keep)
    yield "delete_profile", lambda: client.delete_profile(profile), None
    yield "delete_service_id", lambda: client.delete_service_id(sid), None
    settings, told = m.AccountSettingsResponse, {"include_history": True}
    yield "get_account_settings", lambda: client.get_account_settings(account.id, **told), settings
    effective = m.EffectiveAccountSettingsResponse
    yield "get_effective_account_settings", lambda: client.get_effective_account_settings(account.id), effective
    restricted = {"restrict_create_service_id": "RESTRICTED"}
    changed = lambda: client.update_account_settings("*", account.id, **restricted)  # noqa: E731  a step
    yield "update_account_settings", changed, m.AccountSettingsResponse


def _profile_steps(
    client: IamIdentityV1, account: Account, profile: str, kept: dict[str, Any], keep: Callable[[str, Any], Any]
) -> Iterator[Step]:
    m = iam_identity_v1
    conditions = [ProfileClaimRuleConditions("email", "EQUALS", '"a@b.example"')]
    rule = {"type": "Profile-SAML", "conditions": conditions, "realm_name": "https://login.example", "expiration": 900}
    yield "create_claim_rule", lambda: keep("rule", client.create_claim_rule(profile, **rule)), m.ProfileClaimRule
    one = kept["rule"]["id"]
    yield "list_claim_rules", lambda: client.list_claim_rules(profile), m.ProfileClaimRuleList
    yield "get_claim_rule", lambda: client.get_claim_rule(profile, one), m.ProfileClaimRule
    yield "update_claim_rule", lambda: client.update_claim_rule(profile, one, "*", **rule), m.ProfileClaimRule
    yield "delete_claim_rule", lambda: client.delete_claim_rule(profile, one), None
    link = CreateProfileLinkRequestLink(crn="crn:v1:bluemix:public:is:us-south:a/1::instance:2")
    yield "create_link", lambda: keep("link", client.create_link(profile, "VSI", link)), m.ProfileLink
    yield "list_links", lambda: client.list_links(profile), m.ProfileLinkList
    yield "get_link", lambda: client.get_link(profile, kept["link"]["id"]), m.ProfileLink
    yield "delete_link", lambda: client.delete_link(profile, kept["link"]["id"]), None
    client.create_link(profile, "VSI", link)
    like = {"type": "VSI", "crn": link.crn}
    yield "delete_link_by_parameters", lambda: client.delete_link_by_parameters(profile, **like), None
    who, response = [ProfileIdentityRequest(account.iam_id, "user")], m.ProfileIdentityResponse
    whole = m.ProfileIdentitiesResponse
    yield "set_profile_identities", lambda: client.set_profile_identities(profile, "*", identities=who), whole
    yield "get_profile_identities", lambda: client.get_profile_identities(profile), whole
    other = ("user", SOMEBODY)
    yield "set_profile_identity", lambda: client.set_profile_identity(profile, "user", SOMEBODY, "user"), response
    yield "get_profile_identity", lambda: client.get_profile_identity(profile, *other), response
    yield "delete_profile_identity", lambda: client.delete_profile_identity(profile, *other), None


def policy_steps(client: IamPolicyManagementV1, account: Account) -> Iterator[Step]:
    """Policies of both versions, roles."""
    m, kept = policy_models, {}

    def keep(name: str, answer: Any) -> Any:
        kept[name], kept[f"{name} tag"] = answer.get_result(), answer.get_headers().get("ETag")
        return answer

    first = {
        "type": "access",
        "subjects": [PolicySubject([SubjectAttribute("iam_id", SOMEBODY)])],
        "roles": [PolicyRole(VIEWER)],
        "resources": [PolicyResource([ResourceAttribute("serviceName", "is")])],
    }
    second = {
        "type": "access",
        "control": Control(Grant([Roles(VIEWER)])),
        "subject": V2PolicySubject([V2PolicySubjectAttribute("iam_id", "stringEquals", SOMEBODY)]),
        "resource": V2PolicyResource([V2PolicyResourceAttribute("serviceName", "stringEquals", "enterprise")]),
    }
    yield "create_policy", lambda: keep("v1", client.create_policy(**first)), m.Policy
    id_ = kept["v1"]["id"]
    yield "list_policies", lambda: client.list_policies(account.id, limit=1), m.PolicyCollection
    yield "get_policy", lambda: client.get_policy(id_), m.Policy
    again = lambda: keep("v1", client.replace_policy(id_, kept["v1 tag"], description="walked", **first))  # noqa: E731  a step
    yield "replace_policy", again, m.Policy
    yield "delete_policy", lambda: client.delete_policy(id_), None
    back = lambda: client.update_policy_state(id_, kept["v1 tag"], state="active")  # noqa: E731  a step
    yield "update_policy_state", back, m.Policy
    yield "create_v2_policy", lambda: keep("v2", client.create_v2_policy(**second)), m.V2Policy
    two = kept["v2"]["id"]
    yield "list_v2_policies", lambda: client.list_v2_policies(account.id, format="display"), m.V2PolicyCollection
    yield "get_v2_policy", lambda: client.get_v2_policy(two, format="display"), m.V2Policy
    anew = lambda: client.replace_v2_policy(two, kept["v2 tag"], description="walked", **second)  # noqa: E731  a step
    yield "replace_v2_policy", anew, m.V2Policy
    yield "delete_v2_policy", lambda: client.delete_v2_policy(two), None
    asked = {"service_name": "globalcatalog-collection", "source_service_name": "is", "policy_type": "authorization"}
    yield "list_roles", lambda: client.list_roles(account_id=account.id, **asked), m.RoleCollection
    given = ("Walker", ["is.image.image.read"])
    made = lambda: keep("role", client.create_role(*given, "Walker", account.id, "is"))  # noqa: E731  a step
    yield "create_role", made, m.CustomRole
    role = kept["role"]["id"]
    yield "get_role", lambda: client.get_role(role), m.CustomRole
    yield "replace_role", lambda: client.replace_role(role, kept["role tag"], *given), m.CustomRole
    yield "delete_role", lambda: client.delete_role(role), None


def group_steps(client: IamAccessGroupsV2, account: Account) -> Iterator[Step]:
    """Access groups, members, rules, settings."""
    m, kept = groups_models, {}

    def keep(name: str, answer: Any) -> Any:
        kept[name], kept[f"{name} tag"] = answer.get_result(), answer.get_headers().get("ETag")
        return answer

    me = AddGroupMembersRequestMembersItem(account.iam_id, "user")
    yield "create_access_group", lambda: keep("group", client.create_access_group(account.id, "walk")), m.Group
    id_ = kept["group"]["id"]
    listed = lambda: client.list_access_groups(account.id, limit=1, show_federated=True)  # noqa: E731  a step
    yield "list_access_groups", listed, m.GroupsList
    yield "get_access_group", lambda: client.get_access_group(id_), m.Group
    yield "update_access_group", lambda: client.update_access_group(id_, kept["group tag"], name="walked"), m.Group
    added = m.AddGroupMembersResponse
    yield "add_members_to_access_group", lambda: client.add_members_to_access_group(id_, members=[me]), added
    yield "is_member_of_access_group", lambda: client.is_member_of_access_group(id_, me.iam_id), None
    members = lambda: client.list_access_group_members(id_, verbose=True)  # noqa: E731  a step
    yield "list_access_group_members", members, m.GroupMembersList
    yield "remove_member_from_access_group", lambda: client.remove_member_from_access_group(id_, me.iam_id), None
    many = {"type": "user", "groups": [id_]}
    join = lambda: client.add_member_to_multiple_access_groups(account.id, me.iam_id, **many)  # noqa: E731  a step
    yield "add_member_to_multiple_access_groups", join, m.AddMembershipMultipleGroupsResponse
    some = lambda: client.remove_members_from_access_group(id_, members=[me.iam_id])  # noqa: E731  a step
    yield "remove_members_from_access_group", some, m.DeleteGroupBulkMembersResponse
    out = lambda: client.remove_member_from_all_access_groups(account.id, me.iam_id)  # noqa: E731  a step
    yield "remove_member_from_all_access_groups", out, m.DeleteFromAllGroupsResponse
    rule = (8, "https://login.example", [RuleConditions("email", "EQUALS", '"a@b.example"')])
    yield "add_access_group_rule", lambda: keep("rule", client.add_access_group_rule(id_, *rule)), m.Rule
    one = kept["rule"]["id"]
    yield "list_access_group_rules", lambda: client.list_access_group_rules(id_), m.RulesList
    yield "get_access_group_rule", lambda: client.get_access_group_rule(id_, one), m.Rule
    again = lambda: client.replace_access_group_rule(id_, one, kept["rule tag"], *rule)  # noqa: E731  a step
    yield "replace_access_group_rule", again, m.Rule
    yield "remove_access_group_rule", lambda: client.remove_access_group_rule(id_, one), None
    yield "get_account_settings", lambda: client.get_account_settings(account.id), m.AccountSettings
    closed = {"public_access_enabled": False}
    yield "update_account_settings", lambda: client.update_account_settings(account.id, **closed), m.AccountSettings
    yield "delete_access_group", lambda: client.delete_access_group(id_), None
