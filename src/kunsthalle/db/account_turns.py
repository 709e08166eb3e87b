"""Threads that accounts share in turns: an account that waits stands in line once, from the end of its last call on."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct

from kunsthalle.core import trace_parents

T = TypeVar("T")


class Crowded(Exception):
    """The account has too many calls that wait."""


class Full(Exception):
    """Too many calls wait in all."""


class _Call(Struct, frozen=True):
    function: Callable[[], Any]
    future: Future[Any]


class AccountTurns:
    """Runs functions in threads, at most `most_running` at a time for each account.

    An account has at most `most_waiting` calls that wait beside those that run; without a number, any. Nor do more than
    `most_in_all` calls wait, of all accounts together.
    """

    def __init__(self, threads: int, name: str, most_running: int, most_waiting: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most_running, self._most_waiting = most_running, most_waiting
        self.most_in_all = math.inf
        self._queued = 0
        """Calls that have not begun, those that were cancelled and not taken away yet among them."""
        self._free = threads
        """Threads that run nothing."""
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, deque[_Call]] = {}
        """In the order of the accounts' turns. No queue is empty."""
        self._running = Counter[Hashable]()

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return max(0, self._queued - self._free)

    def must_wait(self, account: Hashable) -> bool:
        """Whether a call that was just submitted for an account waits for another one's end."""
        return self._queued > self._free or self._running[account] >= self._most_running

    def submit(self, account: Hashable, function: Callable[[], T]) -> Future[T]:
        """The result of a function that runs when it is the account's turn.

        Crowded when too many of the account's wait, Full when too many of all do.
        """
        future: Future[T] = Future()
        if trace_parents.current() is not None:
            function = partial(copy_context().run, function)  # calls to other servers belong to the caller's span
        with self._lock:
            if self._queued - self._free >= self.most_in_all:
                raise Full
            queue = self._waiting.get(account, deque())
            self._check_room(account, queue)
            self._queued += 1
            queue.append(_Call(function, future))
            self._waiting[account] = queue
        self._pool.submit(self._work)
        return future

    def close(self) -> None:
        """Returns when nothing runs or waits."""
        self._pool.shutdown(wait=True)

    def _check_room(self, account: Hashable, queue: deque[_Call]) -> None:
        if self._most_waiting is None:
            return
        alive = sum(not call.future.cancelled() for call in queue)
        if alive >= self._most_waiting + self._most_running - self._running[account]:
            raise Crowded

    def _work(self) -> None:
        """Run what may run now, until nothing may: what then still waits is for an account whose thread goes on."""
        while (turn := self._next()) is not None:
            account, call = turn
            try:
                _run(call)
            finally:
                self._ended(account)

    def _ended(self, account: Hashable) -> None:
        """Those who came while it was served stand before what it has asked for meanwhile."""
        with self._lock:
            self._free += 1
            self._running[account] -= 1
            if not self._running[account]:
                del self._running[account]
            if account in self._waiting:
                self._waiting[account] = self._waiting.pop(account)

    def _next(self) -> tuple[Hashable, _Call] | None:
        with self._lock:
            free = (account for account in self._waiting if self._running[account] < self._most_running)
            account = next(free, None)
            if account is None:
                return None
            queue = self._waiting.pop(account)
            call = queue.popleft()
            if queue:
                self._waiting[account] = queue
            self._running[account] += 1
            self._queued -= 1
            self._free -= 1
            return account, call


def _run(call: _Call) -> None:
    if not call.future.set_running_or_notify_cancel():
        return
    try:
        result = call.function()
    except BaseException as error:  # noqa: BLE001  raised where the result is awaited
        call.future.set_exception(error)
    else:
        call.future.set_result(result)
