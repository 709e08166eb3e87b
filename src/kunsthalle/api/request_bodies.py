"""The body of a request as it comes from its connection: how large it may be, and one that never ends."""

from __future__ import annotations

from kunsthalle.api.asgi import Headers, Receive
from kunsthalle.api.router import Route
from kunsthalle.core.errors import Problem, Reason, Target, Unaudited
from kunsthalle.core.sizes import KIB, MIB
from kunsthalle.core.text_values import integer

MAX_BODY = MIB
MAX_SMALL_BODY = 64 * KIB
"""For routes that take no JSON, or take it from anybody."""


def largest_body(route: Route) -> int:
    """How many bytes the body of a call of a route may have."""
    if route.raw_body:
        return route.raw_body
    known = route.access.authenticated or route.access.operator
    return MAX_BODY if known and route.body is not None else MAX_SMALL_BODY


async def read_body(receive: Receive, headers: Headers, most: int) -> bytes:
    """All of a body. Problem where it is too large, or its client leaves before its end."""
    announced = headers.get("content-length", "0")
    if announced.isdigit() and integer(announced, most=most) is None:
        raise _too_large(most)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Unaudited(Reason.INVALID, "bad_request", "The connection closed before the body was complete.")
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def _too_large(most: int) -> Problem:
    return Problem(Reason.TOO_LARGE, "request_too_large", f"The body must be at most {most} bytes.", Target("body"))
