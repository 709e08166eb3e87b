"""An invitation is for whoever signs in with its address, not for whoever claims it, and tells nothing of anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from attacks.people import ADMINISTRATOR, Person, owner, token
from kunsthalle.testing import Served


@pytest.fixture
def host(served: Served) -> Iterator[Person]:
    """Who invites; afterwards nobody but the owner is a user of the account."""
    found = owner(served, "publisher")
    yield found
    for one in found.ok("GET", found.users)["resources"]:
        if one["iam_id"] != found.iam_id:
            found.ok("DELETE", f"{found.users}/{one['iam_id']}")


@pytest.fixture(scope="module")
def invited(served: Served) -> Person:
    return owner(served, "consumer-a")


@pytest.fixture(scope="module")
def pretender(served: Served) -> Person:
    """Somebody who says that the other's address is theirs."""
    found = owner(served, "outsider")
    himself = f"{found.users}/{found.iam_id}"
    assert found("PATCH", himself, {"email": owner(served, "consumer-a").login}).status == 204
    assert found.ok("GET", himself)["user_id"] == found.login, "what they sign in as stays"
    return found


def test_the_invitation_waits_for_the_person_and_not_for_a_claim(
    host: Person, invited: Person, pretender: Person
) -> None:
    host.invite(invited, "platform_service")
    refused = pretender("POST", "/v2/users/accept", {"account_id": host.account_id})
    never = pretender("POST", "/v2/users/accept", {"account_id": "0" * 32})
    assert (refused.status, refused.json["errors"]) == (404, never.json["errors"])
    inside = invited.accept(host)
    assert inside("GET", "/v1/apikeys?scope=account").status == 200, "what was given with the invitation is there"


def _told(host: Person, address: str) -> list[Any]:
    """Everything an account is told of an invitation, with what is drawn by lot left out."""
    invitation = host.ok("POST", host.users, {"users": [{"email": address}]})["resources"][0]
    id_ = invitation["id"]
    profile = host.ok("GET", f"{host.users}/{id_}")
    listed = [one for one in host.ok("GET", host.users)["resources"] if one["iam_id"] == id_]
    found = host.ok("GET", f"{host.users}?user_id={address}")["resources"]
    assert found == listed == [profile]
    twice = host("POST", host.users, {"users": [{"email": address}]})
    key = host("POST", "/v1/apikeys", {"name": "k", "iam_id": id_})
    host.ok("DELETE", f"{host.users}/{id_}")
    name = address.partition("@")[0]
    shown = {**profile, "id": len(profile["id"]), "added_on": "then"}
    told: list[Any] = [invitation, shown, (twice.status, twice.json["errors"]), (key.status, key.json["errors"])]
    return [str(one).replace(id_, "ID").replace(address, "ADDRESS").replace(name, "NAME") for one in told]


def test_an_address_that_somebody_has_and_one_that_nobody_has_are_answered_alike(host: Person, invited: Person) -> None:
    assert _told(host, invited.login) == _told(host, "nobody@nowhere.example")


def test_who_is_invited_stands_for_nobody_until_they_accept(host: Person, invited: Person) -> None:
    """Neither the IAM ID nor the name is told, and invitations of one address have nothing in common."""
    ids = set()
    for _ in range(2):
        ids.add(host.invite(invited)["id"])
        (listed,) = host.ok("GET", f"{host.users}?user_id={invited.login}")["resources"]
        assert invited.iam_id not in str(listed)
        assert (listed["state"], listed["firstname"]) == ("PENDING", "owner")
        host.ok("DELETE", f"{host.users}/{listed['iam_id']}")
    assert len(ids) == 2


