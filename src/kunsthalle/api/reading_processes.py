"""Calls that read much, or work out a large patch, in processes beside the one that serves.

An account that has used much of the processor lately has its searches and patches worked out there, with everything
that a call needs: its caller is recognised, and its access rule checked, in the transaction that reads. What the call
then writes is written here. The first call of a light account stays here, and so does what is small.
(docs/decisions/0028-helper-processes.md)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kunsthalle.api.asgi import Answer, Headers, Query
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import decode
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.helper_processes import (
    CannotStart,
    HelperEnded,
    HelperOutOfMemory,
    HelperProcesses,
    HelperTimeout,
    Parts,
    restored,
)
from kunsthalle.db.account_priority import HEAVY_SECONDS, AccountPriority
from kunsthalle.db.deadlines import ReadTimeout
from kunsthalle.db.visibility import Authorized

LARGE_BYTES = 512
"""A body from which on a call leaves this process where a process for it runs already: ten terms of a search."""
LIGHT_SECONDS = 0.01
"""Processor time lately of an account whose small calls leave, too, where a process runs already."""
LATE_SECONDS = 1.0
"""How much longer than its statements may take a call is waited for: some of its work the database does not stop."""

RETRY_AFTER = 1
"""Seconds after which a caller may try again whose call ended with its process."""


class ReadCall(Struct, frozen=True):
    """A request as it came, for the process that works on it. `now` is the product's clock; `seconds` is how long its
    statements may take. `prepares`: what the route prepares is meant, not its answer.
    """

    method: str
    route: str
    path: str
    params: Mapping[str, str]
    query: Query
    headers: Headers
    raw: bytes
    trace: str
    origin: str
    client: str
    now: int
    seconds: float
    prepares: bool


class ReadOutcome(Struct, frozen=True):
    """What came of it: the answer, or what was prepared, or a refusal. `authorized` is what the access rule found."""

    answer: Answer | None = None
    prepared: Any = None
    refusal: Parts | None = None
    authorized: Authorized[Any] | None = None


class ReadingProcesses:
    """Decides which calls leave this process, and has them worked on."""

    def __init__(self, pool: HelperProcesses, priority: AccountPriority) -> None:
        self.pool, self._priority = pool, priority

    def answer(self, ctx: Context, route: Route, request: Request, seconds: float) -> Answer | None:
        """The answer to a call that reads; None where it is to be worked on here. Refusals come out."""
        outcome = self._call(ctx, route, request, seconds, prepares=False)
        return None if outcome is None else outcome.answer

    def prepare(self, ctx: Context, route: Route, request: Request, seconds: float) -> bool:
        """Have the request prepared. False where that is to be done here. Refusals come out."""
        outcome = self._call(ctx, route, request, seconds, prepares=True)
        if outcome is None:
            return False
        request.prepared = outcome.prepared
        if not route.body_prepared:
            request.body = decode(request.raw, route.body)
        return True

    def leaves(self, account_id: str, size: int) -> bool:
        """Whether a call of an account, with a body of so many bytes, is worked on elsewhere."""
        used = self._priority.used(account_id)
        if self.pool.running:
            return size >= LARGE_BYTES or used >= LIGHT_SECONDS
        return used >= HEAVY_SECONDS and bool(self._priority.asking() - {account_id})

    def _call(
        self, ctx: Context, route: Route, request: Request, seconds: float, *, prepares: bool
    ) -> ReadOutcome | None:
        if not self.leaves(request.account_id, len(request.raw)):
            return None
        call = _read_call(ctx, route, request, seconds, prepares=prepares)
        try:
            done = self.pool.call("read", call, seconds + LATE_SECONDS)
        except CannotStart:
            return None
        except (HelperTimeout, HelperOutOfMemory) as error:
            self._priority.add(request.account_id, seconds)
            raise ReadTimeout from error
        except HelperEnded as error:
            raise _ended(str(error)) from error
        self._priority.add(request.account_id, done.processor)
        outcome: ReadOutcome = done.value
        request.authorized = outcome.authorized
        if outcome.refusal is not None:
            raise restored(*outcome.refusal)
        return outcome


def _ended(private: str) -> Problem:
    """A process has ended during its call, for whatever reason: nothing was changed, and another one starts."""
    text = "The process that worked on the request has ended. Try again."
    return Problem(Reason.UNAVAILABLE, "service_unavailable", text, private=private, retry_after=RETRY_AFTER)


def _read_call(ctx: Context, route: Route, request: Request, seconds: float, *, prepares: bool) -> ReadCall:
    sent = (request.path, dict(request.params), request.raw_query, request.headers, request.raw)
    return ReadCall(
        route.method, route.path, *sent, ctx.trace, ctx.origin, ctx.client, ctx.now(), seconds, prepares=prepares
    )
