"""Counts and durations of requests, by surface, route, method and status.

The route is the pattern, so that no id or name is in it, and what fits no route is one series. Numbers are kept as
plain lists: the event loop alone adds to them, and the library that shows them is loaded with the first scrape.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from kunsthalle.api.access_log import Exchange

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram, in seconds."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"

Durations = list[float]
"""The sum of seconds, then the number of requests in each bucket, the last one being without a bound."""


class RequestMetrics:
    """What was answered since the start: told of each request as an observer."""

    def __init__(self) -> None:
        self.durations: dict[tuple[str, str, str], Durations] = {}
        """By surface, method and route."""
        self.statuses: dict[tuple[str, str, str, int], int] = {}
        """By surface, method, route and status; 0 where the connection closed before there was one."""
        self.connections: Callable[[], int] = lambda: 0
        """How many connections are open, once something listens."""

    def record(self, exchange: Exchange, now: float, trace: str) -> None:
        """Add a request that was answered. `now` is in seconds, as its beginning."""
        del trace
        seconds = now - exchange.begun
        method = exchange.method if exchange.method in _METHODS else OTHER_METHOD
        key = (exchange.surface, method, exchange.route)
        durations = self.durations.get(key)
        if durations is None:
            durations = self.durations[key] = [0.0] * (len(BUCKETS) + 2)
        durations[0] += seconds
        durations[1 + bisect_left(BUCKETS, seconds)] += 1
        counted = (*key, exchange.status)
        self.statuses[counted] = self.statuses.get(counted, 0) + 1
