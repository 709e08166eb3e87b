"""HTTP connections with bounds: on the size of a head, on the time a client may take, on what it may send unread.

Uvicorn bounds neither: a connection whose request never becomes complete stays for ever, and one long header is
copied anew with each packet. Everything here is decided before a request reaches the application.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from kunsthalle.api.asgi import WHOLE_ANSWER, SendWhole
from kunsthalle.cli.connections import Connections, Unsent

MOST_HEAD = 64 * 1024
"""Bytes of a request line and its headers together; also of the trailers of a body in chunks."""
MOST_HEADERS = 256
AnsweredAtOnce = Callable[[Any, SendWhole], bool]
"""Whether a GET, by its scope, has been answered with the `SendWhole`. Of a call that has not nothing was counted."""
_MOST_PIPELINED = 32
"""Requests that may wait behind one that is worked on."""
_MOST_DRAINED = 8 * 1024 * 1024
"""Bytes of a body that are read and dropped after its request was refused, so that the client reads the refusal."""
_LINGER = 2.0
"""Seconds in which a client may read why its connection ends."""


class _Waits(Enum):
    """What a connection waits for."""

    NOTHING = 0
    HEAD = 1
    BODY = 2
    CLIENT_TO_CLOSE = 3
    EARLIER_ANSWERS = 4
    """The requests before one that was refused are answered first."""


_DROPS_DATA = frozenset({_Waits.CLIENT_TO_CLOSE, _Waits.EARLIER_ANSWERS})


class BadRequest(Exception):
    """A request that is refused before the application sees it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> bytes:
        """The whole response."""
        error = {"code": self.code, "message": self.message}
        body = json.dumps({"errors": [error], "status_code": self.status}).encode()
        head = (
            b"content-type: application/json; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
            b"cache-control: no-store\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        )
        return STATUS_LINE[self.status] + head % len(body) + body


class _JoiningTransport(asyncio.Transport):
    """The transport of one request's answer: its head goes out with the first part of its body, in one write to the
    socket, or by itself in the next turn of the loop. A write costs about as much as all of uvicorn's own work.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        # The base class's own is left out: it makes a table of what nobody asks of this one, at each request.
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As `Transport.write`."""
        if self._head is None:
            self._head = bytes(data)
            asyncio.get_running_loop().call_soon(self._flush)
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """As `Transport.close`: what was written goes out before."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """As `Transport.is_closing`."""
        return self._transport.is_closing()


def _send_whole(cycle: RequestResponseCycle, transport: asyncio.Transport, status: int, rest: bytes) -> bool:
    """As `kunsthalle.api.asgi.SendWhole`: what `RequestResponseCycle.send` does in two calls, without looking at each
    header again.
    """
    if cycle.disconnected or cycle.flow.write_paused or cycle.response_started:
        return False
    defaults = b"".join([b"%b: %b\r\n" % pair for pair in cycle.default_headers])
    end = b"" if cycle.keep_alive else b"connection: close\r\n"
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    transport.write(b"".join((STATUS_LINE[status], defaults, end, rest)))
    cycle.message_event.set()
    if not cycle.keep_alive:
        transport.close()
    cycle.on_response()
    return True


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol under the limits of a register of connections."""

    def __init__(self, register: Connections, at_once: AnsweredAtOnce | None = None, **changes: Any) -> None:
        super().__init__(**changes)
        self._register, self._at_once = register, at_once
        self._unsent = Unsent()
        self.url, self._address = b"", ""
        self._waits, self._since = _Waits.HEAD, 0.0
        self._pending = self._drained = 0
        self._progressed = self._upgraded = False
        self._refusal: BadRequest | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        super().connection_made(transport)
        self._wait(_Waits.HEAD)
        self._address = self.client[0] if self.client else ""
        self._register.add(self, self._address, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        self._register.remove(self)
        if self._answering:
            self.cycle.disconnected = True
        self._register.turns.take(self._address, partial(super().connection_lost, exc), self.loop)

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        self._register.remove(self)
        self._upgraded = True

    # What comes in

    def data_received(self, data: bytes) -> None:
        if self._waits in _DROPS_DATA:
            self._drain(len(data))
            return
        if self._waits is _Waits.NOTHING:
            self._wait(_Waits.HEAD)
        while data and not self._ended:
            part, data = data[: MOST_HEAD - self._pending], data[MOST_HEAD - self._pending :]
            self._progressed = False
            super().data_received(part)
            self._pending = 0 if self._progressed else self._pending + len(part)
            self._check_sizes()

    @property
    def _ended(self) -> bool:
        return self._upgraded or self._waits in _DROPS_DATA or self.transport.is_closing()

    @property
    def _answering(self) -> bool:
        """Whether the last request whose headers are complete has no complete answer yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def _check_sizes(self) -> None:
        if self._ended:
            return
        if self._drained > _MOST_DRAINED:
            self.transport.close()
        elif self._pending >= MOST_HEAD:
            self._refuse(self._too_long())
        elif self.headers and len(self.headers) > MOST_HEADERS:
            self._refuse(_too_many_headers())

    def _too_long(self) -> BadRequest:
        if self._waits is _Waits.HEAD and 2 * len(self.url) > self._pending:
            return BadRequest(414, "uri_too_long", f"The path and query must be shorter than {MOST_HEAD} bytes.")
        text = f"The request's headers must be shorter than {MOST_HEAD} bytes together."
        return BadRequest(431, "headers_too_large", text)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._waits is _Waits.NOTHING:  # the next of several requests in one packet
            self._wait(_Waits.HEAD)

    def on_headers_complete(self) -> None:
        self._progressed, self._drained = True, 0
        if len(self.headers) > MOST_HEADERS:
            raise self._refused(_too_many_headers())
        upgrades = self.parser.should_upgrade() and self._should_upgrade()
        if upgrades:
            self._check_handshake()
        if len(self.pipeline) >= _MOST_PIPELINED:
            text = f"At most {_MOST_PIPELINED} requests may wait behind the one that is being answered."
            raise self._refused(BadRequest(429, "too_many_requests", text))
        super().on_headers_complete()  # raises for a target that is no URL: then the head is what is refused
        self._wait(_Waits.BODY)
        if self.expect_100_continue and not upgrades:
            self.cycle.keep_alive = False  # whoever is refused before the body does not send one

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """As the base class, after the answers to earlier requests; a task is made where one is needed, as where the
        client waits to be told to send a body: its connection ends with the answer.
        """
        method = cycle.scope["method"]
        if method != "HEAD":  # the answer to that has no body to go with
            whole: Any = partial(_send_whole, cycle, self.transport)
            at_once = None if method != "GET" or cycle.waiting_for_100_continue else self._at_once
            if at_once is not None and self._answered(at_once, cycle, whole):
                return
            cycle.transport = _JoiningTransport(self.transport)
            cycle.scope["extensions"] = {WHOLE_ANSWER: whole}
        super()._start_asgi_task(cycle, app)

    def _answered(self, at_once: AnsweredAtOnce, cycle: RequestResponseCycle, whole: SendWhole) -> bool:
        try:
            return at_once(cycle.scope, whole)
        except Exception:  # as in a task: else the parser, in whose callback this is, would have the request refused
            self.logger.exception("Exception while a request was answered at once")
            return cycle.response_complete

    def _check_handshake(self) -> None:
        """Refuse the handshake of a web socket that has a body or comes while an earlier request is open."""
        body = any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.headers
        )
        if self.parser.get_method() != b"GET" or body:
            raise self._refused(BadRequest(400, "bad_request", "Open a web socket with a GET request without a body."))
        if self._answering:
            text = "Open a web socket on a connection of its own, or after the answers to all earlier requests."
            raise self._refused(BadRequest(400, "bad_request", text))

    def on_body(self, body: bytes) -> None:
        self._progressed = True
        if self.cycle is not None and self.cycle.response_complete:
            self._drained += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._progressed = True
        self._waits = _Waits.NOTHING
        super().on_message_complete()

    # Time

    def _wait(self, waits: _Waits) -> None:
        self._waits, self._since = waits, self.loop.time()

    def expire(self, now: float) -> None:
        """Close the connection if its client has taken too long to send its request or to read its answer."""
        limits, waited = self._register.limits, now - self._since
        if self._unsent.stalled(self.transport.get_write_buffer_size(), now, limits.write_timeout):
            self.transport.abort()
        elif self.transport.is_closing():
            return
        elif self._waits is _Waits.CLIENT_TO_CLOSE:
            if waited > _LINGER:
                self.transport.abort()
        elif self._waits is _Waits.EARLIER_ANSWERS:
            return
        elif self.flow.read_paused or (
            self._waits is _Waits.HEAD and self._answering
        ):  # the client waits for this server
            self._since = now
        elif self._waits is _Waits.HEAD and 0 < limits.header_timeout < waited:
            self._late_head(limits.header_timeout)
        elif self._waits is _Waits.BODY and 0 < limits.body_timeout < waited:
            self._refuse(_late("The request's body", limits.body_timeout))

    def _late_head(self, timeout: float) -> None:
        if self._pending:
            self._refuse(_late("The request's headers", timeout))
        else:  # nothing was asked: browsers open connections ahead
            self.transport.close()

    # Refusals

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read, or a callback of it has refused."""
        self._refuse(self._refusal or BadRequest(400, "bad_request", msg))

    def _refused(self, refusal: BadRequest) -> BadRequest:
        self._refusal = refusal
        return refusal

    def _refuse(self, refusal: BadRequest) -> None:
        """Answer, after all earlier requests, stop sending, and drop what still comes until the client has closed.

        In the midst of an answer to the refused request, close.

        Closing at once would make the kernel discard the answer, as long as the client is still sending.
        """
        if self._has_earlier_requests():
            self._refusal = refusal
            self._drained = 0
            self._wait(_Waits.EARLIER_ANSWERS)
        elif self._waits is _Waits.BODY and self.cycle.response_started:
            self.transport.close()
        else:
            if self._waits is _Waits.BODY:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            self._end(refusal)

    def _has_earlier_requests(self) -> bool:
        """Whether requests before the refused one have no answer yet. The refused one leaves the queue."""
        if self._waits is not _Waits.BODY:
            return self._answering
        if not self.pipeline:
            return False
        self.pipeline.popleft()
        return True

    def on_response_complete(self) -> None:
        last = not self.pipeline
        super().on_response_complete()
        if last and self._waits is _Waits.EARLIER_ANSWERS and not self.transport.is_closing():
            assert self._refusal is not None  # noqa: S101  it is what waits
            self._end(self._refusal)

    def _end(self, refusal: BadRequest) -> None:
        self.transport.write(refusal.answer())
        self._wait(_Waits.CLIENT_TO_CLOSE)
        self._drained = 0
        self.flow.resume_reading()
        if self.transport.can_write_eof():  # TLS cannot; its client closes for the header says so, or is cut off
            self.transport.write_eof()

    def _drain(self, size: int) -> None:
        self._drained += size
        if self._drained > _MOST_DRAINED:
            self.transport.abort()


def _too_many_headers() -> BadRequest:
    return BadRequest(431, "too_many_headers", f"A request may have at most {MOST_HEADERS} headers.")


def _late(subject: str, timeout: float) -> BadRequest:
    return BadRequest(408, "request_timeout", f"{subject} must arrive within {timeout:g} seconds.")
