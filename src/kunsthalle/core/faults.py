"""Faults on demand: which calls and which jobs of this process shall go wrong, how, and how often.

A rehearsal wants to see what automation does when an answer is late, refused, or lost on its way, and when an import
or a boot fails. Faults of a process with a SQLite file are kept in memory: they end with it. Those of nodes
that share a database are kept there (`db/shared_faults.py`). The one on tokens is done when it is asked for, and for
good: expired tokens stay expired after a restart.

A fault of less than 100 percent, and one whose delay spreads, draws from its own seed: the same calls in the same order
meet the same faults again.
"""

from __future__ import annotations

import builtins
import random
import threading
from collections import deque
from fnmatch import fnmatchcase
from typing import Any, Literal

from msgspec import Struct

HEADER = "X-Kunsthalle-Fault"
"""On every answer that a fault was applied to: its name where it has one, its effect and its id."""


IMPORT_REASONS = {
    "encrypted_data_key_invalid": "The image cannot be decrypted with the specified encryption key.",
    "encryption_key_deleted": "The image is unusable because its encryption key was deleted.",
    "encryption_key_disabled": "The image is unusable until its encryption key is enabled again.",
    "image_data_corrupted": "The image data is corrupt, or is not in the specified format.",
    "image_provisioned_size_unsupported": "The image requires a larger boot volume than the maximum.",
}
"""The documented reasons of an image that failed (the VPC API's `ImageStatusReason`), with a message of our own (U)."""

ALL = 100.0
_LONGEST_ENTRY = 500
"""Characters that are kept of what a fault was applied to."""
_KEPT = 200
"""Applications of faults that are kept, and ids of what was created while an effect `late` waits for them."""


class Fault(Struct, kw_only=True):
    """What shall go wrong: calls, jobs or tokens.

    `match` is a shell pattern over `METHOD /path` for calls, over the kind for jobs, `*` for tokens. `account_id` and
    `iam_id` name the only caller whose calls or jobs are meant. `starts_at` and `ends_at` are moments of the product
    clock. Of what is left, `percent` match; the first `skip` of these go well, then `times` go wrong (0: all of them).
    `hits` counts those that did. `cut_after`: bytes of the body, -1 for half of it; `retry_after` in seconds.
    """

    id: str
    on: Literal["call", "job", "tokens"]
    match: str
    effect: str
    name: str = ""
    status: int = 503
    seconds: float = 0
    spread: float = 0
    cut_after: int = -1
    retry_after: int = 1
    reason: str = ""
    account_id: str = ""
    iam_id: str = ""
    percent: float = ALL
    seed: int = 0
    starts_at: int | None = None
    ends_at: int | None = None
    skip: int = 0
    times: int = 1
    hits: int = 0
    seen: int = 0
    draws: int = 0
    source: random.Random | None = None

    def applies(self) -> bool:
        """Whether the fault applies to this match; count the match."""
        if self.percent < ALL and self.chance() * ALL >= self.percent:
            return False
        self.seen += 1
        if self.seen <= self.skip:
            return False
        self.hits += 1
        return True

    def chance(self) -> float:
        """The next number from the fault's seed, at least 0 and below 1."""
        if self.source is None:
            self.source = random.Random(self.seed)  # noqa: S311  repeatable on purpose
            for _ in range(self.draws):
                self.source.random()
        self.draws += 1
        return self.source.random()

    def pause(self) -> float:
        """Seconds of a delay: `seconds`, and up to `spread` more."""
        return self.seconds + (self.chance() * self.spread if self.spread else 0)

    def is_due(self, now: int) -> bool:
        """Whether a moment is in the fault's time."""
        return (self.starts_at is None or now >= self.starts_at) and (self.ends_at is None or now < self.ends_at)

    @property
    def spent(self) -> bool:
        return bool(self.times) and self.hits >= self.times

    @property
    def label(self) -> str:
        """What names the fault in answers: `throttled: refuse 0b5c…`."""
        return f"{self.name}: {self.effect} {self.id}" if self.name else f"{self.effect} {self.id}"


_STORED = tuple(name for name in Fault.__struct_fields__ if name != "source")


