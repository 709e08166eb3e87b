"""Time as the product sees it.

Every moment is an `int`: microseconds since the Unix epoch, UTC. What a user can observe (timestamps, due times, the
expiry of keys, conditions of policies) follows the product clock, which can be moved. Leases of running jobs follow
real time, because a worker that died stays dead however far a rehearsal travels; so do tokens, because clients keep
them by the clocks of their own hosts, which nobody moves.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import ClassVar, Protocol

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR

_DURATION = re.compile(
    r"^P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?$"
)
_SHORT = re.compile(r"^(?P<count>\d+)(?P<unit>[smhdw])$")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LONGEST = 100 * 365 * DAY
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  without a zone, so that its text has none


class Clock(Protocol):
    """What packages may ask of time."""

    def now(self) -> int:
        """The product's present moment in microseconds since the epoch."""

    def real(self) -> int:
        """Real time in microseconds since the epoch: for leases, tokens, sign-ins at the console, temporary files."""


class SystemClock:
    """Real time plus an offset that time travel adds to."""

    kind: ClassVar[str] = "system"

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset

    def now(self) -> int:
        return self.real() + self.offset

    def real(self) -> int:
        return time.time_ns() // 1_000

    def set(self, moment: int) -> None:
        self.offset = moment - self.real()

    def placed(self, now: int, real: int) -> int:
        """The present moment of a clock that stood at `now` when real time was `real`."""
        return self.real() + now - real

    def adopt(self, now: int, real: int) -> None:
        """Become the clock that stood at `now` when real time was `real`."""
        self.offset = now - real


class ManualClock:
    """Stands still until it is moved."""

    kind: ClassVar[str] = "manual"

    def __init__(self, moment: int) -> None:
        self.moment = moment

    def now(self) -> int:
        return self.moment

    def real(self) -> int:
        return time.time_ns() // 1_000

    def set(self, moment: int) -> None:
        self.moment = moment

    def placed(self, now: int, real: int) -> int:  # noqa: ARG002  it stands still
        """See SystemClock.placed."""
        return now

    def adopt(self, now: int, real: int) -> None:  # noqa: ARG002  it stands still
        """See SystemClock.adopt."""
        self.moment = now


MovableClock = SystemClock | ManualClock


def duration(text: str) -> int:
    """Microseconds of an ISO 8601 duration (`P7D`, `PT30M`) or its short form (`7d`, `30m`).

    Raises ValueError for anything else, for zero, and beyond a hundred years.
    """
    short = _SHORT.match(text)
    if short:
        total = int(short["count"]) * _UNITS[short["unit"]] * SECOND
    else:
        long = _DURATION.match(text)
        if not long:
            raise ValueError(f"{text!r} is not a duration such as P7D, PT30M, 7d or 30m")
        parts = {session: int(count) for session, count in long.groupdict().items() if count}
        total = timedelta(**parts) // timedelta(microseconds=1)
    if not 0 < total <= _LONGEST:
        raise ValueError(f"{text!r} must be longer than nothing and at most a hundred years")
    return total


@lru_cache(maxsize=8_192)  # clients ask for the same resources again and again
def rfc3339(moment: int) -> str:
    """RFC 3339 UTC with milliseconds and `Z` (reference/vpc-api.md A4)."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat(timespec="milliseconds") + "Z"


class LineStamps:
    """Moments for lines of a log, which come many to a second: its text is made once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second, self._text = -1, ""

    def __call__(self) -> str:
        """Real time, as `rfc3339` writes it."""
        second, rest = divmod(self._clock.real(), SECOND)
        if second != self._second:
            self._second, self._text = second, rfc3339(second * SECOND)[:-4]
        return f"{self._text}{rest // 1_000:03d}Z"


def moment(text: str) -> int:
    """The moment of an RFC 3339 text with a zone; ValueError for naive or malformed ones, and for a moment that in UTC
    is of no year from 1 to 9999: no answer could show it.
    """
    padded = re.sub(r"([+-])(\d):", r"\g<1>0\2:", text)
    at = datetime.fromisoformat(padded)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        at = at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999") from error
    return (at - _EPOCH.replace(tzinfo=UTC)) // timedelta(microseconds=1)
