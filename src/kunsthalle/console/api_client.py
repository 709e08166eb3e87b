"""The API as the console calls it: within the process, through the same pipeline as everybody else.

Access, visibility, audit and errors are therefore the API's own; the console has no other way to anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlencode

import msgspec

from kunsthalle.api.asgi import Message, Receive, Scope, Send
from kunsthalle.api.surfaces.vpc import NEWEST_KNOWN

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Pairs = Iterable[tuple[str, str]]

_DIALECT = (("version", NEWEST_KNOWN), ("generation", "2"))
_KEPT = frozenset({"type", "asgi", "http_version", "scheme", "server", "client"})
"""What a call within the process has in common with the request for the page."""


class Refused(Exception):
    """What the API refused, in its own words. `field` is what in the request is meant, dotted, if it says so."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        field: str = "",
        trace: str = "",
        faults: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`faults` are all that was wrong, each with its field, where the API names several."""
        super().__init__(message)
        self.faults = tuple(faults) or ((field, message),)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.trace = trace


def refusal(status: int, body: bytes) -> Refused:
    """A refusal out of the error body of any API family."""
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        told = {}
    errors = told.get("errors") or _reasons(told) or [{}]
    first = errors[0]
    message = first.get("message") or told.get("errorMessage") or told.get("message") or "The request was refused."
    code = first.get("code") or told.get("errorCode") or ""
    trace = told.get("trace") or told.get("context", {}).get("requestId", "")
    faults = [(_field(entry), str(entry.get("message", ""))) for entry in errors if entry.get("message")]
    return Refused(status, code, message, _field(first), trace, faults)


def _field(error: Mapping[str, Any]) -> str:
    target = error.get("target") or {}
    return str(target.get("name") or error.get("details") or "")


def _reasons(told: Any) -> list[Any]:
    """The reasons that Key Protect gives, in its collections of errors."""
    return [reason for resource in told.get("resources") or () for reason in resource.get("reasons") or ()]


def segment(text: str) -> str:
    """An id as one segment of a path, whatever is in it."""
    return quote(text, safe="")


class Api:
    """Calls with one bearer token, as they would come from the page's own visitor."""

    def __init__(self, application: Application, page: Scope, token: str, operator: str = "") -> None:
        self._application = application
        self._page = page
        self._token = token
        self._operator = operator

    async def get(self, path: str, query: Pairs = ()) -> Any:
        """What a read answers; Refused otherwise."""
        return await self.send("GET", path, query=query)

    async def read(self, path: str) -> tuple[Any, str]:
        """What a read answers, and the `ETag` that a change of it is to name; '' for none. Refused otherwise."""
        status, headers, body = await self._answer("GET", path, b"", (), self._token, None)
        if status >= 400:
            raise refusal(status, body)
        tags = [value.decode("latin-1") for name, value in headers if name.lower() == b"etag"]
        return msgspec.json.decode(body), tags[0] if tags else ""

    async def send(
        self, method: str, path: str, body: Any = None, query: Pairs = (), headers: Mapping[str, str] | None = None
    ) -> Any:
        """A call with a JSON body; the decoded answer, or None when there is none. Refused from 400 on."""
        raw = b"" if body is None else msgspec.json.encode(body)
        return await self._call(method, path, raw, query, self._token, headers)

    async def send_bytes(self, method: str, path: str, content: bytes) -> Any:
        """A call with bytes that are no JSON. Refused from 400 on."""
        return await self._call(method, path, content, (), self._token, None)

    async def read_bytes(self, path: str, query: Pairs = ()) -> tuple[bytes, dict[str, str]]:
        """What a read answers that is no JSON, and its headers by their names in lower case. Refused from 400 on."""
        status, headers, body = await self._answer("GET", path, b"", query, self._token, None)
        if status >= 400:
            raise refusal(status, body)
        return body, {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}

    async def form(self, path: str, values: Mapping[str, str]) -> Any:
        """A call with a form as its body and no token: what the token endpoint takes."""
        return await self._call("POST", path, urlencode(values).encode(), (), "", None)

    async def operate(self, method: str, path: str, body: Any = None, query: Pairs = ()) -> Any:
        """A call with the operator's token."""
        raw = b"" if body is None else msgspec.json.encode(body)
        return await self._call(method, path, raw, query, self._operator, None)

    def with_token(self, token: str, operator: str = "") -> Api:
        """The same for another bearer."""
        return Api(self._application, self._page, token, operator)

    async def _call(
        self, method: str, path: str, raw: bytes, query: Pairs, token: str, headers: Mapping[str, str] | None
    ) -> Any:
        status, _, body = await self._answer(method, path, raw, query, token, headers)
        if status >= 400:
            raise refusal(status, body)
        return msgspec.json.decode(body) if body else None

    async def _answer(
        self, method: str, path: str, raw: bytes, query: Pairs, token: str, headers: Mapping[str, str] | None
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """The status of a call, its headers, and its whole body."""
        pairs = [*query, *(_DIALECT if path.startswith("/v1/") else ())]
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            **{name: value for name, value in self._page.items() if name in _KEPT},
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": urlencode(pairs).encode(),
            "headers": self._headers(token, headers or {}),
        }
        await self._application(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], list(sent[0]["headers"]), body

    def _headers(self, token: str, more: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        """The page's own host and trace go along; its cookies do not."""
        stored = [(name, value) for name, value in self._page["headers"] if name in {b"host", b"x-request-id"}]
        if token:
            stored.append((b"authorization", f"Bearer {token}".encode("latin-1", "replace")))
        return [*stored, *((name.lower().encode(), value.encode("latin-1")) for name, value in more.items())]
