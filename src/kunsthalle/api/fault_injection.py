"""What a fault makes of a call: an answer that is late, refused, lost or cut (`core.faults`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kunsthalle.api.asgi import Answer, Send
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.faults import HEADER, Fault

Respond = Callable[[], Awaitable[Answer]]
Refuse = Callable[[Problem], Answer]

_CODES = {
    400: "bad_request",
    401: "not_authorized",
    403: "not_authorized",
    404: "not_found",
    409: "conflict",
    412: "precondition_failed",
    429: "too_many_requests",
    500: "internal_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
}
STATUSES = tuple(_CODES)
_PATIENCE = {"Retry-After": "1"}
_ASKING_TO_WAIT = {429, 503}


async def answer(fault: Fault, respond: Respond, refuse: Refuse, send: Send) -> None:
    """Answer a call that matches a fault."""
    match fault.effect:
        case "refuse":
            await _named(fault, _refusal(fault, refuse)).send(send)
        case "lose":
            await respond()
            await _named(fault, _refusal(fault, refuse)).send(send)
        case "cut":
            await _cut(_named(fault, await respond()), send)
        case "delay":
            await asyncio.sleep(fault.seconds)
            await _named(fault, await respond()).send(send)
        case effect:
            raise UnknownMember("effect of a fault on calls", effect)


def _named(fault: Fault, answer: Answer) -> Answer:
    """The answer with the header that names the fault."""
    return Answer(answer.status, {**answer.headers, HEADER: fault.label}, answer.body)


def _refusal(fault: Fault, refuse: Refuse) -> Answer:
    text = "This answer was asked for with a fault."
    made = refuse(Problem(Reason(fault.status), _CODES[fault.status], text))
    if fault.status not in _ASKING_TO_WAIT:
        return made
    return Answer(made.status, {**made.headers, **_PATIENCE}, made.body)


async def _cut(whole: Answer, send: Send) -> None:
    """Half of the body, of which the whole was announced; the server then closes the connection."""

    async def half(message: dict[str, object]) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": whole.body[: len(whole.body) // 2], "more_body": True}
        await send(message)

    await Answer(whole.status, whole.headers, whole.body or b"{}").send(half)  # type: ignore[arg-type]  # a plain message
