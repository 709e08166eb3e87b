"""How fast something moves that copies bytes, and how long it will take."""

from __future__ import annotations

from kunsthalle.console.listing import Row
from kunsthalle.core.clock import moment

_SECOND = 1_000_000
"""Microseconds, in which `core.clock` counts."""


def paced(progress: Row, began: str | None) -> Row:
    """Progress of the API with `rate` (bytes a second) and `left` (words), since the moment when it began.

    Both are empty as long as nothing is known: before the first bytes, and where the clock stands.
    """
    told = {**progress, "rate": 0, "left": ""}
    done, whole, at = progress.get("done_bytes", 0), progress.get("total_bytes"), progress.get("updated_at")
    seconds = (moment(at) - moment(began)) / _SECOND if at and began else 0
    if not done or whole is None or seconds <= 0:
        return told
    rate = done / seconds
    return {**told, "rate": int(rate), "left": _words((whole - done) / rate) if whole > done else ""}


def _words(seconds: float) -> str:
    """A duration as people say it, in its largest unit, rounded up."""
    for unit, size in (("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(-(-seconds // size))} {unit}"
    return f"{max(int(seconds), 1)} s"
