"""Connections until their first bytes: counted and bounded from their first moment, and gone on with when it is the
turn of their address, so that many that are opened at once do not keep others waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from kunsthalle.cli.bounded_http import BadRequest
from kunsthalle.cli.connections import Connections


class Arrival(asyncio.Protocol):
    """A connection over which nothing has come. `make` gives the protocol that takes over, of `arguments`,
    which are those of uvicorn's protocols.
    """

    def __init__(self, register: Connections, make: Callable[..., asyncio.Protocol], **arguments: Any) -> None:
        self._register, self._make, self._arguments = register, make, arguments
        self._loop = asyncio.get_running_loop()
        self._open: set[Any] = arguments["server_state"].connections
        """Those that the server closes when it ends."""
        self._since = 0.0
        self._address, self._first = "", b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of a stream
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        self._transport, self._since = transport, self._loop.time()
        if self._register.full or self._register.full_for(self._address):
            self._turn_away(transport)
        else:
            self._register.add(self, self._address, self._loop)
            self._open.add(self)

    def data_received(self, data: bytes) -> None:
        waits, self._first = bool(self._first), self._first + data
        if waits or self.transport.is_closing():
            return
        if not self._register.turns.take(self._address, self._begin, self._loop):
            self.transport.pause_reading()

    @property
    def transport(self) -> asyncio.Transport:
        """As uvicorn's protocols have it."""
        assert self._transport is not None  # noqa: S101  the connection is made
        return self._transport

    def _begin(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self._go_on(self.transport, self._first)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  why does not matter
        self._leave()

    def _leave(self) -> None:
        self._register.remove(self)
        self._open.discard(self)

    def expire(self, now: float) -> None:
        """Close it if nothing has come in time. What waits for its turn waits for this server."""
        if not self._first and 0 < self._register.limits.header_timeout < now - self._since:
            self.transport.close()

    def shutdown(self) -> None:
        """As uvicorn's protocols: nothing was asked."""
        self.transport.close()

    def _turn_away(self, transport: asyncio.Transport) -> None:
        """There is no room for it."""
        limits = self._register.limits
        if self._register.full:
            refusal = BadRequest(503, "too_many_connections", "The server has no connection left; try again later.")
        else:
            most = limits.connections_per_address
            text = f"One address may have {most} connections at a time; close one, or try again later."
            refusal = BadRequest(429, "too_many_connections", text)
        transport.write(refusal.answer())
        transport.close()

    def _go_on(self, transport: asyncio.Transport, first: bytes) -> None:
        """Its first bytes are there."""
        self._hand_over(transport).data_received(first)

    def _hand_over(self, transport: asyncio.Transport) -> asyncio.Protocol:
        """To the protocol that takes over."""
        self._leave()
        protocol = self._make(**self._arguments)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return protocol
