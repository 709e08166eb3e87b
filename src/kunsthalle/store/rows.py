"""Writing rows of a kind: insert, update, delete. State columns move by `transition` alone."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError

from kunsthalle.core.errors import Problem, Reason, Target
from kunsthalle.store import audit, tallies
from kunsthalle.store.scope import Kind
from kunsthalle.store.unit import Unit

M = TypeVar("M")


def insert(unit: Unit, kind: Kind[M], model: M) -> M:
    """Adds a row made of the model's fields, which are named as the columns. IntegrityError when it is not unique."""
    values = {column.key: getattr(model, column.key) for column in kind.table.columns}
    if kind.states is not None and kind.state_column is not None:
        state = values[kind.state_column.key]
        if state not in kind.states.first:
            raise ValueError(f"a new {kind.name} cannot be {state}")
    unit.execute(kind.adding, values)
    if kind.tallied:
        tallies.add(unit, values["account_id"], kind.name, 1)
    _worked(unit, kind, model, "create")
    return model


def _worked(unit: Unit, kind: Kind[Any], it: Any, verb: str) -> None:
    """What a job makes or removes is on record, as far as it is something by itself: something with a CRN."""
    if unit.ctx.job and getattr(it, "crn", None) is not None:
        audit.worked(unit, kind.read, it, verb)


def name_taken(name: str) -> Problem:
    """400 `validation_unique_failed` (reference/vpc-api.md A6)."""
    return Problem(
        Reason.INVALID,
        "validation_unique_failed",
        f"Provided Name ({name}) is not unique",
        Target("name", "field", name),
    )


def insert_named(unit: Unit, kind: Kind[M], model: M) -> M:
    """`insert` for kinds whose only unique column besides the id is the name within its scope."""
    try:
        return insert(unit, kind, model)
    except IntegrityError as error:
        raise name_taken(model.name) from error  # type: ignore[attr-defined]  # every named kind has one


def rename(unit: Unit, kind: Kind[Any], id_: str, name: str) -> None:
    """Changes the name, refusing one that is taken in its scope."""
    try:
        update(unit, kind, id_, name=name)
    except IntegrityError as error:
        raise name_taken(name) from error


def update(unit: Unit, kind: Kind[Any], id_: str, *conditions: Any, **values: Any) -> bool:
    """Changes columns of one row, and counts its revision up. False when it is gone or a condition fails."""
    if kind.state_column is not None and kind.state_column.key in values:
        raise ValueError(f"the state of a {kind.name} moves by transition() only")
    table = kind.table
    statement = sql_update(table).where(table.c.id == id_, *conditions).values(revision=table.c.revision + 1, **values)
    return unit.execute(statement).rowcount == 1


def delete(unit: Unit, kind: Kind[Any], id_: str, account_id: str, *conditions: Any) -> bool:
    """Removes one row for good. False when it is gone already or a condition fails."""
    table = kind.table
    statement = sql_delete(table).where(table.c.id == id_, table.c.account_id == account_id, *conditions)
    if unit.ctx.job:
        row = unit.first(statement.returning(*table.c))
        gone = row is not None
        if row is not None:
            _worked(unit, kind, kind.make(*row), "delete")
    else:
        gone = unit.execute(statement).rowcount == 1
    if gone and kind.tallied:
        tallies.add(unit, account_id, kind.name, -1)
    return gone


__all__ = ["IntegrityError", "delete", "insert", "insert_named", "name_taken", "rename", "update"]
