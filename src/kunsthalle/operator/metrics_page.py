"""`/metrics` as an ASGI application, for the address of the APIs, and as a WSGI one, for a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from kunsthalle.api.asgi import Headers, Receive, Scope, Send
from kunsthalle.operator.metrics import CONTENT_TYPE_LATEST, Page

PATH = "/metrics"
_REFUSED = "Give the token of metrics_token or the operator's: Authorization: Bearer TOKEN.\n"
_Parts = tuple[int, dict[str, str], bytes]


def _answer(page: Page, method: str, path: str, authorization: str) -> _Parts:
    text = {"content-type": "text/plain; charset=utf-8"}
    if path != PATH:
        return 404, text, f"The metrics are at {PATH}.\n".encode()
    if method not in {"GET", "HEAD"}:
        return 405, {**text, "allow": "GET, HEAD"}, f"{method} is not offered here; offered: GET, HEAD.\n".encode()
    if not page.is_allowed(authorization):
        challenge = {"www-authenticate": 'Bearer realm="metrics"'}  # RFC 9110 names it so; words: allow
        return 401, {**text, **challenge}, _REFUSED.encode()
    return 200, {"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"}, page.text()


def asgi(page: Page) -> Callable[[Scope, Receive, Send], Any]:
    """The application of the server's own address."""

    async def application(scope: Scope, _receive: Receive, send: Send) -> None:
        authorization = Headers(scope["headers"]).get("authorization", "")
        # In a thread: counting may wait for the database.
        parts = await asyncio.to_thread(_answer, page, scope["method"], scope["path"], authorization)
        status, headers, body = parts
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        fields.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return application


_REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed"}


def wsgi(page: Page) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """The application of a port of its own."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        status, headers, body = _answer(page, method, path, environ.get("HTTP_AUTHORIZATION", ""))
        start_response(f"{status} {_REASONS[status]}", [*headers.items(), ("content-length", str(len(body)))])
        return [b"" if method == "HEAD" else body]

    return application
