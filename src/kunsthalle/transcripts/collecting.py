"""Makes a transcript of what a recording holds: names instead of ids, moments by the clock, no repeated looks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kunsthalle.core.clock import SECOND, moment
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.records import dataclass
from kunsthalle.transcripts.models import (
    NOBODY,
    OPERATOR,
    START,
    Account,
    Call,
    ClockMove,
    Event,
    JobFault,
    Lost,
    StateChange,
    Transcript,
)
from kunsthalle.transcripts.moments import Moments
from kunsthalle.transcripts.stable_names import StableNames, singular

_CLOCK = "/_kunsthalle/clock"
_LOAD = re.compile(r"/_kunsthalle/scenarios/[^/]+/load")
_READS = frozenset({"GET", "HEAD"})
_SIGN_IN = "/identity/token"
_LONGEST_LOOP = 4
"""Calls in a turn of a loop that waits."""
_REFUSED = 400
_SOON = 2 * SECOND
"""A change that comes so soon after the clock began to move was under way before."""
SERVER = "http://server"
"""In place of the server's address."""


@dataclass(slots=True, eq=False)
class _Held:
    """A call that may turn out to be repeated: then `instead` is the one that is written. `index` is its place."""

    event: Mapping[str, Any]
    index: int = -1
    instead: _Held | None = None

    @property
    def place(self) -> int:
        """Where the call is written, or the one that repeats it."""
        held = self
        while held.instead is not None:
            held = held.instead
        return held.index

    def repeats(self, other: _Held) -> bool:
        """Whether it asks what the other one has asked, with the same outcome."""
        event, its = self.event, other.event
        return all(event[name] == its[name] for name in ("caller", "method", "target", "status", "fault"))


@dataclass(slots=True)
class _Change:
    """A state or a job's fault: the event, and the call that led to it, if it is of the recording."""

    event: Mapping[str, Any]
    call: _Held | None

    @property
    def index(self) -> int:
        return -1 if self.call is None else self.call.place

    @property
    def at(self) -> int:
        return moment(self.event["at"])


