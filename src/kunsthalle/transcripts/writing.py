"""Writes a transcript as text: the same transcript, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.local import display
from kunsthalle.local.text_tables import line
from kunsthalle.transcripts.models import (
    VERSION,
    Account,
    Call,
    ClockMove,
    Event,
    JobFault,
    Lost,
    StateChange,
    Transcript,
)

HEADER = f"kunsthalle transcript {VERSION}"
NO_ANSWER = "no answer"


def text_of(transcript: Transcript) -> str:
    """The whole file, which `parsing.parse` reads back as the same transcript."""
    blocks = [HEADER, *map(_account, transcript.accounts), *map(_event, transcript.events)]
    text = "\n\n".join(blocks) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()  # half a character of JSON, which UTF-8 cannot hold


def _account(account: Account) -> str:
    label = f" {_quoted(account.label)}" if account.label else ""
    return f"account {account.name}{label}"


def _event(event: Event) -> str:
    return "\n".join(_lines(event))


def _lines(event: Event) -> Iterator[str]:
    match event:
        case Call():
            yield from _call(event)
        case ClockMove():
            yield f"clock {event.start} {event.end}"
            yield from _states(event.states)
        case JobFault():
            yield f"job {_word(event.kind)} {_word(event.resource or '-')} {event.moment}"
            yield f"* fault {line(event.fault)}"
        case Lost():
            yield f"lost {event.calls}"
        case _:
            raise UnknownMember("event of a transcript", event)


def _call(call: Call) -> Iterator[str]:
    taken = f" {call.milliseconds:.1f}ms" if call.milliseconds >= 0 else ""
    yield f"call {call.caller} {call.moment}{taken}"
    yield f"{_word(call.method)} {_word(call.target)}"
    yield from _body(">", call.request)
    yield f"< {call.status or NO_ANSWER}"
    yield from _body("<", call.response)
    if call.fault:
        yield f"* fault {line(call.fault)}"
    yield from _states(call.states)


def _body(mark: str, text: str) -> Iterator[str]:
    """A line each of JSON, indented, so that two bodies can be compared line by line."""
    if not text:
        return
    try:
        lines = display.to_json(json.loads(text), indent=2)
    except (ValueError, RecursionError):
        lines = line(text if text.startswith("(") else f"({text})")
    for part in lines.split("\n"):
        yield f"{mark} {part}"


def _states(states: Iterable[StateChange]) -> Iterator[str]:
    for state in states:
        yield f"* state {_word(state.resource)} {_word(state.state)}"


def _word(text: str) -> str:
    """One line without blanks."""
    return line(text).replace(" ", "%20")


def _quoted(text: str) -> str:
    return display.to_json(text, indent=0)
