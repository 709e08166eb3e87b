"""The moments of the log's lines are those that answers show."""

from __future__ import annotations

import pytest

from kunsthalle.core.clock import SECOND, LineStamps, rfc3339


class Clock:
    """Real time that a test sets."""

    moment = 0

    def now(self) -> int:
        raise AssertionError("lines bear real time")

    def real(self) -> int:
        return self.moment


@pytest.mark.parametrize("begin", [0, 1_767_225_599 * SECOND, 951_782_400 * SECOND])
def test_a_line_bears_the_moment_to_the_millisecond(begin: int) -> None:
    clock = Clock()
    stamps = LineStamps(clock)
    for moment in (begin, begin + 999, begin + 1_000, begin + SECOND - 1, begin + SECOND, begin + 61 * SECOND, begin):
        clock.moment = moment
        assert stamps() == rfc3339(moment)
