"""API keys: what they open, and how that ends."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.clocks import real_time_passes
from fixtures.frozen_app import QUERY
from kunsthalle.core.clock import rfc3339
from unit.iam.conftest import GRANT, SOMEBODY, Desk, claims_of

IMAGES = f"/v1/images?{QUERY}"


def _key(desk: Desk, **more: Any) -> dict[str, Any]:
    body = {"name": "made", "iam_id": desk.frozen.ids["iam_id"], **more}
    return dict(desk.frozen.ok("owner", "POST", "/v1/apikeys", body))


def _opens(desk: Desk, name: str) -> int:
    return desk.frozen.call(name, "GET", IMAGES).status


@pytest.fixture(autouse=True, scope="module")
def _owner(desk: Desk) -> None:
    claims = claims_of(desk.frozen.tokens["owner"])
    desk.frozen.ids["iam_id"] = claims["iam_id"]


def test_the_secret_is_shown_once(desk: Desk) -> None:
    made = _key(desk)
    assert len(made["apikey"]) > 30
    assert desk.frozen.ok("owner", "GET", f"/v1/apikeys/{made['id']}")["apikey"] == ""
    assert desk.frozen.ok("owner", "GET", "/v1/apikeys/details", iam_apikey=made["apikey"])["id"] == made["id"]


def test_an_own_value_is_a_key_and_is_taken_once(desk: Desk) -> None:
    assert desk.by_key(_key(desk, apikey="own-value-0123456789")["apikey"])["token_type"] == "Bearer"
    body = {"name": "again", "iam_id": desk.frozen.ids["iam_id"], "apikey": "own-value-0123456789"}
    assert desk.frozen.call("owner", "POST", "/v1/apikeys", body).status == 409
    assert desk.frozen.call("owner", "POST", "/v1/apikeys", {**body, "apikey": "short"}).status == 400


def test_what_is_disabled_or_deleted_ends_at_once(desk: Desk) -> None:
    made = _key(desk)
    refresh = desk.become("holder", made["apikey"])
    path = f"/v1/apikeys/{made['id']}"
    assert _opens(desk, "holder") == 200
    desk.frozen.ok("owner", "POST", f"{path}/disable")
    assert _opens(desk, "holder") == 401
    assert desk.renewed(refresh).json["errorCode"] == "BXNIM0438E"
    assert desk.token(grant_type=f"{GRANT}apikey", apikey=made["apikey"]).status == 400
    desk.frozen.ok("owner", "DELETE", f"{path}/disable")
    assert _opens(desk, "holder") == 200
    desk.frozen.ok("owner", "DELETE", path)
    assert _opens(desk, "holder") == 401
    assert desk.renewed(refresh).json["errorCode"] == "BXNIM0408E"


def test_a_locked_key_is_not_changed_not_removed_and_renews_nothing(desk: Desk) -> None:
    made = _key(desk)
    refresh, path = desk.become("holder", made["apikey"]), f"/v1/apikeys/{made['id']}"
    desk.frozen.ok("owner", "POST", f"{path}/lock")
    assert desk.renewed(refresh).status == 400
    assert desk.token(grant_type=f"{GRANT}apikey", apikey=made["apikey"]).status == 200
    assert desk.frozen.call("owner", "PUT", path, {"name": "other"}, if_match="*").status == 409
    assert desk.frozen.call("owner", "DELETE", path).status == 409
    desk.frozen.ok("owner", "DELETE", f"{path}/lock")
    assert desk.renewed(refresh).status == 200
    assert desk.frozen.ok("owner", "PUT", path, {"name": "other"}, if_match="*")["name"] == "other"


def test_keys_can_be_born_locked_and_disabled(desk: Desk) -> None:
    body = {"name": "made", "iam_id": desk.frozen.ids["iam_id"]}
    made = desk.frozen.ok("owner", "POST", "/v1/apikeys", body, entity_lock="true", entity_disable="true")
    assert (made["locked"], made["disabled"]) == (True, True)
    assert desk.frozen.call("owner", "POST", "/v1/apikeys", body, entity_lock="maybe").status == 400


def test_a_change_names_the_version_that_was_read(desk: Desk) -> None:
    made = _key(desk)
    path = f"/v1/apikeys/{made['id']}"
    assert desk.frozen.call("owner", "PUT", path, {"name": "x"}).status == 400
    changed = desk.frozen.ok("owner", "PUT", path, {"description": "what for"}, if_match=made["entity_tag"])
    assert (changed["name"], changed["description"]) == ("made", "what for")
    assert desk.frozen.call("owner", "PUT", path, {"name": "x"}, if_match=made["entity_tag"]).status == 409


def test_a_key_ends_by_the_clock_and_its_tokens_with_it(desk: Desk) -> None:
    now = desk.frozen.server.clock.now()
    made = _key(desk, expires_at=rfc3339(now + 1_800_000_000))
    assert desk.by_key(made["apikey"])["expires_in"] <= 1_800
    refresh = desk.become("holder", made["apikey"])
    assert _opens(desk, "holder") == 200
    desk.travel(1_801)
    assert _opens(desk, "holder") == 401
    assert desk.renewed(refresh).json["errorCode"] == "BXNIM0451E"
    desk.travel(-1_801)
    for wrong in ("tomorrow", rfc3339(now - 1)):
        body = {"name": "x", "iam_id": desk.frozen.ids["iam_id"], "expires_at": wrong}
        assert desk.frozen.call("owner", "POST", "/v1/apikeys", body).status == 400


def test_an_access_token_ends_after_an_hour(desk: Desk) -> None:
    desk.become("holder", _key(desk)["apikey"])
    desk.travel(8 * 86_400)
    assert _opens(desk, "holder") == 200, "the product clock ends no token"
    desk.travel(-8 * 86_400)
    clock = desk.frozen.server.clock
    real_time_passes(clock, 3_590)
    assert _opens(desk, "holder") == 200
    real_time_passes(clock, 11)
    assert _opens(desk, "holder") == 401
    real_time_passes(clock, -3_601)


def test_lists_go_page_by_page_and_nothing_is_left_out(desk: Desk) -> None:
    wanted = {_key(desk, name=f"paged-{n}")["id"] for n in range(5)}
    path, found = "/v1/apikeys?pagesize=2&sort=name&order=desc", []
    while path:
        page = desk.frozen.ok("owner", "GET", path)
        assert len(page["apikeys"]) <= 2
        assert ("previous" in page) == (page["offset"] > 0)
        found += page["apikeys"]
        path = page.get("next", "").partition("kunsthalle.test")[2]
    names = [one["name"] for one in found]
    assert names == sorted(names, reverse=True)
    assert wanted <= {one["id"] for one in found}
    for wrong in ("pagesize=0", "pagesize=101", "pagetoken=x", "sort=hash", "order=up", "scope=all", "type=robot"):
        assert desk.frozen.call("owner", "GET", f"/v1/apikeys?{wrong}").status == 400, wrong
    assert desk.frozen.call("owner", "GET", "/v1/apikeys?filter=name").status == 501


def test_the_keys_of_others_are_the_administrators(desk: Desk) -> None:
    mine = desk.frozen.ok("somebody", "GET", "/v1/apikeys?scope=account")["apikeys"]
    assert {one["iam_id"] for one in mine} == {SOMEBODY}
    every = desk.frozen.ok("owner", "GET", "/v1/apikeys?scope=account&pagesize=100")["apikeys"]
    assert {SOMEBODY, desk.frozen.ids["iam_id"]} <= {one["iam_id"] for one in every}
    theirs = _key(desk)["id"]
    assert desk.frozen.call("somebody", "GET", f"/v1/apikeys/{theirs}").status == 404
    assert desk.frozen.call("somebody", "DELETE", f"/v1/apikeys/{theirs}").status == 404


def test_the_key_of_a_person_is_made_by_that_person_alone(desk: Desk) -> None:
    """Whatever the others hold, and whether the person exists or not."""
    assert desk.grant(SOMEBODY, "Administrator", serviceName="iam-identity").status == 201
    for maker, whose in (("somebody", desk.frozen.ids["iam_id"]), ("owner", SOMEBODY), ("owner", "IBMid-NEVERWAS01")):
        body = {"name": "theirs", "iam_id": whose}
        assert desk.frozen.call(maker, "POST", "/v1/apikeys", body).status == 403
    made = desk.frozen.ok("somebody", "POST", "/v1/apikeys", {"name": "own", "iam_id": SOMEBODY})
    assert made["created_by"] == SOMEBODY


def _program(desk: Desk) -> str:
    body = {"account_id": desk.account, "name": "program"}
    return str(desk.frozen.ok("owner", "POST", "/v1/serviceids", body)["iam_id"])


def test_the_key_of_a_service_id_is_made_by_who_may_change_it_and_holds_as_much(desk: Desk) -> None:
    idle, busy = _program(desk), _program(desk)
    assert desk.grant(busy, "Editor", serviceName="is").status == 201

    def made(maker: str, whose: str) -> int:
        return desk.frozen.call(maker, "POST", "/v1/apikeys", {"name": "its", "iam_id": whose}).status

    assert made("viewer", idle) == 403, "who sees it and may not change it"
    clerk = "IBMid-VIEWER0001"
    policy = desk.grant(clerk, "Editor", serviceName="iam-identity").json["id"]
    assert (made("viewer", idle), made("viewer", busy), made("owner", busy)) == (201, 403, 201)
    assert made("owner", "iam-ServiceId-00000000-0000-4000-8000-000000000000") == 400
    assert made("outsider", idle) == 400, "that of another account is as one that never was"
    desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy}")


def test_a_stored_value_is_shown_by_reads_and_changes_of_the_key_of_a_service_id(desk: Desk) -> None:
    body = {"name": "kept", "iam_id": _program(desk), "store_value": True}
    made = desk.frozen.ok("owner", "POST", "/v1/apikeys", body)
    path, secret = f"/v1/apikeys/{made['id']}", made["apikey"]
    assert desk.frozen.ok("owner", "GET", path)["apikey"] == secret
    assert desk.frozen.ok("owner", "PUT", path, {"name": "other"}, if_match="*")["apikey"] == secret
    assert desk.frozen.ok("owner", "GET", "/v1/apikeys/details", iam_apikey=secret)["apikey"] == secret
    listed = desk.frozen.ok("owner", "GET", f"/v1/apikeys?iam_id={body['iam_id']}")["apikeys"]
    assert [(one["id"], one["apikey"]) for one in listed] == [(made["id"], "")], "lists show no value"
    desk.become("holder", secret)
    assert desk.frozen.ok("holder", "GET", path)["apikey"] == secret
    plain = desk.frozen.ok("owner", "POST", "/v1/apikeys", {**body, "store_value": False})
    assert desk.frozen.ok("owner", "GET", f"/v1/apikeys/{plain['id']}")["apikey"] == ""
    inner = {"account_id": desk.account, "name": "born", "apikey": {"name": "first", "store_value": True}}
    born = desk.frozen.ok("owner", "POST", "/v1/serviceids", inner)["apikey"]
    assert desk.frozen.ok("owner", "GET", f"/v1/apikeys/{born['id']}")["apikey"] == born["apikey"] != ""


def test_the_value_of_a_key_of_a_person_is_never_stored(desk: Desk) -> None:
    body = {"name": "own", "iam_id": desk.frozen.ids["iam_id"], "store_value": True}
    refused = desk.frozen.call("owner", "POST", "/v1/apikeys", body)
    assert (refused.status, b"store_value" in refused.body) == (400, True)


def test_a_stored_value_is_hidden_from_who_holds_less_than_its_service_id(desk: Desk) -> None:
    idle, busy = _program(desk), _program(desk)
    assert desk.grant(busy, "Editor", serviceName="is").status == 201
    policy = desk.grant("IBMid-VIEWER0001", "Administrator", serviceName="iam-identity").json["id"]

    def seen(whose: str) -> bool:
        body = {"name": "kept", "iam_id": whose, "store_value": True}
        made = desk.frozen.ok("owner", "POST", "/v1/apikeys", body)
        found = desk.frozen.ok("viewer", "GET", f"/v1/apikeys/{made['id']}")["apikey"]
        assert found in ("", made["apikey"])
        return found != ""

    assert (seen(idle), seen(busy)) == (True, False)
    desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy}")


def test_an_account_can_restrict_who_makes_keys(desk: Desk) -> None:
    settings = f"/v1/accounts/{desk.account}/settings/identity"
    body = {"name": "own", "iam_id": "IBMid-VIEWER0001"}
    assert desk.frozen.call("viewer", "POST", "/v1/apikeys", body).status == 201
    desk.frozen.ok("owner", "PUT", settings, {"restrict_create_platform_apikey": "RESTRICTED"}, if_match="*")
    assert desk.frozen.call("viewer", "POST", "/v1/apikeys", body).status == 403
    creator = "crn:v1:bluemix:public:iam-identity::::serviceRole:UserApiKeyCreator"
    assert desk.grant("IBMid-VIEWER0001", creator, serviceName="iam-identity").status == 201
    assert desk.frozen.call("viewer", "POST", "/v1/apikeys", body).status == 201
    desk.frozen.ok("owner", "PUT", settings, {"restrict_create_platform_apikey": "NOT_SET"}, if_match="*")


def test_settings_hold_and_what_nothing_enforces_is_refused(desk: Desk) -> None:
    settings = f"/v1/accounts/{desk.account}/settings/identity"
    seconds = {"system_access_token_expiration_in_seconds": "900"}
    before = desk.frozen.ok("owner", "GET", settings)
    after = desk.frozen.ok("owner", "PUT", settings, seconds, if_match=before["entity_tag"])
    assert after["system_access_token_expiration_in_seconds"] == "900"
    assert desk.by_key(_key(desk)["apikey"])["expires_in"] == 900
    assert desk.frozen.call("owner", "PUT", settings, seconds, if_match=before["entity_tag"]).status == 409
    for wrong in ({"system_access_token_expiration_in_seconds": "60"}, {"restrict_create_service_id": "MAYBE"}):
        assert desk.frozen.call("owner", "PUT", settings, wrong, if_match="*").status == 400
    for promised in ({"mfa": "TOTP4ALL"}, {"allowed_ip_addresses": "192.0.2.1"}):
        assert desk.frozen.call("owner", "PUT", settings, promised, if_match="*").status == 501
    desk.frozen.ok("owner", "PUT", settings, dict.fromkeys(seconds, "NOT_SET"), if_match="*")
