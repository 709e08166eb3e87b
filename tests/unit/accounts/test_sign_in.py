"""Signing in to accounts that were just made: one key of a person opens every account they are a member of."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.frozen_app import Answer
from unit.accounts.conftest import Client, People

GRANT = "urn:ibm:params:oauth:grant-type:"


def token(people: People, **form: str) -> Answer:
    return Client(people, "")(
        "POST", "/identity/token", "&".join(f"{key}={value}" for key, value in form.items()).encode()
    )


def into(people: People, secret: str, account_id: str) -> Client:
    """Signed in with a key of another account."""
    answer = token(people, grant_type=f"{GRANT}apikey", apikey=secret, bss_account=account_id)
    assert answer.status == 200, answer.body
    return Client(people, answer.json["access_token"], account_id, secret=secret)


def founded(people: People) -> tuple[Client, dict[str, Any]]:
    """The stand-alone account's owner has just founded an enterprise."""
    outsider = people.owner("outsider")
    body = {
        "source_account_id": outsider.account_id,
        "name": "Young enterprise",
        "primary_contact_iam_id": outsider.iam_id,
    }
    return outsider, outsider.ok("POST", "/v1/enterprises", body)


def test_the_founder_of_an_enterprise_administers_it_and_grows_it(people: People) -> None:
    outsider, made = founded(people)
    assert outsider("PATCH", f"/v1/enterprises/{made['enterprise_id']}", {"name": "From below"}).status == 403
    root = into(people, outsider.secret, made["enterprise_account_id"])
    (enterprise,) = root.ok("GET", "/v1/enterprises")["resources"]
    assert (enterprise["id"], enterprise["source_account_id"]) == (made["enterprise_id"], outsider.account_id)
    assert root("PATCH", f"/v1/enterprises/{enterprise['id']}", {"name": "Grown enterprise"}).status == 204
    body = {"parent": enterprise["crn"], "name": "First child", "owner_iam_id": outsider.iam_id}
    child = root.ok("POST", "/v1/accounts", body)["account_id"]

    inside = into(people, outsider.secret, child)
    assert inside.ok("GET", "/v2/resource_groups")["resources"][0]["account_id"] == child
    key = inside.ok("POST", "/v1/apikeys", {"name": "own", "iam_id": outsider.iam_id, "account_id": child})
    assert people.login(key["apikey"]).ok("GET", "/v1/accounts")["resources"][0]["id"] == child
    done = inside.ok("GET", "/v1/audit")["entries"]
    login = "iam-identity.user-apikey.login"
    assert [one["action"] for one in done[:2]] == [login, "iam-identity.apikey.create"]
    assert {one["actor"] for one in done} == {outsider.iam_id}


def test_a_refresh_token_stays_in_its_account_and_switches_when_asked(people: People) -> None:
    outsider, made = founded(people)
    root = made["enterprise_account_id"]
    first = token(people, grant_type=f"{GRANT}apikey", apikey=outsider.secret, bss_account=root).json

    def account_of(answer: Answer) -> str:
        assert answer.status == 200, answer.body
        groups = Client(people, answer.json["access_token"]).ok("GET", "/v2/resource_groups")["resources"]
        return str(groups[0]["account_id"])

    again = token(people, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert account_of(again) == root
    home = token(
        people, grant_type="refresh_token", refresh_token=again.json["refresh_token"], bss_account=outsider.account_id
    )
    assert account_of(home) == outsider.account_id
    assert account_of(token(people, grant_type="refresh_token", refresh_token=home.json["refresh_token"])) == (
        outsider.account_id
    )


def test_an_account_of_others_and_one_that_never_was_are_the_same_refusal(people: People) -> None:
    outsider, publisher = people.owner("outsider"), people.owner("publisher")
    refusals = []
    for account_id in (publisher.account_id, "0" * 32, "%00", "x" * 5_000):
        answer = token(people, grant_type=f"{GRANT}apikey", apikey=outsider.secret, bss_account=account_id)
        refusals.append((answer.status, answer.json["errorCode"]))
    assert set(refusals) == {(400, "BXNIM0106E")}


def test_whoever_is_removed_from_an_account_is_out_of_it_at_once(people: People) -> None:
    outsider, publisher = people.owner("outsider"), people.owner("publisher")
    where = f"/v2/accounts/{publisher.account_id}/users"
    publisher.ok("POST", where, {"users": [{"email": "owner@outsider.example"}]})
    assert (
        token(people, grant_type=f"{GRANT}apikey", apikey=outsider.secret, bss_account=publisher.account_id).status
        == 400
    ), "an invitation is no membership"
    outsider.ok("POST", "/v2/users/accept", {"account_id": publisher.account_id})
    form = {"grant_type": f"{GRANT}apikey", "apikey": outsider.secret, "bss_account": publisher.account_id}
    guest, refresh = into(people, outsider.secret, publisher.account_id), token(people, **form).json["refresh_token"]
    assert guest.ok("GET", "/v2/resource_groups")["resources"] == [], "a member who holds nothing sees nothing"
    publisher.ok("DELETE", f"{where}/{outsider.iam_id}")
    assert guest("GET", "/v2/resource_groups").status == 401
    assert token(people, grant_type="refresh_token", refresh_token=refresh).status == 400
    assert outsider.ok("GET", "/v2/resource_groups")["resources"], "at home all is as it was"


@pytest.mark.parametrize("end", ["disable", "delete"])
def test_the_end_of_a_key_ends_it_in_every_account(people: People, end: str) -> None:
    outsider, made = founded(people)
    key = outsider.ok("POST", "/v1/apikeys", {"name": "travels", "iam_id": outsider.iam_id})
    root = into(people, key["apikey"], made["enterprise_account_id"])
    assert root("GET", "/v1/enterprises").status == 200
    path = f"/v1/apikeys/{key['id']}"
    outsider.ok("POST", f"{path}/disable") if end == "disable" else outsider.ok("DELETE", path)
    assert root("GET", "/v1/enterprises").status == 401


def test_a_program_has_one_account_and_a_borrowed_account_lends_no_profile(people: People) -> None:
    outsider, made = founded(people)
    program = outsider.ok(
        "POST", "/v1/serviceids", {"account_id": outsider.account_id, "name": "robot", "apikey": {"name": "r"}}
    )
    form = {"grant_type": f"{GRANT}apikey", "bss_account": made["enterprise_account_id"]}
    assert token(people, apikey=program["apikey"]["apikey"], **form).status == 400
    root = into(people, outsider.secret, made["enterprise_account_id"])
    profile = root.ok("POST", "/v1/profiles", {"account_id": root.account_id, "name": "worn"})
    body = {"type": "user", "identifier": outsider.iam_id, "accounts": [root.account_id, outsider.account_id]}
    root.ok("POST", f"/v1/profiles/{profile['id']}/identities/user", body)
    assume = {"grant_type": f"{GRANT}assume", "profile_id": profile["id"]}
    assert token(people, access_token=root.token, **assume).json["errorCode"] == "BXNIM0133E"
    assert token(people, access_token=outsider.token, **assume).status == 200
