"""Accounts that have used little of the processor lately go before those that have used much.

Used is the processor time of reads, writes and jobs, of which half is forgotten every `HALF_LIFE` seconds. Steps of
requests of heavy accounts queue for the event loop, one in each of its turns, those of the account that has used least
first; all other requests pass. Jobs of a heavy account, and its reads in threads, wait a moment for requests of others.
While a heavy account has work to do at the same time as one that has used less, it rests after each step for a multiple
of the time that the step took, but for a short step after which it has nothing else to do.
(docs/decisions/0024-account-priority.md)
"""

from __future__ import annotations

import asyncio
import heapq
import math
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count

from kunsthalle.core.bounded_tables import renew

HALF_LIFE = 2.0
"""Seconds."""
HEAVY_SECONDS = 0.1
"""An account that has used less is not heavy."""
ALONE_SECONDS = 1.0
"""An account is alone, and its requests do not queue, when no other one has asked for anything for so long."""
FACTOR = 1.25
"""How many times as much as another account a heavy one must have used for its jobs to wait for that one."""
FULL_FACTOR = 2.0
"""How many times as much it must have used to rest for that one as long as it ever does: in between it rests for a
part of that. Two accounts that both have much to do would otherwise take turns in resting, and each call of theirs
would wait for such a turn.
"""
MOST_SECONDS = 0.02
"""How long a job waits before one of its steps at most. A request that is worked on for longer is not waited for."""
PATIENCE_SECONDS = 0.25
"""How long one read of a heavy account, in a thread, waits for requests of others in all."""
MOST_ACCOUNTS = 1_024
"""Accounts that are remembered; the one that used the processor longest ago is forgotten."""
UNKNOWN = ""
"""The account of callers who are not recognised yet: it is never heavy."""
REQUEST_SECONDS = 0.0003
"""What a step of a request uses beside what is measured: reading it from the connection, answering it."""
KEPT_SECONDS = 0.0001
"""What a request uses that is answered with what is kept."""
REST = 3.0
"""Seconds that a heavy account rests for each second of the processor that it uses while others are in its way: it has
a quarter of one processor of this process then, and the others need not wait for its next step as well.
"""
SHORT_SECONDS = 0.005
"""After a step that is no longer than this, an account that has nothing else to do by then need not rest: it leaves a
gap of its own.
"""
MOST_REST_SECONDS = 0.25
"""How long an account rests at a time."""
MOST_RESTS_SECONDS = 1.0
"""How long one step of a request waits in all for its account to have rested: other steps may come before it."""
LATELY_SECONDS = 0.25
"""Others are in the way of an account while it is not longer ago that both had something to do at the same moment. Who
asks in turn, for one account and then for another, is never in the way.
"""
_UNUSED = (0.0, 0.0)
_NEVER = (-math.inf, 0.0)


def _part(heavy: float, light: float) -> float:
    """Which part of a whole rest an account takes that has used `heavy` seconds, beside one that has used `light`."""
    whole = FULL_FACTOR - FACTOR
    return min(whole, heavy / light - FACTOR) / whole if light else 1.0


