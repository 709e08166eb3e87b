"""Answers to GET that are kept as they were sent, until something that they rest on is another.

An answer is kept for its caller alone: the headers of the call, its address and the name of the server are all part of
what it is found by. What it rests on is noted while it is made (`db/table_changes.py`); the trace is put in anew.
Rates, turns, metrics and the log count a call that is answered from here as any other; faults and recordings do without
(docs/decisions/0038-kept-answers.md).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from kunsthalle.api.access_log import Exchange, Observers
from kunsthalle.api.asgi import WHOLE_ANSWER, Answer, Headers, Scope, Send, SendWhole, raw_headers
from kunsthalle.api.call_limits import CallLimits
from kunsthalle.api.router import Route
from kunsthalle.api.trace_context import trace_of, traceparent_of
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem
from kunsthalle.core.faults import Faults
from kunsthalle.core.sizes import KIB, MIB
from kunsthalle.db.account_priority import KEPT_SECONDS
from kunsthalle.db.engine import Store
from kunsthalle.db.table_changes import Basis

MOST_BYTES = 8 * MIB
"""Of all answers together, with what they are found by."""
MOST_OF_CALLER = MIB
MOST_OF_ANSWER = 256 * KIB
_OVERHEAD = 1_024
"""Bytes that an answer takes beside its own, and a caller."""
_TRACES = frozenset({b"traceparent", b"x-request-id"})
"""Headers that name the trace, and that no answer depends on otherwise."""
_KEPT = frozenset({200, 404})
_ERRORS = 400
_NO_ANSWER = 0
_NOTHING: dict[str, Any] = {}

Pair = tuple[bytes, bytes]
CallerKey = tuple[str, object, str, tuple[Pair, ...]]


class _Parts(Struct, frozen=True):
    """What is sent of an answer. `head` has a place for each header; at `places` the trace belongs.

    `body` are the parts between which it belongs, and `whole` those of the headers and the body as they travel.
    """

    head: list[Pair]
    places: tuple[int, ...]
    body: list[bytes]
    whole: list[bytes]


class _Kept(Struct):
    """An answer to a call with a trace, and what it rests on. `checked` is the number of changes at which it was good.

    Most answers are never asked for again: the parts are made when one is.
    """

    answer: Answer
    trace: str
    route: Route
    account_id: str
    basis: Basis
    checked: int
    size: int
    parts: _Parts | None = None


class _Caller(Struct):
    """What is kept for a caller, by path and query; and the bytes of it."""

    answers: dict[tuple[bytes, bytes], _Kept]
    size: int


class KeptAnswers:
    """The answers that a pipeline keeps."""

    def __init__(self, store: Store, base: Context, observers: Observers, faults: Faults, limits: CallLimits) -> None:
        self.size = 0
        self._store, self._changes = store, store.changes
        self._clock, self._ids = base.clock, base.ids
        self._observers, self._faults, self._limits = observers, faults, limits
        self._callers: dict[CallerKey, _Caller] = {}

    def answered_at_once(self, scope: Scope, send_whole: SendWhole) -> bool:
        """Whether the call has been answered here, without a task of its own; else it may be by `answered`."""
        begun = time.perf_counter()
        raw: Sequence[Pair] = scope["headers"]
        entry, client = self._find(scope, raw), _client(scope)
        if entry is None or entry.parts is None or not self._is_allowed(entry, client):
            return False
        if not self._store.priority.passes(entry.account_id):
            return False
        trace, parent = self._trace(raw)
        if not send_whole(entry.answer.status, trace.encode().join(entry.parts.whole)):
            return False
        self._count(entry, client)
        self._tell(_exchange(entry, begun, client, parent), trace)
        return True

    async def answered(self, scope: Scope, send: Send) -> bool:
        """Whether the call has been answered here."""
        begun = time.perf_counter()
        raw: Sequence[Pair] = scope["headers"]
        entry, client = self._find(scope, raw), _client(scope)
        if entry is None or entry.parts is None or not self._is_allowed(entry, client):
            return False
        if not await self._is_still_good(entry):
            return False
        self._count(entry, client)
        trace, parent = self._trace(raw)
        exchange = _exchange(entry, begun, client, parent)
        exchange.status = _NO_ANSWER
        try:
            await _send(entry.answer.status, entry.parts, trace.encode(), scope, send)
            exchange.status = entry.answer.status
        finally:
            self._tell(exchange, trace)
        return True

    def _is_allowed(self, entry: _Kept, client: str) -> bool:
        """Whether the call is within its rates; the pipeline refuses it else."""
        try:
            self._limits.check(entry.account_id, client)
        except Problem:
            return False
        return True

    async def _is_still_good(self, entry: _Kept) -> bool:
        """Wait for the turn of the account: whether the answer is good then."""
        account_id, priority = entry.account_id, self._store.priority
        if priority.passes(account_id):
            return True
        priority.enter(account_id)
        try:
            await priority.turn(account_id, rests=False)
        finally:
            priority.leave(account_id)
        return self._is_good(entry)

    def _count(self, entry: _Kept, client: str) -> None:
        """As the pipeline counts a call that it has let in."""
        self._store.priority.add(entry.account_id, KEPT_SECONDS)
        self._limits.count(entry.account_id, client)
        if entry.answer.status < _ERRORS:
            self._limits.succeeded(entry.account_id, client)

    def _tell(self, exchange: Exchange, trace: str) -> None:
        now = time.perf_counter()
        for observer in self._observers.all:
            observer.record(exchange, now, trace)

    def _trace(self, raw: Sequence[Pair]) -> tuple[str, str]:
        """The trace of the call, and the `traceparent` that named it."""
        if not _names_trace(raw):
            return self._ids.uuid(), ""
        headers = Headers(raw)
        return trace_of(headers, self._ids), traceparent_of(headers)

    def _find(self, scope: Scope, raw: Sequence[Pair]) -> _Kept | None:
        if self._faults.calls or self._faults.shared or self._store.recordings.active:
            return None
        caller = self._callers.get(_caller_key(scope, raw))
        entry = None if caller is None else caller.answers.get(_target(scope))
        if entry is None or not self._is_good(entry):
            return None
        if entry.parts is None:
            entry.parts = _parts(entry.answer, entry.trace.encode())
        return entry

    def _is_good(self, entry: _Kept) -> bool:
        basis, number = entry.basis, self._changes.number
        if entry.checked != number:
            if not self._changes.hold(basis.names, basis.since):
                return False
            entry.checked = number
        return self._clock.now() < basis.until and self._clock.real() < basis.real_until

    def basis(self, route: Route) -> Basis | None:
        """What the answer of a route rests on, to be noted; None where it is not to be kept."""
        since = self._changes.since() if route.kept else None
        return None if since is None else Basis(since)

    def keep(self, scope: Scope, route: Route, account_id: str, basis: Basis, answer: Answer, trace: str) -> None:
        """Keep an answer that was made on a basis, if it may be."""
        if not (basis.keeps and account_id and answer.status in _KEPT and len(answer.body) <= MOST_OF_ANSWER):
            return
        target = _target(scope)
        size = _OVERHEAD + 3 * len(answer.body) + len(target[0]) + len(target[1])  # as it is, and its parts
        entry = _Kept(answer, trace, route, account_id, basis, basis.since, size)
        if self._is_good(entry):
            self._put(_caller_key(scope, scope["headers"]), target, entry)

    def _put(self, key: CallerKey, target: tuple[bytes, bytes], entry: _Kept) -> None:
        caller = self._callers.get(key)
        if caller is None:
            size = _OVERHEAD + sum(len(name) + len(value) for name, value in key[-1])
            caller = self._callers[key] = _Caller({}, size)
            self.size += size
        before = caller.answers.pop(target, None)
        more = entry.size - (0 if before is None else before.size)
        caller.answers[target] = entry
        caller.size += more
        self.size += more
        while caller.size > MOST_OF_CALLER:
            oldest = caller.answers.pop(next(iter(caller.answers)))
            caller.size -= oldest.size
            self.size -= oldest.size
        while self.size > MOST_BYTES:
            self.size -= self._callers.pop(next(iter(self._callers))).size


def _exchange(entry: _Kept, begun: float, client: str, parent: str) -> Exchange:
    surface, path = entry.route.surface.name, entry.route.path
    status = entry.answer.status
    return Exchange("GET", begun, surface, path, None, status, client, 0.0, entry.account_id, parent)


async def _send(status: int, parts: _Parts, trace: bytes, scope: Scope, send: Send) -> None:
    send_whole: SendWhole | None = scope.get("extensions", _NOTHING).get(WHOLE_ANSWER)
    if send_whole is not None and send_whole(status, trace.join(parts.whole)):
        return
    head = parts.head.copy()
    for place in parts.places:
        head[place] = (head[place][0], trace)
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": trace.join(parts.body)})


def _parts(answer: Answer, trace: bytes) -> _Parts:
    """An answer without its trace. Only refusals name it in their body: whoever asks may have named it by something
    that is shown to them.
    """
    head = raw_headers(answer)
    body = [answer.body] if answer.status < _ERRORS else answer.body.split(trace)
    whole = (b"".join([b"%b: %b\r\n" % pair for pair in head]) + b"\r\n").split(trace)
    whole[-1:] = [whole[-1] + body[0], *body[1:]]
    return _Parts(head, tuple(place for place, (_, value) in enumerate(head) if value == trace), body, whole)


def _names_trace(raw: Sequence[Pair]) -> bool:
    return not _TRACES.isdisjoint(dict(raw))


def _client(scope: Scope) -> str:
    client: str = (scope.get("client") or ("",))[0]
    return client


def _target(scope: Scope) -> tuple[bytes, bytes]:
    return scope.get("raw_path") or scope["path"].encode(), scope["query_string"]


def _caller_key(scope: Scope, raw: Sequence[Pair]) -> CallerKey:
    """Everything of a call that an answer may depend on, beside its method and its target."""
    if _names_trace(raw):
        raw = [pair for pair in raw if pair[0] not in _TRACES]
    return scope["scheme"], scope.get("server"), _client(scope), tuple(raw)
