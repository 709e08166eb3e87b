"""Writing rows of a kind: insert, update, delete. State columns move by `transition` alone."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError

from kunsthalle.core.errors import Problem, Reason, Target
from kunsthalle.db import audit, compiled_changes, counters, quotas
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType

M = TypeVar("M")


def insert(session: Session, kind: ResourceType[M], model: M) -> M:
    """Adds a row made of the model's fields, which are named as the columns. IntegrityError when it is not unique."""
    values = {column.key: getattr(model, column.key) for column in kind.table.columns}
    if kind.states is not None and kind.state_column is not None:
        state = values[kind.state_column.key]
        if state not in kind.states.first:
            raise ValueError(f"a new {kind.name} cannot be {state}")
    quotas.refuse_another(session, kind, values.get("account_id", ""))
    compiled_changes.add(session, kind.table, values)
    if kind.tallied:
        counters.add(session, values["account_id"], kind.name, 1)
    _worked(session, kind, model, "create")
    return model


def _worked(session: Session, kind: ResourceType[Any], resource: Any, verb: str) -> None:
    """What a job makes or removes is audited, as far as it is something by itself: something with a CRN."""
    if session.ctx.job and getattr(resource, "crn", None) is not None:
        audit.worked(session, kind.read, resource, verb)


def name_taken(name: str) -> Problem:
    """400 `validation_unique_failed` (reference/vpc-api.md A6)."""
    return Problem(
        Reason.INVALID,
        "validation_unique_failed",
        f"Provided Name ({name}) is not unique",
        Target("name", "field", name),
    )


def insert_named(session: Session, kind: ResourceType[M], model: M) -> M:
    """`insert` for kinds whose only unique column besides the id is the name within its scope."""
    try:
        return insert(session, kind, model)
    except IntegrityError as error:
        raise name_taken(model.name) from error  # type: ignore[attr-defined]  # every named kind has one


def rename(session: Session, kind: ResourceType[Any], id_: str, name: str) -> None:
    """Changes the name, refusing one that is taken in its scope."""
    try:
        update(session, kind, id_, name=name)
    except IntegrityError as error:
        raise name_taken(name) from error


def update(session: Session, kind: ResourceType[Any], id_: str, *conditions: Any, **values: Any) -> bool:
    """Changes columns of one row, and counts its revision up. False when it is gone or a condition fails."""
    if kind.state_column is not None and kind.state_column.key in values:
        raise ValueError(f"the state of a {kind.name} moves by transition() only")
    table = kind.table
    return compiled_changes.set_columns(session, table, values, table.c.id == id_, *conditions, counted=True) == 1


def delete(session: Session, kind: ResourceType[Any], id_: str, account_id: str, *conditions: Any) -> bool:
    """Removes one row for good. False when it is gone already or a condition fails."""
    table = kind.table
    return _removed(session, kind, account_id, table.c.id == id_, table.c.account_id == account_id, *conditions) == 1


def update_all(session: Session, kind: ResourceType[Any], *conditions: Any, **values: Any) -> int:
    """Changes columns of every row that meets the conditions, and counts its revision up; how many."""
    if kind.state_column is not None and kind.state_column.key in values:
        raise ValueError(f"the state of a {kind.name} moves by transition() only")
    return compiled_changes.set_columns(session, kind.table, values, *conditions, counted=True)


def delete_all(session: Session, kind: ResourceType[Any], account_id: str, *conditions: Any) -> int:
    """Removes every row that meets the conditions for good, in one statement; how many. All are of the account.

    The account is no condition: SQLite would walk through all that it has, and not by the index of what is asked for.
    """
    return _removed(session, kind, account_id, *conditions)


def _removed(session: Session, kind: ResourceType[Any], account_id: str, *conditions: Any) -> int:
    if session.ctx.job:
        rows = compiled_changes.remove_and_return(session, kind.table, *conditions)
        for row in rows:
            _worked(session, kind, kind.from_row(row), "delete")
        gone = len(rows)
    else:
        gone = compiled_changes.remove(session, kind.table, *conditions)
    if gone and kind.tallied:
        counters.add(session, account_id, kind.name, -gone)
    return gone


__all__ = [
    "IntegrityError",
    "delete",
    "delete_all",
    "insert",
    "insert_named",
    "name_taken",
    "rename",
    "update",
    "update_all",
]
