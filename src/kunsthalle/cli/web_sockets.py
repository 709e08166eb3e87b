"""Connections that have become web sockets, under the same register as all others."""

from __future__ import annotations

from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from kunsthalle.cli.connections import Connections, Unsent


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, which asks idle clients whether they live; here it also lets go of those that do not read."""

    def __init__(self, register: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._register = register
        self._unsent = Unsent()

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._register.add(self, self.client[0] if self.client else "", self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        self._register.remove(self)
        super().connection_lost(exc)

    def expire(self, now: float) -> None:
        """Close the connection if its client reads nothing of what waits for it."""
        if self._unsent.stalled(self.transport.get_write_buffer_size(), now, self._register.limits.write_timeout):
            self.transport.abort()
