"""Conditions on what a provider says of somebody: those of dynamic rules of access groups and of trusted profiles.

The operators are those of the SDKs. What they mean of a claim with several values, and of one that is absent, no source
says (U): one value that fits is enough, and an absent claim meets no condition, a negative one neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from kunsthalle.core.errors import invalid

Texts = Sequence[str]
_Test = Callable[[Texts, Texts], bool]


def _folded(texts: Texts) -> list[str]:
    return [text.casefold() for text in texts]


def _meets(values: Texts, expected: Texts) -> bool:
    return not set(values).isdisjoint(expected)


OPERATORS: dict[str, _Test] = {
    "EQUALS": _meets,
    "EQUALS_IGNORE_CASE": lambda values, expected: _meets(_folded(values), _folded(expected)),
    "NOT_EQUALS": lambda values, expected: not _meets(values, expected),
    "NOT_EQUALS_IGNORE_CASE": lambda values, expected: not _meets(_folded(values), _folded(expected)),
    "CONTAINS": _meets,
    "IN": _meets,
}


def check_conditions(conditions: Sequence[Mapping[str, str]]) -> None:
    """400 for an operator that no rule has, and for a rule without conditions."""
    if not conditions:
        raise invalid("bad_request", "A rule has at least one condition.", "conditions")
    for condition in conditions:
        if condition["operator"] not in OPERATORS:
            known, operator = ", ".join(OPERATORS), condition["operator"][:64]
            raise invalid("bad_request", f"Unknown operator {operator!r}: give one of {known}.", "conditions.operator")


def is_met(conditions: Sequence[Mapping[str, str]], claims: Mapping[str, Any]) -> bool:
    """Whether claims meet every condition; rules of an earlier release may have operators that no claim meets."""
    return bool(conditions) and all(_holds(condition, claims) for condition in conditions)


def _holds(condition: Mapping[str, str], claims: Mapping[str, Any]) -> bool:
    test, values = OPERATORS.get(condition["operator"]), _texts(claims.get(condition["claim"]))
    return test is not None and bool(values) and test(values, _expected(condition["value"]))


def _expected(value: str) -> Texts:
    """The value of a condition: JSON in a text, or a text as it is."""
    try:
        document = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return [value]
    return _texts(document) or [value]


def _texts(value: Any) -> list[str]:
    """A claim's values as texts; none for what is no text, number, truth value, or list of those."""
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, (int, float)):
        return [f"{value:g}" if isinstance(value, float) else str(value)]
    if isinstance(value, str):
        return [value]
    return [text for entry in value for text in _texts(entry)] if isinstance(value, list) else []
