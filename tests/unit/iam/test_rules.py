"""Conditions on the time: which moments they let through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kunsthalle.authz.permissions import Attribute, Grant
from kunsthalle.authz.roles import VIEWER
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.iam.queries import _Holding
from kunsthalle.iam.time_conditions import MAX_CONDITIONS, _condition, check, holds_now, moment_of, parsed

KEY = "{{{{environment.attributes.{}}}}}"


def one(key: str, operator: str, value: Any) -> dict[str, Any]:
    return {"key": KEY.format(key), "operator": operator, "value": value}


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


WEEK = {
    "operator": "and",
    "conditions": [
        one("day_of_week", "dayOfWeekAnyOf", [f"{day}+02:00" for day in range(1, 6)]),
        one("current_time", "timeGreaterThanOrEquals", "09:00:00+02:00"),
        one("current_time", "timeLessThanOrEquals", "17:00:00+02:00"),
    ],
}

LATE = one("current_time", "timeGreaterThan", "17:00:00Z")


@pytest.mark.parametrize(
    ("rule", "moment", "expected"),
    [
        (None, "2026-01-01T00:00:00", True),
        (WEEK, "2026-01-05T07:00:00", True),
        (WEEK, "2026-01-05T06:59:59", False),
        (WEEK, "2026-01-05T15:00:01", False),
        (WEEK, "2026-01-04T10:00:00", False),
        ({"operator": "or", "conditions": [LATE] * MAX_CONDITIONS}, "2026-01-01T17:00:01", True),
        (one("day_of_week", "dayOfWeekEquals", "1+02:00"), "2026-01-04T22:30:00", True),
        (one("day_of_week", "dayOfWeekEquals", "1+00:00"), "2026-01-04T22:30:00", False),
        (one("current_date", "dateLessThan", "2026-02-01Z"), "2026-01-31T23:59:59", True),
        (one("current_date", "dateLessThan", "2026-02-01Z"), "2026-02-01T00:00:00", False),
        (one("current_date_time", "dateTimeGreaterThan", "2026-01-01T00:00:00-05:00"), "2026-01-01T05:00:00", False),
        (one("current_date_time", "dateTimeGreaterThan", "2026-01-01T00:00:00-05:00"), "2026-01-01T05:00:01", True),
        (
            {"operator": "or", "conditions": [WEEK, one("current_date", "dateGreaterThan", "2027-01-01Z")]},
            "2027-01-03T03:00:00",
            True,
        ),
    ],
)
def test_moments(rule: dict[str, Any] | None, moment: str, expected: bool) -> None:
    check(rule, "time-based-conditions:weekly:custom-hours")
    assert holds_now(rule, at(moment)) is expected


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"operator": "and", "conditions": []},
        {"operator": "not", "conditions": [WEEK]},
        {
            "operator": "and",
            "conditions": [{"operator": "and", "conditions": [{"operator": "or", "conditions": [WEEK]}]}],
        },
        one("current_time", "timeLessThan", "25:00:00+00:00"),
        one("current_time", "timeLessThan", "09:00:00"),
        one("current_time", "dateLessThan", "2026-01-01Z"),
        one("current_time", "timeEquals", "09:00:00Z"),
        one("day_of_week", "dayOfWeekAnyOf", ["8+00:00"]),
        one("day_of_week", "dayOfWeekAnyOf", []),
        one("current_date_time", "dateTimeLessThan", "2026-01-01T00:00:00+00:00+00:00"),
        one("user", "stringEquals", "me"),
        one("current_time", "timeLessThan", 9),
        {"key": 1, "operator": 2, "value": 3},
        {"operator": "and", "conditions": ["text"]},
        {"operator": "or", "conditions": [LATE] * (MAX_CONDITIONS + 1)},
        {"operator": "or", "conditions": [{"operator": "and", "conditions": [LATE] * 6}] * 2},
        one("day_of_week", "dayOfWeekAnyOf", ["1+00:00"] * 5_000),
        one("current_time", "timeLessThan", "0" * 1_000 + "Z"),
    ],
)
def test_what_is_no_condition_on_the_time_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        check(rule, "time-based-conditions:once")
    assert refused.value.reason is Reason.INVALID


def _timed(value: str) -> dict[str, Any]:
    key = "{{environment.attributes.current_date_time}}"
    return {"key": key, "operator": "dateTimeGreaterThanOrEquals", "value": value}


def test_a_condition_is_parsed_once_for_all_rules_that_have_it() -> None:
    rules = [{"operator": "or", "conditions": [_timed(f"2022-10-01T12:00:{n:02}+00:00") for n in range(10)]}] * 300
    before = _condition.cache_info().misses
    for rule in rules:
        assert parsed(rule)(moment_of(at("2024-01-01T00:00:00")))
    assert _condition.cache_info().misses - before <= 10


def test_grants_stay_the_same_while_the_same_policies_are_active() -> None:
    """What was worked out from them, such as statements, is kept from second to second."""
    begin = at("2024-01-01T00:00:00")
    always, later = Held(None, "always"), Held(_timed("2024-01-01T00:00:10+00:00"), "later")
    holding = _Holding("account", [always, later], {})  # type: ignore[list-item]  # of a policy, what is asked
    grants = [holding.grants(begin + second) for second in (0, 1, 9, 10, 11)]
    assert grants[0] is grants[1] is grants[2] is not grants[3]
    assert grants[3] is grants[4]
    assert not grants[2].scope("is.image.image.read").everything
    assert grants[3].scope("is.image.image.read").everything


class Held:
    """A policy on images: on one of them by its name, or on all of them."""

    def __init__(self, rule: dict[str, Any] | None, name: str) -> None:
        self.rule = rule
        self.subject_id = "IBMid-someone"
        self._name = name

    def grant(self, _custom: object) -> Grant:
        on = (Attribute("imageId", "r006-a"),) if self._name == "always" else ()
        return Grant((VIEWER,), (Attribute("serviceName", "is"), *on))
