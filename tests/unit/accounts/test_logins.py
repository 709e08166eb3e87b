"""Sign-ins are audited in the account whose key it was and in the one that was entered; unknown keys nowhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog
from sqlalchemy import func, select

from fixtures.frozen_app import Answer
from kunsthalle.cli.log_format import set_up
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.db.tables import audit
from unit.accounts.conftest import Client, People

GRANT = "urn:ibm:params:oauth:grant-type:"
TRACE = "00000000-0000-4000-8000-00000000abcd"


def token(people: People, **form: str) -> Answer:
    return Client(people, "")("POST", "/identity/token", urlencode(form).encode(), x_request_id=TRACE)


def by_key(people: People, secret: str, **more: str) -> Answer:
    return token(people, grant_type=f"{GRANT}apikey", apikey=secret, **more)


def renewed(people: People, refresh: str, **more: str) -> Answer:
    return token(people, grant_type="refresh_token", refresh_token=refresh, **more)


def logins(client: Client) -> list[dict[str, Any]]:
    """The sign-ins of an account, the newest first, but for those that the test's own clients began with."""
    found = client.ok("GET", "/v1/audit?limit=200&target=/identity/token")["entries"]
    return [one for one in found if one["trace"] == TRACE]


def told(client: Client) -> list[tuple[str, int, str | None]]:
    return [(one["action"], one["outcome"], one.get("code")) for one in logins(client)]


def number_of_rows(people: People) -> int:
    with people.server.store.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(audit)).scalar_one())


@pytest.fixture(autouse=True)
def _default_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_person_signs_in_and_stays_and_who_and_by_which_key_is_on_record(people: People) -> None:
    publisher = people.owner("publisher")
    first = by_key(people, publisher.secret).json
    assert renewed(people, first["refresh_token"]).status == 200
    stayed, came = logins(publisher)
    key = publisher.ok("GET", "/v1/apikeys")["apikeys"][0]
    assert (came["action"], stayed["action"]) == (
        "iam-identity.user-apikey.login",
        "iam-identity.user-refreshtoken.login",
    )
    for one in (came, stayed):
        assert (one["outcome"], one["actor"], one["actor_email"]) == (200, publisher.iam_id, "owner@publisher.example")
        assert (one["account_id"], one["resource_crn"]) == (publisher.account_id, key["crn"])
        assert (one["target"], "code" in one) == ("/identity/token", False)
    assert publisher.ok("GET", f"/v1/audit?target={key['crn']}")["entries"][0]["id"] == stayed["id"]


def test_a_program_signs_in_under_its_own_name(people: People) -> None:
    publisher = people.owner("publisher")
    body = {"account_id": publisher.account_id, "name": "robot", "apikey": {"name": "r"}}
    made = publisher.ok("POST", "/v1/serviceids", body)
    first = by_key(people, made["apikey"]["apikey"]).json
    assert renewed(people, first["refresh_token"]).status == 200
    assert told(publisher) == [
        ("iam-identity.serviceid-refreshtoken.login", 200, None),
        ("iam-identity.serviceid-apikey.login", 200, None),
    ]
    assert {one["actor"] for one in logins(publisher)} == {made["iam_id"]}


def _with_key(publisher: Client, **more: Any) -> dict[str, Any]:
    return dict(publisher.ok("POST", "/v1/apikeys", {"name": "k", "iam_id": publisher.iam_id, **more}))


