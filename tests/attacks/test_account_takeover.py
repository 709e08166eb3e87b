"""Somebody who knows an e-mail address wants to act as its owner: every way to a key for another person."""

from __future__ import annotations

from typing import Any

import pytest

from attacks.people import ADMINISTRATOR, Person, Reply, owner, token
from kunsthalle.testing import Served

EVERYTHING = ("service", "platform_service")


@pytest.fixture(scope="module")
def victim_of(served: Served) -> Person:
    """The owner of the publisher's account."""
    return owner(served, "publisher")


@pytest.fixture(scope="module")
def thief(served: Served) -> Person:
    """The owner of an account outside the enterprise."""
    return owner(served, "outsider")


def _key_for(maker: Person, iam_id: str) -> Reply:
    return maker("POST", "/v1/apikeys", {"name": "mine now", "iam_id": iam_id, "account_id": maker.account_id})


def _invited_as(host: Person, login: str) -> list[str]:
    """Under which IAM IDs the host's account has somebody."""
    return [one["iam_id"] for one in host.ok("GET", host.users)["resources"] if login in one.values()]


def test_nobody_is_made_a_member_by_others(victim_of: Person, thief: Person) -> None:
    invited = thief.invite(victim_of, *EVERYTHING)
    names = {victim_of.iam_id, invited["id"], *_invited_as(thief, victim_of.login)}
    for iam_id in names:
        for state in ("ACTIVE", "VPN_ONLY", "DISABLED_CLASSIC_INFRASTRUCTURE"):
            assert thief("PATCH", f"{thief.users}/{iam_id}", {"state": state}).status in {404, 409}
        made = _key_for(thief, iam_id)
        assert made.status in {400, 403}, made
    states = {one["state"] for one in thief.ok("GET", thief.users)["resources"] if one["iam_id"] in names}
    assert states == {"PENDING"}
    for iam_id in names & set(_invited_as(thief, victim_of.login)):
        thief.ok("DELETE", f"{thief.users}/{iam_id}")


def test_a_member_who_came_of_their_own_will_keeps_their_keys_to_themselves(victim_of: Person, thief: Person) -> None:
    """Whatever the administrator of the account holds, and whichever of its identities asks."""
    thief.invite(victim_of, *EVERYTHING)
    guest = victim_of.accept(thief)
    assert _key_for(thief, victim_of.iam_id).status == 403
    body = {"account_id": thief.account_id, "name": "robot", "apikey": {"name": "robot"}}
    program = thief.ok("POST", "/v1/serviceids", body)
    for kind in EVERYTHING:
        assert thief.allow(program["iam_id"], ADMINISTRATOR, serviceType=kind).status == 201
    bearer = token(thief.url, program["apikey"]["apikey"]).json["access_token"]
    robot = Person(thief.url, "robot", program["iam_id"], thief.account_id, "", bearer)
    assert robot("GET", "/v1/apikeys").status == 200
    assert _key_for(robot, victim_of.iam_id).status == 403

    own = _key_for(guest, victim_of.iam_id)
    assert own.status == 201
    key = f"/v1/apikeys/{own.json['id']}"
    guest.ok("PUT", key, {"expires_at": "2098-01-01T00:00:00Z"})
    guest.ok("POST", f"{key}/disable")
    assert thief("DELETE", f"{key}/disable").status == 403
    for later in ("2099-01-01T00:00:00Z", ""):
        assert thief("PUT", key, {"expires_at": later}).status == 403
    for less in ({"name": "named by the administrator"}, {"expires_at": "2097-01-01T00:00:00Z"}):
        assert thief("PUT", key, less).status == 200
    guest.ok("DELETE", f"{key}/disable")
    assert token(thief.url, own.json["apikey"], bss_account=victim_of.account_id).status == 200, "their own, everywhere"
    thief.ok("DELETE", f"{thief.users}/{victim_of.iam_id}")
    assert token(thief.url, own.json["apikey"]).status == 400


def test_an_enterprise_makes_nobody_its_puppet(served: Served, victim_of: Person) -> None:
    """A child account may get any owner whom the enterprise knows; acting as that owner is another matter."""
    root = owner(served, "enterprise")
    root.invite(victim_of)
    victim_of.accept(root)
    top = root.ok("GET", "/v1/enterprises")["resources"][0]["crn"]
    options = {"create_iam_service_id_with_apikey_and_owner_policies": True}
    body = {"parent": top, "name": "trap", "owner_iam_id": victim_of.iam_id, "options": options}
    child: Any = root.ok("POST", "/v1/accounts", body)
    bearer = token(root.url, child["iam_apikey"]).json["access_token"]
    robot = Person(root.url, "robot", child["iam_service_id"], child["account_id"], "", bearer)
    assert robot("GET", "/v2/resource_groups").json["resources"], "it holds what an owner holds"
    assert _key_for(robot, victim_of.iam_id).status == 403
    assert victim_of.within(child["account_id"])("GET", "/v2/resource_groups").status == 200
    root.ok("DELETE", f"{root.users}/{victim_of.iam_id}")


def test_somebody_who_is_only_invited_owns_nothing(served: Served, thief: Person) -> None:
    root = owner(served, "enterprise")
    pending = root.invite(thief)["id"]
    top = root.ok("GET", "/v1/enterprises")["resources"][0]["crn"]
    for iam_id in {pending, thief.iam_id, *_invited_as(root, thief.login)}:
        body = {"parent": top, "name": "trap", "owner_iam_id": iam_id}
        assert root("POST", "/v1/accounts", body).status == 400
    for iam_id in _invited_as(root, thief.login):
        root.ok("DELETE", f"{root.users}/{iam_id}")


def test_an_administrator_of_identities_makes_no_key_in_advance(
    served: Served, victim_of: Person, thief: Person
) -> None:
    """The colleague holds nothing yet, so that a key would give no more than its maker holds; later it would."""
    clerk = owner(served, "consumer-a")
    for guest in (clerk, thief):
        victim_of.invite(guest)
    at_work, colleague = clerk.accept(victim_of), thief.accept(victim_of)
    assert victim_of.allow(clerk.iam_id, ADMINISTRATOR, serviceName="iam-identity").status == 201
    assert at_work("GET", "/v1/apikeys?scope=account").status == 200
    assert _key_for(at_work, colleague.iam_id).status == 403
    assert _key_for(at_work, victim_of.iam_id).status == 403
    for guest in (clerk, thief):
        victim_of.ok("DELETE", f"{victim_of.users}/{guest.iam_id}")
