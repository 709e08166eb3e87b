"""Policies that hold at certain times are evaluated in each request of who has them: what they may cost has a bound."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from attacks.people import ADMINISTRATOR, Person, owner, token
from attacks.traffic import PATIENCE, bystander_is_served
from fixtures.clients import Account
from kunsthalle.iam.policy_limits import MAX_EFFECTIVE
from kunsthalle.iam.time_conditions import MAX_CONDITIONS
from kunsthalle.testing import Served

IMAGES = "/v1/images?version=2025-06-30&generation=2"


def _rule(conditions: int, number: int = 0) -> dict[str, Any]:
    """Joined by `or`, of which the last alone holds."""
    key = "{{environment.attributes.current_date_time}}"
    never = [f"20{10 + at % 10}-{1 + number % 12:02}-{1 + at % 28:02}T00:00:00+00:00" for at in range(conditions - 1)]
    made = [{"key": key, "operator": "dateTimeLessThan", "value": value} for value in never]
    made.append({"key": key, "operator": "dateTimeGreaterThan", "value": "2020-01-01T00:00:00+00:00"})
    return {"operator": "or", "conditions": made}


def _policy(iam_id: str, number: int, conditions: int) -> dict[str, Any]:
    named = {"serviceName": "is", "imageId": f"r006-{number}"}
    return {
        "type": "access",
        "control": {"grant": {"roles": [{"role_id": ADMINISTRATOR.replace("Administrator", "Viewer")}]}},
        "subject": {"attributes": [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}]},
        "resource": {
            "attributes": [{"key": key, "operator": "stringEquals", "value": value} for key, value in named.items()]
        },
        "rule": _rule(conditions, number),
        "pattern": "time-based-conditions:once",
    }


@pytest.fixture(scope="module")
def robot(served: Served) -> Person:
    """A service ID of the attacker's account with all the policies that it may have, each with as many conditions."""
    attacker = owner(served, "outsider")
    here = {"account_id": attacker.account_id}
    made = attacker.ok("POST", "/v1/serviceids", {**here, "name": "robot"})
    key = attacker.ok("POST", "/v1/apikeys", {**here, "name": "robot", "iam_id": made["iam_id"]})["apikey"]
    for number in range(MAX_EFFECTIVE):
        attacker.ok("POST", "/v2/policies", _policy(made["iam_id"], number, MAX_CONDITIONS))
    refused = attacker("POST", "/v2/policies", _policy(made["iam_id"], MAX_EFFECTIVE, 1))
    assert (refused.status, str(MAX_EFFECTIVE) in json.dumps(refused.json)) == (409, True)
    bearer = token(attacker.url, key).json["access_token"]
    return Person(attacker.url, "robot", made["iam_id"], attacker.account_id, key, bearer)


@pytest.mark.parametrize("conditions", [MAX_CONDITIONS + 1, 5_000])
def test_a_rule_of_very_many_conditions_is_refused(served: Served, conditions: int) -> None:
    attacker = owner(served, "outsider")
    refused = attacker("POST", "/v2/policies", _policy(attacker.iam_id, 0, conditions))
    assert (refused.status, str(MAX_CONDITIONS) in json.dumps(refused.json)) == (400, True)


def test_requests_of_who_has_them_cost_little_and_nobody_waits(robot: Person, victim: Account) -> None:
    assert robot("GET", IMAGES).status == 200
    begun = time.monotonic()
    for _ in range(20):
        assert robot("GET", IMAGES).status == 200
    assert time.monotonic() - begun < PATIENCE, "a second each, where 16 policies of 5,000 conditions cost two"
    bystander_is_served(victim, lambda: robot.ok("GET", IMAGES))
