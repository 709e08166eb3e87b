"""What a fault (`core.faults`) makes of a call: a function for each effect, which answers late, refuses, or cuts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec

from kunsthalle.api.asgi import Answer, Send
from kunsthalle.core.clock import SECOND, Clock
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.errors import Problem, Reason, not_found, unauthenticated
from kunsthalle.core.fault_effects import effects_on
from kunsthalle.core.faults import HEADER, Fault, Faults

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
_ASKING_TO_WAIT = {429, 503}
_CREATED = {200, 201, 202}


class _Created(msgspec.Struct):
    """Of an answer, what names the resource."""

    id: str


async def answer(fault: Fault, respond: Respond, refuse: Refuse, send: Send) -> None:
    """Answer a call that matches a fault."""
    if fault.effect not in _EFFECTS:
        raise UnknownMember("effect of a fault on calls", fault.effect)
    await _EFFECTS[fault.effect](fault, respond, refuse, send)


async def _refuse(fault: Fault, _respond: Respond, refuse: Refuse, send: Send) -> None:
    await _named(fault, _refusal(fault, refuse)).send(send)


async def _lose(fault: Fault, respond: Respond, refuse: Refuse, send: Send) -> None:
    await respond()
    await _named(fault, _refusal(fault, refuse)).send(send)


async def _expired(fault: Fault, _respond: Respond, refuse: Refuse, send: Send) -> None:
    await _named(fault, refuse(unauthenticated())).send(send)


async def _cut(fault: Fault, respond: Respond, _refuse: Refuse, send: Send) -> None:
    await _send_part(_named(fault, await respond()), fault.cut_after, send)


async def _late(fault: Fault, _respond: Respond, refuse: Refuse, send: Send) -> None:
    await _named(fault, refuse(not_found())).send(send)


async def _delay(fault: Fault, respond: Respond, _refuse: Refuse, send: Send) -> None:
    await asyncio.sleep(fault.pause())
    await _named(fault, await respond()).send(send)


_EFFECTS = {
    "refuse": _refuse,
    "expired": _expired,
    "lose": _lose,
    "cut": _cut,
    "delay": _delay,
    "late": _late,
}
"""What applies each effect on calls, in the order of `core/fault_effects.py`."""
if tuple(_EFFECTS) != effects_on("call"):
    raise TypeError(f"Effects that are applied to calls: {tuple(_EFFECTS)}; declared: {effects_on('call')}.")


def _named(fault: Fault, answer: Answer) -> Answer:
    """The answer with the header that names the fault."""
    return Answer(answer.status, {**answer.headers, HEADER: fault.label}, answer.body)


def _refusal(fault: Fault, refuse: Refuse) -> Answer:
    text = "This answer was asked for with a fault."
    made = refuse(Problem(Reason(fault.status), _CODES[fault.status], text))
    if fault.status not in _ASKING_TO_WAIT:
        return made
    return Answer(made.status, {**made.headers, "Retry-After": str(fault.retry_after)}, made.body)


async def noted(faults: Faults, respond: Respond, clock: Clock) -> Answer:
    """The answer to a call that creates something, whose ids are noted for the effect `late`."""
    answer = await respond()
    if answer.status in _CREATED:
        with contextlib.suppress(msgspec.DecodeError, ValueError):
            made = msgspec.json.decode(answer.body, type=_Created)
            await asyncio.to_thread(faults.created, made.id, clock.real() / SECOND)
    return answer


async def _send_part(whole: Answer, count: int, send: Send) -> None:
    """So many bytes of the body (-1: half of it), of which the whole was announced; the server then closes the
    connection.
    """
    size = len(whole.body) // 2 if count < 0 else min(count, max(0, len(whole.body) - 1))

    async def half(message: dict[str, object]) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": whole.body[:size], "more_body": True}
        await send(message)

    await Answer(whole.status, whole.headers, whole.body or b"{}").send(half)  # type: ignore[arg-type]  # a plain message
