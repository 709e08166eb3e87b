"""One line in the log for each request: client, method, route, status, milliseconds, account, trace.

The route is the pattern, so that no id or name of a tenant is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from kunsthalle.api.asgi import Message, Send
from kunsthalle.api.request import Request

_encode = msgspec.json.Encoder().encode
_NO_ANSWER = 0
"""In place of the status, when the connection closed before there was one."""


class Exchange(Struct):
    """What becomes known of a request while it is answered. `begun` is in seconds, from anywhere.

    `surface` and `route` are `-` for what no route fits, and for what an injected fault has answered.
    `client` is an address: behind a trusted proxy, that of the proxy's client. `pause` is how many seconds the answer
    waits, of a refusal that repeats others. `account_id` is the caller's, once the token was accepted;
    `parent` the `traceparent` that was sent.
    """

    method: str
    begun: float
    surface: str = "-"
    route: str = "-"
    request: Request | None = None
    status: int = _NO_ANSWER
    client: str = ""
    pause: float = 0.0
    account_id: str = ""
    parent: str = ""

    def watching(self, send: Send) -> Send:
        """`send`, with the status of what is sent kept."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            await send(message)

        return watched


class Observer(Protocol):
    """What is told of each request that was answered."""

    def record(self, exchange: Exchange, now: float, trace: str) -> None:
        """Take note of a request. `now` is in seconds, as its beginning."""


class Observers:
    """All who are told of requests; they may come and go while the server runs."""

    def __init__(self, *observers: Observer | None) -> None:
        self.all: tuple[Observer, ...] = tuple(observer for observer in observers if observer is not None)

    def exchange(self, old: Observer | None, new: Observer | None) -> None:
        """Replace an observer, add one, or remove one."""
        others = tuple(observer for observer in self.all if observer is not old)
        self.all = others if new is None else (*others, new)


class AccessLog(Struct, frozen=True):
    """`write` takes a whole line, `moment` is real time in RFC 3339; `text` is for people, otherwise lines are JSON."""

    write: Callable[[bytes], Any]
    moment: Callable[[], str]
    text: bool = False

    def record(self, exchange: Exchange, now: float, trace: str) -> None:
        """Write the line of a call that has been answered; `now` is in seconds, as its beginning."""
        account = exchange.account_id
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
