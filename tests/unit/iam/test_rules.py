"""Conditions on the time: which moments they let through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kunsthalle.core.errors import Problem, Reason
from kunsthalle.iam.time_conditions import MAX_CONDITIONS, check, holds_now

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
