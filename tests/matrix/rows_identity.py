"""The iam package's rows: keys, service IDs, profiles, settings, policies, roles, groups."""

from __future__ import annotations

from typing import Any

from fixtures.frozen_app import FrozenApp

VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"
VIEWER_ID = "IBMid-VIEWER0001"


def _attributes(frozen: FrozenApp) -> list[dict[str, str]]:
    return [
        {"key": "accountId", "operator": "stringEquals", "value": frozen.accounts["owner"]},
        {"key": "serviceName", "operator": "stringEquals", "value": "enterprise"},
    ]


def _policy(_frozen: FrozenApp) -> Any:
    return {
        "type": "access",
        "subjects": [{"attributes": [{"name": "iam_id", "value": VIEWER_ID}]}],
        "roles": [{"role_id": VIEWER}],
        "resources": [{"attributes": [{"name": "serviceName", "value": "enterprise"}]}],
    }


def _policy_v2(_frozen: FrozenApp) -> Any:
    return {
        "type": "access",
        "control": {"grant": {"roles": [{"role_id": VIEWER}]}},
        "subject": {"attributes": [{"key": "iam_id", "operator": "stringEquals", "value": VIEWER_ID}]},
        "resource": {"attributes": [{"key": "serviceName", "operator": "stringEquals", "value": "enterprise"}]},
    }


def _service_id(frozen: FrozenApp) -> Any:
    return {"account_id": frozen.accounts["owner"], "name": "another", "apikey": {"name": "another"}}


def _profile(frozen: FrozenApp) -> Any:
    return {"account_id": frozen.accounts["owner"], "name": "another"}


def _role(frozen: FrozenApp) -> Any:
    return {
        "account_id": frozen.accounts["owner"],
        "name": "Another",
        "display_name": "Another",
        "service_name": "is",
        "actions": ["is.image.image.read"],
    }


def _of(body: Any) -> Any:
    return lambda _frozen: body


_CLAIMS = [{"claim": "email", "operator": "EQUALS", "value": '"a@b.example"'}]
_CLAIM_RULE = {"type": "Profile-SAML", "realm_name": "https://login.example", "expiration": 900, "conditions": _CLAIMS}
_GROUP_RULE = {"expiration": 8, "realm_name": "https://login.example", "conditions": _CLAIMS}
_LINK = {"cr_type": "VSI", "link": {"crn": "crn:v1:bluemix:public:is:us-south:a/1::instance:2"}}
_MEMBER = {"iam_id": VIEWER_ID, "type": "user"}
PROFILE, GROUP = "/v1/profiles/{profile_id}", "/v2/groups/{access_group_id}"

BODIES = {
    "PUT /v1/apikeys/{id}": _of({"name": "renamed"}),
    "POST /v1/serviceids": _service_id,
    "POST /v1/serviceids/": _service_id,
    "PUT /v1/serviceids/{id}": _of({"name": "renamed"}),
    "PUT /v1/accounts/{account_id}/settings/identity": _of({"restrict_create_service_id": "RESTRICTED"}),
    "POST /v1/profiles": _profile,
    f"PUT {PROFILE}": _of({"name": "renamed"}),
    f"PUT {PROFILE}/identities": _of({"identities": []}),
    f"POST {PROFILE}/identities/{{identity_type}}": _of({"identifier": VIEWER_ID, "type": "user"}),
    f"POST {PROFILE}/rules": _of(_CLAIM_RULE),
    f"PUT {PROFILE}/rules/{{rule_id}}": _of(_CLAIM_RULE),
    f"POST {PROFILE}/links": _of(_LINK),
    "PUT /v1/policies/{id}": _policy,
    "PATCH /v1/policies/{id}": _of({"state": "active"}),
    "POST /v2/policies": _policy_v2,
    "PUT /v2/policies/{id}": _policy_v2,
    "POST /v2/roles": _role,
    "PUT /v2/roles/{id}": _of({"display_name": "Changed", "actions": ["is.image.image.read"]}),
    "POST /v2/groups": _of({"name": "another"}),
    "PATCH /v2/groups/settings": _of({"public_access_enabled": False}),
    "PUT /v2/groups/_allgroups/members/{iam_id}": _of({"type": "user", "groups": ["AccessGroupId-0"]}),
    f"PATCH {GROUP}": _of({"name": "renamed"}),
    f"PUT {GROUP}/members": _of({"members": [_MEMBER]}),
    f"POST {GROUP}/members/delete": _of({"members": [VIEWER_ID]}),
    f"POST {GROUP}/rules": _of(_GROUP_RULE),
    "PUT /v2/groups/{group_id}/rules/{rule_id}": _of(_GROUP_RULE),
}


def furnish(frozen: FrozenApp) -> None:
    """One of each resource of this package, owned by the publisher."""
    ids, account = frozen.ids, frozen.accounts["owner"]
    ids["accounts"] = account
    ids["serviceids"] = frozen.ok("owner", "POST", "/v1/serviceids", {"account_id": account, "name": "program"})["id"]
    ids["profiles"] = profile = frozen.ok("owner", "POST", "/v1/profiles", {"account_id": account, "name": "costume"})[
        "id"
    ]
    ids["user"] = VIEWER_ID
    frozen.ok("owner", "POST", f"/v1/profiles/{profile}/identities/user", {"identifier": VIEWER_ID, "type": "user"})
    ids["links"] = frozen.ok("owner", "POST", f"/v1/profiles/{profile}/links", _LINK)["id"]
    ids["roles"] = frozen.ok("owner", "POST", "/v2/roles", {**_role(frozen), "name": "Custom"})["id"]
    ids["groups"] = group = frozen.ok("owner", "POST", "/v2/groups", {"name": "hidden group"})["id"]
    frozen.ok("owner", "PUT", f"/v2/groups/{group}/members", {"members": [_MEMBER]})
    ids["members"] = VIEWER_ID
    ids["profiles/rules"] = frozen.ok("owner", "POST", f"/v1/profiles/{profile}/rules", _CLAIM_RULE)["id"]
    ids["groups/rules"] = frozen.ok("owner", "POST", f"/v2/groups/{group}/rules", _GROUP_RULE)["id"]
