"""One line in the log for each request: method, route, status, milliseconds, account, trace.

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


class Call(Struct):
    """What becomes known of a request while it is answered. `begun` is in seconds, from anywhere.

    `route` is `-` for what no route fits.
    """

    method: str
    begun: float
    route: str = "-"
    request: Request | None = None
    status: int = _NO_ANSWER

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

    def record(self, call: Call, now: float, trace: str) -> None:
        """Write the line of a call that has been answered; `now` is in seconds, as its beginning."""
        account = call.request.account_id if call.request is not None else ""
        taken = round((now - call.begun) * 1000, 1)
        if self.text:
            line = f"{self.moment()} {call.method} {call.route} {call.status} {taken} ms {account or '-'} {trace}\n"
            self.write(line.encode())
            return
        fields = {
            "event": "request",
            "method": call.method,
            "route": call.route,
            "status": call.status,
            "ms": taken,
            "account": account,
            "trace": trace,
            "level": "info",
            "timestamp": self.moment(),
        }
        self.write(_encode(fields) + b"\n")
