"""Named sets of faults that ship: what automation meets on a bad network, behind a limit, or on a bad day.

Each is a list of faults as the operator's API takes them (`POST /_kunsthalle/faults`), so that a set can be read, and
the same can be written by hand. All of them last until they are cleared.
"""

from __future__ import annotations

from typing import Any

FaultFields = dict[str, Any]


def _call(match: str, effect: str, percent: float, **more: Any) -> FaultFields:
    return {"on": "call", "match": match, "effect": effect, "percent": percent, "times": 0, **more}


SETS: dict[str, list[FaultFields]] = {
    "flaky-network": [
        _call("*", "cut", 3, cut_after=0),
        _call("*", "cut", 3),
        _call("* /v1/*", "lose", 3, status=504),
        _call("* /api/*", "lose", 3, status=504),
        _call("*", "delay", 20, seconds=0.05, spread=0.45),
    ],
    "throttled": [
        _call("POST /identity/token", "refuse", 5, status=429, retry_after=1),
        _call("* /v1/*", "refuse", 30, status=429, retry_after=1),
        _call("* /api/*", "refuse", 30, status=429, retry_after=2),
    ],
    "eventually-consistent": [
        _call("* /v1/*", "late", 100, seconds=0.5),
        _call("* /api/*", "late", 100, seconds=0.5),
    ],
    "bad-day": [
        _call("POST /identity/token", "refuse", 10, status=503),
        _call("* /v1/*", "expired", 2),
        _call("* /v1/*", "refuse", 5, status=500),
        _call("* /v1/*", "refuse", 5, status=503, retry_after=1),
        _call("* /v1/*", "refuse", 5, status=429, retry_after=1),
        _call("* /api/*", "refuse", 5, status=502),
        _call("*", "lose", 2, status=504),
        _call("*", "cut", 2),
        _call("*", "delay", 20, seconds=0.1, spread=0.9),
        {"on": "job", "match": "*", "effect": "retry", "percent": 20, "times": 0},
        {"on": "job", "match": "image.import", "effect": "hold", "percent": 20, "times": 0, "seconds": 600},
    ],
}

WORDS = {
    "flaky-network": "answers that are late, cut off, or lost after the work was done",
    "throttled": "429 with Retry-After, for a third of the calls",
    "eventually-consistent": "what was just created is not found for half a second",
    "bad-day": "some of everything: expired tokens, 5xx, 429, lost and late answers, jobs that are tried again",
}
"""What each set is for, for people."""


def fault_set(name: str, seed: int) -> list[FaultFields]:
    """The faults of a set, each with a seed of its own that follows from `seed`. KeyError for a name that is none."""
    return [{"name": name, "seed": seed * 1_000 + number, **fault} for number, fault in enumerate(SETS[name])]
