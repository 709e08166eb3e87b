"""How fast something moves that copies bytes, how long it will take, and how long something else still waits."""

from __future__ import annotations

from kunsthalle.console.listing import Row
from kunsthalle.core.clock import SECOND, moment
from kunsthalle.core.records import dataclass

_DAY = 86_400
_UNITS = (("days", _DAY, 2 * _DAY), ("h", 3_600, 3_600), ("min", 60, 60))
"""Seconds of each, and from how many on it is used."""


def paced(progress: Row, began: str | None) -> Row:
    """Progress of the API with `rate` (bytes a second) and `left` (words), since the moment when it began.

    Both are empty as long as nothing is known: before the first bytes, and where the clock stands.
    """
    at = progress.get("updated_at")
    return at_pace(progress, (moment(at) - moment(began)) / SECOND if at and began else 0)


def at_pace(progress: Row, seconds: float) -> Row:
    """The same for something that has moved for so many seconds."""
    told = {**progress, "rate": 0, "left": ""}
    done, whole = progress.get("done_bytes", 0), progress.get("total_bytes")
    if not done or whole is None or seconds <= 0:
        return told
    rate = done / seconds
    return {**told, "rate": int(rate), "left": _words((whole - done) / rate) if whole > done else ""}


@dataclass(frozen=True, slots=True)
class Wait:
    """How far a wait is: percent of its time, and what is left of it in words; '' where its end has come."""

    percent: int
    left: str


def wait(began: str, ends: str, now: int) -> Wait:
    """A wait between two moments; `now` is in microseconds of the product clock."""
    start, end = moment(began), moment(ends)
    gone = min(max(now - start, 0), end - start)
    left = _words((end - now) / SECOND) if now < end else ""
    return Wait(100 * gone // (end - start) if end > start else 100, left)


def since(began: str, now: int) -> str:
    """How long ago a moment of the product clock was; '' for one that is not over."""
    return _words((now - moment(began)) / SECOND) if moment(began) < now else ""


def _words(seconds: float) -> str:
    """A duration as people say it, in its largest unit, rounded up."""
    for unit, size, least in _UNITS:
        if seconds >= least:
            return f"{int(-(-seconds // size))} {unit}"
    return f"{max(int(seconds), 1)} s"
