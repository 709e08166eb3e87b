"""Accounts that have used little of the processor lately go before those that have used much.

Used is the processor time of reads, writes and jobs, of which half is forgotten every `HALF_LIFE` seconds. Steps of
requests of heavy accounts queue for the event loop, one in each of its turns, those of the account that has used least
first; all other requests pass. Jobs of a heavy account, and its reads in threads, wait a moment for requests of others
(docs/decisions/0024-account-priority.md).
"""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

HALF_LIFE = 2.0
"""Seconds."""
HEAVY_SECONDS = 0.1
"""An account that has used less is not heavy."""
ALONE_SECONDS = 1.0
"""An account is alone, and its requests do not queue, when no other one has asked for anything for so long."""
FACTOR = 1.25
"""How many times as much as another account a heavy one must have used for its jobs to wait for that one."""
MOST_SECONDS = 0.02
"""How long a job waits before one of its steps. A request that is worked on for longer is not waited for."""
PATIENCE_SECONDS = 0.25
"""How long one read of a heavy account, in a thread, waits for requests of others in all."""
MOST_ACCOUNTS = 1_024
"""Accounts that are remembered; the one that used the processor longest ago is forgotten."""
UNKNOWN = ""
"""The account of callers who are not recognised yet: it is never heavy."""
_NOBODY = (UNKNOWN, float("-inf"))
_UNUSED = (0.0, 0.0)


class AccountPriority:
    """Processor time by account, and the requests that are worked on. `now` is in seconds, from anywhere."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._used: dict[str, tuple[float, float]] = {}
        """Seconds, and when they were right; the account that was added to last is the last."""
        self._latest, self._before = _NOBODY, _NOBODY
        """The account that asked last, and the other one that asked before it; and when."""
        self._latest_known, self._before_known = _NOBODY, _NOBODY
        """As above, of those that are recognised: each request begins as one of nobody's."""
        self._queue: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._serving = False
        self._active: dict[int, tuple[str, float]] = {}
        """The account of each request that is worked on, and since when."""
        self._changed = threading.Condition()
        self._waiting_jobs = 0

    def add(self, account_id: str, seconds: float) -> None:
        """An account has used the processor, in any thread."""
        if account_id == UNKNOWN:
            return
        now = self._now()
        with self._lock:
            before, at = self._used.pop(account_id, _UNUSED)
            self._used[account_id] = (before * float(0.5 ** ((now - at) / HALF_LIFE)) + seconds, now)
            if len(self._used) > MOST_ACCOUNTS:
                del self._used[next(iter(self._used))]

    @contextmanager
    def counted(self, account_id: Callable[[], str]) -> Iterator[None]:
        """What a thread works meanwhile is the account's, whose id may become known by it."""
        begun = time.thread_time()
        try:
            yield
        finally:
            self.add(account_id(), time.thread_time() - begun)

    def used(self, account_id: str) -> float:
        """Seconds that are not forgotten yet."""
        seconds, at = self._used.get(account_id, _UNUSED)
        return seconds * float(0.5 ** ((self._now() - at) / HALF_LIFE))

    def must_queue(self, account_id: str) -> bool:
        """Whether the next step of a request waits for `turn`; to be asked once a step. Only for the event loop."""
        now, latest = self._now(), self._latest
        if account_id != latest[0]:
            self._before = latest
        self._latest = (account_id, now)
        if account_id != UNKNOWN:
            if account_id != self._latest_known[0]:
                self._before_known = self._latest_known
            self._latest_known = self._latest
        alone = now - self._before[1] > ALONE_SECONDS
        return not alone and self.used(account_id) >= HEAVY_SECONDS

    def asking(self) -> set[str]:
        """The last two accounts that asked for anything, as far as they did within `ALONE_SECONDS`. From any thread."""
        since = self._now() - ALONE_SECONDS
        return {account for account, at in (self._latest_known, self._before_known) if at >= since}

    async def turn(self, account_id: str) -> None:
        """Return when it is the turn of a request of a heavy account."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        heapq.heappush(self._queue, (self.used(account_id), next(self._numbers), turn))
        if not self._serving:
            self._serving = True
            loop.call_soon(self._serve, loop)
        await turn

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let one go on, and the next one once the loop has looked for what has arrived meanwhile."""
        while self._queue:
            turn = heapq.heappop(self._queue)[-1]
            if not turn.done():  # else whoever waited has gone
                turn.set_result(None)
                loop.call_soon(self._serve, loop)
                return
        self._serving = False

    def begin(self, account_id: str) -> int:
        """A request is worked on from now on. Returns what `end` takes. Only for the event loop."""
        number = next(self._numbers)
        self._active[number] = (account_id, self._now())
        return number

    def end(self, number: int) -> None:
        """What has begun is not worked on any more."""
        del self._active[number]
        if self._waiting_jobs:
            with self._changed:
                self._changed.notify_all()

    def wait_in_job(self, account_id: str, seconds: float = MOST_SECONDS) -> None:
        """Wait while the account's jobs are behind somebody's request, at most so long."""
        if not self.is_behind(account_id):
            return
        with self._changed:
            self._waiting_jobs += 1
            try:
                self._changed.wait_for(lambda: not self.is_behind(account_id), seconds)
            finally:
                self._waiting_jobs -= 1

    def patience(self, account_id: Callable[[], str]) -> Callable[[], None]:
        """What a thread calls at convenient places of one read: it waits as a job does, but not for long in all."""
        left = PATIENCE_SECONDS

        def wait() -> None:
            nonlocal left
            if left > 0 and self.is_behind(account_id()):
                begun = self._now()
                self.wait_in_job(account_id(), min(left, MOST_SECONDS))
                left -= self._now() - begun

        return wait

    def is_behind(self, account_id: str) -> bool:
        """Whether a job of the account should wait for a request that is worked on."""
        if not self._active:
            return False
        used = self.used(account_id)
        if used < HEAVY_SECONDS:
            return False
        since = self._now() - MOST_SECONDS
        others = {other for other, begun in list(self._active.values()) if begun > since} - {account_id}
        return any(self.used(other) * FACTOR < used for other in others)
