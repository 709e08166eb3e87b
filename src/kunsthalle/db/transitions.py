"""The only writer of state columns: a compare-and-set on a declared table (rule: no state moves by accident)."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Row, update

from kunsthalle.core.errors import conflict
from kunsthalle.db import audit
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType


def transition(session: Session, kind: ResourceType[Any], id_: str, to: str, *conditions: Any, **values: Any) -> bool:
    """Moves one row to the state `to` if its present state allows it and every further condition holds.

    `values` are set in the same statement. False when the row is gone, in a state without that move, or when a
    condition fails: two movers racing for the same row can never both win. What a job moves is audited.
    """
    if kind.states is None or kind.state_column is None:
        raise TypeError(f"{kind.name} has no states")
    table = kind.table
    statement = (
        update(table)
        .where(table.c.id == id_, kind.state_column.in_(kind.states.sources(to)), *conditions)
        .values({kind.state_column: to, table.c.revision: table.c.revision + 1, **values})
    )
    if not session.ctx.job and not session.recordings.active:
        return session.execute(statement).rowcount == 1
    row = session.first(statement.returning(*table.c))
    if row is not None:
        _moved(session, kind, row, to)
    return row is not None


def transition_all(session: Session, kind: ResourceType[Any], to: str, *conditions: Any, **values: Any) -> int:
    """Moves every row that meets the conditions, and whose state allows it, in one statement; how many."""
    if kind.states is None or kind.state_column is None:
        raise TypeError(f"{kind.name} has no states")
    table = kind.table
    statement = (
        update(table)
        .where(kind.state_column.in_(kind.states.sources(to)), *conditions)
        .values({kind.state_column: to, table.c.revision: table.c.revision + 1, **values})
    )
    if not session.ctx.job and not session.recordings.active:
        return session.execute(statement).rowcount
    moved = session.all(statement.returning(*table.c))
    for row in moved:
        _moved(session, kind, row, to)
    return len(moved)


def _moved(session: Session, kind: ResourceType[Any], row: Row[Any], to: str) -> None:
    """Audit what a job has moved; record what anybody has, while calls are recorded."""
    ctx = session.ctx
    if ctx.job:
        audit.worked(session, kind.read, kind.from_row(row), to)
    if session.recordings.active:
        record = partial(session.recordings.state, ctx.now(), ctx.trace, kind.name, str(row.id), to)
        session.after_commit(record)


def must(moved: bool, message: str, code: str = "invalid_state") -> None:
    """409 unless the transition was made."""
    if not moved:
        raise conflict(code, message)
