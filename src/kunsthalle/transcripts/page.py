"""The page of a transcript: one HTML file without scripts, which asks for nothing from anywhere.

Everything in a transcript is anybody's text: the templates escape all of it, and the page forbids scripts and requests
to whoever shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kunsthalle.core.records import dataclass
from kunsthalle.transcripts.models import (
    NOBODY,
    OPERATOR,
    Call,
    ClockMove,
    Event,
    JobFault,
    Lost,
    StateChange,
    Transcript,
)

_FOLDER = Path(__file__).parent / "html"
_LANES = ("image", "version")
"""Kinds of resources whose states come first."""
_COLOURS = {
    "available": "good",
    "running": "good",
    "published": "good",
    "consumable": "good",
    "stable": "good",
    "valid": "good",
    "pending": "waiting",
    "validated": "waiting",
    "starting": "waiting",
    "deprecated": "warned",
    "deprecating": "warned",
    "stopped": "warned",
    "stopping": "warned",
    "failed": "bad",
    "obsolete": "bad",
    "archived": "bad",
    "deleting": "bad",
    "deleted": "bad",
}
"""How states look; others are plain. The word is always written beside."""
_PLURALS = {
    "call": "calls",
    "fault applied": "faults applied",
    "move of the clock": "moves of the clock",
    "call lost": "calls lost",
}
_REFUSED, _FAILED = 400, 500
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Something on a line of the timeline: where in percent, what it looks like, what it is, where it leads."""

    left: float
    look: str
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class _Span:
    """A state on a lane, from where to how far, in percent."""

    left: float
    width: float
    look: str
    state: str
    since: str
    link: str


@dataclass(slots=True)
class _Line:
    """An account with its calls."""

    label: str
    name: str
    marks: list[_Mark] = field(default_factory=list)
    refused: int = 0


@dataclass(frozen=True, slots=True)
class _Lane:
    """A resource with its states."""

    resource: str
    spans: list[_Span]


@dataclass(frozen=True, slots=True)
class _Row:
    """An event of the list: its number, and how it is shown."""

    number: int
    kind: str
    event: Event
    who: str = ""
    look: str = ""
    sent: str = ""
    answered: str = ""


