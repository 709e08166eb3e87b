"""Refusals of accounts that have too many jobs, repeated for a moment without asking the database again.

A caller who asks again and again for what the account has too many of would have each refusal cost two transactions:
the call's, which is rolled back, and the audit's. The first refusal is audited; those that repeat it within a second,
to the same token at the same address, cost none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from kunsthalle.core.errors import Problem, Unaudited

SECONDS = 1.0
"""How long a refusal is repeated, unless a place becomes free in this process before."""
MOST_ACCOUNTS = 1_024
MOST_CALLS = 64
"""Different calls of one account that are remembered."""


class AccountRefusals:
    """What was refused lately, by account. `now` is in seconds, from anywhere."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._refused: dict[str, dict[Hashable, tuple[Problem, float]]] = {}

    def check(self, account_id: str, call: Hashable) -> None:
        """Refuse a call that was refused a moment ago."""
        problem, until = self._refused.get(account_id, {}).get(call, (None, 0.0))
        if problem is not None and self._now() < until:
            raise Repeated(problem)

    def add(self, account_id: str, call: Hashable, problem: Problem) -> None:
        """A call was refused, and audited."""
        calls = self._refused.pop(account_id, {})
        if len(calls) >= MOST_CALLS:
            calls = {}
        self._refused[account_id] = {**calls, call: (problem, self._now() + SECONDS)}
        if len(self._refused) > MOST_ACCOUNTS:
            self._refused.pop(next(iter(self._refused)), None)

    def forget(self, account_id: str) -> None:
        """A job of the account has ended, or it has changed something: there may be a place. From any thread."""
        self._refused.pop(account_id, None)


class Repeated(Unaudited):
    """A refusal that is repeated, and not audited again."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.reason, problem.code, problem.message, problem.target, None, problem.retry_after)
