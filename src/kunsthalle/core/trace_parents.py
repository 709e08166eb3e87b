"""The trace context that calls to other servers carry: that of the request, or of the job, which makes them.

One rule for all clients. While traces are sent, a call carries a `traceparent` (W3C Trace Context), whose span is that
of the request or job; a call that belongs to none carries nothing. It goes to servers whose host the operator has
named: an address that another server has told, on another host, is given no context.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import Struct

HEADER = "traceparent"


class TraceParent(Struct, frozen=True):
    """The span of a request or a job. `trace_id` has 128 bits, `span_id` 64; `sampled` says that the span is sent."""

    trace_id: int
    span_id: int
    sampled: bool

    @property
    def text(self) -> str:
        """The value of the header."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.sampled:02x}"


class Tracer(Protocol):
    """What sends spans, where the operator has asked for it."""

    def parent_of(self, trace: str) -> TraceParent:
        """A new span of a trace, which is a UUID; of a new trace where it is empty."""

    def ended(self, name: str, trace: str, seconds: float, *, failed: bool) -> None:
        """Send the span that is current, of work that is neither a request nor a job."""


_CURRENT: ContextVar[TraceParent | None] = ContextVar("trace parent", default=None)


def current() -> TraceParent | None:
    """The span that calls are made in, if there is one."""
    return _CURRENT.get()


def headers() -> dict[str, str]:
    """What a call carries to a server that the operator has named."""
    parent = _CURRENT.get()
    return {} if parent is None else {HEADER: parent.text}


def headers_to(url: str, named: str) -> dict[str, str]:
    """What a call carries to an address that another server may have told: nothing unless it is on the host of the
    address that the operator has named.
    """
    return headers() if urlsplit(url).hostname == urlsplit(named).hostname else {}


class InSpan:
    """Calls inside the block belong to a span; none is a span, too."""

    __slots__ = ("_parent", "_token")

    def __init__(self, tracer: Tracer | None, trace: str) -> None:
        self._parent = None if tracer is None else tracer.parent_of(trace)
        self._token: Token[TraceParent | None] | None = None

    def __enter__(self) -> None:
        self._token = _CURRENT.set(self._parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _CURRENT.reset(self._token)


@contextmanager
def traced(tracer: Tracer | None, name: str, trace: str) -> Iterator[None]:
    """Work that is neither a request nor a job, such as a sign-in, is a span of its own."""
    begun, failed = time.perf_counter(), True
    with InSpan(tracer, trace):
        try:
            yield
            failed = False
        finally:
            if tracer is not None:
                tracer.ended(name, trace, time.perf_counter() - begun, failed=failed)
