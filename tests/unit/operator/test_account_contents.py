"""What the operator is told that an account holds."""

from __future__ import annotations

from typing import Any

from fixtures.app import App
from fixtures.frozen_app import OPERATOR

PATH = "/_kunsthalle/account_contents"


def held(app: App, account: str) -> dict[str, int]:
    answer = app.call(OPERATOR, "GET", f"{PATH}?account={account}")
    assert answer.status == 200, answer.body
    told: dict[str, Any] = answer.json
    assert told["account_id"] == app.accounts["owner"]
    return {one["type"]: one["number"] for one in told["contents"]}


def test_resources_are_counted_by_type_and_those_of_others_are_not(app: App) -> None:
    before = held(app, "publisher")
    assert (before["user"], before["vpc"], "image" in before) == (2, 1, False)
    app.image("first")
    app.image("second")
    app.ok("consumer", "POST", "/v1/volumes", VOLUME)
    after = held(app, app.accounts["owner"])
    assert after == {**before, "image": 2}


VOLUME = {"profile": {"name": "general-purpose"}, "zone": {"name": "us-south-1"}, "capacity": 10}


def test_nobody_but_the_operator_is_told(app: App) -> None:
    path = f"{PATH}?account=publisher"
    assert app.call("no token", "GET", path).status == 401
    assert [app.call(who, "GET", path).status for who in ("owner", "enterprise", "consumer")] == [401, 401, 401]
    assert app.call(OPERATOR, "GET", f"{PATH}?account=nobody").status == 404
    assert app.call(OPERATOR, "GET", PATH).status == 400
