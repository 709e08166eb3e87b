"""Nobody lets others into a profile or a group that holds more than they do: by no rule, link, identity or member.

`somebody` administers identities and access groups, and holds nothing of the service `is`.
"""

from __future__ import annotations

from typing import Any

import pytest

from unit.iam.conftest import SOMEBODY, Desk

VIEWER = "IBMid-VIEWER0001"
CONDITIONS = [{"claim": "email", "operator": "EQUALS", "value": '"a@b.example"'}]
CLAIMS = {"type": "Profile-SAML", "realm_name": "https://login.example", "expiration": 900, "conditions": CONDITIONS}
DYNAMIC = {"name": "all", "realm_name": "https://login.example", "expiration": 8, "conditions": CONDITIONS}
LINK = {"cr_type": "VSI", "link": {"crn": "crn:v1:bluemix:public:is:us-south:a/1::instance:2"}}
PERSON = {"identifier": VIEWER, "type": "user"}

WAYS: dict[str, tuple[str, str, Any, int]] = {
    "claim rule": ("POST", "{profile}/rules", CLAIMS, 201),
    "changed claim rule": ("PUT", "{profile}/rules/{claim rule}", CLAIMS, 200),
    "link": ("POST", "{profile}/links", LINK, 201),
    "identity": ("POST", "{profile}/identities/user", PERSON, 200),
    "identities": ("PUT", "{profile}/identities", {"identities": [PERSON]}, 200),
    "dynamic rule": ("POST", "{group}/rules", DYNAMIC, 201),
    "changed dynamic rule": ("PUT", "{group}/rules/{dynamic rule}", DYNAMIC, 200),
    "member": ("PUT", "{group}/members", {"members": [{"iam_id": VIEWER, "type": "user"}]}, 207),
    "groups of a member": ("PUT", "/v2/groups/_allgroups/members/" + VIEWER, {"type": "user", "groups": []}, 207),
}


@pytest.fixture(scope="module")
def places(desk: Desk) -> dict[str, str]:
    """A profile and a group that hold Viewer on `is`, each with a rule."""
    made = desk.frozen.ok("owner", "POST", "/v1/profiles", {"account_id": desk.account, "name": "strong"})
    group = desk.frozen.ok("owner", "POST", "/v2/groups", {"name": "strong"})
    assert desk.grant(made["iam_id"], "Viewer", serviceName="is").status == 201
    assert desk.grant(group["id"], "Viewer", key="access_group_id", serviceName="is").status == 201
    for service in ("iam-identity", "iam-groups"):
        assert desk.grant(SOMEBODY, "Administrator", serviceName=service).status == 201
    found = {"profile": f"/v1/profiles/{made['id']}", "group": f"/v2/groups/{group['id']}", "group id": group["id"]}
    found["claim rule"] = desk.frozen.ok("owner", "POST", f"{found['profile']}/rules", CLAIMS)["id"]
    found["dynamic rule"] = desk.frozen.ok("owner", "POST", f"{found['group']}/rules", DYNAMIC)["id"]
    return found


def _tag(desk: Desk, path: str) -> str:
    headers = dict(desk.frozen.call("owner", "GET", path).headers)
    return headers[b"etag"].decode()


def _try(desk: Desk, places: dict[str, str], way: str, who: str) -> tuple[int, str]:
    method, path, body, _ = WAYS[way]
    path = path.format(**places)
    body = {**body, "groups": [places["group id"]]} if "groups" in body else body
    tag = (
        {"if_match": _tag(desk, path)} if method == "PUT" and ("rules/" in path or path.endswith("identities")) else {}
    )
    answer = desk.frozen.call(who, method, path, body, **tag)
    told = answer.json
    for each in told.get("members", told.get("groups", [])):
        if each["status_code"] != 200:  # of several, each has a status of its own
            return each["status_code"], each["errors"][0]["message"]
    return answer.status, told["errors"][0]["message"] if answer.status >= 400 else ""


@pytest.mark.parametrize("way", WAYS)
def test_nobody_opens_what_holds_more_than_they_do(desk: Desk, places: dict[str, str], way: str) -> None:
    assert _try(desk, places, way, "somebody") == (403, "You cannot give more than you hold.")
    assert _try(desk, places, way, "owner") == (WAYS[way][3], "")


def test_who_holds_as_much_opens_it(desk: Desk, places: dict[str, str]) -> None:
    policy = desk.grant(SOMEBODY, "Viewer", serviceName="is").json["id"]
    assert {way: _try(desk, places, way, "somebody") for way in WAYS} == {way: (WAYS[way][3], "") for way in WAYS}
    desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy}")


def test_a_rule_that_is_replaced_without_a_name_keeps_its_own(desk: Desk, places: dict[str, str]) -> None:
    path = f"{places['group']}/rules/{places['dynamic rule']}"
    unnamed = {name: value for name, value in DYNAMIC.items() if name != "name"}
    answer = desk.frozen.call("owner", "PUT", path, unnamed, if_match=_tag(desk, path))
    assert (answer.status, answer.json["name"]) == (200, "all")
    made = desk.frozen.ok("owner", "POST", f"{places['group']}/rules", unnamed)
    assert made["name"] == DYNAMIC["realm_name"]
