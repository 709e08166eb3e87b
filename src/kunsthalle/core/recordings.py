"""Recordings: the calls that a process answers, kept until somebody fetches them, and what came of them.

There is none unless the operator asks for one. A recording is bounded in calls and bytes: what is not fetched in time
is dropped and counted, and a recording that nobody fetches from ends by itself. Bodies are kept as they came, in memory
alone, and redacted when they are shown.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB

KINDS = ("call", "state", "job_fault")
Kind = Literal["call", "state", "job_fault"]
MOST_RECORDINGS = 4
MOST_EVENTS = 20_000
MOST_BYTES = 64 * MIB
MOST_BODY = 256 * 1024
"""Bytes of a body; of a longer one only its length is kept."""
UNFETCHED_SECONDS = 60.0
"""A recording from which nothing was fetched for so long ends: whoever asked for it is gone."""


class Event(Struct, kw_only=True):
    """A call, a change of state, or a fault that was applied to a job.

    `at` is a moment of the product clock. `trace` is that of the call; of a state and of a job, that of the call which
    led to it. A call is `complete` when it has been answered; `status` 0: the connection closed before that. Of a call,
    `request` and `response` are the bodies as far as they are kept, the sizes those of the whole; `form` says that the
    request is one. `resource` is an id, `resource_type` what it is, `state` the one it got into; `job` a kind of job.
    """

    event: Kind
    at: int
    trace: str = ""
    number: int = 0
    complete: bool = True
    account_id: str = ""
    method: str = ""
    target: str = ""
    status: int = 0
    milliseconds: float = 0
    request: bytes = b""
    request_size: int = 0
    form: bool = False
    response: bytes = b""
    response_size: int = 0
    fault: str = ""
    resource_type: str = ""
    resource: str = ""
    state: str = ""
    job: str = ""

    @property
    def size(self) -> int:
        """Bytes that it keeps, about."""
        return 300 + len(self.request) + len(self.response) + len(self.target)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a recording keeps; `unfetched_seconds` 0: it does not end by itself."""

    events: int = MOST_EVENTS
    size: int = MOST_BYTES
    body: int = MOST_BODY
    unfetched_seconds: float = UNFETCHED_SECONDS


@dataclass(slots=True)
class Page:
    """Events in the order in which they began, and how many were dropped before the first of them."""

    events: list[Event]
    lost: int


class _Recording:
    """What one reader has not fetched yet: events by number, with the bytes that each is counted with."""

    def __init__(self, bounds: Bounds, now: float) -> None:
        self.bounds = bounds
        self.fetched_at = now
        self._events: OrderedDict[int, tuple[Event, int]] = OrderedDict()
        self._size = 0
        self._lost = 0

    def is_abandoned(self, now: float) -> bool:
        limit = self.bounds.unfetched_seconds
        return limit > 0 and now - self.fetched_at > limit

    def add(self, event: Event) -> None:
        """Keep an event, and drop the oldest of what is too much."""
        self._events[event.number] = event, event.size
        self._size += event.size
        self._shrink()

    def completed(self, event: Event) -> None:
        """An event has come to hold more bytes."""
        if event.number in self._events:
            self._size += event.size - self._events[event.number][1]
            self._events[event.number] = event, event.size
            self._shrink()

    def _shrink(self) -> None:
        while self._events and (len(self._events) > self.bounds.events or self._size > self.bounds.size):
            self._drop()
            self._lost += 1

    def _drop(self) -> None:
        _, (_, size) = self._events.popitem(last=False)
        self._size -= size

    def page(self, after: int, most: int, now: float) -> Page:
        """Up to so many events after a number; those up to it are dropped: whoever asks has them."""
        self.fetched_at = now
        while self._events and next(iter(self._events)) <= after:
            self._drop()
        begun = (event for event, _ in self._events.values())
        events = [*itertools.islice(itertools.takewhile(lambda event: event.complete, begun), most)]
        lost, self._lost = self._lost, 0
        return Page(events, lost)

    def every(self) -> Page:
        """Everything that is complete; nothing is dropped."""
        return Page([event for event, _ in self._events.values() if event.complete], self._lost)


class Recordings:
    """The recordings of one process. Safe for several threads.

    `active` says whether there is any, which costs a look and no lock; `body` how many bytes of one are to be kept.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._all: dict[str, _Recording] = {}
        self.active = False
        self.body = 0

    def start(self, id_: str, bounds: Bounds | None = None) -> bool:
        """Begin to record; False where there are as many recordings as there may be."""
        with self._lock:
            self._end_abandoned()
            if len(self._all) >= MOST_RECORDINGS:
                return False
            self._all[id_] = _Recording(bounds or Bounds(), self._now())
            self._count()
            return True

    def stop(self, id_: str) -> Page | None:
        """End a recording; what is left of it. None where there is none of the id."""
        with self._lock:
            recording = self._all.pop(id_, None)
            self._count()
            return recording.every() if recording is not None else None

    def page(self, id_: str, after: int, most: int) -> Page | None:
        """The next events of a recording, of which those up to the number `after` are forgotten."""
        with self._lock:
            recording = self._all.get(id_)
            return recording.page(after, most, self._now()) if recording is not None else None

    def every(self, id_: str) -> Page | None:
        """All that is kept of a recording, which stays as it is."""
        with self._lock:
            recording = self._all.get(id_)
            return recording.every() if recording is not None else None

    def add(self, event: Event) -> None:
        """Something begins, or has happened."""
        with self._lock:
            self._end_abandoned()
            event.number = next(self._numbers)
            for recording in self._all.values():
                recording.add(event)

    def complete(self, event: Event, *, request: bytes, response: bytes) -> None:
        """A call has been answered."""
        with self._lock:
            event.request, event.response, event.complete = request, response, True
            for recording in self._all.values():
                recording.completed(event)

    def state(self, at: int, trace: str, resource_type: str, resource: str, state: str) -> None:
        """A resource got into a state."""
        self.add(Event(event="state", at=at, trace=trace, resource_type=resource_type, resource=resource, state=state))

    def job_fault(self, at: int, trace: str, job: str, resource: str, fault: str) -> None:
        """A fault was applied to a job; nothing is done where nobody records."""
        if self.active:
            self.add(Event(event="job_fault", at=at, trace=trace, job=job, resource=resource, fault=fault))

    def _end_abandoned(self) -> None:
        now = self._now()
        for id_ in [id_ for id_, recording in self._all.items() if recording.is_abandoned(now)]:
            del self._all[id_]
            self._count()

    def _count(self) -> None:
        self.active = bool(self._all)
        self.body = max((recording.bounds.body for recording in self._all.values()), default=0)