class Collector:
    """Takes events of a recording in order, as the operator's API shows them; `transcript` is what they make.

    `began` is where the clock stood at the beginning (RFC 3339), `accounts` what people call accounts, by id, `url` the
    address of the server. `durations` writes how long calls took, `every_call` also reads that were repeated in a row.
    """

    def __init__(
        self, began: str, url: str, accounts: Mapping[str, str], *, durations: bool = False, every_call: bool = False
    ) -> None:
        self._labels = accounts
        self._durations, self._every_call = durations, every_call
        self._names = StableNames(accounts)
        self._moments = Moments(moment(began))
        self._address = _address(url)
        self._events: list[Event] = []
        self._changes: list[_Change] = []
        self._moves: list[tuple[int, int]] = []
        self._by_trace: dict[str, _Held] = {}
        self._held: list[_Held] = []
        self.calls = 0

    def add(self, event: Mapping[str, Any]) -> None:
        """The next event."""
        match event["event"]:
            case "call":
                self.calls += 1
                self._hold(_Held(event))
            case "state" | "job_fault":
                self._names.learn(event["resource"], event["resource_type"] or event["job"].partition(".")[0])
                self._changes.append(_Change(event, self._by_trace.get(event["trace"])))
            case kind:
                raise UnknownMember("event of a recording", kind)

    def lose(self, count: int) -> None:
        """So many events are missing here."""
        if count:
            self._write_held()
            self._events.append(Lost(count))

    def _hold(self, call: _Held) -> None:
        """Keep a call back that may be part of a loop which waits: how often a program looks until something is there
        is chance. Of the same few reads in a row, the last ones are written.
        """
        self._by_trace[call.event["trace"]] = call
        if self._every_call or not _may_repeat(call.event):
            self._write_held()
            self._write(call)
            return
        self._held.append(call)
        for length in range(1, len(self._held) // 2 + 1):
            earlier, later = self._held[-2 * length : -length], self._held[-length:]
            if all(map(_Held.repeats, later, earlier)) and any(call.event["method"] in _READS for call in later):
                for former, instead in zip(earlier, later, strict=True):
                    former.instead = instead
                del self._held[-2 * length : -length]
                break
        if len(self._held) > _LONGEST_LOOP * 2:
            self._write(self._held.pop(0))

    def _write_held(self) -> None:
        for call in self._held:
            self._write(call)
        self._held.clear()

    def _write(self, call: _Held) -> None:
        event, call.index = call.event, len(self._events)
        began = moment(event["at"])
        at = self._moments.now(began)
        request, response = _document(event["request"]), _document(event["response"])
        moved = event["caller"] == OPERATOR and event["status"] < _REFUSED and _now_of(event, response)
        if moved and isinstance(request, dict) and not _LOAD.fullmatch(event["target"]):
            self._moves.append((began, len(self._events)))
            end = self._moments.move(moment(moved), request.get("advance"), request.get("to"))
            self._events.append(ClockMove(at, end))
            return
        if not moved:
            self._moments.until(began + int(event["milliseconds"] * 1_000))
        self._events.append(self._call(event, at, request, response))
        if moved:
            self._moments.move(moment(moved), None, moved)

    def _call(self, event: Mapping[str, Any], at: str, request: Any, response: Any) -> Call:
        self._learn(event, request, response)
        caller = event["caller"] or NOBODY
        return Call(
            caller=caller if caller in {OPERATOR, NOBODY} else self._names.name_of(caller),
            moment=at,
            method=event["method"],
            target=self._replaced(event["target"]),
            status=event["status"],
            request=self._body(event["request"], request),
            response=self._body(event["response"], response),
            fault=self._fault(event["fault"]),
            milliseconds=event["milliseconds"] if self._durations else -1,
        )

    def _learn(self, event: Mapping[str, Any], request: Any, response: Any) -> None:
        if event["caller"] not in {"", OPERATOR}:
            self._names.learn(event["caller"], "account")
        self._names.learn_text(event["target"])
        collection = event["target"].partition("?")[0].rstrip("/").rpartition("/")[2]
        self._names.learn_document(request)
        self._names.learn_document(response, singular(collection) if event["method"] == "POST" else "")

    def _fault(self, label: str) -> str:
        self._names.learn(label.rpartition(" ")[2], "fault")
        return self._names.replaced(label)

    def _replaced(self, text: str) -> str:
        return self._moments.replaced(self._names.replaced(self._address.sub(SERVER, text)))

    def _body(self, text: str, document: Any) -> str:
        if document is None and text != "null":
            return text
        return json.dumps(self._replaced_document(document), ensure_ascii=False)

    def _replaced_document(self, document: Any, name: str = "") -> Any:
        if isinstance(document, dict):
            return {self._replaced(key): self._replaced_document(value, key) for key, value in document.items()}
        if isinstance(document, list):
            return [self._replaced_document(value, name) for value in document]
        if isinstance(document, str):
            return self._replaced(document)
        if isinstance(document, int) and not isinstance(document, bool):
            return self._moments.replaced_number(name, document)
        return document

    def transcript(self) -> Transcript:
        """What has been collected; nothing can be added afterwards."""
        self._write_held()
        changes: dict[int, list[Mapping[str, Any]]] = {}
        for change in self._changes:
            changes.setdefault(self._cause(change), []).append(change.event)
        events: list[Event] = []
        for index, event in enumerate(self._events):
            events += self._with_changes(event, changes.get(index, []))
        named = [(id_, name) for id_, name in self._names.names.items() if name.startswith("account-")]
        return Transcript(tuple(Account(name, self._labels.get(id_, "")) for id_, name in named), tuple(events))

    def _cause(self, change: _Change) -> int:
        """The index of the event that a change is written with: the call that led to it, or the move of the clock by
        which it became due.
        """
        due = [index for began, index in self._moves if index > change.index and change.at > began + _SOON]
        return due[-1] if due else change.index

    def _with_changes(self, event: Event, changes: list[Mapping[str, Any]]) -> Iterator[Event]:
        """The event with the states that it led to, and the faults of its jobs.

        Of resources that no call shows nothing is told: which of them is which would be chance.
        """
        shown = [change for change in changes if change["resource"] in self._names.names]
        states = [
            StateChange(self._names.name_of(change["resource"]), change["state"])
            for change in shown
            if change["event"] == "state"
        ]
        if states and isinstance(event, Call | ClockMove):
            ordered = tuple(sorted(states, key=lambda state: _in_order(state.resource)))
            yield msgspec.structs.replace(event, states=ordered)
        else:
            yield event
        at = event.moment if isinstance(event, Call) else event.end if isinstance(event, ClockMove) else START
        for change in shown:
            if change["event"] == "job_fault":
                yield JobFault(change["job"], self._names.name_of(change["resource"]), at, self._fault(change["fault"]))


def _may_repeat(event: Mapping[str, Any]) -> bool:
    """Whether a call may be part of a loop that waits: a read, or a sign-in."""
    reads = event["method"] in _READS or event["target"] == _SIGN_IN
    return bool(reads) and not event["fault"]


def _in_order(name: str) -> tuple[str, int]:
    kind, _, number = name.rpartition("-")
    return kind, int(number)


def _now_of(event: Mapping[str, Any], response: Any) -> str:
    """Where the clock stands after a call of the operator that has moved it; empty for other calls."""
    path = event["target"].partition("?")[0]
    if not isinstance(response, dict) or not (path == _CLOCK or _LOAD.fullmatch(path)):
        return ""
    return str(response.get("now", ""))


def _address(url: str) -> re.Pattern[str]:
    """The addresses of a server, as it may be called on its own host."""
    netloc = url.partition("://")[2].rstrip("/")
    port = netloc.rpartition(":")[2]
    names = [netloc, *(f"{host}:{port}" for host in ("localhost", "127.0.0.1", "[::1]") if port.isdigit())]
    return re.compile(rf"\b(?:https?|wss?)://(?:{'|'.join(map(re.escape, names))})(?![0-9A-Za-z.:-])")


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
