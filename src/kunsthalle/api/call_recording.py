"""Has calls recorded (`core.recordings`) while somebody asks for it: what was sent, what was answered."""

from __future__ import annotations

from urllib.parse import quote

from kunsthalle.api.access_log import Exchange
from kunsthalle.api.asgi import Message, Receive, Scope, Send
from kunsthalle.authz.context import Context
from kunsthalle.core.faults import HEADER
from kunsthalle.core.recordings import Event, Recordings

OPERATOR_PATH = "/_kunsthalle/"
RECORDINGS_PATH = "/_kunsthalle/recordings"
_HEALTH = ("/healthz", "/readyz")
_FAULT = HEADER.lower().encode()
_FORM = b"application/x-www-form-urlencoded"
_SAFE = "/:,~!$&'()*+;=@"
"""What stays as it is in a path."""


def is_recorded(scope: Scope) -> bool:
    """Whether a call belongs into a recording: no question for the health does, and nothing that the operator reads."""
    path = scope["path"]
    if path.startswith(OPERATOR_PATH):
        return scope["method"] != "GET" and not path.startswith(RECORDINGS_PATH)
    return path not in _HEALTH


class CallWatch:
    """Watches one call; `end` once it has been answered."""

    def __init__(self, recordings: Recordings, scope: Scope, ctx: Context) -> None:
        self._recordings = recordings
        self._most = recordings.body
        self._sent, self._answered = bytearray(), bytearray()
        raw = scope.get("raw_path") or scope["path"].encode()
        path = quote(raw.partition(b"?")[0], safe=_SAFE + "%")
        query = quote(scope["query_string"], safe=_SAFE + "%?")
        headers = dict(scope["headers"])
        self.event = Event(
            event="call",
            at=ctx.now(),
            trace=ctx.trace,
            complete=False,
            method=scope["method"],
            target=f"{path}?{query}" if query else path,
            form=headers.get(b"content-type", b"").startswith(_FORM),
        )
        recordings.add(self.event)

    def receiving(self, receive: Receive) -> Receive:
        """`receive`, with what comes kept."""

        async def watched() -> Message:
            message = await receive()
            part = message.get("body", b"")
            self.event.request_size += len(part)
            self._sent += part[: max(0, self._most - len(self._sent))]
            return message

        return watched

    def sending(self, send: Send) -> Send:
        """`send`, with what is sent kept."""
        event = self.event

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                event.status = message["status"]
                event.fault = dict(message["headers"]).get(_FAULT, b"").decode("latin-1")
            else:
                part = message.get("body", b"")
                event.response_size += len(part)
                self._answered += part[: max(0, self._most - len(self._answered))]
            await send(message)

        return watched

    def end(self, exchange: Exchange, seconds: float, known: str) -> None:
        """The call has been answered, or will not be.

        `known` is the account that has called with this token before: for calls that a fault has answered.
        """
        called = exchange.request.account_id if exchange.request is not None else ""
        self.event.account_id = called or known
        self.event.milliseconds = round(seconds * 1000, 1)
        self._recordings.complete(self.event, request=bytes(self._sent), response=bytes(self._answered))
