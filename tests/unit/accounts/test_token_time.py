"""Tokens live by real time, what they rest on by the product clock, and all of them expire when that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.clocks import real_time_passes
from kunsthalle.app import build
from kunsthalle.core.clock import DAY, SECOND, rfc3339
from kunsthalle.iam.tokens import LIFETIME, REFRESH_LIFETIME
from kunsthalle.local import folder
from unit.accounts.conftest import OPERATOR, Client, People, opened
from unit.iam.conftest import claims_of

GRANT = "urn:ibm:params:oauth:grant-type:"
FAULTS = "/_kunsthalle/faults"
GROUPS = "/v2/resource_groups"
EXPIRE = {"on": "tokens", "effect": "expire"}


@pytest.fixture
def people(tmp_path: Path) -> Any:
    with opened(tmp_path) as made:
        yield made


def travel(people: People, days: int) -> None:
    """The product clock alone."""
    people.server.clock.set(people.server.clock.now() + days * DAY)


def ask(people: People, **form: str) -> tuple[int, dict[str, Any]]:
    text = "&".join(f"{name}={value}" for name, value in form.items())
    answer = Client(people, "")("POST", "/identity/token", text.encode())
    return answer.status, answer.json


def tokens_of(people: People, name: str) -> dict[str, Any]:
    status, told = ask(people, grant_type=f"{GRANT}apikey", apikey=people.seeded[name].api_key)
    assert status == 200
    return told


def renewed(people: People, told: dict[str, Any]) -> int:
    return ask(people, grant_type="refresh_token", refresh_token=told["refresh_token"])[0]


def opens(people: People, told: dict[str, Any]) -> int:
    return Client(people, told["access_token"])("GET", GROUPS).status


@pytest.mark.parametrize("days", [7, 400])
def test_moving_the_clock_signs_nobody_out(people: People, days: int) -> None:
    told = tokens_of(people, "publisher")
    real = people.server.clock.real() // SECOND
    travel(people, days)
    assert opens(people, told) == 200
    assert renewed(people, told) == 200
    later = tokens_of(people, "publisher")
    for one in (told, later):
        claims = claims_of(one["access_token"])
        assert abs(claims["iat"] - real) < 60, "clients compare it with the clock of their own host"
        assert (claims["exp"], one["expires_in"]) == (claims["iat"] + LIFETIME, LIFETIME)
        assert one["expiration"] == claims["exp"]
        assert "generation" not in claims
    assert opens(people, later) == 200


def test_tokens_end_when_their_real_time_is_over(people: People) -> None:
    told = tokens_of(people, "publisher")
    real_time_passes(people.server.clock, LIFETIME - 5)
    assert opens(people, told) == 200
    real_time_passes(people.server.clock, 6)
    assert (opens(people, told), renewed(people, told)) == (401, 200)
    real_time_passes(people.server.clock, REFRESH_LIFETIME)
    assert renewed(people, told) == 400


def test_what_a_token_rests_on_ends_by_the_product_clock(people: People) -> None:
    owner = people.owner("publisher")
    at = rfc3339(people.server.clock.now() + 2 * DAY)
    body = {"name": "short", "iam_id": owner.iam_id, "expires_at": at}
    secret = owner.ok("POST", "/v1/apikeys", body)["apikey"]
    _, told = ask(people, grant_type=f"{GRANT}apikey", apikey=secret)
    travel(people, 1)
    assert opens(people, told) == 200
    travel(people, 1)
    assert opens(people, told) == 401
    status, refused = ask(people, grant_type=f"{GRANT}apikey", apikey=secret)
    assert (status, refused["errorCode"]) == (400, "BXNIM0451E")
    assert owner("GET", GROUPS).status == 200


def test_all_access_tokens_expire_when_that_is_asked_for(people: People) -> None:
    owner, other = tokens_of(people, "publisher"), tokens_of(people, "outsider")
    fault = people.operator().ok("POST", FAULTS, EXPIRE)
    assert (fault["on"], fault["effect"], fault["hits"]) == ("tokens", "expire", 1)
    assert people.operator().ok("GET", FAULTS)["faults"] == [], "it is done"
    assert (opens(people, owner), opens(people, other)) == (401, 401)
    assert renewed(people, owner) == 200, "refresh tokens go on"
    new = tokens_of(people, "publisher")
    assert opens(people, new) == 200
    for known in (owner, new):
        form = {"grant_type": f"{GRANT}assume", "access_token": known["access_token"], "profile_id": "Profile-none"}
        assert ask(people, **form)[1]["errorCode"] == "BXNIM0133E"
    people.operator().ok("DELETE", FAULTS)
    assert (opens(people, owner), opens(people, new)) == (401, 200), "clearing faults brings none back"
    people.operator().ok("POST", FAULTS, EXPIRE)
    assert opens(people, new) == 401


def test_an_expired_token_puts_on_no_profile(people: People) -> None:
    owner = people.owner("publisher")
    profile = owner.ok("POST", "/v1/profiles", {"account_id": owner.account_id, "name": "worn"})
    trusted = {"type": "user", "identifier": owner.iam_id, "accounts": [owner.account_id]}
    owner.ok("POST", f"/v1/profiles/{profile['id']}/identities/user", trusted)
    form = {"grant_type": f"{GRANT}assume", "access_token": owner.token, "profile_id": profile["id"]}
    assert ask(people, **form)[0] == 200
    people.operator().ok("POST", FAULTS, EXPIRE)
    assert ask(people, **form)[1]["errorCode"] == "BXNIM0133E"


def test_expired_tokens_stay_so_after_a_restart_and_new_ones_stay_good(people: People) -> None:
    old = tokens_of(people, "publisher")
    people.operator().ok("POST", FAULTS, EXPIRE)
    new = tokens_of(people, "publisher")
    people.server.stop()
    again = build(people.server.settings, OPERATOR)
    try:
        restarted = People(again, people.seeded, people.loop)
        assert (opens(restarted, old), opens(restarted, new)) == (401, 200)
        assert renewed(restarted, old) == 200
    finally:
        again.store.close()


def test_loading_a_scenario_brings_no_expired_token_back(people: People) -> None:
    folder.write(people.server.settings.data, folder.CREDENTIALS, {"operator_token": OPERATOR})
    old = tokens_of(people, "publisher")
    people.operator().ok("POST", "/_kunsthalle/scenarios", {"name": "before"})
    people.operator().ok("POST", FAULTS, EXPIRE)
    new = tokens_of(people, "publisher")
    people.operator().ok("POST", "/_kunsthalle/scenarios/before/load")
    assert (opens(people, old), opens(people, new)) == (401, 200)


@pytest.mark.parametrize(
    "more",
    [
        {"effect": "refuse"},
        {"effect": "fail"},
        {"on": "call"},
        {"on": "job"},
        {"match": "x"},
        {"times": 0},
        {"skip": 1},
    ],
)
def test_a_fault_on_tokens_has_no_pattern_and_no_count(people: People, more: dict[str, Any]) -> None:
    told = tokens_of(people, "publisher")
    people.operator().refused(400, "POST", FAULTS, {**EXPIRE, **more})
    assert opens(people, told) == 200
