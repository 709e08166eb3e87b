"""Rules of access groups and trusted profiles act on whoever signs in with a provider."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.app import App
from fixtures.clocks import real_time_passes
from fixtures.identity_provider import IdentityProvider
from kunsthalle.authz.roles import VIEWER
from kunsthalle.iam.claim_rules import is_met
from unit.oidc.conftest import Browser

HOUR = 3_600
CLAIMS = {"groups": ["builders", "People of Kent"], "department": "Imaging", "level": 7, "remote": True, "none": []}

CONDITIONS: list[tuple[str, str, str, bool]] = [
    ("department", "EQUALS", '"Imaging"', True),
    ("department", "EQUALS", "Imaging", True),
    ("department", "EQUALS", '"imaging"', False),
    ("department", "EQUALS_IGNORE_CASE", '"imaging"', True),
    ("department", "NOT_EQUALS", '"Imaging"', False),
    ("department", "NOT_EQUALS", '"imaging"', True),
    ("department", "NOT_EQUALS_IGNORE_CASE", '"imaging"', False),
    ("department", "CONTAINS", '"Ima"', False),
    ("groups", "CONTAINS", '"builders"', True),
    ("groups", "CONTAINS", '"build"', False),
    ("groups", "EQUALS", '"People of Kent"', True),
    ("groups", "IN", '["testers", "builders"]', True),
    ("groups", "IN", '["testers"]', False),
    ("groups", "NOT_EQUALS", '"builders"', False),
    ("groups", "NOT_EQUALS", '"testers"', True),
    ("level", "EQUALS", "7", True),
    ("level", "EQUALS", '"7"', True),
    ("remote", "EQUALS", "true", True),
    ("remote", "EQUALS", "false", False),
    ("absent", "EQUALS", '""', False),
    ("absent", "NOT_EQUALS", '"x"', False),
    ("none", "NOT_EQUALS", '"x"', False),
    ("department", "LIKE", '"Imaging"', False),
]


@pytest.mark.parametrize(("claim", "operator", "value", "met"), CONDITIONS)
def test_a_condition(claim: str, operator: str, value: str, met: bool) -> None:
    assert is_met([{"claim": claim, "operator": operator, "value": value}], CLAIMS) is met


def test_all_conditions_must_be_met() -> None:
    yes = {"claim": "level", "operator": "EQUALS", "value": "7"}
    no = {"claim": "level", "operator": "EQUALS", "value": "8"}
    assert is_met([yes, yes], CLAIMS)
    assert not is_met([yes, no], CLAIMS)
    assert not is_met([], CLAIMS)


def test_an_operator_that_there_is_not_is_refused(app: App) -> None:
    group = app.do("POST", "/v2/groups", {"name": "builders"})["id"]
    body = _rule("https://login.example.com") | {"conditions": [{"claim": "a", "operator": "LIKE", "value": "b"}]}
    assert app.refused("POST", f"/v2/groups/{group}/rules", body) == (400, "bad_request", "conditions.operator")


def _rule(realm: str, value: str = '"builders"', hours: int = 2) -> dict[str, Any]:
    conditions = [{"claim": "groups", "operator": "CONTAINS", "value": value}]
    return {"name": "builders", "realm_name": realm, "expiration": hours, "conditions": conditions}


def _group(app: App, realm: str, **rule: Any) -> tuple[str, str]:
    """A group whose members may look at images, and its rule."""
    group = app.do("POST", "/v2/groups", {"name": "builders"})["id"]
    resource = {"attributes": [{"key": "serviceName", "operator": "stringEquals", "value": "is"}]}
    policy = {
        "type": "access",
        "subject": {"attributes": [{"key": "access_group_id", "operator": "stringEquals", "value": group}]},
        "control": {"grant": {"roles": [{"role_id": VIEWER.crn if hasattr(VIEWER, "crn") else VIEWER}]}},
        "resource": resource,
    }
    app.do("POST", "/v2/policies", policy)
    made = app.do("POST", f"/v2/groups/{group}/rules", _rule(realm, **rule))
    return group, made["id"]


def _signed_in(app: App, provider: IdentityProvider) -> str:
    """The token of somebody who signs in with the provider."""
    browser = Browser(app)
    assert browser.sign_in(provider).status == 200
    return _passcode_token(app, browser)


def _passcode_token(app: App, browser: Browser) -> str:
    page = browser.get("/console/passcode").body.decode()
    form_token = page.partition('name="form_token" value="')[2].partition('"')[0]
    page = browser.post("/console/passcode", f"form_token={form_token}").body.decode()
    passcode = page.partition('<code id="passcode">')[2].partition("<")[0]
    return str(_grant(app, "passcode", passcode=passcode)["access_token"])


def _grant(app: App, grant: str, status: int = 200, **form: str) -> Any:
    from urllib.parse import urlencode

    type_ = grant if grant == "refresh_token" else f"urn:ibm:params:oauth:grant-type:{grant}"
    body = urlencode({"grant_type": type_, **form}).encode()
    answer = app.call("no token", "POST", "/identity/token", body)
    assert answer.status == status, answer.body
    return answer.json


def _sees(app: App, token: str, image: str) -> int:
    return app.call(token, "GET", f"/v1/images/{image}").status


def test_a_group_of_the_provider_is_an_access_group_for_so_many_hours(
    signing_in: App, provider: IdentityProvider
) -> None:
    app, image = signing_in, signing_in.image("debian")["id"]
    group, _ = _group(app, provider.issuer)
    token = _signed_in(app, provider)
    assert _sees(app, token, image) == 404, "not without the claim"
    provider.claims["groups"] = ["builders", "others"]
    token = _signed_in(app, provider)
    assert _sees(app, token, image) == 200
    (member,) = app.do("GET", f"/v2/groups/{group}/members?membership_type=dynamic")["members"]
    assert (member["membership_type"], member["type"]) == ("dynamic", "user")
    assert app.do("GET", f"/v2/groups/{group}/members?membership_type=static")["members"] == []
    iam_id = member["iam_id"]
    assert [one["id"] for one in app.do("GET", f"/v2/groups?iam_id={iam_id}")["groups"]] == [group]
    assert app.do("GET", f"/v2/groups?iam_id={iam_id}&membership_type=static")["groups"] == []
    assert app.call("owner", "HEAD", f"/v2/groups/{group}/members/{iam_id}").status == 204
    app.travel(2 * HOUR - 1)
    assert _sees(app, token, image) == 200
    app.travel(1)
    assert _sees(app, token, image) == 404, "it has ended, and the sign-in has not"
    assert app.do("GET", f"/v2/groups/{group}/members")["members"] == []


def test_the_next_sign_in_takes_a_group_away(signing_in: App, provider: IdentityProvider) -> None:
    app, image = signing_in, signing_in.image("debian")["id"]
    _group(app, provider.issuer)
    provider.claims["groups"] = ["builders"]
    token = _signed_in(app, provider)
    provider.claims["groups"] = ["testers"]
    _signed_in(app, provider)
    assert _sees(app, token, image) == 404


@pytest.mark.parametrize("what", ["rule", "changed rule", "group"])
def test_what_a_rule_gave_goes_with_it(what: str, signing_in: App, provider: IdentityProvider) -> None:
    app, image = signing_in, signing_in.image("debian")["id"]
    group, rule = _group(app, provider.issuer)
    provider.claims["groups"] = ["builders"]
    token = _signed_in(app, provider)
    assert _sees(app, token, image) == 200
    path = f"/v2/groups/{group}/rules/{rule}"
    if what == "rule":
        app.do("DELETE", path)
    elif what == "changed rule":
        tag = dict(app.call("owner", "GET", path).headers)[b"etag"].decode()
        app.do("PUT", path, _rule(provider.issuer, '"testers"'), **{"if-match": tag})
    else:
        app.do("DELETE", f"/v2/groups/{group}?force=true")
    assert _sees(app, token, image) == 404


def test_a_rule_of_another_realm_or_account_gives_nothing(signing_in: App, provider: IdentityProvider) -> None:
    app, image = signing_in, signing_in.image("debian")["id"]
    _group(app, "https://login.example.net")
    foreign = app.ok("consumer", "POST", "/v2/groups", {"name": "builders"})["id"]
    app.ok("consumer", "POST", f"/v2/groups/{foreign}/rules", _rule(provider.issuer))
    provider.claims["groups"] = ["builders"]
    assert _sees(app, _signed_in(app, provider), image) == 404
    assert app.ok("consumer", "GET", f"/v2/groups/{foreign}/members")["members"] == []


def _profile(app: App, realm: str, expiration: int = 1_800) -> str:
    profile = app.do("POST", "/v1/profiles", {"name": "builders", "account_id": app.accounts["owner"]})["id"]
    conditions = [{"claim": "groups", "operator": "CONTAINS", "value": '"builders"'}]
    rule = {"type": "Profile-SAML", "realm_name": realm, "expiration": expiration, "conditions": conditions}
    app.do("POST", f"/v1/profiles/{profile}/rules", rule)
    return str(profile)


def test_a_profile_is_put_on_by_a_rule_for_a_time(signing_in: App, provider: IdentityProvider) -> None:
    app = signing_in
    profile = _profile(app, provider.issuer)
    token = _signed_in(app, provider)
    _grant(app, "assume", 400, access_token=token, profile_id=profile)
    provider.claims["groups"] = ["builders"]
    token = _signed_in(app, provider)
    worn = _grant(app, "assume", access_token=token, profile_id=profile)
    assert worn["expires_in"] <= 1_800
    assert app.call(worn["access_token"], "GET", "/v1/images").status == 200
    renewed = _grant(app, "refresh_token", refresh_token=worn["refresh_token"])
    app.travel(1_801)
    _grant(app, "refresh_token", 400, refresh_token=worn["refresh_token"])
    _grant(app, "assume", 400, access_token=token, profile_id=profile)
    assert renewed["access_token"] != worn["access_token"]


def test_a_profile_ends_with_the_sign_in(signing_in: App, provider: IdentityProvider) -> None:
    app = signing_in
    profile = _profile(app, provider.issuer, 86_400)
    provider.claims["groups"] = ["builders"]
    token = _signed_in(app, provider)
    worn = _grant(app, "assume", access_token=token, profile_id=profile)
    iam_id = _iam_id(token)
    state = {"state": "DISABLED_CLASSIC_INFRASTRUCTURE"}
    app.do("PATCH", f"/v2/accounts/{app.accounts['owner']}/users/{iam_id}", state)
    assert app.call(worn["access_token"], "GET", "/v1/images").status == 401


def _iam_id(token: str) -> str:
    from unit.oidc.test_sign_in import claims_of

    return str(claims_of(token)["iam_id"])


def test_a_passcode_is_good_once_and_for_five_minutes(signing_in: App, provider: IdentityProvider) -> None:
    app = signing_in
    token = _signed_in(app, provider)
    passcode = app.ok(token, "POST", "/identity/passcode")["passcode"]
    _grant(app, "passcode", passcode=passcode)
    refused = _grant(app, "passcode", 400, passcode=passcode)
    assert refused["errorCode"] == "BXNIM0411E"
    late = app.ok(token, "POST", "/identity/passcode")["passcode"]
    real_time_passes(app.server.clock, 301)
    _grant(app, "passcode", 400, passcode=late)
    for wrong in ("", "x", "\u00e9"):
        _grant(app, "passcode", 400, passcode=wrong)


def test_a_passcode_of_a_key_rests_on_that_key(app: App) -> None:
    passcode = app.ok("owner", "POST", "/identity/passcode")["passcode"]
    token = _grant(app, "passcode", passcode=passcode)["access_token"]
    assert app.call(token, "GET", "/v1/images").status == 200
    from unit.oidc.test_sign_in import claims_of

    key = claims_of(token)["akid"]
    app.ok("operator-token-of-the-matrix", "DELETE", f"/_kunsthalle/api_keys/{key}")
    assert app.call(token, "GET", "/v1/images").status == 401


def test_programs_have_no_passcodes(app: App) -> None:
    made = app.do(
        "POST", "/v1/serviceids", {"name": "builder", "account_id": app.accounts["owner"], "apikey": {"name": "k"}}
    )
    token = _grant(app, "apikey", apikey=made["apikey"]["apikey"])["access_token"]
    assert app.call(token, "POST", "/identity/passcode").status == 400
