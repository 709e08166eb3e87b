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
from unit.accounts.conftest import OPERATOR, Client, House, opened
from unit.iam.conftest import claims_of

GRANT = "urn:ibm:params:oauth:grant-type:"
FAULTS = "/_kunsthalle/faults"
GROUPS = "/v2/resource_groups"
EXPIRE = {"on": "tokens", "effect": "expire"}


@pytest.fixture
def house(tmp_path: Path) -> Any:
    with opened(tmp_path) as made:
        yield made


def travel(house: House, days: int) -> None:
    """The product clock alone."""
    house.server.clock.set(house.server.clock.now() + days * DAY)


def ask(house: House, **form: str) -> tuple[int, dict[str, Any]]:
    text = "&".join(f"{name}={value}" for name, value in form.items())
    answer = Client(house, "")("POST", "/identity/token", text.encode())
    return answer.status, answer.json


def tokens_of(house: House, name: str) -> dict[str, Any]:
    status, told = ask(house, grant_type=f"{GRANT}apikey", apikey=house.seeded[name].api_key)
    assert status == 200
    return told


def renewed(house: House, told: dict[str, Any]) -> int:
    return ask(house, grant_type="refresh_token", refresh_token=told["refresh_token"])[0]


def opens(house: House, told: dict[str, Any]) -> int:
    return Client(house, told["access_token"])("GET", GROUPS).status


@pytest.mark.parametrize("days", [7, 400])
def test_moving_the_clock_signs_nobody_out(house: House, days: int) -> None:
    told = tokens_of(house, "publisher")
    real = house.server.clock.real() // SECOND
    travel(house, days)
    assert opens(house, told) == 200
    assert renewed(house, told) == 200
    later = tokens_of(house, "publisher")
    for one in (told, later):
        claims = claims_of(one["access_token"])
        assert abs(claims["iat"] - real) < 60, "clients compare it with the clock of their own host"
        assert (claims["exp"], one["expires_in"]) == (claims["iat"] + LIFETIME, LIFETIME)
        assert one["expiration"] == claims["exp"]
        assert "generation" not in claims
    assert opens(house, later) == 200


def test_tokens_end_when_their_real_time_is_over(house: House) -> None:
    told = tokens_of(house, "publisher")
    real_time_passes(house.server.clock, LIFETIME - 5)
    assert opens(house, told) == 200
    real_time_passes(house.server.clock, 6)
    assert (opens(house, told), renewed(house, told)) == (401, 200)
    real_time_passes(house.server.clock, REFRESH_LIFETIME)
    assert renewed(house, told) == 400


def test_what_a_token_rests_on_ends_by_the_product_clock(house: House) -> None:
    owner = house.owner("publisher")
    at = rfc3339(house.server.clock.now() + 2 * DAY)
    body = {"name": "short", "iam_id": owner.iam_id, "expires_at": at}
    secret = owner.ok("POST", "/v1/apikeys", body)["apikey"]
    _, told = ask(house, grant_type=f"{GRANT}apikey", apikey=secret)
    travel(house, 1)
    assert opens(house, told) == 200
    travel(house, 1)
    assert opens(house, told) == 401
    status, refused = ask(house, grant_type=f"{GRANT}apikey", apikey=secret)
    assert (status, refused["errorCode"]) == (400, "BXNIM0451E")
    assert owner("GET", GROUPS).status == 200


def test_all_access_tokens_expire_when_that_is_asked_for(house: House) -> None:
    owner, other = tokens_of(house, "publisher"), tokens_of(house, "outsider")
    fault = house.operator().ok("POST", FAULTS, EXPIRE)
    assert (fault["on"], fault["effect"], fault["hits"]) == ("tokens", "expire", 1)
    assert house.operator().ok("GET", FAULTS)["faults"] == [], "it is done"
    assert (opens(house, owner), opens(house, other)) == (401, 401)
    assert renewed(house, owner) == 200, "refresh tokens go on"
    new = tokens_of(house, "publisher")
    assert opens(house, new) == 200
    for known in (owner, new):
        form = {"grant_type": f"{GRANT}assume", "access_token": known["access_token"], "profile_id": "Profile-none"}
        assert ask(house, **form)[1]["errorCode"] == "BXNIM0133E"
    house.operator().ok("DELETE", FAULTS)
    assert (opens(house, owner), opens(house, new)) == (401, 200), "clearing faults brings none back"
    house.operator().ok("POST", FAULTS, EXPIRE)
    assert opens(house, new) == 401


def test_an_expired_token_puts_on_no_profile(house: House) -> None:
    owner = house.owner("publisher")
    profile = owner.ok("POST", "/v1/profiles", {"account_id": owner.account_id, "name": "worn"})
    trusted = {"type": "user", "identifier": owner.iam_id, "accounts": [owner.account_id]}
    owner.ok("POST", f"/v1/profiles/{profile['id']}/identities/user", trusted)
    form = {"grant_type": f"{GRANT}assume", "access_token": owner.token, "profile_id": profile["id"]}
    assert ask(house, **form)[0] == 200
    house.operator().ok("POST", FAULTS, EXPIRE)
    assert ask(house, **form)[1]["errorCode"] == "BXNIM0133E"


def test_expired_tokens_stay_so_after_a_restart_and_new_ones_stay_good(house: House) -> None:
    old = tokens_of(house, "publisher")
    house.operator().ok("POST", FAULTS, EXPIRE)
    new = tokens_of(house, "publisher")
    house.server.stop()
    again = build(house.server.settings, OPERATOR)
    try:
        restarted = House(again, house.seeded, house.loop)
        assert (opens(restarted, old), opens(restarted, new)) == (401, 200)
        assert renewed(restarted, old) == 200
    finally:
        again.store.close()


def test_loading_a_scenario_brings_no_expired_token_back(house: House) -> None:
    folder.write(house.server.settings.data, folder.CREDENTIALS, {"operator_token": OPERATOR})
    old = tokens_of(house, "publisher")
    house.operator().ok("POST", "/_kunsthalle/scenarios", {"name": "before"})
    house.operator().ok("POST", FAULTS, EXPIRE)
    new = tokens_of(house, "publisher")
    house.operator().ok("POST", "/_kunsthalle/scenarios/before/load")
    assert (opens(house, old), opens(house, new)) == (401, 200)


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
def test_a_fault_on_tokens_has_no_pattern_and_no_count(house: House, more: dict[str, Any]) -> None:
    told = tokens_of(house, "publisher")
    house.operator().refused(400, "POST", FAULTS, {**EXPIRE, **more})
    assert opens(house, told) == 200
