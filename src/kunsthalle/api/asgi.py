"""What ASGI hands over and takes back, as the little that the pipeline needs of it: made anew for every request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, overload
from urllib.parse import parse_qsl

from msgspec import Struct

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FORWARDED_SCHEME = "kunsthalle.forwarded_scheme"
"""In the scope of a request: `http` or `https`, as a trusted proxy has said."""
WHOLE_ANSWER = "kunsthalle.whole_answer"
"""Of the extensions of a scope: a `SendWhole`, where the server has one."""
SendWhole = Callable[[int, bytes], bool]
"""Sends an answer in one piece, from its status and its bytes from the first header on. False where it has to go by
`Send`, because the client does not read.
"""
_NO_BODY = frozenset({204, 304})
_ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Answers hold tokens, keys and what one caller alone may see: nobody keeps them, and nobody guesses what they are."""


class _Names(dict[str, bytes]):
    """The names of headers as they travel: few, and asked for in every request."""

    def __missing__(self, name: str) -> bytes:
        raw = self[name] = name.lower().encode("latin-1")
        return raw


_NAMES = _Names()


class Query:
    """The parameters of a request in their order. Of a repeated one, `get` and `[]` give the last."""

    __slots__ = ("_items", "_last")

    def __init__(self, raw: bytes) -> None:
        text = raw.decode("latin-1")
        if "%" in text or "+" in text:
            self._items = parse_qsl(text, keep_blank_values=True)
        else:  # nothing is quoted, as in most requests
            parts = [part.partition("=") for part in text.split("&") if part]
            self._items = [(name, value) for name, _, value in parts]
        self._last = dict(self._items)

    def __contains__(self, name: str) -> bool:
        return name in self._last

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        return self._last.get(name, default)

    def getlist(self, name: str) -> list[str]:
        """Every value of a repeated parameter."""
        return [value for key, value in self._items if key == name]

    def multi_items(self) -> list[tuple[str, str]]:
        """Names and values as they came."""
        return list(self._items)


class Headers:
    """The headers of a request, by name in any case. Of a repeated one the first counts."""

    __slots__ = ("_first",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._first = dict(reversed(list(raw)))

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        value = self._first.get(_NAMES[name])
        return default if value is None else value.decode("latin-1")


class Answer(Struct, frozen=True):
    """Status, headers and body, ready to be sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    async def send(self, send: Send, kind: str = "http.response") -> None:
        """`kind` is `websocket.http.response` for a refusal in place of a web socket."""
        await send({"type": f"{kind}.start", "status": self.status, "headers": raw_headers(self)})
        await send({"type": f"{kind}.body", "body": self.body})


def raw_headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    """The headers of an answer as they travel."""
    raw = [*_ALWAYS, *[(_NAMES[name], value.encode("latin-1")) for name, value in answer.headers.items()]]
    if answer.status not in _NO_BODY:
        raw.append((b"content-length", b"%d" % len(answer.body)))
    return raw