def test_what_a_key_does_not_open_any_more_is_on_record_with_the_reason(people: People) -> None:
    publisher = people.owner("publisher")
    disabled, locked, expired = _with_key(publisher), _with_key(publisher), _with_key(publisher)
    refreshes = [by_key(people, key["apikey"]).json["refresh_token"] for key in (disabled, locked)]
    publisher.ok("POST", f"/v1/apikeys/{disabled['id']}/disable")
    publisher.ok("POST", f"/v1/apikeys/{locked['id']}/lock")
    etag = {"if_match": publisher.ok("GET", f"/v1/apikeys/{expired['id']}")["entity_tag"]}
    # Within the days that audit entries are kept: the job that removes older ones runs beside this.
    soon = rfc3339(people.server.clock.now() + DAY)
    changed = publisher("PUT", f"/v1/apikeys/{expired['id']}", {"name": "k", "expires_at": soon}, **etag)
    assert changed.status == 200, changed.body
    before = len(logins(publisher))
    answers = [by_key(people, disabled["apikey"]), *(renewed(people, one) for one in refreshes)]
    people.server.clock.offset += 2 * DAY  # type: ignore[union-attr]  # not a manual clock
    answers.append(by_key(people, expired["apikey"]))
    codes = [answer.json["errorCode"] for answer in answers]
    assert codes == ["BXNIM0438E", "BXNIM0438E", "BXNIM0408E", "BXNIM0451E"]
    refused = logins(people.owner("publisher"))[: len(answers)][::-1]
    assert len(logins(people.owner("publisher"))) == before + len(answers)
    assert [(one["outcome"], one["code"]) for one in refused] == [(400, code) for code in codes]
    keys = (disabled, disabled, locked, expired)
    assert [one["resource_crn"] for one in refused] == [key["crn"] for key in keys]
    assert {one["actor"] for one in refused} == {publisher.iam_id}


def test_a_guest_is_on_both_records_and_neither_tells_of_the_other_account(people: People) -> None:
    outsider, publisher = people.owner("outsider"), people.owner("publisher")
    inside = {"grant_type": f"{GRANT}apikey", "apikey": outsider.secret, "bss_account": publisher.account_id}
    assert token(people, **inside).json["errorCode"] == "BXNIM0106E"
    assert logins(publisher) == [], "nobody writes into the audit of an account that they may not enter"
    assert told(outsider) == [("iam-identity.user-apikey.login", 400, "BXNIM0106E")]
    where = f"/v2/accounts/{publisher.account_id}/users"
    publisher.ok("POST", where, {"users": [{"email": "owner@outsider.example"}]})
    outsider.ok("POST", "/v2/users/accept", {"account_id": publisher.account_id})
    first = token(people, **inside).json
    assert renewed(people, first["refresh_token"]).status == 200
    assert renewed(people, first["refresh_token"], bss_account=outsider.account_id).status == 200
    assert told(publisher) == [
        ("iam-identity.user-refreshtoken.login", 200, None),
        ("iam-identity.user-apikey.login", 200, None),
    ]
    assert {one["actor"] for one in logins(publisher)} == {outsider.iam_id}
    assert all(outsider.account_id not in str(one) and "resource_crn" not in one for one in logins(publisher))
    assert [status for _, status, _ in told(outsider)] == [200, 200, 200, 400]
    assert all(publisher.account_id not in str(one) for one in logins(outsider))


def test_a_profile_that_is_put_on_is_on_record_where_it_is_at_home(people: People) -> None:
    outsider, publisher = people.owner("outsider"), people.owner("publisher")
    profile = publisher.ok("POST", "/v1/profiles", {"account_id": publisher.account_id, "name": "worn"})
    mine = by_key(people, outsider.secret).json["access_token"]
    assume = {"grant_type": f"{GRANT}assume", "profile_id": profile["id"], "access_token": mine}
    assert token(people, **assume).status == 400
    assert logins(publisher) == [], "whoever may not put it on leaves nothing there"
    assert told(outsider)[0] == ("iam-identity.trustedprofile-apikey.login", 400, "BXNIM0133E")
    body = {"type": "user", "identifier": outsider.iam_id, "accounts": [outsider.account_id]}
    publisher.ok("POST", f"/v1/profiles/{profile['id']}/identities/user", body)
    worn = token(people, **assume)
    assert worn.status == 200, worn.body
    assert renewed(people, worn.json["refresh_token"]).status == 200
    assert told(publisher) == [("iam-identity.trustedprofile-apikey.login", 200, None)] * 2
    shown = logins(publisher)
    assert {(one["actor"], one["resource_crn"]) for one in shown} == {(outsider.iam_id, profile["crn"])}
    assert len(logins(outsider)) == 4
    assert not [one for one in logins(outsider) if profile["id"] in str(one)]


