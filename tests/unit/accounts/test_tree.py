"""The enterprise tree over HTTP: what grows, what moves, who sees what."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ibm_platform_services.enterprise_management_v1 import (
    CreateAccountResponse,
    CreateEnterpriseResponse,
    ListAccountGroupsResponse,
    ListAccountsResponse,
    ListEnterprisesResponse,
)

from kunsthalle.accounts.queries import DEEPEST
from kunsthalle.authz.roles import VIEWER
from unit.accounts.conftest import Client, People


def _enterprise(client: Client) -> dict[str, Any]:
    return dict(client.ok("GET", "/v1/enterprises")["resources"][0])


def _group(client: Client, parent: str, name: str = "group") -> dict[str, Any]:
    body = {"parent": parent, "name": name, "primary_contact_iam_id": client.iam_id}
    made = client.ok("POST", "/v1/account-groups", body)["account_group_id"]
    return dict(client.ok("GET", f"/v1/account-groups/{made}"))


def _account(client: Client, parent: str, name: str = "another") -> str:
    body = {"parent": parent, "name": name, "owner_iam_id": client.iam_id}
    answer = client("POST", "/v1/accounts", body)
    assert answer.status == 202
    return str(CreateAccountResponse.from_dict(answer.json).account_id)


def _names(client: Client, path: str) -> set[str]:
    return {one["name"] for one in client.ok("GET", path)["resources"]}


def test_the_enterprise_account_sees_the_whole_tree_and_a_member_itself(people: People) -> None:
    root, publisher, outsider = people.owner("enterprise"), people.owner("publisher"), people.owner("outsider")

    listed = ListAccountsResponse.from_dict(root.ok("GET", "/v1/accounts"))
    assert {one.name for one in listed.resources} == {"enterprise", "publisher", "consumer-a", "consumer-b"}
    assert listed.rows_count == 4
    assert _names(root, f"/v1/accounts?enterprise_id={_enterprise(root)['id']}") == {
        one.name for one in listed.resources
    }

    assert _names(publisher, "/v1/accounts") == {"publisher"}
    own = publisher.ok("GET", f"/v1/accounts/{publisher.account_id}")
    assert own["enterprise_id"] == _enterprise(root)["id"]
    assert own["enterprise_path"] == f"enterprise:{own['enterprise_id']}/account:{own['id']}"
    assert own["crn"] == f"crn:v1:bluemix:public:enterprise::a/{root.account_id}::account:{own['id']}"
    assert _names(outsider, "/v1/accounts") == {"outsider"}
    assert outsider.ok("GET", "/v1/enterprises")["resources"] == []


def test_a_member_learns_its_enterprise_and_not_whom_it_belongs_to(people: People) -> None:
    root, publisher, sibling = people.owner("enterprise"), people.owner("publisher"), people.owner("consumer-b")
    path = f"/v1/enterprises?account_id={publisher.account_id}"
    seen = ListEnterprisesResponse.from_dict(publisher.ok("GET", path)).resources[0]
    assert (seen.id, seen.enterprise_account_id) == (_enterprise(root)["id"], root.account_id)
    assert (seen.primary_contact_iam_id, seen.primary_contact_email, seen.source_account_id) == (None, None, None)
    assert sibling.ok("GET", path)["resources"] == []
    assert _enterprise(root)["primary_contact_email"] == "owner@enterprise.example"
    assert publisher("PATCH", f"/v1/enterprises/{seen.id}", {"name": "taken over"}).status == 403


def test_strangers_cannot_tell_a_hidden_node_from_one_that_never_was(people: People) -> None:
    root, stranger = people.owner("enterprise"), people.owner("outsider")
    enterprise = _enterprise(root)
    group = _group(root, enterprise["crn"])
    account = people.owner("publisher").account_id
    trace = {"x_request_id": "00000000-0000-4000-8000-000000000000"}
    body = {"parent": enterprise["crn"], "name": "name"}
    for path, hidden in (
        ("enterprises", enterprise["id"]),
        ("account-groups", group["id"]),
        ("accounts", account),
    ):
        for method in ("GET", "PATCH", "DELETE"):
            real, never = (stranger(method, f"/v1/{path}/{id_}", body, **trace) for id_ in (hidden, "0" * 32))
            assert real == never, (method, path)
            assert real.status == (405 if (method, path) == ("DELETE", "enterprises") else 404)
    made = {"name": "mine", "owner_iam_id": stranger.iam_id}
    for crn in (enterprise["crn"], group["crn"], enterprise["crn"][:-32] + "0" * 32):
        assert stranger.refused(404, "POST", "/v1/accounts", {**made, "parent": crn})["target"]["name"] == "parent"
    importing = f"/v1/enterprises/{enterprise['id']}/import/accounts"
    one, other = (root("PUT", f"{importing}/{id_}", **trace) for id_ in (stranger.account_id, "0" * 32))
    assert one == other
    assert one.status == 404


def test_groups_nest_are_renamed_and_moved_and_go_only_when_empty(people: People) -> None:
    root = people.owner("enterprise")
    top = _enterprise(root)
    outer = _group(root, top["crn"], "outer")
    inner = _group(root, outer["crn"], "inner")
    assert inner["parent"] == outer["crn"]
    assert inner["enterprise_path"].endswith(f"account-group:{outer['id']}/account-group:{inner['id']}")

    def names(query: str) -> set[str]:
        return _names(root, f"/v1/account-groups?{query}")

    assert names(f"parent={top['crn']}") == {"outer"}
    assert names(f"parent={outer['crn']}") == {"inner"}
    assert names(f"parent_account_group_id={outer['id']}") == {"inner"}
    assert names(f"enterprise_id={top['id']}") == {"outer", "inner"}
    assert names("enterprise_id=" + "0" * 32) == set()
    assert names("parent=nonsense") == set()

    here = f"/v1/account-groups/{outer['id']}"
    assert root("PATCH", here, {"name": "renamed"}).status == 204
    assert root.ok("GET", here)["name"] == "renamed"
    assert root.refused(409, "PATCH", here, {"parent": inner["crn"]})["target"]["name"] == "parent"
    assert root.refused(409, "DELETE", here)["code"] == "conflict"
    assert root("PATCH", f"/v1/account-groups/{inner['id']}", {"parent": top["crn"]}).status == 204
    assert names(f"parent={top['crn']}") == {"renamed", "inner"}
    assert root("DELETE", here).status == 204
    assert root("GET", here).status == 404
    gone = ListAccountGroupsResponse.from_dict(root.ok("GET", "/v1/account-groups?include_deleted=true"))
    assert {(one.name, one.state) for one in gone.resources} == {("renamed", "DELETED"), ("inner", "ACTIVE")}


def test_the_tree_has_a_depth_at_which_it_ends(people: People) -> None:
    root = people.owner("enterprise")
    crn = _enterprise(root)["crn"]
    for depth in range(DEEPEST - 1):
        crn = _group(root, crn, f"depth {depth}")["crn"]
    body = {"parent": crn, "name": "too deep", "primary_contact_iam_id": root.iam_id}
    assert root.refused(409, "POST", "/v1/account-groups", body)["target"]["name"] == "parent"


def test_a_new_account_has_an_owner_a_default_group_and_its_own_scope(people: People) -> None:
    root = people.owner("enterprise")
    made = _account(root, _enterprise(root)["crn"])
    owner = people.keyed(made, root.iam_id)
    assert _names(owner, "/v2/resource_groups") == {"Default"}
    assert owner.ok("GET", f"/v1/accounts/{made}")["owner_email"] == "owner@enterprise.example"
    assert owner("POST", "/v2/resource_groups", {"name": "mine"}).status == 201
    assert _names(owner, "/v1/accounts") == {"another"}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"name": "no"}, 400, "name"),
        ({"name": "x" * 61}, 400, "name"),
        ({"owner_iam_id": "IBMid-NOBODY"}, 400, "owner_iam_id"),
        ({"parent": "not a crn"}, 400, "parent"),
        ({"parent": "crn:v1:bluemix:public:enterprise::a/" + "0" * 32 + "::enterprise:" + "0" * 32}, 404, "parent"),
    ],
)
def test_an_account_is_refused_with_the_field_named(
    people: People, change: dict[str, str], status: int, field: str
) -> None:
    root = people.owner("enterprise")
    body = {"parent": _enterprise(root)["crn"], "name": "fine", "owner_iam_id": root.iam_id, **change}
    assert root.refused(status, "POST", "/v1/accounts", body)["target"]["name"] == field
    assert "fine" not in _names(root, "/v1/accounts")


def test_an_owner_nobody_in_the_enterprise_knows_is_refused_as_one_who_never_was(people: People) -> None:
    root, outsider = people.owner("enterprise"), people.owner("outsider")
    body = {"parent": _enterprise(root)["crn"], "name": "fine"}
    known, never = (
        root.refused(400, "POST", "/v1/accounts", {**body, "owner_iam_id": id_})
        for id_ in (outsider.iam_id, "IBMid-0000000000")
    )
    assert known == never


def test_accounts_move_within_the_enterprise_and_lists_follow(people: People) -> None:
    root, publisher = people.owner("enterprise"), people.owner("publisher")
    group = _group(root, _enterprise(root)["crn"])
    inner = _group(root, group["crn"], "inner")
    here = f"/v1/accounts/{publisher.account_id}"
    assert root("PATCH", here, {"parent": inner["crn"]}).status == 202
    assert publisher.ok("GET", here)["parent"] == inner["crn"]
    assert _names(root, f"/v1/accounts?account_group_id={group['id']}") == {"publisher"}
    assert _names(root, f"/v1/accounts?parent={group['crn']}") == set()
    assert _names(root, f"/v1/accounts?parent={inner['crn']}") == {"publisher"}
    assert root.refused(409, "DELETE", f"/v1/account-groups/{inner['id']}")["code"] == "conflict"
    assert publisher("PATCH", here, {"parent": _enterprise(publisher)["crn"]}).status == 403
    assert root("PATCH", f"/v1/accounts/{root.account_id}", {"parent": group["crn"]}).status == 409


def test_a_policy_on_a_group_shows_and_opens_that_part_of_the_tree_alone(people: People) -> None:
    root = people.owner("enterprise")
    left, right = (_group(root, _enterprise(root)["crn"], name) for name in ("left", "right"))
    gail = people.guest(root, "gail@example.com")
    people.allow(root.account_id, gail.iam_id, ("serviceName", "enterprise"), ("accountGroupId", left["id"]))
    assert _names(gail, "/v1/account-groups") == {"left"}
    assert gail("GET", f"/v1/account-groups/{right['id']}").status == 404
    body = {"name": "hers", "owner_iam_id": root.iam_id}
    assert gail("POST", "/v1/accounts", {**body, "parent": left["crn"]}).status == 202
    assert gail("POST", "/v1/accounts", {**body, "parent": right["crn"]}).status == 404
    assert "hers" in _names(gail, "/v1/accounts")
    assert "publisher" not in _names(gail, "/v1/accounts")

    viewer = "IBMid-TREEVIEWER"
    people.write(root.account_id, lambda session: _user(session, viewer))
    people.allow(root.account_id, viewer, ("serviceName", "enterprise"), role=VIEWER)
    looking = people.keyed(root.account_id, viewer)
    assert _names(looking, "/v1/account-groups") == {"left", "right"}
    assert looking("POST", "/v1/accounts", {**body, "parent": left["crn"]}).status == 403
    assert looking("DELETE", f"/v1/account-groups/{right['id']}").status == 403


def _user(session: Any, iam_id: str) -> None:
    from kunsthalle.accounts.service import add_user

    add_user(session, session.ctx.account_id, iam_id, f"{iam_id}@example.com", "Some Body")


def test_a_stand_alone_account_founds_an_enterprise_and_is_its_first_child(people: People) -> None:
    outsider = people.owner("outsider")
    body = {"source_account_id": outsider.account_id, "name": "Second", "primary_contact_iam_id": outsider.iam_id}
    answer = outsider("POST", "/v1/enterprises", {**body, "domain": "second.example"})
    assert answer.status == 202
    made = CreateEnterpriseResponse.from_dict(answer.json)
    assert outsider.ok("GET", f"/v1/accounts/{outsider.account_id}")["enterprise_id"] == made.enterprise_id
    root = people.keyed(made.enterprise_account_id, outsider.iam_id)
    assert _names(root, "/v1/accounts") == {"Second", "outsider"}
    assert _enterprise(root)["domain"] == "second.example"
    seen = _enterprise(outsider)  # which is merely in it, but whose owner is the contact
    assert (seen["domain"], seen["primary_contact_iam_id"]) == ("second.example", outsider.iam_id)
    assert outsider.refused(409, "POST", "/v1/enterprises", body)["code"] == "conflict"
    assert outsider("POST", "/v1/enterprises", {**body, "source_account_id": root.account_id}).status == 404
    assert people.owner("enterprise").ok("GET", f"/v1/enterprises?account_id={outsider.account_id}")["resources"] == []


def test_an_account_is_imported_by_who_is_an_administrator_of_both(people: People) -> None:
    root, outsider = people.owner("enterprise"), people.owner("outsider")
    here = f"/v1/enterprises/{_enterprise(root)['id']}/import/accounts/{outsider.account_id}"
    group = _group(root, _enterprise(root)["crn"])
    assert root("PUT", here).status == 404

    policy = {
        "type": "access",
        "roles": [{"role_id": "crn:v1:bluemix:public:iam::::role:Administrator"}],
        "resources": [{"attributes": [{"name": "serviceType", "value": "platform_service"}]}],
    }
    body = {"users": [{"email": "owner@enterprise.example"}], "iam_policy": [policy]}
    invited = outsider.ok("POST", f"/v2/accounts/{outsider.account_id}/users", body)["resources"][0]
    assert (invited["email"], invited["state"]) == ("owner@enterprise.example", "PENDING")
    root.ok("POST", "/v2/users/accept", {"account_id": outsider.account_id})

    assert root("PUT", here, {"parent": group["crn"]}).status == 202
    moved = outsider.ok("GET", f"/v1/accounts/{outsider.account_id}")
    assert (moved["parent"], moved["enterprise_account_id"]) == (group["crn"], root.account_id)
    assert root.refused(409, "PUT", here)["code"] == "conflict"


def test_a_cancelled_account_is_shut_and_listed_only_on_request(people: People) -> None:
    root, gone = people.owner("enterprise"), people.owner("consumer-b")
    here = f"/v1/accounts/{gone.account_id}"
    assert gone("DELETE", here).status == 403
    assert root("DELETE", f"/v1/accounts/{root.account_id}").status == 409
    guest = people.owner("outsider")
    gone.ok("POST", f"/v2/accounts/{gone.account_id}/users", {"users": [{"email": "owner@outsider.example"}]})
    assert root("DELETE", here).status == 204
    guest.refused(404, "POST", "/v2/users/accept", {"account_id": gone.account_id})
    assert root("GET", here).status == 404
    assert "consumer-b" not in _names(root, "/v1/accounts")
    listed = root.ok("GET", f"/v1/accounts?include_deleted=true&enterprise_id={_enterprise(root)['id']}")
    assert [one["state"] for one in listed["resources"] if one["name"] == "consumer-b"] == ["DELETED"]
    assert gone("GET", "/v2/resource_groups").status in {200, 401}
    assert gone("POST", "/v2/resource_groups", {"name": "late"}).status in {401, 403}
    form = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={gone.secret}".encode()
    assert Client(people, "")("POST", "/identity/token", form).status == 400


def test_lists_are_paged_to_the_end_and_tokens_are_checked(people: People) -> None:
    root = people.owner("enterprise")
    crn = _enterprise(root)["crn"]
    made = {_account(root, crn, f"paged-{n}") for n in range(5)}
    seen: list[str] = []
    path = f"/v1/accounts?parent={crn}&limit=2"
    while path:
        one = root.ok("GET", path)
        assert one["rows_count"] == len(one["resources"]) <= 2
        seen += [each["id"] for each in one["resources"]]
        path = one.get("next_url", "")
        if "next_url" in one:
            assert set(parse_qs(urlsplit(path).query)) == {"parent", "limit", "next_docid"}
    assert len(seen) == len(set(seen)) == 9
    assert made < set(seen)
    for bad in ("limit=101", "limit=x", "next_docid=%21", "next_docid=MS4", "include_deleted=maybe"):
        assert root.refused(400, "GET", f"/v1/accounts?{bad}")["target"]["type"] == "parameter"
    assert len(root.ok("GET", "/v1/accounts?limit=0")["resources"]) == 9
