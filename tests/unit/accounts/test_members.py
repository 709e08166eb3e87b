"""Users over HTTP: who may invite, change and remove whom, and what a change does to the tokens of those changed."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.authz.roles import EDITOR
from unit.accounts.conftest import Client, People

VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"
ADMINISTRATOR = "crn:v1:bluemix:public:iam::::role:Administrator"


def _users(client: Client) -> str:
    return f"/v2/accounts/{client.account_id}/users"


def _invited(host: Client, email: str) -> str:
    """What stands for somebody in an account until they accept."""
    return str(host.ok("POST", _users(host), {"users": [{"email": email}]})["resources"][0]["id"])


def _joined(people: People, host: Client, email: str, role: str | None = None) -> Client:
    """Somebody who has accepted, in that account."""
    policy = {"type": "access", "roles": [{"role_id": role}]}
    policies = [{**policy, "resources": [{"attributes": [{"name": "serviceType", "value": "platform_service"}]}]}]
    return people.guest(host, email, iam_policy=policies if role else [])


def test_somebody_without_a_role_sees_and_changes_himself_alone(people: People) -> None:
    owner = people.owner("publisher")
    plain = _joined(people, owner, "plain@example.com")
    listed = plain.ok("GET", _users(plain))
    assert [one["iam_id"] for one in listed["resources"]] == [plain.iam_id]
    assert listed["total_results"] == 1
    assert plain("GET", f"{_users(plain)}/{owner.iam_id}").status == 404
    himself = f"{_users(plain)}/{plain.iam_id}"
    assert plain("PATCH", himself, {"firstname": "Pat", "lastname": "Lain"}).status == 204
    assert plain.ok("GET", himself)["firstname"] == "Pat"
    assert plain("PATCH", f"{himself}/settings", {"language": "fr"}).status == 204
    assert plain("PATCH", f"{himself}/settings", {"self_manage": True}).status == 403
    assert plain("PATCH", himself, {"state": "VPN_ONLY"}).status == 403
    assert plain("DELETE", himself).status == 403
    assert plain("POST", _users(plain), {"users": [{"email": "x@example.com"}]}).status == 403


def test_nobody_invites_with_more_than_he_holds(people: People) -> None:
    owner = people.owner("publisher")
    editor = _joined(people, owner, "ed@example.com")
    people.allow(owner.account_id, editor.iam_id, ("serviceName", "user-management"), role=EDITOR)
    assert _invited(editor, "fine@example.com")
    body = {
        "users": [{"email": "more@example.com"}],
        "iam_policy": [
            {
                "type": "access",
                "roles": [{"role_id": ADMINISTRATOR}],
                "resources": [{"attributes": [{"name": "serviceType", "value": "platform_service"}]}],
            }
        ],
    }
    assert editor("POST", _users(editor), body).status == 403
    assert "more@example.com" not in str(owner.ok("GET", _users(owner)))


def test_an_invitation_is_accepted_by_the_invited_alone_and_once(people: People) -> None:
    host, guest, other = people.owner("publisher"), people.owner("outsider"), people.owner("consumer-b")
    body = {"users": [{"email": "owner@outsider.example"}]}
    invited = host.ok("POST", _users(host), body)["resources"][0]
    assert invited == {"email": "owner@outsider.example", "id": invited["id"], "state": "PENDING"}
    assert invited["id"].startswith("BSS-")
    assert host.refused(409, "POST", _users(host), body)["target"]["name"] == "users.email"
    here = {"account_id": host.account_id}
    hidden = other.refused(404, "POST", "/v2/users/accept", here)
    assert hidden == other.refused(404, "POST", "/v2/users/accept", {"account_id": "0" * 32})
    assert guest("POST", "/v2/users/accept", here).status == 202
    assert guest("POST", "/v2/users/accept", here).status == 404
    assert host.ok("GET", f"{_users(host)}/{guest.iam_id}")["state"] == "ACTIVE"


def test_a_user_who_is_disabled_or_removed_is_shut_out_at_once(people: People) -> None:
    owner = people.owner("publisher")
    one = _joined(people, owner, "shut@example.com", VIEWER)
    path = f"{_users(owner)}/{one.iam_id}"
    assert one("GET", "/v2/resource_groups").status == 200
    assert owner("PATCH", path, {"state": "DISABLED_CLASSIC_INFRASTRUCTURE"}).status == 204
    assert one("GET", "/v2/resource_groups").status == 401
    assert owner("PATCH", path, {"state": "ACTIVE"}).status == 204
    assert one("GET", "/v2/resource_groups").status == 200
    assert owner("DELETE", path).status == 204
    assert one("GET", "/v2/resource_groups").status == 401
    assert owner("GET", path).status == 404
    _invited(owner, "shut@example.com")
    one = people.login(one.secret, iam_id=one.iam_id)
    assert one("POST", "/v2/users/accept", {"account_id": owner.account_id}).status == 202
    again = people.within(one, owner.account_id)
    assert again.ok("GET", "/v2/resource_groups")["resources"] == []


def test_the_owner_stays_and_stays_active(people: People) -> None:
    owner = people.owner("publisher")
    path = f"{_users(owner)}/{owner.iam_id}"
    assert owner.refused(409, "DELETE", path)["code"] == "conflict"
    assert owner.refused(409, "PATCH", path, {"state": "VPN_ONLY"})["code"] == "conflict"
    assert owner.refused(409, "DELETE", path.replace("/v2/", "/v3/"))["code"] == "conflict"


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "", {"users": []}, "users"),
        ("POST", "", {"users": [{"email": "no address"}]}, "users.email"),
        ("POST", "", {"users": [{"email": "a@b\n"}]}, "users.email"),
        ("POST", "", {"users": [{"email": "a@b.example"}], "access_groups": ["nothing"]}, "access_groups"),
        ("GET", "?search=shoe:1", None, "search"),
        ("GET", "?limit=1000", None, "limit"),
        ("GET", "?_start=zzz", None, "_start"),
        ("GET", "?include_settings=1", None, "include_settings"),
    ],
)
def test_what_is_wrong_is_named(people: People, method: str, path: str, body: Any, field: str) -> None:
    owner = people.owner("publisher")
    answer = owner(method, _users(owner) + path, body)
    assert (answer.status in {400, 404}, answer.json["errors"][0]["target"]["name"]) == (True, field)


def test_a_search_reads_wildcards_as_themselves(people: People) -> None:
    owner = people.owner("publisher")
    _invited(owner, "per%cent@example.com")
    found = owner.ok("GET", f"{_users(owner)}?search=email:%25")["resources"]
    assert [one["email"] for one in found] == ["per%cent@example.com"]
    both = owner.ok("GET", f"{_users(owner)}?search=email:PER%25,state:active")["resources"]
    assert len(both) == 2