def test_a_profile_of_the_own_account_is_one_entry(people: People) -> None:
    publisher = people.owner("publisher")
    profile = publisher.ok("POST", "/v1/profiles", {"account_id": publisher.account_id, "name": "worn"})
    body = {"type": "user", "identifier": publisher.iam_id, "accounts": [publisher.account_id]}
    publisher.ok("POST", f"/v1/profiles/{profile['id']}/identities/user", body)
    assume = {"grant_type": f"{GRANT}assume", "profile_id": profile["id"], "access_token": publisher.token}
    assert token(people, **assume).status == 200
    assert [one["resource_crn"] for one in logins(publisher)] == [profile["crn"]]


NOBODYS: tuple[dict[str, str], ...] = (
    {"grant_type": f"{GRANT}apikey", "apikey": "a-key-that-nobody-has-1234567890"},
    {"grant_type": f"{GRANT}apikey"},
    {"grant_type": f"{GRANT}apikey", "apikey": "a-key-that-nobody-has-1234567890", "bss_account": "{publisher}"},
    {"grant_type": "refresh_token", "refresh_token": "a-token-that-nobody-gave.x.y"},
    {"grant_type": f"{GRANT}assume", "access_token": "a-token-that-nobody-gave.x.y", "profile_id": "{profile}"},
    {"grant_type": f"{GRANT}cr-token", "cr_token": "a-token-that-nobody-gave.x.y"},
    {"grant_type": "password", "username": "owner@publisher.example", "password": "a-password-of-somebody"},
)


def test_who_tries_keys_that_nobody_has_fills_no_audit_and_is_in_the_log(
    people: People, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    publisher = people.owner("publisher")
    profile = publisher.ok("POST", "/v1/profiles", {"account_id": publisher.account_id, "name": "worn"})
    caplog.set_level(logging.DEBUG)
    set_up("info")
    before = number_of_rows(people)
    capfd.readouterr()
    for form in NOBODYS:
        filled = {
            key: value.format(publisher=publisher.account_id, profile=profile["id"]) for key, value in form.items()
        }
        assert token(people, **filled).status in {400, 501}
    assert number_of_rows(people) == before
    captured = capfd.readouterr()
    said = captured.out + captured.err + caplog.text
    assert said.count("a sign-in without a key that is known") == len(NOBODYS)
    assert said.count(TRACE) >= len(NOBODYS)
    assert not [value for form in NOBODYS for value in form.values() if value.startswith("a-") and value in said]


def test_a_deleted_key_is_nobodys(people: People) -> None:
    publisher = people.owner("publisher")
    key = _with_key(publisher)
    refresh = by_key(people, key["apikey"]).json["refresh_token"]
    publisher.ok("DELETE", f"/v1/apikeys/{key['id']}")
    before = len(logins(publisher))
    assert [by_key(people, key["apikey"]).status, renewed(people, refresh).status] == [400, 400]
    assert len(logins(publisher)) == before


def test_the_operator_sees_them_all(people: People) -> None:
    publisher, sibling = people.owner("publisher"), people.owner("consumer-b")
    for client in (publisher, sibling):
        by_key(people, client.secret)
    path = "/_kunsthalle/audit?action=iam-identity.user-apikey.login&limit=200"
    found = [one for one in people.operator().ok("GET", path)["entries"] if one["trace"] == TRACE]
    assert [one["account_id"] for one in found] == [sibling.account_id, publisher.account_id]
    assert not {publisher.secret, sibling.secret} & set(str(found).split("'"))