def test_what_an_invitation_was_given_is_the_persons_once_they_accept(host: Person, invited: Person) -> None:
    """Policies and access groups, of before and of after the invitation, and nothing twice."""
    waiting = host.invite(invited, "platform_service")["id"]
    group = host.ok("POST", "/v2/groups", {"name": "guests"})["id"]
    reply = host.ok("PUT", f"/v2/groups/{group}/members", {"members": [{"iam_id": waiting, "type": "user"}]})
    assert reply["members"][0]["status_code"] == 200
    assert host.allow(waiting, ADMINISTRATOR, serviceName="is").status == 201
    for iam_id in (waiting, invited.iam_id):
        assert host.allow(iam_id, ADMINISTRATOR, serviceName="cloud-object-storage").status == 201
    invited.accept(host)
    listed = host.ok("GET", f"/v1/policies?account_id={host.account_id}&iam_id={invited.iam_id}")["policies"]
    given = [one["resources"][0]["attributes"] for one in listed]
    values = sorted(one["value"] for attributes in given for one in attributes if one["name"] != "accountId")
    assert values == ["cloud-object-storage", "is", "platform_service"]
    members = host.ok("GET", f"/v2/groups/{group}/members")["members"]
    assert [one["iam_id"] for one in members] == [invited.iam_id]
    assert host("GET", f"{host.users}/{waiting}").status == 404
    host.ok("DELETE", f"/v2/groups/{group}?force=true")


def test_nobody_in_an_account_passes_for_a_colleague(served: Served, host: Person, invited: Person) -> None:
    """Tools look people up by e-mail address: it is given to no second user, and goes to whoever is invited by it."""
    clerk = owner(served, "consumer-b")
    host.invite(clerk)
    inside = clerk.accept(host)
    himself = f"{inside.users}/{inside.iam_id}"
    assert inside("PATCH", himself, {"email": host.login.upper()}).status == 409
    assert inside("PATCH", himself, {"email": invited.login.title()}).status == 204
    waiting = host.invite(invited)["id"]
    found = host.ok("GET", f"{host.users}?search=email:{invited.login}")["resources"]
    assert [one["iam_id"] for one in found] == [waiting]
    assert inside.ok("GET", himself)["email"] == clerk.login


def test_an_address_is_the_same_in_capitals(host: Person, invited: Person) -> None:
    body = {"users": [{"email": invited.login.upper()}]}
    host.ok("POST", host.users, body)
    assert host("POST", host.users, {"users": [{"email": invited.login}]}).status == 409
    assert invited.accept(host).account_id == host.account_id


def test_a_group_names_people_whom_the_account_does_not_know_and_gives_them_nothing(
    host: Person, invited: Person
) -> None:
    """Nothing until they are users of the account, and whether there is such a person is not told."""
    group = host.ok("POST", "/v2/groups", {"name": "future"})["id"]
    members = [{"iam_id": iam_id, "type": "user"} for iam_id in (invited.iam_id, "IBMid-NEVERWAS01")]
    reply = host.ok("PUT", f"/v2/groups/{group}/members", {"members": members})["members"]
    assert [one["status_code"] for one in reply] == [200, 200]
    body = {
        "type": "access",
        "subjects": [{"attributes": [{"name": "access_group_id", "value": group}]}],
        "roles": [{"role_id": ADMINISTRATOR}],
        "resources": [{"attributes": [{"name": "serviceType", "value": "platform_service"}]}],
    }
    host.ok("POST", "/v1/policies", body)
    assert token(host.url, invited.secret, bss_account=host.account_id).status == 400
    listed = host.ok("GET", f"/v2/groups/{group}/members?verbose=true")["members"]
    assert {("name" in one, "email" in one) for one in listed} == {(False, False)}
    host.invite(invited)
    assert token(host.url, invited.secret, bss_account=host.account_id).status == 400
    assert invited.accept(host).ok("GET", "/v2/groups")["groups"], "now they are what the group is"
    strange = [{"iam_id": one, "type": "user"} for one in ("iam-ServiceId-x", "BSS-unknown", "IBMid-", "somebody")]
    reply = host.ok("PUT", f"/v2/groups/{group}/members", {"members": strange})["members"]
    assert {one["status_code"] for one in reply} == {400}
    host.ok("DELETE", f"/v2/groups/{group}?force=true")
