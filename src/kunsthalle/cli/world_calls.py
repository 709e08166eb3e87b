"""The calls that a world has answered, redacted: what a failing test shows at its end."""

from __future__ import annotations

import json
import re
from collections import deque
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

from kunsthalle.api.asgi import Message, Receive, Scope, Send
from kunsthalle.core.faults import HEADER

MOST = 500
"""Calls that are kept of a world; earlier ones are counted and dropped."""
_MOST_BODY = 4_096
"""Bytes of a body that are kept."""
_SECRET = re.compile(
    r"api_?key$|password|passphrase|secret|token$|credential|private_key|user_data|authorization", re.IGNORECASE
)
_REDACTED = "…"


class Call(Struct, omit_defaults=True):
    """One call. `status` 0: the connection closed before an answer. `request` and `response` are redacted JSON, of
    refusals and of what was sent; `fault` names the fault that was applied.
    """

    method: str
    path: str
    status: int = 0
    milliseconds: float = 0
    account_id: str = ""
    fault: str = ""
    request: str = ""
    response: str = ""


class CallLog:
    """Keeps the calls of one world. `line` takes the access log's lines, which know the caller's account."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=MOST)
        self._current: ContextVar[Call | None] = ContextVar("call", default=None)
        self.dropped = 0

    def calls(self) -> list[Call]:
        """In the order in which they began."""
        return list(self._calls)

    def line(self, line: bytes) -> None:
        """A line of the access log, of the call that is being answered in this context."""
        call = self._current.get()
        if call is not None:
            said = json.loads(line)
            call.account_id, call.milliseconds = said["account"], said["ms"]

    def watching(self, scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """`receive` and `send` of a call, which is kept from now on."""
        call = Call(scope["method"], _redacted_path(scope["path"], scope["query_string"].decode("latin-1")))
        self.dropped += len(self._calls) == MOST
        self._calls.append(call)
        self._current.set(call)
        sent, answered = bytearray(), bytearray()

        async def watched_receive() -> Message:
            message = await receive()
            if len(sent) <= _MOST_BODY:
                sent.extend(message.get("body", b""))
                call.request = redacted(bytes(sent))
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                call.fault = dict(message["headers"]).get(HEADER.lower().encode(), b"").decode("latin-1")
            elif call.status >= 400 and len(answered) <= _MOST_BODY:
                answered.extend(message.get("body", b""))
                call.response = redacted(bytes(answered))
            await send(message)

        return watched_receive, watched_send


def _redacted_path(path: str, query: str) -> str:
    if not query:
        return path
    parts = [(name, _REDACTED if _SECRET.search(name) else value) for name, value in parse_qsl(query)]
    return f"{path}?{urlencode(parts, safe=_REDACTED + ':/,')}"


def redacted(body: bytes) -> str:
    """JSON without the values of secret fields, at any depth; of anything else only how long it is."""
    if not body:
        return ""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return f"({len(body)} bytes)"
    return json.dumps(_without_secrets(document), ensure_ascii=False)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _REDACTED if _SECRET.search(name) else _without_secrets(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    return value
