"""Moments by the product clock, written so that two runs give the same text.

What passes by itself differs from run to run: it is left out. The clock's moves divide a run into stretches; a moment
within one is written as where the stretch began. A moment ahead is written with its distance from there, as the
roundest that fits: of a date seven days after a call in the third second, the three seconds are left out.
"""

from __future__ import annotations

import re

from kunsthalle.core.clock import DAY, SECOND, duration, moment, rfc3339
from kunsthalle.core.records import dataclass
from kunsthalle.transcripts.models import START

_DATE = re.compile(r"(?<![0-9A-Za-z-])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)(?![0-9A-Za-z])")
_EARLIER = "earlier"
_MINUTE = 60 * SECOND
_ROUND = (365 * DAY, 30 * DAY, 7 * DAY, DAY, 3_600 * SECOND, 600 * SECOND, _MINUTE, 10 * SECOND, SECOND)
_UNITS = (("d", DAY), ("h", 3_600 * SECOND), ("m", _MINUTE), ("s", SECOND))
_TOLERANCE = 2 * SECOND
"""Between the moment that a call begins and those that it writes down."""
_LONGEST = 200 * 365 * DAY
_NUMBERED = re.compile(r"(?:^|_)(?:expiration|expires?_at|iat|exp|nbf|timestamp|created_at|updated_at)$")


@dataclass(slots=True)
class _Stretch:
    """Between two moves of the clock: `base` and `offset` are what its beginning is written as."""

    begin: int
    end: int
    base: str
    offset: int

    @property
    def label(self) -> str:
        return self.base + _signed(self.offset)


class Moments:
    """Writes moments. `now` is told of each event in turn, `move` of each move of the clock."""

    def __init__(self, begin: int) -> None:
        self._stretches = [_Stretch(begin, begin, START, 0)]

    @property
    def label(self) -> str:
        """Where the clock stands."""
        return self._stretches[-1].label

    def now(self, at: int) -> str:
        """The moment of an event that has just begun."""
        self.until(at)
        return self.label

    def until(self, at: int) -> None:
        """Something that began before went on until this moment."""
        last = self._stretches[-1]
        last.end = max(last.end, at)

    def move(self, at: int, advance: str | None, to: str | None) -> str:
        """The clock was moved to `at`, as it was asked for: by a duration, or to a moment. What that is written as."""
        last = self._stretches[-1]
        if to is not None:
            self._stretches.append(_Stretch(at, at, rfc3339(at).replace(".000Z", "Z"), 0))
        else:
            by = duration(advance) if advance else 0
            self._stretches.append(_Stretch(at, at, last.base, last.offset + by))
        return self.label

    def replaced(self, text: str) -> str:
        """A text with what stands for its dates."""
        return _DATE.sub(lambda match: self.shown(match[0]), text) if "T" in text else text

    def replaced_number(self, name: str, value: int) -> int | str:
        """The number of a field that counts seconds since the epoch, or milliseconds, as a moment."""
        if not _NUMBERED.search(name):
            return value
        for unit in (SECOND, SECOND // 1_000):
            if abs(value * unit - self._stretches[-1].end) < 20 * 365 * DAY:
                return self._at(value * unit, unit)
        return value

    def shown(self, text: str) -> str:
        """What stands for a date; the date itself where it is none, or was given as a whole minute."""
        try:
            at = moment(text)
        except (ValueError, OverflowError):
            return text
        if at % _MINUTE == 0 and not self._is_within(at):
            return text
        return self._at(at, 0 if "." in text else SECOND)

    def _is_within(self, at: int) -> bool:
        return any(stretch.begin <= at <= stretch.end for stretch in self._stretches)

    def _at(self, at: int, cut: int) -> str:
        """`cut`: so much may have been cut off the moment."""
        if at < self._stretches[0].begin - cut:
            return _EARLIER
        for part in reversed(self._stretches):
            if part.begin - _TOLERANCE <= at <= part.end + _TOLERANCE:
                return part.label
        rounded = [
            (_roundest(at - part.end - _TOLERANCE, at - part.begin + _TOLERANCE), part) for part in self._stretches
        ]
        (_, distance), stretch = min(
            (pair for pair in rounded if pair[0][1] > 0), key=lambda pair: pair[0][0], default=((0, 0), None)
        )
        if stretch is None:  # between two stretches: the clock jumped over it
            return self._stretches[-1].label
        return stretch.base + _signed(stretch.offset + distance)


def _roundest(low: int, high: int) -> tuple[int, int]:
    """The roundest number of microseconds from `low` to `high`, and how round it is: 0 is the roundest."""
    for rank, unit in enumerate(_ROUND):
        candidate = high // unit * unit
        if candidate >= low and candidate > 0:
            return rank, candidate
    return len(_ROUND), max(0, high)


def _signed(offset: int) -> str:
    """`+7d3h`, or nothing for 0."""
    if offset == 0 or abs(offset) > _LONGEST:
        return ""
    parts, rest = [], abs(offset)
    for letter, unit in _UNITS:
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count}{letter}")
    return ("+" if offset > 0 else "-") + "".join(parts or ["0s"])
