"""How far each sink has got with the audit.

Entries get a number after they are committed, by whoever sends, one node at a time: an entry whose transaction took
long gets a later number than those that overtook it, and no sink passes it by. A sink's cursor is the number of the
last entry that it has received. The lease says which node sends; it follows real time.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, bindparam, func, insert, or_, select, update

from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.db import audit, kv
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit as entries
from kunsthalle.db.tables import audit_cursors as cursors

LEASE = 30 * SECOND
_NUMBERS = "audit-numbers"
_LONGEST_ERROR = 300
_KEPT_DAYS = "audit-unsent-days"


class LeaseLost(Exception):
    """Another node sends to this sink now."""


class SinkState(Struct, frozen=True):
    """How a sink is doing. `oldest` is when the first entry that it has not received was made, in microseconds."""

    name: str
    cursor: int
    unsent: int
    oldest: int | None
    failures: int
    last_error: str | None


def claim(session: Session, name: str, owner: str, *, from_oldest: bool) -> int | None:
    """Take or keep the lease of a sink; its cursor, or None while another node has it.

    A sink that is new begins with what happens from now on, or with the oldest entry there is.
    """
    real = session.ctx.clock.real()
    row = session.first(select(cursors).where(cursors.c.name == name).with_for_update())
    if row is None:
        number_all(session)
        first = 0 if from_oldest else _top(session)
        values = {"name": name, "cursor": first, "failures": 0, "lease_owner": owner, "lease_until": real + LEASE}
        session.execute(insert(cursors), values)
        return first
    if row.lease_owner != owner and (row.lease_until or 0) > real:
        return None
    _keep(session, name, row.lease_owner, lease_owner=owner, lease_until=real + LEASE)
    return int(row.cursor)


def release(session: Session, name: str, owner: str) -> None:
    """Give the lease back, so that another node need not wait for its end."""
    is_mine = and_(cursors.c.name == name, cursors.c.lease_owner == owner)
    session.execute(update(cursors).where(is_mine).values(lease_until=0))


def release_all(session: Session) -> None:
    """At the start of the only process of a store: whoever held a lease is dead, and nobody need wait for its end."""
    session.execute(update(cursors).values(lease_until=0))


def is_free(session: Session, name: str, owner: str) -> bool:
    """Whether this node has the lease of a sink, or may take it."""
    row = session.first(select(cursors.c.lease_owner, cursors.c.lease_until).where(cursors.c.name == name))
    return row is None or row.lease_owner == owner or (row.lease_until or 0) <= session.ctx.clock.real()


def any_unnumbered(session: Session) -> bool:
    """Whether there are entries that have no number yet."""
    return session.first(select(entries.c.id).where(entries.c.seq.is_(None)).limit(1)) is not None


def number_entries(session: Session, most: int = 1_000) -> int:
    """Give numbers to entries that have none, the oldest first; how many got one. One node at a time."""
    top = int(kv.locked(session, _NUMBERS) or 0)
    waiting = select(entries.c.id).where(entries.c.seq.is_(None)).order_by(entries.c.at, entries.c.id).limit(most)
    ids = [str(row[0]) for row in session.all(waiting)]
    if ids:
        statement = update(entries).where(entries.c.id == bindparam("key")).values(seq=bindparam("number"))
        for number, id_ in enumerate(ids, top + 1):
            session.execute(statement, {"key": id_, "number": number})
        kv.put(session, _NUMBERS, top + len(ids))
    return len(ids)


def number_all(session: Session) -> None:
    """Give numbers to all entries that have none."""
    while number_entries(session):
        pass


def after(session: Session, cursor: int, most: int) -> list[tuple[int, audit.Entry]]:
    """Entries behind a cursor with their numbers, in order."""
    behind = select(*audit.COLUMNS).where(entries.c.seq > cursor).order_by(entries.c.seq).limit(most)
    return [(entry.seq or 0, entry) for entry in map(audit.entry_of, session.all(behind))]


def advance(session: Session, name: str, owner: str, cursor: int) -> None:
    """A sink has received everything up to a number. LeaseLost."""
    values = {"cursor": cursor, "failures": 0, "last_error": None}
    _keep(session, name, owner, **values, lease_until=session.ctx.clock.real() + LEASE)


def note_failure(session: Session, name: str, owner: str, error: str) -> None:
    """A sink could not be reached. LeaseLost."""
    until = session.ctx.clock.real() + LEASE
    _keep(session, name, owner, failures=cursors.c.failures + 1, last_error=error[:_LONGEST_ERROR], lease_until=until)


def _keep(session: Session, name: str, owner: str | None, **values: object) -> None:
    is_mine = and_(cursors.c.name == name, cursors.c.lease_owner == owner)
    if session.execute(update(cursors).where(is_mine).values(**values)).rowcount != 1:
        raise LeaseLost(name)


def _top(session: Session) -> int:
    return int(kv.get(session, _NUMBERS) or 0)


def states(session: Session, names: tuple[str, ...]) -> list[SinkState]:
    """How these sinks are doing; one that no node has begun with yet is not among them."""
    top, sinks = _top(session), []
    counted: list[Any] = list(session.all(select(func.count(), func.min(entries.c.at)).where(entries.c.seq.is_(None))))
    waiting, since = (counted[0][0], counted[0][1])
    for row in session.all(select(cursors).where(cursors.c.name.in_(names)).order_by(cursors.c.name)):
        first = session.first(select(entries.c.at).where(entries.c.seq > row.cursor).order_by(entries.c.seq).limit(1))
        oldest = first[0] if first is not None else since
        unsent = top - int(row.cursor) + waiting
        sinks.append(SinkState(row.name, int(row.cursor), unsent, oldest, int(row.failures), row.last_error))
    return sinks


def days_of_unsent(session: Session) -> int:
    """For how many days longer than others entries are kept that a sink has not received."""
    return int(kv.get(session, _KEPT_DAYS) or 0)


def keep_unsent_for(session: Session, days: int) -> None:
    """Entries that a sink has not received are kept for so many days longer than others."""
    if days_of_unsent(session) != days:
        kv.put(session, _KEPT_DAYS, days)


def may_expire(session: Session, before: int) -> ColumnElement[bool]:
    """The condition for entries from before a moment to be deleted: received by every sink, or too old to wait."""
    least = session.first(select(func.min(cursors.c.cursor)))
    if least is None or least[0] is None:
        return entries.c.at < before
    extra = days_of_unsent(session) * DAY
    received = and_(entries.c.seq.is_not(None), entries.c.seq <= least[0])
    return and_(entries.c.at < before, or_(received, entries.c.at < before - extra))
