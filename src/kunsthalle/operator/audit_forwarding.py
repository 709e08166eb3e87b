"""The audit to outside: a thread for each sink of the settings, of which one node's sends at a time.

Events arrive at least once and in order: the cursor of a sink moves after it has taken them. A sink that is slow or
down delays nothing but itself. What is sent again after a crash has the same ids.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec

from kunsthalle.accounts.routes_audit import entry_response
from kunsthalle.authz.context import Context
from kunsthalle.core import cadf
from kunsthalle.core.log import get_logger
from kunsthalle.core.trace_parents import traced
from kunsthalle.db import audit_cursors
from kunsthalle.db.audit_cursors import LEASE, LeaseLost
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.operator.audit_sinks import Sink, SinkError, make
from kunsthalle.settings import AuditSink

log = get_logger("audit")
BATCH = 100
"""Entries that are read and handed over at once."""
_PAUSE_SECONDS = 1.0
_STANDBY_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 60.0
Event = dict[str, Any]


class SinkSender:
    """Sends to one sink while this node has its lease. `owner` names the node, `region` is that of events."""

    def __init__(self, store: Store, base: Context, settings: AuditSink, sink: Sink, owner: str) -> None:
        self._store, self._ctx = store, base.as_system("")
        self._settings, self._sink, self._owner = settings, sink, owner
        self._accounts = frozenset(filter(None, settings.accounts.split(",")))
        self._cursor: int | None = None
        self._leased_until = 0
        self._failures = 0
        self.reopening = False
        """Whether the next events open their file or connection anew; set by any thread."""

    def step(self) -> float:
        """Send what waits, at most one batch; the seconds to wait until the next step."""
        if self.reopening:
            self.reopening = False
            self._sink.reopen()
        try:
            if not self._has_lease():
                return _STANDBY_SECONDS
            return self._send()
        except LeaseLost:
            self._cursor = None
            return _STANDBY_SECONDS
        except SinkError as error:
            return self._failed(str(error))

    def _has_lease(self) -> bool:
        """The lease, renewed once half of it is over."""
        if self._cursor is not None and self._ctx.clock.real() < self._leased_until - LEASE // 2:
            return True
        name, owner = self._settings.name, self._owner
        if self._cursor is None and not self._store.read(
            self._ctx, lambda session: audit_cursors.is_free(session, name, owner)
        ):
            return False
        from_oldest = self._settings.begin == "oldest"
        real = self._ctx.clock.real()
        self._cursor = self._store.write(
            self._ctx, lambda session: audit_cursors.claim(session, name, owner, from_oldest=from_oldest)
        )
        self._leased_until = real + LEASE
        return self._cursor is not None

    def _send(self) -> float:
        if self._store.read(self._ctx, audit_cursors.any_unnumbered):
            self._store.write(self._ctx, audit_cursors.number_entries)
        cursor = self._cursor or 0
        last, events, number = self._store.read(self._ctx, lambda session: self._read(session, cursor))
        if not number:
            return _PAUSE_SECONDS
        if events:
            self._deliver(events)
        name, owner = self._settings.name, self._owner
        real = self._ctx.clock.real()
        self._store.write(self._ctx, lambda session: audit_cursors.advance(session, name, owner, last))
        self._cursor, self._leased_until = last, real + LEASE
        if self._failures:
            log.info("the audit sink answers again", sink=name)
        self._failures = 0
        return 0 if number == BATCH else _PAUSE_SECONDS

    def _deliver(self, events: list[Event]) -> None:
        """Events of one trace belong to it; of several, the call can name none."""
        traces = {event["correlationId"] for event in events}
        tracer = self._store.tracer if self._sink.calls and len(traces) == 1 else None
        with traced(tracer, "audit delivery", traces.pop()):
            self._sink.deliver(events)

    def _read(self, session: Session, cursor: int) -> tuple[int, list[Event], int]:
        """The number of the last entry, the events of those that are for this sink, and how many were read."""
        behind = audit_cursors.after(session, cursor, BATCH)
        events = []
        for _, entry in behind:
            if not self._accounts or self._accounts & {entry.account_id, entry.thing_account_id}:
                document = msgspec.to_builtins(entry_response(session, entry, everywhere=True))
                events.append(cadf.event(document, session.ctx.region.name))
        return (behind[-1][0] if behind else cursor), events, len(behind)

    def _failed(self, error: str) -> float:
        """Twice as long a pause after each failure in a row, and a line of the log for the first."""
        name, owner = self._settings.name, self._owner
        if not self._failures:
            log.warning("the audit sink does not answer: entries wait", sink=name, error=error)
        self._failures += 1
        try:
            self._store.write(self._ctx, lambda session: audit_cursors.note_failure(session, name, owner, error))
        except LeaseLost:
            self._cursor = None
        return float(min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2 ** min(self._failures, 10)))

    def end(self) -> None:
        """Let another node take over at once."""
        self._sink.reopen()
        if self._cursor is not None:
            name, owner = self._settings.name, self._owner
            self._store.write(self._ctx, lambda session: audit_cursors.release(session, name, owner))
            self._cursor = None


class AuditForwarding:
    """The threads of all sinks."""

    def __init__(self, store: Store, base: Context, sinks: tuple[AuditSink, ...], owner: str) -> None:
        self._store, self._ctx = store, base.as_system("")
        self._senders = [SinkSender(store, base, sink, make(sink), owner) for sink in sinks]
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(sender,), name="audit", daemon=True) for sender in self._senders
        ]

    def start(self) -> None:
        """Begin to send."""
        if self._store.embedded and self._senders:
            self._store.write(self._ctx, audit_cursors.release_all)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the batch in progress."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=15)

    def reopen(self) -> None:
        """Have the next events open their files and connections anew."""
        for sender in self._senders:
            sender.reopening = True

    def _loop(self, sender: SinkSender) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            pause = _guarded(sender.step)
        _guarded(sender.end)


def _guarded(function: Callable[[], float | None]) -> float:
    """What a step answers; after an error that is none of the sink's, such as a database that is away, a pause."""
    try:
        return function() or 0.0
    except Exception:
        log.exception("the audit could not be sent")
        return _STANDBY_SECONDS