def page_of(transcript: Transcript, title: str) -> str:
    """The page, as text."""
    rows = [_row(transcript, number, event) for number, event in enumerate(transcript.events, 1)]
    lanes = list(_lanes(transcript.events))
    first = [lane for lane in lanes if _kind(lane.resource) in _LANES]
    return (
        _environment()
        .get_template("transcript.html")
        .render(
            title=title,
            rows=rows,
            lines=_lines(transcript),
            moves=list(_moves(transcript.events)),
            groups=[
                (name, group)
                for name, group in (
                    ("Images and versions", first),
                    ("Other resources", [lane for lane in lanes if lane not in first]),
                )
                if group
            ],
            summary=_summary(transcript),
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _summary(transcript: Transcript) -> list[tuple[str, int]]:
    calls = list(transcript.calls)
    faults = sum(bool(call.fault) for call in calls)
    jobs = sum(isinstance(event, JobFault) for event in transcript.events)
    lost = sum(event.calls for event in transcript.events if isinstance(event, Lost))
    counted = [
        ("call", len(calls)),
        ("refused", sum(call.status >= _REFUSED for call in calls)),
        ("without an answer", sum(call.status == 0 for call in calls)),
        ("fault applied", faults + jobs),
        ("move of the clock", sum(isinstance(event, ClockMove) for event in transcript.events)),
        ("call lost", lost),
    ]
    return [
        (noun if count == 1 else _PLURALS.get(noun, noun), count) for noun, count in counted if count or noun == "call"
    ]


def _row(transcript: Transcript, number: int, event: Event) -> _Row:
    match event:
        case Call():
            who = _who(transcript, event.caller)
            return _Row(number, "call", event, who, _look(event), _pretty(event.request), _pretty(event.response))
        case ClockMove():
            return _Row(number, "clock", event)
        case JobFault():
            return _Row(number, "job", event)
        case Lost():
            return _Row(number, "lost", event)


def _who(transcript: Transcript, caller: str) -> str:
    return {OPERATOR: "operator", NOBODY: "not signed in"}.get(caller) or transcript.label(caller)


def _look(call: Call) -> str:
    if call.fault:
        return "fault"
    if call.status == 0 or call.status >= _FAILED:
        return "bad"
    return "warned" if call.status >= _REFUSED else "good"


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _place(index: int, count: int) -> float:
    return round(100 * index / max(1, count), 3)


def _lines(transcript: Transcript) -> list[_Line]:
    """A line for each caller, in the order in which they begin to call."""
    lines: dict[str, _Line] = {}
    count = len(transcript.events)
    for index, event in enumerate(transcript.events):
        if isinstance(event, Call):
            line = lines.setdefault(event.caller, _line(transcript, event.caller))
            told = f"{index + 1}: {event.method} {event.target} → {event.status or 'no answer'}"
            line.marks.append(_Mark(_place(index, count), _look(event), told, f"#event-{index + 1}"))
            line.refused += event.status >= _REFUSED
    return list(lines.values())


def _line(transcript: Transcript, caller: str) -> _Line:
    label = _who(transcript, caller)
    return _Line(label, "" if label == caller or caller in {OPERATOR, NOBODY} else caller)


def _moves(events: tuple[Event, ...]) -> Iterator[_Mark]:
    for index, event in enumerate(events):
        if isinstance(event, ClockMove):
            yield _Mark(_place(index, len(events)), "clock", event.end, f"#event-{index + 1}")


def _lanes(events: tuple[Event, ...]) -> Iterator[_Lane]:
    """The states of each resource: those that the transcript tells, and where it tells none, those that answers show.
    The first state of all is known by answers alone.
    """
    told = {change.resource for event in events for change in _changes(event)}
    seen: dict[str, list[tuple[int, str]]] = {}
    for index, event in enumerate(events):
        for resource, state in _shown_states(event):
            if not seen.get(resource) or (resource not in told and seen[resource][-1][1] != state):
                seen.setdefault(resource, []).append((index, state))
        for change in _changes(event):
            seen.setdefault(change.resource, []).append((index, change.state))
    for resource in sorted(seen, key=_order):
        yield _Lane(resource, list(_spans(seen[resource], events)))


def _changes(event: Event) -> tuple[StateChange, ...]:
    return event.states if isinstance(event, Call | ClockMove) else ()


def _spans(states: list[tuple[int, str]], events: tuple[Event, ...]) -> Iterator[_Span]:
    """Several states of one event share its width."""
    count = len(events)
    same: dict[int, list[str]] = {}
    for index, state in states:
        same.setdefault(index, []).append(state)
    indexes = list(same)
    for number, index in enumerate(indexes):
        end = indexes[number + 1] if number + 1 < len(indexes) else count
        names = same[index]
        passing = min(0.5, (len(names) - 1) * 0.25)  # of the event's own width: what it passed through
        for step, state in enumerate(names):
            last = step == len(names) - 1
            share = passing / max(1, len(names) - 1)
            begin = index + (passing if last else step * share)
            stop = end if last else begin + share
            since = _told(events[index], index)
            yield _Span(
                _place_of(begin, count),
                _place_of(stop - begin, count),
                _COLOURS.get(state, "plain"),
                state,
                since,
                f"#event-{index + 1}",
            )


def _place_of(position: float, count: int) -> float:
    return round(100 * position / max(1, count), 3)


def _told(event: Event, index: int) -> str:
    if isinstance(event, ClockMove):
        return f"when the clock moved to {event.end}"
    return f"call {index + 1}"


def _shown_states(event: Event) -> Iterable[tuple[str, str]]:
    if not isinstance(event, Call) or event.status not in _SUCCESS:
        return ()
    return _states_in(event.response_document)


def _states_in(document: Any) -> Iterator[tuple[str, str]]:
    """Images with their status and versions with their state, at any depth of an answer."""
    if isinstance(document, dict):
        id_, state = document.get("id"), document.get("status", document.get("state"))
        if isinstance(state, dict):
            state = state.get("current")
        if isinstance(id_, str) and isinstance(state, str) and _kind(id_) in _LANES:
            yield id_, state
        for value in document.values():
            yield from _states_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from _states_in(value)


def _kind(resource: str) -> str:
    return resource.rpartition("-")[0]


def _order(resource: str) -> tuple[int, str, int]:
    kind, _, number = resource.rpartition("-")
    first = _LANES.index(kind) if kind in _LANES else len(_LANES)
    return first, kind, int(number) if number.isdigit() else 0
