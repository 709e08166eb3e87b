"""The only writer of state columns: a compare-and-set on a declared table (rule: no state moves by accident)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from kunsthalle.core.errors import conflict
from kunsthalle.db import audit
from kunsthalle.db.compiled_changes import set_and_return, set_columns
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType


def transition(session: Session, kind: ResourceType[Any], id_: str, to: str, *conditions: Any, **values: Any) -> bool:
    """Moves one row to the state `to` if its present state allows it and every further condition holds.

    `values` are set in the same statement. False when the row is gone, in a state without that move, or when a
    condition fails: two movers racing for the same row can never both win. What a job moves is audited.
    """
    if kind.states is None or kind.state_column is None:
        raise TypeError(f"{kind.name} has no states")
    return transition_all(session, kind, to, kind.table.c.id == id_, *conditions, **values) == 1


def transition_all(session: Session, kind: ResourceType[Any], to: str, *conditions: Any, **values: Any) -> int:
    """Moves every row that meets the conditions, and whose state allows it, in one statement; how many."""
    if kind.states is None or kind.state_column is None:
        raise TypeError(f"{kind.name} has no states")
    where = (kind.state_column.in_(kind.states.sources(to)), *conditions)
    set_to = {kind.state_column.key: to, **values}
    if not session.ctx.job and not session.recordings.active:
        return set_columns(session, kind.table, set_to, *where, counted=True)
    moved = set_and_return(session, kind.table, set_to, *where, counted=True)
    for row in moved:
        _moved(session, kind, row, to)
    return len(moved)


def _moved(session: Session, kind: ResourceType[Any], row: Sequence[Any], to: str) -> None:
    """Audit what a job has moved; record what anybody has, while calls are recorded."""
    ctx, resource = session.ctx, kind.from_row(row)
    if ctx.job:
        audit.worked(session, kind.read, resource, to)
    if session.recordings.active:
        record = partial(session.recordings.state, ctx.now(), ctx.trace, kind.name, str(resource.id), to)
        session.after_commit(record)


def must(moved: bool, message: str, code: str = "invalid_state") -> None:
    """409 unless the transition was made."""
    if not moved:
        raise conflict(code, message)
