"""How often an account or an address may call, and how long those wait who are refused again and again.

All of it is counted in this process, by the event loop alone, without the database: a limit is one of each node. Of an
account the calls are counted whose token was accepted; of an address all others, sign-ins and wrong tokens among them.
A token that was not seen before is let in by the limit of its address, and is its account's from then on: who holds a
token that is no longer good cannot use up an account's calls.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from kunsthalle.core.addresses import is_loopback, network_of
from kunsthalle.core.bounded_tables import renew
from kunsthalle.core.errors import Problem, Reason, Unaudited
from kunsthalle.core.event_counts import EventCount
from kunsthalle.db.account_priority import HEAVY_SECONDS, AccountPriority
from kunsthalle.db.engine import Store
from kunsthalle.settings import Settings

BURST_SECONDS = 10.0
"""How many seconds' worth of calls may come at once, where that is more than one call."""
MOST_DEBT = 60.0
"""Seconds. Calls that were let in before their account was known are counted afterwards, up to this."""
MOST_CALLERS = 8_192
"""Accounts, and addresses, that are remembered; the one that called longest ago is forgotten."""
FREE_REFUSALS = 16
"""Refusals in a row that are answered at once."""
AT_ONCE_SECONDS = 0.5
"""Who asks later than this after a refusal does not ask at once."""
FIRST_PAUSE = 0.01
MOST_PAUSED = 1_024
"""Answers that wait at a time; one more is answered at once. Each keeps its connection and its own bytes."""
_PAUSED = frozenset(
    {
        *(Reason.INVALID, Reason.UNAUTHENTICATED, Reason.FORBIDDEN, Reason.CONFLICT, Reason.PRECONDITION),
        *(Reason.TOO_LARGE, Reason.TOO_MANY, Reason.UNAVAILABLE),
    }
)
"""What is waited for after: not after 404, which those get all the time who wait for a deletion."""
LIMITED = EventCount("kunsthalle_requests_limited", "Requests refused because of a rate limit", "whose")
PAUSES = EventCount("kunsthalle_refusals_paused", "Refusals that were answered after a pause")


class Limited(Unaudited):
    """429: more calls than the limit of an account or an address."""

    def __init__(self, whose: str, per_minute: int, seconds: float) -> None:
        text = f"{whose} may send {per_minute} requests a minute. Try again after the seconds that Retry-After names."
        super().__init__(Reason.TOO_MANY, "rate_limit_exceeded", text, retry_after=max(1, math.ceil(seconds)))


class CallRates:
    """Calls by caller, each regained in time (the generic cell rate algorithm). `per_minute` 0 sets no limit."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.per_minute = 0
        self._now = now
        self._until: dict[str, float] = {}
        """When a caller has regained all calls; who called last is last."""

    def wait(self, caller: str) -> float:
        """Seconds after which the caller may call; 0 where that is now."""
        if not self.per_minute:
            return 0.0
        interval = 60.0 / self.per_minute
        room = max(0.0, BURST_SECONDS - interval)
        return max(0.0, self._until.get(caller, 0.0) - self._now() - room)

    def spend(self, caller: str) -> None:
        """Count a call."""
        if not self.per_minute:
            return
        now = self._now()
        until = max(now, self._until.get(caller, 0.0)) + 60.0 / self.per_minute
        renew(self._until, caller, min(until, now + max(MOST_DEBT, 60.0 / self.per_minute)), MOST_CALLERS)


class RefusalPauses:
    """How long the next refusal of a caller waits. `most` is in seconds, 0 for no pauses."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.most = 0.0
        self._now = now
        self._refused: dict[str, tuple[int, float]] = {}
        """Refusals in a row, and when the last one is answered; who was refused last is last."""

    def refused(self, caller: str) -> float:
        """Count a refusal; the seconds that its answer should wait."""
        now = self._now()
        number, answered = self._refused.get(caller, (0, -math.inf))
        number = number + 1 if now - answered < AT_ONCE_SECONDS else 1
        pause = 0.0
        if number > FREE_REFUSALS:
            pause = min(self.most, FIRST_PAUSE * 2.0 ** min(number - FREE_REFUSALS - 1, 20))
        renew(self._refused, caller, (number, now + pause), MOST_CALLERS)
        return pause

    def succeeded(self, caller: str) -> None:
        """A call was not refused: one refusal is forgotten."""
        known = self._refused.get(caller)
        if known is not None:
            number, answered = known
            self._refused[caller] = (max(0, number - 1), answered)


