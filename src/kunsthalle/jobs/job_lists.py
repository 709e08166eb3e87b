"""What jobs there are, for people: how many of each kind and state, and the newest of them."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import ColumnElement, func, select

from kunsthalle.db.row_models import reader
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs
from kunsthalle.db.unscoped import grouped

STATES = ("queued", "running", "done", "failed")


class Job(Struct, frozen=True):
    """A job as it is in the books. Moments are of the product clock; a `due_at` of 0 waits for none."""

    id: str
    kind: str
    state: str
    account_id: str
    subject: str
    attempts: int
    created_at: int
    due_at: int
    last_error: str | None


class JobCount(Struct, frozen=True):
    """How many jobs of a kind are in a state, and when the first of them came."""

    kind: str
    state: str
    number: int
    oldest: int


_COLUMNS = tuple(jobs.c[name] for name in Job.__struct_fields__)
_job = reader(Job, _COLUMNS)


def counted(session: Session) -> list[JobCount]:
    """By kind and state; what has been done is forgotten after a while."""
    values = (func.count(), func.min(jobs.c.created_at))
    rows = grouped(session, (jobs.c.kind, jobs.c.state), values, jobs)
    counts = [JobCount(kind, state, number, oldest) for kind, state, number, oldest in rows]
    return sorted(counts, key=lambda count: (count.kind, STATES.index(count.state)))


def newest(session: Session, state: str, kind: str, most: int) -> list[Job]:
    """The newest jobs, of a state and of a kind where these are given."""
    where = list[ColumnElement[bool]]()
    if state:
        where.append(jobs.c.state == state)
    if kind:
        where.append(jobs.c.kind == kind)
    statement = select(*_COLUMNS).where(*where).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(most)
    return [_job(row) for row in session.all(statement)]
