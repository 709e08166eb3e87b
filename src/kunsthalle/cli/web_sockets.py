"""Connections that have become web sockets, under the same register as all others."""

from __future__ import annotations

from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import HeaderLineTooLong, RequestLineTooLong, TooManyHeaders
from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS

from kunsthalle.cli.bounded_http import BadRequest
from kunsthalle.cli.connections import Connections, Unsent


def _refusal(error: Exception) -> BadRequest:
    """Return why a handshake cannot be read. The limits are those of the library, below the ones for other requests."""
    if isinstance(error, RequestLineTooLong):
        text = f"The path and query of a web socket must be shorter than {MAX_LINE_LENGTH} bytes."
        return BadRequest(414, "uri_too_long", text)
    if isinstance(error, HeaderLineTooLong):
        text = f"Each header of a web socket's handshake must be shorter than {MAX_LINE_LENGTH} bytes."
        return BadRequest(431, "headers_too_large", text)
    if isinstance(error, TooManyHeaders):
        text = f"The handshake of a web socket may have at most {MAX_NUM_HEADERS} headers."
        return BadRequest(431, "too_many_headers", text)
    return BadRequest(400, "bad_request", "The handshake of the web socket is not valid HTTP.")


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, which asks idle clients whether they live; here it also lets go of those that do not read."""

    def __init__(self, register: Connections, **changes: Any) -> None:
        super().__init__(**changes)
        self._register = register
        self._unsent = Unsent()
        self._since = self.loop.time()

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._register.add(self, self.client[0] if self.client else "", self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        self._register.remove(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Refuse a handshake that could not be read: its whole head has been handed over at once."""
        super().handle_events()
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self.transport.write(_refusal(self.conn.handshake_exc).answer())
            self.transport.close()

    def handle_parser_exception(self) -> None:
        """Close after bytes that are no frame; before the handshake is answered, no frame can say so."""
        if self.conn.close_sent is None:
            self.transport.abort()
        else:
            super().handle_parser_exception()

    def expire(self, now: float) -> None:
        """Close the connection if its handshake is not complete in time, or its client reads nothing."""
        limits = self._register.limits
        late = not self.handshake_complete and 0 < limits.header_timeout < now - self._since
        if late or self._unsent.stalled(self.transport.get_write_buffer_size(), now, limits.write_timeout):
            self.transport.abort()
