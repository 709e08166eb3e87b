"""Faults on demand: which calls and which jobs of this process shall go wrong, how, and how often.

A rehearsal wants to see what automation does when an answer is late, refused, or lost on its way, and when an import
or a boot fails. Faults are kept in memory: they belong to one process and end with it. The one on tokens is done when
it is asked for, and for good: expired tokens stay expired after a restart.
"""

from __future__ import annotations

import threading
from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct

HEADER = "X-Kunsthalle-Fault"
"""On every answer that a fault was applied to: the effect and the id of the fault."""

CallEffect = Literal["refuse", "lose", "cut", "delay"]
JobEffect = Literal["fail", "retry", "hold"]
TokenEffect = Literal["expire"]

EFFECTS = {
    "refuse": "the call is not carried out, and is answered with the status",
    "lose": "the call is carried out, and is answered with the status all the same",
    "cut": "the call is carried out, and the connection ends in the middle of the answer",
    "delay": "the call begins so many seconds later, in real time",
    "fail": "the job ends as it does after its last try",
    "retry": "one try of the job fails",
    "hold": "the job is due again so many seconds later, by the product clock",
    "expire": "every access token issued until now is refused with 401; refresh tokens and API keys go on",
}
"""What each effect means, for people."""


class Fault(Struct, kw_only=True):
    """What shall go wrong: calls, jobs or tokens.

    `match` is a shell pattern over `METHOD /path` for calls, over the kind for jobs, `*` for tokens.
    The first `skip` that match go well, then `times` go wrong (0: all of them). `hits` counts those that did.
    """

    id: str
    on: Literal["call", "job", "tokens"]
    match: str
    effect: str
    status: int = 503
    seconds: float = 0
    skip: int = 0
    times: int = 1
    hits: int = 0
    seen: int = 0

    def applies(self) -> bool:
        """Whether the fault applies to this match; count the match."""
        self.seen += 1
        if self.seen <= self.skip:
            return False
        self.hits += 1
        return True

    @property
    def spent(self) -> bool:
        return bool(self.times) and self.hits >= self.times

    @property
    def label(self) -> str:
        """What names the fault in answers: `refuse 0b5c…`."""
        return f"{self.effect} {self.id}"


class Faults:
    """The faults of one process, in the order in which they were added. Safe for several threads.

    `calls` and `jobs` say whether there is any of the kind at all, which costs a look and no lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Fault] = []
        self.calls = False
        self.jobs = False

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._all.append(fault)
            self._count()

    def list(self) -> list[Fault]:
        """The faults that may still apply."""
        with self._lock:
            return [*self._all]

    def clear(self, id_: str | None = None) -> int:
        """Removes one fault, or all; how many there were."""
        with self._lock:
            before = len(self._all)
            self._all = [one for one in self._all if id_ is not None and one.id != id_]
            self._count()
            return before - len(self._all)

    def of_call(self, method: str, path: str) -> Fault | None:
        """The fault that applies to this call, or None."""
        return self._match("call", f"{method} {path}") if self.calls else None

    def of_job(self, kind: str) -> Fault | None:
        """The fault that applies to this job, or None."""
        return self._match("job", kind) if self.jobs else None

    def _match(self, on: str, subject: str) -> Fault | None:
        with self._lock:
            for one in self._all:
                if one.on == on and fnmatchcase(subject, one.match) and one.applies():
                    if one.spent:
                        self._all.remove(one)
                        self._count()
                    return one
        return None

    def _count(self) -> None:
        self.calls = any(one.on == "call" for one in self._all)
        self.jobs = any(one.on == "job" for one in self._all)