class CallLimits:
    """The limits of a process. `now` is in seconds, from anywhere; `sleep` waits for seconds.

    `behind_proxy` says that loopback addresses are those of a proxy, which calls for many users: they have no limit.
    """

    def __init__(
        self,
        priority: AccountPriority,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.accounts, self.addresses, self.pauses = CallRates(now), CallRates(now), RefusalPauses(now)
        self.behind_proxy = False
        self._priority, self._sleep = priority, sleep
        self._paused = 0

    def set(self, account_rate: int, address_rate: int, pause_milliseconds: int, *, behind_proxy: bool) -> None:
        """What the settings say; what was counted stays."""
        self.accounts.per_minute, self.addresses.per_minute = account_rate, address_rate
        self.pauses.most = pause_milliseconds / 1000
        self.behind_proxy = behind_proxy

    def check(self, account_id: str, client: str) -> None:
        """Refuse a call of an account, or, where none is known yet, of an address. Limited."""
        if account_id:
            seconds, rates, whose = self.accounts.wait(account_id), self.accounts, "account"
        elif self._is_free(client):
            return
        else:
            seconds, rates, whose = self.addresses.wait(network_of(client)), self.addresses, "address"
        if seconds:
            LIMITED.add(whose)
            raise Limited(f"One {whose}", rates.per_minute, seconds)

    def count(self, account_id: str, client: str) -> None:
        """Count a call whose caller has become known, or has not."""
        if account_id:
            self.accounts.spend(account_id)
        elif not self._is_free(client):
            self.addresses.spend(network_of(client))

    def pause_after(self, problem: Problem, account_id: str, client: str) -> float:
        """Seconds that the answer to a refused call waits; 0 for most.

        Only while another account asks, for alone nobody is in anybody's way; and only where the calls themselves are
        too many, the account has used much of the processor lately, or it is none.
        """
        if not self.pauses.most or problem.reason not in _PAUSED:
            return 0.0
        pause = self.pauses.refused(account_id or network_of(client))
        calls_too_often = not account_id or problem.reason is Reason.TOO_MANY
        is_heavy = calls_too_often or self._priority.used(account_id) >= HEAVY_SECONDS
        return pause if is_heavy and self._priority.asking() - {account_id} else 0.0

    def succeeded(self, account_id: str, client: str) -> None:
        """A call was not refused."""
        self.pauses.succeeded(account_id or network_of(client))

    async def pause(self, seconds: float) -> None:
        """Wait before an answer, unless too many wait already."""
        if self._paused >= MOST_PAUSED:
            return
        PAUSES.add()
        self._paused += 1
        try:
            await self._sleep(seconds)
        finally:
            self._paused -= 1

    def _is_free(self, client: str) -> bool:
        """Whether an address has no limit: that of a proxy, or none at all."""
        return not client or (self.behind_proxy and is_loopback(network_of(client)))


def set_limits(settings: Settings, store: Store, limits: CallLimits) -> CallLimits:
    """Have the settings say how often each may call, and how many requests wait. Returns the limits."""
    behind_proxy = bool(settings.public_url)
    limits.set(settings.account_rate, settings.address_rate, settings.refusal_pause, behind_proxy=behind_proxy)
    store.queue.bound(settings.waiting_requests, settings.waiting_seconds)
    return limits
