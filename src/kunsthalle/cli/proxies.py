"""Requests that come through a trusted proxy: who has sent them, and to which address, as the proxy says.

`X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` are believed of a connection from a trusted proxy, and of
nobody else. RFC 7239's `Forwarded` is not read: proxies that write the former pass the latter on as a client sent it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence

from kunsthalle.api.asgi import FORWARDED_SCHEME, Receive, Scope, Send
from kunsthalle.cli.connections import Connections
from kunsthalle.core.addresses import Address, Network, is_in, parse

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_HOPS = 32
"""Proxies one behind the other; what a header says of more is not looked at."""
_ENTRY = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:[0-9]{1,5})?|(?P<v4>[0-9.]+)(:[0-9]{1,5})?|(?P<bare>[0-9A-Fa-f:.]+)")


def client_of(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address of the client: from the right, the first one that is no trusted proxy's.

    `forwarded_for` is the whole of X-Forwarded-For. Each proxy adds the address that has called it at the end, so that
    only what trusted proxies have added counts. What is no address ends the search: then it is the last proxy known.
    """
    peer_address = peer
    for entry in reversed(forwarded_for.rsplit(",", MOST_HOPS)[-MOST_HOPS:]):
        address = _address(entry.strip())
        if address is None:
            break
        peer_address = str(address)
        if not is_in(address, trusted):
            break
    return peer_address


def _address(entry: str) -> Address | None:
    """The address of an entry: with or without a port, one of IPv6 in brackets if with a port."""
    match = _ENTRY.fullmatch(entry) if len(entry) <= 64 else None
    return parse(match["v6"] or match["v4"] or match["bare"]) if match else None


class BehindProxies:
    """The application, for which requests of trusted proxies are as if their clients had called it."""

    def __init__(self, application: Application, trusted: Sequence[Network], register: Connections) -> None:
        self._application, self._trusted, self._register = application, trusted, register

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = (scope.get("client") or ("",))[0]
        address = parse(peer.partition("%")[0])
        if address is None or not is_in(address, self._trusted):
            await self._application(scope, receive, send)
            return
        _rewrite(scope, peer, self._trusted)
        client = scope["client"][0]
        if self._register.full_for(client):
            await _refuse(scope, send, self._register.limits.connections_per_address)
            return
        with self._register.counting(client):
            await self._application(scope, receive, send)


def _rewrite(scope: Scope, peer: str, trusted: Sequence[Network]) -> None:
    """Put the client's address, the scheme and the host that it called into the scope."""
    scope["client"] = (client_of(peer, ",".join(_values(scope, b"x-forwarded-for")), trusted), 0)
    scheme = _last(_values(scope, b"x-forwarded-proto")).lower()
    secure = {"https": True, "wss": True, "http": False, "ws": False}.get(scheme)
    if secure is not None:
        scope["scheme"] = ("ws" if scope["type"] == "websocket" else "http") + ("s" if secure else "")
        scope[FORWARDED_SCHEME] = "https" if secure else "http"
    host = _last(_values(scope, b"x-forwarded-host"))
    if host:
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [(b"host", host.encode("latin-1")), *others]


def _values(scope: Scope, data: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == data]


def _last(values: list[str]) -> str:
    """What the nearest proxy has said, of a header that each may have added to."""
    return values[-1].rpartition(",")[2].strip() if values else ""


async def _refuse(scope: Scope, send: Send, most: int) -> None:
    text = f"One address may have {most} requests in progress at a time; wait for one, or try again later."
    error = {"code": "too_many_connections", "message": text}
    body = json.dumps({"errors": [error], "status_code": 429}).encode()
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": f"{kind}.start", "status": 429, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
