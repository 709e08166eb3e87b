"""The open connections of a server: how many there may be, and how long each may wait for its client."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from kunsthalle.cli.address_turns import AddressTurns
from kunsthalle.core.addresses import Network, is_in, is_loopback, network_of, parse
from kunsthalle.settings import Settings

_PERIOD = 0.25
"""Seconds between two looks at the open connections; there are none while no connection is open."""
_PROGRESS = 16 * 1024
"""Bytes that a client must read within the write timeout, or all that is left."""


class Limits(Struct, frozen=True):
    """Timeouts in seconds, and numbers of connections. 0 sets no bound."""

    header_timeout: float = 0
    body_timeout: float = 0
    write_timeout: float = 0
    connections: int = 0
    connections_per_address: int = 0
    behind_proxy: bool = False
    """Whether loopback addresses are those of a proxy, which calls for many users."""
    proxies: tuple[Network, ...] = ()
    """Where trusted proxies are, which say for whom they call: of those the requests in progress are counted."""


def limits_of(settings: Settings, open_files: int) -> Limits:
    """The limits of the settings. Connections take at most half of the files that the process may open."""
    half = open_files // 2
    return Limits(
        settings.header_timeout,
        settings.body_timeout,
        settings.write_timeout,
        min(settings.connections or half, half),
        settings.connections_per_address,
        behind_proxy=bool(settings.public_url),
        proxies=settings.proxies,
    )


class Unsent:
    """The part of an answer that the client has not read yet."""

    def __init__(self) -> None:
        self._size, self._since = 0, 0.0

    def stalled(self, size: int, now: float, timeout: float) -> bool:
        """Whether the client has read next to nothing for longer than the timeout. `size` is what waits now."""
        if self._size == 0 or size <= max(0, self._size - _PROGRESS):
            self._size, self._since = size, now
            return False
        self._size = max(size, self._size)
        return bool(timeout) and now - self._since > timeout


class Connection(Protocol):
    """A connection that closes itself once its client has taken too long."""

    def expire(self, now: float) -> None:
        """Close the connection if a timeout has passed. `now` is of the event loop's clock."""


class Connections:
    """The register of open connections, by the address of their clients."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.turns = AddressTurns()
        self._open: dict[Connection, str] = {}
        self._of_address: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether the server has no connection left for anybody."""
        return 0 < self.limits.connections <= len(self._open)

    def full_for(self, address: str) -> bool:
        """Whether an address has all the connections that one address may have, and requests through proxies."""
        network = network_of(address)
        if self.limits.behind_proxy and (is_loopback(network) or is_loopback(address)):
            return False
        if self.limits.proxies and _is_of(address, self.limits.proxies):
            return False
        return 0 < self.limits.connections_per_address <= self._of_address[network]

    def add(self, connection: Connection, address: str, loop: asyncio.AbstractEventLoop) -> None:
        """Register an open connection."""
        network = self._open[connection] = network_of(address)
        self._of_address[network] += 1
        if self._timer is None:
            self._timer = loop.call_later(_PERIOD, self._look, loop)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended, or that was never registered."""
        network = self._open.pop(connection, None)
        if network is not None:
            self._forget(network)

    @contextlib.contextmanager
    def counting(self, address: str) -> Iterator[None]:
        """Count a request that has come through a proxy as if its client had a connection of its own."""
        network = network_of(address)
        self._of_address[network] += 1
        try:
            yield
        finally:
            self._forget(network)

    def _forget(self, network: str) -> None:
        self._of_address[network] -= 1
        if not self._of_address[network]:
            del self._of_address[network]

    def expire(self, now: float) -> None:
        """Close every connection whose client has taken too long."""
        for connection in list(self._open):
            connection.expire(now)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self.expire(loop.time())
        self._timer = loop.call_later(_PERIOD, self._look, loop) if self._open else None


@lru_cache(maxsize=4096)
def _is_of(address: str, among: tuple[Network, ...]) -> bool:
    parsed = parse(address.partition("%")[0])
    return parsed is not None and is_in(parsed, among)
