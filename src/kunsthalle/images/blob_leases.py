"""Leases on all blobs: while one runs, bytes that nobody needs any more are not removed.

Whoever copies the bytes that the database named at one moment takes a lease first, renews it as long as it works and
ends it. The lease of a process that died runs out by itself. A removal asks for leases after it has asked for
references (`blob_references.sweep_job`): what was referred to at that moment is then still there.
"""

from __future__ import annotations

from kunsthalle.core.clock import SECOND
from kunsthalle.db import kv
from kunsthalle.db.session import Session

KEY = "blob-leases"
LEASE_SECONDS = 120
"""Real time for which a lease runs on after it was renewed."""


def renew(session: Session, holder: str) -> None:
    """Take a lease, or have it run on."""
    now = session.ctx.clock.real()
    running = _running(kv.locked(session, KEY), now)
    kv.put(session, KEY, {**running, holder: now + LEASE_SECONDS * SECOND})


def end(session: Session, holder: str) -> None:
    """End a lease; one that ran out is fine."""
    running = _running(kv.locked(session, KEY), session.ctx.clock.real())
    kv.put(session, KEY, {name: until for name, until in running.items() if name != holder})


def holders(session: Session) -> set[str]:
    """Who holds a lease that runs."""
    return set(_running(kv.get(session, KEY), session.ctx.clock.real()))


def last_end(session: Session) -> int | None:
    """When the last of the running leases ends, in microseconds of real time; None where none runs."""
    running = _running(kv.get(session, KEY), session.ctx.clock.real())
    return max(running.values(), default=None)


def _running(stored: object, now: int) -> dict[str, int]:
    leases = stored if isinstance(stored, dict) else {}
    latest = now + LEASE_SECONDS * SECOND  # a later one was taken before the system clock went back
    return {str(holder): int(until) for holder, until in leases.items() if now < until <= latest}
