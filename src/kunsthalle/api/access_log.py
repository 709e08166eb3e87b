"""One line in the log for each request: client, method, route, status, milliseconds, account, trace.

The route is the pattern, so that no id or name of a tenant is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from kunsthalle.api.asgi import Message, Send
from kunsthalle.api.request import Request

_encode = msgspec.json.Encoder().encode
_NO_ANSWER = 0
"""In place of the status, when the connection closed before there was one."""


class Exchange(Struct):
    """What becomes known of a request while it is answered. `begun` is in seconds, from anywhere.

    `route` is `-` for what no route fits. `client` is an address: behind a trusted proxy, that of the proxy's client.
    """

    method: str
    begun: float
    route: str = "-"
    request: Request | None = None
    status: int = _NO_ANSWER
    client: str = ""

    def watching(self, send: Send) -> Send:
        """`send`, with the status of what is sent kept."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            await send(message)

        return watched


class AccessLog(Struct, frozen=True):
    """`write` takes a whole line, `moment` is real time in RFC 3339; `text` is for people, otherwise lines are JSON."""

    write: Callable[[bytes], Any]
    moment: Callable[[], str]
    text: bool = False

    def record(self, exchange: Exchange, now: float, trace: str) -> None:
        """Write the line of a call that has been answered; `now` is in seconds, as its beginning."""
        account = exchange.request.account_id if exchange.request is not None else ""
        taken = round((now - exchange.begun) * 1000, 1)
        if self.text:
            line = f"{exchange.method} {exchange.route} {exchange.status} {taken} ms"
            self.write(f"{self.moment()} {line} {account or '-'} {exchange.client or '-'} {trace}\n".encode())
            return
        fields = {
            "event": "request",
            "method": exchange.method,
            "route": exchange.route,
            "status": exchange.status,
            "ms": taken,
            "account": account,
            "client": exchange.client,
            "trace": trace,
            "level": "info",
            "timestamp": self.moment(),
        }
        self.write(_encode(fields) + b"\n")