class AccountPriority:
    """Processor time by account, and the requests that are worked on. `now` is in seconds, from anywhere."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._used: dict[str, tuple[float, float]] = {}
        """Seconds, and when they were right; the account that was added to last is the last."""
        self._asked: dict[str, float] = {}
        """When an account last asked for a step, within `ALONE_SECONDS`; the last to ask is the last."""
        self._present = Counter[str]()
        """Requests and jobs that each account has: worked on, waiting for their turn, or resting."""
        self._met: dict[str, tuple[float, float]] = {}
        """When a heavy account had something to do at the same moment as one that has used less, and which part of a
        whole rest that calls for.
        """
        self._resting: dict[str, float] = {}
        """Until when heavy accounts rest."""
        self._queues: dict[str, list[tuple[int, asyncio.Future[None]]]] = {}
        """The requests of each account that wait for their turn, a heap by when they came."""
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
            before, at = self._used.get(account_id, _UNUSED)
            used = before * float(0.5 ** ((now - at) / HALF_LIFE)) + seconds
            renew(self._used, account_id, (used, now), MOST_ACCOUNTS)
        if self._is_in_the_way(account_id, now) and (seconds > SHORT_SECONDS or self._present[account_id] > 1):
            self._tire(account_id, seconds * self._met[account_id][1], now)

    def _tire(self, account_id: str, seconds: float, now: float) -> None:
        """Have it rest, from when it would have had its rest before."""
        with self._lock:
            until = max(self._resting.get(account_id, now), now) + seconds * REST
            renew(self._resting, account_id, min(until, now + MOST_REST_SECONDS), MOST_ACCOUNTS)

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
        now = self._now()
        with self._lock:
            self._asked.pop(account_id, None)
            self._asked[account_id] = now
            while (first := next(iter(self._asked))) != account_id and self._asked[first] < now - ALONE_SECONDS:
                del self._asked[first]
            alone = len(self._asked) == 1
        return not alone and self.used(account_id) >= HEAVY_SECONDS

    def passes(self, account_id: str) -> bool:
        """Whether a request that is answered without a step need not wait for `turn`."""
        if self._present:
            with self._lock:
                self._meet(account_id)
        return not self.must_queue(account_id) or not self._is_in_the_way(account_id, self._now())

    def asking(self) -> set[str]:
        """The accounts that asked for anything within `ALONE_SECONDS`, of those that are known. From any thread."""
        since = self._now() - ALONE_SECONDS
        with self._lock:
            return {account for account, at in self._asked.items() if at >= since and account != UNKNOWN}

    def rest(self, account_id: str) -> float:
        """Seconds until a heavy account has rested from what it used; 0 where it is in nobody's way any more."""
        now = self._now()
        left = self._resting.get(account_id, now) - now
        return left if left > 0 and self._is_in_the_way(account_id, now) else 0.0

    def _is_in_the_way(self, account_id: str, now: float) -> bool:
        """Whether it is heavy, and had something to do lately while one had that has used less."""
        met, _ = self._met.get(account_id, _NEVER)
        return now - met <= LATELY_SECONDS and self.used(account_id) >= HEAVY_SECONDS

    def enter(self, account_id: str) -> None:
        """The account has something more to do until `leave`: a step of a request, or a job. From any thread."""
        with self._lock:
            self._meet(account_id)
            self._present[account_id] += 1

    @property
    def at_work(self) -> bool:
        """Whether anybody has something to do: asked between two steps at the event loop, it is done in a thread."""
        return bool(self._present)

    def leave(self, account_id: str) -> None:
        """What `enter` told of is done."""
        with self._lock:
            self._present[account_id] -= 1
            if not self._present[account_id]:
                del self._present[account_id]

    def _meet(self, account_id: str) -> None:
        """Note which of the accounts that have something to do now is in the way of another one."""
        if not self._present or (len(self._present) == 1 and account_id in self._present):
            return
        now, used = self._now(), self.used(account_id)
        for other in self._present:
            theirs = self.used(other)
            if theirs >= HEAVY_SECONDS and used * FACTOR < theirs:
                renew(self._met, other, (now, _part(theirs, used)), MOST_ACCOUNTS)
            elif used >= HEAVY_SECONDS and theirs * FACTOR < used:
                renew(self._met, account_id, (now, _part(used, theirs)), MOST_ACCOUNTS)

    async def turn(self, account_id: str, *, rests: bool = True) -> None:
        """Return when it is the turn of a request of a heavy account, and that has rested.

        What keeps nobody waiting for long need not have `rests`.
        """
        loop = asyncio.get_running_loop()
        until, number = self._now() + MOST_RESTS_SECONDS, next(self._numbers)
        while True:
            turn = loop.create_future()
            heapq.heappush(self._queues.setdefault(account_id, []), (number, turn))
            if not self._serving:
                self._serving = True
                loop.call_soon(self._serve, loop)
            await turn
            if not rests:
                return
            seconds = min(self.rest(account_id), until - self._now())
            if seconds <= 0:
                return
            await self._sleep(seconds)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let one go on, and the next one once the loop has looked for what has arrived meanwhile.

        Which account has used least is asked now and not when a request came: of two that use about as much, those that
        came first would wait for all that come while the other one has used a little more.
        """
        while self._queues:
            account_id = min(self._queues, key=self.used)
            _, turn = heapq.heappop(self._queues[account_id])
            if not self._queues[account_id]:
                del self._queues[account_id]
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
        account_id, _ = self._active.pop(number)
        self.add(account_id, REQUEST_SECONDS)
        if self._waiting_jobs:
            with self._changed:
                self._changed.notify_all()

    def wait_in_job(self, account_id: str, seconds: float = MOST_SECONDS) -> None:
        """Wait while the account's jobs are behind somebody's request, at most so long."""
        if self.is_behind(account_id):
            self._wait_until(lambda: not self.is_behind(account_id), seconds)

    def rest_in_job(self, account_id: str) -> None:
        """Wait until the account has rested from what its jobs and requests used."""
        seconds = self.rest(account_id)
        if seconds:
            self._wait_until(lambda: not self.rest(account_id), seconds)

    def _wait_until(self, holds: Callable[[], bool], seconds: float) -> None:
        with self._changed:
            self._waiting_jobs += 1
            try:
                self._changed.wait_for(holds, seconds)
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
