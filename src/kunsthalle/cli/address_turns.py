"""Steps of many connections, a few in each turn of the event loop, so that what others do goes on in between.

Two hundred connections that are opened, or cut, at the same moment would else all be looked at in one turn. Threads get
the interpreter back after a moment only from a loop that always has something to do, several times in a transaction: so
the loop rests between two such steps while a thread works on somebody's request.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from kunsthalle.core.addresses import network_of

Step = Callable[[], None]
TURN_SECONDS = 0.0003
"""How long a turn takes at most, beside one of its steps: about as long as a request."""
REST_SECONDS = 0.001
"""The least that uvloop's timers wait."""


class AddressTurns:
    """Addresses take turns with their steps; those of one go in their order. `threads_work` says whether to rest.

    `now` is in seconds, from anywhere; uvloop's own clock stands still during a turn.
    """

    def __init__(self, threads_work: Callable[[], bool] = bool, now: Callable[[], float] = time.perf_counter) -> None:
        self.threads_work = threads_work
        self._now = now
        self._waiting: dict[str, deque[Step]] = {}
        """By network, as connections are counted; the one whose turn is next is the first."""
        self._serving = False

    def take(self, address: str, step: Step, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether the step was taken, as none was in this turn; else it is in a later one. It must not raise."""
        if self._serving:
            self._waiting.setdefault(network_of(address), deque()).append(step)
            return False
        self._serving = True
        loop.call_soon(self._serve, loop)
        step()
        return True

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._waiting:
            self._serving = False
            return
        if self.threads_work():
            loop.call_later(REST_SECONDS, self._serve, loop)
        else:
            loop.call_soon(self._serve, loop)
        until = self._now() + TURN_SECONDS
        while self._waiting:
            self._next()()
            if self._now() >= until:
                return

    def _next(self) -> Step:
        network = next(iter(self._waiting))
        steps = self._waiting.pop(network)
        step = steps.popleft()
        if steps:
            self._waiting[network] = steps
        return step