class Subject(Struct, frozen=True):
    """What a fault may apply to: `METHOD /path` or a kind of job, whose it is, when, and what is meant in reports."""

    text: str
    now: int
    account_id: str = ""
    iam_id: str = ""
    about: str = ""


class Faults:
    """The faults of one process, in the order in which they were added. Safe for several threads.

    `calls` and `jobs` say whether there is any of the kind at all, which costs a look and no lock; `late` and
    `personal` whether one is about what was just created, or about some callers only.
    """

    shared = False
    """Whether they are those of several nodes, and asking for one takes a transaction."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Fault] = []
        self._applied: deque[str] = deque(maxlen=_KEPT)
        self._created: deque[tuple[str, float]] = deque(maxlen=_KEPT)
        self.calls = self.jobs = self.late = self.personal = False

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._all.append(fault)
            self._count()

    def list(self) -> list[Fault]:
        """The faults that may still apply."""
        with self._lock:
            return [*self._all]

    def applied(self) -> builtins.list[str]:
        """What faults were applied to, in order: the label of each, and the call or the job."""
        with self._lock:
            return [*self._applied]

    def clear(self, id_: str | None = None) -> int:
        """Removes one fault, or all; how many there were."""
        with self._lock:
            before = len(self._all)
            self._all = [fault for fault in self._all if id_ is not None and fault.id != id_]
            self._count()
            return before - len(self._all)

    def created(self, id_: str, at: float) -> None:
        """Remember what was just created, for the effect `late`; `at` is in seconds, from anywhere."""
        with self._lock:
            self._created.append((id_, at))

    def of_call(self, subject: Subject, at: float = 0) -> Fault | None:
        """The fault that applies to this call, or None. `at` is the moment in seconds that `created` knows."""
        return self._match("call", subject, at) if self.calls else None

    def of_job(self, subject: Subject) -> Fault | None:
        """The fault that applies to this job, or None."""
        return self._match("job", subject, 0) if self.jobs else None

    def may_concern(self, on: str, subject: Subject, at: float) -> bool:
        """Whether a fault is about the subject, as far as is known here; nothing is counted."""
        with self._lock:
            return any(fault.on == on and self._concerns(fault, subject, at) for fault in self._all)

    def document(self) -> dict[str, Any]:
        """All that there is to know of the faults, to be kept."""
        with self._lock:
            faults = [{name: getattr(fault, name) for name in _STORED} for fault in self._all]
            applied = [entry[:_LONGEST_ENTRY] for entry in self._applied]
            return {"faults": faults, "applied": applied, "created": [[id_, at] for id_, at in self._created]}

    def follow(self, document: Any) -> None:
        """Become what was kept; nothing where that is None."""
        stored = document or {"faults": [], "applied": [], "created": []}
        with self._lock:
            self._all = [Fault(**fault) for fault in stored["faults"]]
            self._applied = deque(stored["applied"], maxlen=_KEPT)
            self._created = deque(((id_, at) for id_, at in stored["created"]), maxlen=_KEPT)
            self._count()

    def _match(self, on: str, subject: Subject, at: float) -> Fault | None:
        with self._lock:
            for fault in self._all:
                if fault.on == on and self._concerns(fault, subject, at) and fault.applies():
                    self._applied.append(f"{fault.label}: {subject.text} {subject.about}".rstrip())
                    if fault.spent:
                        self._all.remove(fault)
                        self._count()
                    return fault
        return None

    def _concerns(self, fault: Fault, subject: Subject, at: float) -> bool:
        return (
            fnmatchcase(subject.text, fault.match)
            and fault.account_id in {"", subject.account_id}
            and fault.iam_id in {"", subject.iam_id}
            and fault.is_due(subject.now)
            and (fault.on != "call" or fault.effect != "late" or self._is_new(subject.text, at - fault.seconds))
        )

    def _is_new(self, text: str, since: float) -> bool:
        """Whether a path ends with the id of what was created since a moment, or goes through it."""
        parts = set(text.split("/"))
        return any(at > since and id_ in parts for id_, at in self._created)

    def _count(self) -> None:
        calls = [fault for fault in self._all if fault.on == "call"]
        self.calls = bool(calls)
        self.jobs = any(fault.on == "job" for fault in self._all)
        self.late = any(call.effect == "late" for call in calls)
        self.personal = any(call.account_id or call.iam_id for call in calls)
