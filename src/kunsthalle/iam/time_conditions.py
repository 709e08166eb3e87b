"""When a policy holds: conditions on the time (catalog-iam-enterprise.md 3.6, step 3; pattern `time-based-conditions`).

A rule is one condition, or a list of conditions joined by `and` or `or`. Every value carries its own offset from UTC,
in which the moment is compared.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.errors import Problem, Reason, Target, invalid

_OFFSET = r"([+-])(\d{2}):(\d{2})"
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "LessThan": operator.lt,
    "LessThanOrEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanOrEquals": operator.ge,
}
_KEYS = {
    "{{environment.attributes.day_of_week}}": "dayOfWeek",
    "{{environment.attributes.current_time}}": "time",
    "{{environment.attributes.current_date}}": "date",
    "{{environment.attributes.current_date_time}}": "dateTime",
}
_DEEPEST = 2
MAX_CONDITIONS = 10
"""In one rule: it is evaluated when its subject calls."""
_MAX_DAYS, _MAX_VALUE = 7, 64
_MOST_PARSED = 10_000
Rule = Callable[[datetime], bool]


def _split(text: object) -> tuple[str, timedelta]:
    """A value and its offset; ValueError without one, TypeError for what is no text. `Z` is UTC."""
    if not isinstance(text, str) or len(text) > _MAX_VALUE:
        raise TypeError(f"a value must be text of at most {_MAX_VALUE} characters")
    match = re.fullmatch(rf"(.+?)(?:Z|{_OFFSET})", text)
    if match is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    if match[2] is None:
        return match[1], timedelta(0)
    minutes = int(match[3]) * 60 + int(match[4])
    return match[1], timedelta(minutes=-minutes if match[2] == "-" else minutes)


def _days(values: tuple[str, ...]) -> Rule:
    if len(values) > _MAX_DAYS:
        raise ValueError(f"{len(values)} days are given; at most {_MAX_DAYS} are allowed")
    times = [_split(value) for value in values]
    if not times or any(day not in set("1234567") for day, _ in times):
        raise ValueError("days are 1 (Monday) to 7, each with an offset")
    days = [(int(day), offset) for day, offset in times]
    return lambda now: any((now + offset).isoweekday() == day for day, offset in days)


def _moment(kind: str, text: str) -> time | date | datetime:
    match kind:
        case "time":
            return time.fromisoformat(text)
        case "date":
            return date.fromisoformat(text)
        case "dateTime":
            return datetime.fromisoformat(text)
        case _:
            raise UnknownMember("kind of a condition on time", kind)


def _of(kind: str, at: datetime) -> time | date | datetime:
    match kind:
        case "time":
            return at.time()
        case "date":
            return at.date()
        case "dateTime":
            return at
        case _:
            raise UnknownMember("kind of a condition on time", kind)


@lru_cache(maxsize=_MOST_PARSED)
def _condition(key: str, name: str, value: str | tuple[str, ...]) -> Rule:
    """A condition, parsed once for all rules that have it. ValueError, KeyError, TypeError for what is none."""
    kind = _KEYS[key]
    if kind == "dayOfWeek":
        if name not in {"dayOfWeekEquals", "dayOfWeekAnyOf"}:
            raise ValueError(f"{name!r} is no operator of days")
        return _days(value if isinstance(value, tuple) else (value,))
    if not name.startswith(kind):
        raise ValueError(f"{name!r} is no operator of this key")
    compare = _COMPARE[name.removeprefix(kind)]
    text, offset = _split(value)
    limit = _moment(kind, text)
    return lambda now: compare(_of(kind, now + offset), limit)


def parsed(rule: Mapping[str, Any] | None, depth: int = 0) -> Rule:
    """The rule as a function of the moment in UTC. What `check` has not refused raises nothing."""
    if rule is None:
        return lambda _now: True
    conditions = rule.get("conditions")
    if conditions is None:
        value = rule["value"]
        return _condition(rule["key"], rule["operator"], tuple(value) if isinstance(value, list) else value)
    if (
        not isinstance(conditions, list)
        or not conditions
        or depth >= _DEEPEST
        or rule.get("operator") not in {"and", "or"}
    ):
        raise ValueError("conditions are a list joined by and, or")
    joined, parts = (
        all if rule["operator"] == "and" else any,
        [parsed(condition, depth + 1) for condition in conditions],
    )
    return lambda now: joined([part(now) for part in parts])


def _count(rule: Mapping[str, Any], depth: int = 0) -> int:
    conditions = rule.get("conditions")
    if not isinstance(conditions, list) or depth >= _DEEPEST:
        return 1
    return sum(_count(condition, depth + 1) for condition in conditions)


def moment_of(now: int) -> datetime:
    """A moment in seconds since the epoch, as rules take it."""
    return datetime.fromtimestamp(now, UTC).replace(tzinfo=None)


def holds_now(rule: Mapping[str, Any] | None, now: int) -> bool:
    """Whether a checked rule holds at a moment in seconds since the epoch."""
    return parsed(rule)(moment_of(now))


def check(rule: Mapping[str, Any] | None, pattern: str | None) -> None:
    """400 for a rule that says nothing about time as this module reads it; 501 for conditions on attributes."""
    if rule is None:
        return
    if pattern is not None and pattern.startswith("attribute-based-condition"):
        text = "Conditions on resource attributes in a rule are not offered; use the resource's attributes."
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", text, Target("pattern"))
    try:
        number = _count(rule)
        if number > MAX_CONDITIONS:
            raise ValueError(f"it has {number} conditions; at most {MAX_CONDITIONS} are allowed")
        holds_now(rule, 0)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise invalid("invalid_body", f"The rule is not a condition on the time: {error}", "rule") from error
