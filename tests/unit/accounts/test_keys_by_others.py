"""A key of a person that somebody else made, as a store of an older release may hold: the wall behind the rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kunsthalle.db.rows import insert
from kunsthalle.db.session import Session
from kunsthalle.iam.queries import hash_of, key_by_secret
from kunsthalle.iam.resources import API_KEY
from kunsthalle.iam.tokens import Tokens
from unit.accounts.conftest import Client, People
from unit.accounts.test_sign_in import GRANT, token

SECRET = "made-by-the-wrong-hand-0123456789"


@pytest.fixture
def guest(people: People) -> Client:
    """The publisher's owner, who is a user of the outsider's account too, where its owner has made a key of theirs."""
    host, guest = people.owner("outsider"), people.owner("publisher")
    host.ok("POST", f"/v2/accounts/{host.account_id}/users", {"users": [{"email": "owner@publisher.example"}]})
    guest.ok("POST", "/v2/users/accept", {"account_id": host.account_id})

    def plant(session: Session) -> None:
        own = key_by_secret(session, host.secret)
        assert own is not None
        taken = replace(own, id="ApiKey-taken", iam_id=guest.iam_id, created_by=host.iam_id, hash=hash_of(SECRET))
        insert(session, API_KEY, taken)

    people.write(host.account_id, plant)
    return guest


def test_it_opens_no_account_but_the_one_it_was_made_in(people: People, guest: Client) -> None:
    made = token(people, grant_type=f"{GRANT}apikey", apikey=SECRET)
    assert made.status == 200
    form = {"grant_type": f"{GRANT}apikey", "apikey": SECRET, "bss_account": guest.account_id}
    refused = token(people, **form)
    assert (refused.status, refused.json["errorCode"]) == (400, "BXNIM0106E")
    refresh = made.json["refresh_token"]
    again = token(people, grant_type="refresh_token", refresh_token=refresh, bss_account=guest.account_id)
    assert (again.status, again.json["errorCode"]) == (400, "BXNIM0106E")


def test_it_puts_on_no_profile_of_another_account(people: People, guest: Client) -> None:
    host = people.owner("outsider")
    profile = guest.ok("POST", "/v1/profiles", {"account_id": guest.account_id, "name": "worn"})["id"]
    body = {"type": "user", "identifier": guest.iam_id, "accounts": [host.account_id]}
    guest.ok("POST", f"/v1/profiles/{profile}/identities/user", body)
    taken = token(people, grant_type=f"{GRANT}apikey", apikey=SECRET).json["access_token"]
    assume = {"grant_type": f"{GRANT}assume", "profile_id": profile}
    assert token(people, access_token=taken, **assume).json["errorCode"] == "BXNIM0133E"


def test_a_token_that_it_has_opened_before_ends(people: People, guest: Client) -> None:
    """A token of before the update, in the victim's account."""
    tokens = Tokens(people.server.store, people.server.base)
    claims = {"iam_id": guest.iam_id, "account": {"bss": guest.account_id}, "name": "", "email": ""}
    forged, _ = tokens.access_token({**claims, "akid": "ApiKey-taken"}, "issuer", "apikey")
    assert Client(people, forged)("GET", "/v2/resource_groups").status == 401


def test_once_disabled_nobody_enables_it(people: People, guest: Client) -> None:
    host = people.owner("outsider")
    host.ok("POST", "/v1/apikeys/ApiKey-taken/disable")
    assert token(people, grant_type=f"{GRANT}apikey", apikey=SECRET).status == 400
    assert host("DELETE", "/v1/apikeys/ApiKey-taken/disable").status == 403
    answer = token(people, grant_type=f"{GRANT}apikey", apikey=guest.secret, bss_account=host.account_id)
    themself = Client(people, answer.json["access_token"])
    refused = themself.refused(409, "DELETE", "/v1/apikeys/ApiKey-taken/disable")
    assert "delete it" in refused["message"]
    assert themself("DELETE", "/v1/apikeys/ApiKey-taken").status == 204
