"""Service IDs and trusted profiles: tokens of programs, and of those who put something on."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.frozen_app import QUERY, Answer
from unit.iam.conftest import GRANT, SOMEBODY, Desk, claims_of

IMAGES = f"/v1/images?{QUERY}"


@pytest.fixture
def program(desk: Desk) -> dict[str, Any]:
    """A service ID with a key."""
    body = {"account_id": desk.account, "name": "program", "apikey": {"name": "inner"}}
    return dict(desk.frozen.ok("owner", "POST", "/v1/serviceids/", body))


@pytest.fixture
def profile(desk: Desk) -> dict[str, Any]:
    """A profile that sees images, which somebody may put on."""
    name = f"costume-{desk.frozen.server.base.ids.hex(8)}"
    made = desk.frozen.ok("owner", "POST", "/v1/profiles", {"account_id": desk.account, "name": name})
    assert desk.grant(made["iam_id"], "Viewer", serviceName="is").status == 201
    whom = {"identifier": SOMEBODY, "type": "user"}
    desk.frozen.ok("owner", "POST", f"/v1/profiles/{made['id']}/identities/user", whom)
    return dict(made)


def _assume(desk: Desk, who: str, **which: str) -> Answer:
    return desk.token(grant_type=f"{GRANT}assume", access_token=desk.frozen.tokens[who], **which)


def _sees(desk: Desk, who: str) -> int:
    return len(desk.frozen.ok(who, "GET", IMAGES)["images"])


def test_the_token_of_a_service_id_says_so(desk: Desk, program: dict[str, Any]) -> None:
    token = desk.by_key(program["apikey"]["apikey"])
    claims = claims_of(token["access_token"])
    assert token["refresh_token"]
    assert (claims["iam_id"], claims["id"]) == (f"iam-{program['id']}", program["iam_id"])
    assert (claims["identifier"], claims["sub"], claims["sub_type"]) == (program["id"], program["id"], "ServiceId")
    assert claims["account"]["bss"] == desk.account
    assert claims["authn"]["iam_id"] == program["iam_id"]


def test_a_service_id_holds_what_its_policies_say_and_ends_with_its_deletion(
    desk: Desk, program: dict[str, Any]
) -> None:
    desk.become("program", program["apikey"]["apikey"])
    assert _sees(desk, "program") == 0
    policy = desk.grant(program["iam_id"], "Viewer", serviceName="is").json["id"]
    assert _sees(desk, "program") > 0
    path = f"/v1/serviceids/{program['id']}"
    desk.frozen.ok("owner", "POST", f"{path}/lock")
    assert desk.frozen.call("owner", "DELETE", path).status == 409
    desk.frozen.ok("owner", "DELETE", f"{path}/lock")
    desk.frozen.ok("owner", "DELETE", path)
    assert desk.frozen.call("program", "GET", IMAGES).status == 401
    assert desk.frozen.call("owner", "GET", f"/v1/apikeys/{program['apikey']['id']}").status == 404
    assert desk.frozen.call("owner", "GET", f"/v1/policies/{policy}").status == 404


def test_a_profile_is_put_on_by_id_crn_or_name(desk: Desk, profile: dict[str, Any]) -> None:
    assert _sees(desk, "somebody") == 0
    ways = (
        {"profile_id": profile["id"]},
        {"profile_crn": profile["crn"]},
        {"profile_name": profile["name"], "account": desk.account},
    )
    for way in ways:
        answer = _assume(desk, "somebody", **way)
        assert answer.status == 200, answer.body
        desk.frozen.tokens["dressed"] = answer.json["access_token"]
        assert _sees(desk, "dressed") > 0
    claims = claims_of(desk.frozen.tokens["dressed"])
    assert (claims["sub_type"], claims["iam_id"]) == ("Profile", profile["iam_id"])


def test_a_profile_that_may_not_be_put_on_is_one_that_is_not_there(desk: Desk, profile: dict[str, Any]) -> None:
    absent = "Profile-00000000-0000-4000-8000-000000000000"
    for who in ("viewer", "outsider", "consumer"):
        refused, nothing = _assume(desk, who, profile_id=profile["id"]), _assume(desk, who, profile_id=absent)
        assert (refused.status, refused.body) == (400, nothing.body)
    assert _assume(desk, "bad token", profile_id=profile["id"]).status == 400


def test_what_was_put_on_is_not_a_way_to_put_on_more(desk: Desk, profile: dict[str, Any]) -> None:
    desk.frozen.tokens["dressed"] = _assume(desk, "somebody", profile_id=profile["id"]).json["access_token"]
    whom = {"identifier": profile["iam_id"], "type": "user"}
    other = desk.frozen.ok("owner", "POST", "/v1/profiles", {"account_id": desk.account, "name": profile["id"]})
    desk.frozen.ok("owner", "POST", f"/v1/profiles/{other['id']}/identities/user", whom)
    assert _assume(desk, "dressed", profile_id=other["id"]).status == 400


def test_renewal_asks_again_whether_the_profile_may_be_put_on(desk: Desk, profile: dict[str, Any]) -> None:
    refresh = _assume(desk, "somebody", profile_id=profile["id"]).json["refresh_token"]
    renewed = desk.renewed(refresh)
    assert claims_of(renewed.json["access_token"])["iam_id"] == profile["iam_id"]
    desk.frozen.ok("owner", "DELETE", f"/v1/profiles/{profile['id']}/identities/user/{SOMEBODY}")
    assert desk.renewed(refresh).status == 400


def test_a_deleted_profile_is_taken_off(desk: Desk, profile: dict[str, Any]) -> None:
    desk.frozen.tokens["dressed"] = _assume(desk, "somebody", profile_id=profile["id"]).json["access_token"]
    desk.frozen.ok("owner", "DELETE", f"/v1/profiles/{profile['id']}")
    assert desk.frozen.call("dressed", "GET", IMAGES).status == 401


def test_nobody_opens_a_profile_that_holds_more_than_he(desk: Desk, profile: dict[str, Any]) -> None:
    assert desk.grant(SOMEBODY, "Administrator", serviceName="iam-identity").status in {201, 409}
    whom = {"identifier": "IBMid-VIEWER0001", "type": "user"}
    path = f"/v1/profiles/{profile['id']}/identities/user"
    assert desk.frozen.call("somebody", "POST", path, whom).status == 403
    assert desk.frozen.call("owner", "POST", path, whom).status == 200


def test_tokens_of_compute_resources_are_refused_in_clear_words(desk: Desk) -> None:
    answer = desk.token(grant_type=f"{GRANT}cr-token", cr_token="any", profile_id="any")
    assert answer.status == 501
    assert "cr-token" in answer.json["errorMessage"]
